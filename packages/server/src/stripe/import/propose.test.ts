import { definePlans, toPlanFile } from '@farebox/core';
import { expect, test } from 'vitest';
import exampleList from '../../../../../farebox.config.ts';
import type { ForeignPrice, ForeignProduct } from './facts.ts';
import { proposePlans } from './propose.ts';

const list = toPlanFile(exampleList);
let made = 0;

function price(amount_minor: number, more: Partial<ForeignPrice> = {}): ForeignPrice {
  made += 1;
  return {
    stripe_price_id: `price_${made}`,
    stripe_product_id: 'prod_1',
    currency: 'usd',
    interval: 'month',
    amount_minor,
    obstacle: null,
    created_at: new Date(made * 1000),
    ...more,
  };
}

function product(name: string, prices: ForeignPrice[]): ForeignProduct {
  return { stripe_product_id: `prod_${name}`, name, description: null, prices };
}

test('a product is a plan by its name, with an amount by interval and currency, exact in each', () => {
  const yen = { currency: 'jpy' };
  const { plans, skipped } = proposePlans(
    [product('Growth (EU)', [price(1999), price(19_990, { interval: 'year' })]), product('Tokyo', [price(500, yen)])],
    list,
    new Set(),
  );
  expect(skipped).toEqual([]);
  expect(plans).toEqual({
    growth_eu: { name: 'Growth (EU)', description: 'Growth (EU)', price: { month: '19.99', year: '199.9' } },
    tokyo: { name: 'Tokyo', description: 'Tokyo', price: { month: { jpy: '500' } } },
  });
  const read = definePlans({ ...list, plans: { ...list.plans, ...plans } });
  expect(read.plans.at(-2)?.prices.map(({ amount_minor }) => amount_minor)).toEqual([1999, 19_990]);
});

test('a product that a plan is named after is left out; ids that are taken get a number', () => {
  const { plans } = proposePlans(
    [product('Pro', [price(1)]), product('Growth', [price(100)]), product('growth!', [price(200)])],
    list,
    new Set(),
  );
  expect(Object.keys(plans)).toEqual(['growth', 'growth_2']);
});

test('of two prices for the same the newer one counts, and a currency that not every interval has is none of the plan’s', () => {
  const [old, young] = [price(900), price(1000)];
  const euro = price(800, { currency: 'eur' });
  const year = price(9000, { interval: 'year' });
  const { plans, skipped } = proposePlans([product('Solo', [old, young, euro, year])], list, new Set());
  expect(plans['solo']?.price).toEqual({ month: '10', year: '90' });
  expect(skipped).toMatchObject([
    { object_id: old.stripe_price_id, reason: 'The product has a newer price by the month in usd.' },
    { object_id: euro.stripe_price_id, reason: expect.stringContaining('Not every interval has an amount in eur') },
  ]);
});

test('what somebody has several of is sold by the seat; what cannot be said is named with its reason', () => {
  const seat = price(2000);
  const metered = price(5, { obstacle: 'It bills usage that Stripe counts.' });
  const { plans, skipped } = proposePlans(
    [product('Team', [seat]), product('Usage', [metered])],
    list,
    new Set([seat.stripe_price_id]),
  );
  expect(plans).toEqual({ team: { name: 'Team', description: 'Team', price: { month: '20' }, seats: {} } });
  expect(skipped).toEqual([
    { object_id: metered.stripe_price_id, name: 'Usage', reason: 'It bills usage that Stripe counts.' },
  ]);
});
