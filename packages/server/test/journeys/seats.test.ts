import type { Plan } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 600_000 });

const small = smallList();
const [starter] = small.plans;
if (starter === undefined) throw new Error('the example list has plans');
const team: Plan = { ...starter, id: 'team', name: 'Team', seats: { minimum: 1, maximum: 5 } };
const farebox = await testApp({ list: { ...small, plans: [...small.plans, team] } });
const { app, sandbox, stripe } = farebox;

test('seats that many change at once stay within what is sold, and each is paid for once', async () => {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'team' });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const path = `/v1/subscriptions/${subscription.id}`;
  const { stripe_customer_id } = await app.customers.get(subscription.customer_id);
  const asked = Array.from({ length: 16 }, (_, index) => (index % 8) + 1);
  const answers = await Promise.all(
    asked.map(async (seats) => ({
      seats,
      status: (await visitor.request('PATCH', `${path}/seats`, { seats })).status,
    })),
  );
  for (const { seats, status } of answers) if (seats > 5) expect([400, 409]).toContain(status);
  await sandbox.webhooks.settled();
  await app.settle();
  const { quantity, price } = await visitor.get(path);
  expect(quantity).toBe(5);
  const of = { customer: stripe_customer_id ?? '', limit: 100 };
  expect((await stripe.subscriptions.list(of)).data[0]?.items.data[0]?.quantity).toBe(5);
  // Within the first seconds of the period every seat is paid whole, but for what a cent is rounded to.
  const paid = (await stripe.charges.list(of)).data.reduce(
    (sum, { amount, amount_refunded: back }) => sum + amount - back,
    0,
  );
  expect(Math.abs(paid - 5 * price.amount_minor)).toBeLessThan(10);
});
