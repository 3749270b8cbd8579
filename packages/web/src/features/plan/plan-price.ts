import { type Currency, type Interval, type Price, findPrice } from '@farebox/core';
import type { PublicPlan } from '../../lib/wire.ts';

/** The price of a plan as it is shown: the asked one where the plan is sold at it, else its first. */
export function shownPrice(
  plan: Pick<PublicPlan, 'prices'>,
  asked: { currency?: Currency | undefined; interval?: Interval | undefined } = {},
): Price {
  const price = findPrice(plan, asked) ?? findPrice(plan, { currency: asked.currency }) ?? findPrice(plan);
  if (price === null) throw new Error('A plan without a price cannot be shown.');
  return price;
}
