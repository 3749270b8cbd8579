import { describe, expect, test } from 'vitest';
import example from '../../../farebox.config.ts';
import { rateUsage } from './price.ts';
import { atPrice } from './priced-plan.ts';

const [starter, pro, enterprise] = example.plans;

describe('the example price list', () => {
  test('sells three plans at 99, 499 and 5,000 dollars a month, the middle one highlighted', () => {
    expect(example.plans.map((plan) => [plan.name, plan.prices[0]?.amount_minor, plan.highlighted])).toEqual([
      ['Starter', 9900, false],
      ['Pro', 49_900, true],
      ['Enterprise', 500_000, false],
    ]);
    expect(example.plans.map((plan) => [plan.prices[0]?.currency, plan.prices[0]?.interval])).toEqual(
      example.plans.map(() => ['usd', 'month']),
    );
  });

  test('gives every plan two windows, and Starter one that a shell loop runs into', () => {
    expect(starter?.limits).toEqual([
      { name: '1s', limit: 10, window_ms: 1000 },
      { name: '1m', limit: 300, window_ms: 60_000 },
    ]);
    expect(example.plans.every((plan) => plan.limits.length === 2)).toBe(true);
  });

  test('turns history on from Pro upwards', () => {
    expect(example.plans.map((plan) => plan.features)).toEqual([
      { history: false },
      { history: true },
      { history: true },
    ]);
  });

  test('bills overage per unit on Starter and Enterprise, and in tiers on Pro', () => {
    expect([starter, pro, enterprise].map((plan) => plan?.usage[0]?.overage?.['usd']?.type)).toEqual([
      'per_unit',
      'graduated',
      'per_unit',
    ]);
  });

  test('never makes it dearer to be on the larger plan for the usage it includes', () => {
    const cost = (index: number, quantity: number) => {
      const listed = example.plans[index];
      const plan = listed && atPrice(listed, { currency: 'usd', interval: 'month' });
      return plan?.usage[0] === undefined
        ? 0
        : plan.price.amount_minor + rateUsage(plan.usage[0], quantity).amount_minor;
    };
    expect(cost(1, 1_000_000)).toBeLessThan(cost(0, 1_000_000));
    expect(cost(2, 20_000_000)).toBeLessThan(cost(1, 20_000_000));
  });
});
