import type { Plan, PriceList } from '@farebox/core';
import { expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const small = smallList(5);
/** Pro by the year, with five requests included every month of it. */
const list: PriceList = {
  ...small,
  plans: small.plans.map((plan): Plan => ({
    ...plan,
    prices: [...plan.prices, ...plan.prices.map((price): Plan['prices'][number] => ({ ...price, interval: 'year' }))],
  })),
};
const farebox = await testApp({ list });

test('every month of a year is billed when it is over, without anything being heard from Stripe', async () => {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro', interval: 'year' });
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  for (const calls of [8, 4, 9]) {
    for (let call = 0; call < calls; call += 1) expect(await farebox.verify(secret)).toMatchObject({ valid: true });
    await farebox.sandbox.clock.advance(31 * dayMs);
    await farebox.app.settle();
  }
  const { data } = await visitor.get('/v1/invoices');
  const totals = data.map((invoice: { total_minor: number; status: string }) => [invoice.status, invoice.total_minor]);
  // Two units at 25 cents and the others at 10; the second month stays within what is included.
  expect(totals.slice(0, -1)).toEqual([
    ['paid', 70],
    ['paid', 60],
  ]);
});
