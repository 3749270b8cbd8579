import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Terms } from './change.ts';
import { intervals, type Plan } from './plan.ts';
import { planAction } from './plan-action.ts';

function planOf(changes: Partial<Plan>): Plan {
  return {
    id: 'pro',
    name: 'Pro',
    description: '',
    highlighted: false,
    group: 'main',
    adds_to: [],
    customer: null,
    prices: [{ amount_minor: 9900, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
    seats: null,
    trial: null,
    usage: [],
    limits: [],
    features: {},
    ...changes,
  };
}

const starter: Terms = { plan_id: 'starter', interval: 'month', currency: 'usd', amount_minor: 4900, quantity: 1 };

test.each([
  ['who has nothing begins it', null, {}, 'subscribe'],
  ['its own plan', { ...starter, plan_id: 'pro' }, {}, 'current'],
  ['a dearer one', starter, {}, 'upgrade'],
  ['a cheaper one', { ...starter, amount_minor: 20_000 }, {}, 'downgrade'],
  ['one that costs the same', { ...starter, amount_minor: 9900 }, {}, 'switch'],
  ['one that is only paid by the year', starter, { prices: [{ ...yearly(1) }] }, 'upgrade'],
  ['one that has no price in its currency', { ...starter, currency: 'eur' }, {}, null],
  ['an add-on', starter, { group: null }, null],
  ['a plan by the seat, for the seats it has', { ...starter, quantity: 5 }, seatsAt(5000), 'upgrade'],
  ['a plan by the seat that is cheaper for all of them', { ...starter, quantity: 5 }, seatsAt(4000), 'downgrade'],
] as const)('%s', (_name, live, changes, action) => {
  expect(planAction(live, planOf(changes as Partial<Plan>))).toBe(action);
});

function yearly(amount_minor: number) {
  return { amount_minor, currency: 'usd', interval: 'year' as const, setup_fee_minor: 0 };
}

function seatsAt(amount_minor: number): Partial<Plan> {
  return {
    seats: { minimum: 1, maximum: null },
    prices: [{ amount_minor, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
  };
}

const priced = fc.record({ amount_minor: fc.nat(1_000_000), interval: fc.constantFrom(...intervals) });

test('up and down are opposites: whoever goes up to a plan would go down from it', () => {
  const back = { upgrade: 'downgrade', downgrade: 'upgrade', switch: 'switch' } as const;
  fc.assert(
    fc.property(priced, priced, (a, b) => {
      const at = (id: string, { amount_minor, interval }: typeof a) =>
        planOf({ id, prices: [{ amount_minor, interval, currency: 'usd', setup_fee_minor: 0 }] });
      const on = (plan_id: string, price: typeof a): Terms => ({ plan_id, currency: 'usd', quantity: 1, ...price });
      const there = planAction(on('a', a), at('b', b));
      expect(there === 'upgrade' || there === 'downgrade' || there === 'switch').toBe(true);
      if (there !== null && there in back)
        expect(planAction(on('b', b), at('a', a))).toBe(back[there as keyof typeof back]);
    }),
  );
});
