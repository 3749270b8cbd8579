import type { PriceList } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10; all of it comes to three dollars at least.
const small = smallList(5);
const list: PriceList = {
  ...small,
  plans: small.plans.map((plan) => ({
    ...plan,
    limits: [],
    usage: plan.usage.map((usage) => ({ ...usage, minimum: { usd: 300 } })),
  })),
};
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, seller, sandbox } = farebox;

async function buyer(quantity: number) {
  const { visitor, customer_id } = await buyerOf(farebox);
  const use = async (id: string, units: number) =>
    await seller.post('/v1/usage/events', { id, type: 'requests', customer_id, quantity: units });
  if (quantity > 0) await use('e1', quantity);
  const newest = async () => (await visitor.get('/v1/invoices')).data[0];
  const balance = async () =>
    await seller.get(
      `/v1/usage/closing_report?from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z&customer_id=${customer_id}`,
    );
  return { customer_id, visitor, use, newest, balance };
}

type Line = { id: string; kind: string; amount_minor: number; description: string };
const linesOf = ({ lines }: { lines: Line[] }, kind: string) => lines.filter((line) => line.kind === kind);

test('what usage lacks to its minimum is in the cost so far and the next invoice, and then a line of its own that explains itself', async () => {
  const customer = await buyer(8);
  expect(await customer.visitor.get('/v1/usage/summary')).toMatchObject({
    meters: [{ amount_minor: 60, minimum_minor: 300, shortfall_minor: 240 }],
    cost_so_far_minor: 300,
  });
  expect(await customer.visitor.get('/v1/invoices/upcoming')).toMatchObject({
    usage_minor: 300,
    usage: [{ minimum_minor: 300, shortfall_minor: 240 }],
  });
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(linesOf(invoice, 'overage').reduce((sum, line) => sum + line.amount_minor, 0)).toBe(60);
  const [minimum] = linesOf(invoice, 'minimum');
  expect(minimum).toMatchObject({
    amount_minor: 240,
    description: 'API requests, to the minimum of $3.00: $0.60 used',
  });
  const explained = await customer.visitor.get(`/v1/invoices/${invoice.id}/lines/${minimum?.id}/explain`);
  expect(explained).toMatchObject({
    words: 'At least $3.00 a month, less $0.60 of usage = $2.40',
    parts: [{ amount_minor: 300 }, { amount_minor: -60 }],
  });
  expect(await customer.balance()).toMatchObject({ checked: 1, balanced: 1, periods: [{ shortfall_minor: 240 }] });
  expect((await app.stripe.reconcile({ repair: false })).found).toEqual([]);
});

test('a month without usage costs the minimum, and one with more than that nothing besides', async () => {
  const none = await buyer(0);
  const much = await buyer(100);
  await nextMonth(farebox);
  expect(linesOf(await none.newest(), 'minimum')).toMatchObject([{ amount_minor: 300 }]);
  expect(linesOf(await none.newest(), 'overage')).toEqual([]);
  expect(linesOf(await much.newest(), 'minimum')).toEqual([]);
  for (const each of [none, much]) expect(await each.balance()).toMatchObject({ checked: 1, balanced: 1 });
});

test('a spend cap bounds usage and not what was committed to; credit pays usage and not what is lacking', async () => {
  const customer = await buyer(40);
  await customer.visitor.answer('PUT', `/v1/customers/${customer.customer_id}/spend_cap`, { amount_minor: 100 });
  await seller.post(`/v1/customers/${customer.customer_id}/grants`, { name: 'Credit', amount_minor: 500 });
  expect(await customer.visitor.get('/v1/usage/summary')).toMatchObject({
    meters: [{ capped_minor: 280, shortfall_minor: 200 }],
    cost_so_far_minor: 300,
  });
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(linesOf(invoice, 'minimum')).toMatchObject([{ amount_minor: 200 }]);
  expect(linesOf(invoice, 'credit')).toMatchObject([{ amount_minor: -100 }]);
  expect(invoice.total_minor).toBe(9900 + 200);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('of a period that ends early its part by whole seconds is committed', async () => {
  const customer = await buyer(0);
  const { data } = await customer.visitor.get('/v1/subscriptions');
  const { id, current_period_start_at, current_period_end_at } = data[0];
  await sandbox.clock.advance(10 * dayMs);
  const { ended_at } = await customer.visitor.post(`/v1/subscriptions/${id}/cancel`, { at: 'now' });
  await app.settle();
  const seconds = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 1000);
  const whole = seconds(current_period_start_at, current_period_end_at);
  const part = seconds(current_period_start_at, ended_at) / whole;
  expect(part).toBeGreaterThan(0.3);
  const [minimum] = linesOf(await customer.newest(), 'minimum');
  expect(Math.abs((minimum?.amount_minor ?? 0) - 300 * part)).toBeLessThanOrEqual(0.5);
});

test('a correction changes only what usage costs past the minimum', async () => {
  const customer = await buyer(8);
  await customer.use('e2', 40);
  await nextMonth(farebox);
  // Forty-eight are forty-three past the included ones: 50 cents, and forty-one at ten cents.
  expect(linesOf(await customer.newest(), 'overage').reduce((sum, line) => sum + line.amount_minor, 0)).toBe(460);
  const wrong = { customer_id: customer.customer_id, event_id: 'e2', quantity: 0, reason: 'sent twice' };
  const corrected = await seller.post('/v1/usage/corrections', wrong);
  expect(corrected).toMatchObject({ adjustments: [{ amount_minor: -160, line_minor: -160 }] });
  await app.settle();
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});
