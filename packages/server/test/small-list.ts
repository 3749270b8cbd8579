import type { PriceList } from '@farebox/core';
import exampleList from '../../../farebox.config.ts';

/** The example price list with amounts a test can use up: few included, then two units at 25 cents, the rest at 10. */
export function smallList(included = 5): PriceList {
  const overage = {
    usd: {
      type: 'graduated' as const,
      tiers: [
        { up_to: 2, unit_price_decimal: '25' },
        { up_to: null, unit_price_decimal: '10' },
      ],
    },
  };
  const plans = exampleList.plans.map((plan) => ({
    ...plan,
    usage: plan.usage.map((usage) => ({ ...usage, included, overage })),
  }));
  return { ...exampleList, plans };
}
