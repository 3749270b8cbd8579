import type { PriceList } from '@farebox/core';
import { beforeEach, expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { type TestApp, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 300_000 });

const hourMs = 3_600_000;

// Five requests are included, the next two cost 25 cents, every further one 10; Stripe rates them, by the month.
const small = smallList(5);
const list: PriceList = {
  ...small,
  plans: small.plans.map((plan) => ({
    ...plan,
    limits: [],
    prices: plan.prices.filter(({ interval }) => interval === 'month'),
    usage: plan.usage.map((usage) => ({ ...usage, reporter: 'meters' as const })),
  })),
};
// One for each: of those who bought before, every hour and month would be billed again.
let farebox: TestApp;
beforeEach(async ({ onTestFinished }) => {
  farebox = await testApp({ list, sandbox: { frozen: true } }, onTestFinished);
});

async function buyer() {
  const { app, seller, db } = farebox;
  const { visitor, customer_id } = await buyerOf(farebox);
  await app.settle();
  let sent = 0;
  const use = async (quantity: number, more: object = {}) =>
    await seller.post('/v1/usage/events', { id: `e${(sent += 1)}`, type: 'requests', customer_id, quantity, ...more });
  const newest = async () => (await visitor.get('/v1/invoices')).data[0];
  const cost = async () => (await visitor.get('/v1/usage/summary')).cost_so_far_minor;
  const balance = async () =>
    await seller.get(
      `/v1/usage/closing_report?from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z&customer_id=${customer_id}`,
    );
  const pushes = async () =>
    await db.kysely
      .selectFrom('usage_push')
      .select(['units', 'revision', 'state'])
      .where('customer_id', '=', customer_id)
      .orderBy('hour_at')
      .orderBy('revision')
      .execute();
  return { visitor, customer_id, use, newest, cost, balance, pushes };
}

/** So many hours pass, and what follows from each is done. */
async function hours(count: number): Promise<void> {
  const { app, sandbox } = farebox;
  for (let hour = 0; hour < count; hour += 1) {
    await sandbox.clock.advance(hourMs);
    await app.settle();
  }
}

interface Line {
  kind: string;
  amount_minor: number;
  description: string;
}
const usageOf = ({ lines }: { lines: Line[] }) =>
  lines.filter(({ kind }) => kind === 'overage').reduce((sum, { amount_minor }) => sum + amount_minor, 0);

const ownLines = ({ lines }: { lines: Line[] }) =>
  lines.filter(({ description }) => description.startsWith('API requests: '));

test('usage is sent by the hour, once, and Stripe bills what it cost so far', async () => {
  const { app } = farebox;
  const customer = await buyer();
  await customer.use(4);
  await hours(2);
  await customer.use(5);
  expect(await customer.pushes()).toMatchObject([{ units: 4, revision: 1, state: 'sent' }]);
  await hours(2);
  expect(await customer.pushes()).toMatchObject([{ units: 4 }, { units: 5 }]);
  await hours(1);
  expect(await customer.pushes()).toHaveLength(2);
  expect(await customer.cost()).toBe(70);
  expect(await customer.visitor.get('/v1/invoices/upcoming')).toMatchObject({ usage_minor: 70 });
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(usageOf(invoice)).toBe(70);
  expect(invoice.total_minor).toBe(9900 + 70);
  // All of it stands on lines of Stripe's own, one for each tier.
  expect(ownLines(invoice)).toEqual([]);
  expect(await customer.balance()).toMatchObject({ checked: 1, balanced: 1 });
  expect((await app.stripe.reconcile({ repair: false })).found).toEqual([]);
});

test('what comes late, and what is put right before the bill, is free: the hour grows, and later ones are less', async () => {
  const { sandbox, seller } = farebox;
  const customer = await buyer();
  await hours(2);
  await customer.use(10);
  await hours(2);
  const early = new Date(sandbox.clock.now() - 3 * hourMs).toISOString();
  await customer.use(2, { occurred_at: early });
  await hours(1);
  const wrong = { customer_id: customer.customer_id, event_id: 'e1', quantity: 6, reason: 'counted twice' };
  await seller.post('/v1/usage/corrections', wrong);
  await customer.use(7);
  await hours(2);
  const sent = (await customer.pushes()).map(({ units }) => units);
  expect(sent.toSorted((a, b) => a - b)).toEqual([2, 3, 10]);
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(usageOf(invoice)).toBe(130);
  expect(ownLines(invoice)).toEqual([]);
  expect(await customer.balance()).toMatchObject({ balanced: 1, periods: [{ quantity: 15 }] });
});

test('after the bill a correction is a line of the next invoice, with the reason', async () => {
  const { seller } = farebox;
  const customer = await buyer();
  await customer.use(9);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(70);
  const wrong = { customer_id: customer.customer_id, event_id: 'e1', quantity: 7, reason: 'two of them failed' };
  expect(await seller.post('/v1/usage/corrections', wrong)).toMatchObject({ adjustments: [{ amount_minor: -20 }] });
  await nextMonth(farebox);
  const [line] = (await customer.newest()).lines.filter(({ kind }: Line) => kind === 'correction');
  expect(line).toMatchObject({ amount_minor: -20 });
  expect(line.description).toContain('two of them failed');
});

test('what was sent too much, and no later hour makes up for, is given back on the same invoice', async () => {
  const { seller } = farebox;
  const customer = await buyer();
  await customer.use(9);
  await hours(2);
  const wrong = { customer_id: customer.customer_id, event_id: 'e1', quantity: 6, reason: 'counted twice' };
  await seller.post('/v1/usage/corrections', wrong);
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(usageOf(invoice)).toBe(25);
  expect(ownLines(invoice)).toMatchObject([
    { amount_minor: -45, description: "API requests: Stripe's meter has more than is owed" },
  ]);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('an answer that is lost, and a Stripe that is away for hours, count nothing twice and lose nothing', async () => {
  const { sandbox } = farebox;
  const customer = await buyer();
  const route = 'POST /v1/billing/meter_events';
  sandbox.faults.add({ type: 'disconnect', when: 'after', route, times: 4 });
  await customer.use(9);
  await hours(3);
  const fault = sandbox.faults.add({ type: 'server_error', route, times: null, should_retry: false });
  await customer.use(4);
  await hours(2);
  sandbox.faults.clear(fault.id);
  await hours(1);
  const pushes = await customer.pushes();
  expect(pushes.map(({ units, state }) => [units, state])).toEqual([
    [9, 'sent'],
    [4, 'sent'],
  ]);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(110);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('an event whose answer never came is looked for in what Stripe counted once its identifier may be forgotten', async () => {
  const { sandbox } = farebox;
  const customer = await buyer();
  const route = 'POST /v1/billing/meter_events';
  const fault = sandbox.faults.add({ type: 'disconnect', when: 'after', route, times: null });
  await customer.use(9);
  await hours(2);
  expect(await customer.pushes()).toMatchObject([{ units: 9, state: 'pending' }]);
  await sandbox.clock.advance(25 * hourMs);
  sandbox.faults.clear(fault.id);
  await hours(2);
  expect(await customer.pushes()).toMatchObject([{ units: 9, revision: 1, state: 'sent' }]);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(70);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('when nothing reaches the meter before the invoice is final, all of it is a line of its own', async () => {
  const { sandbox } = farebox;
  const customer = await buyer();
  await customer.use(9);
  const route = 'POST /v1/billing/meter_events';
  const fault = sandbox.faults.add({ type: 'server_error', route, times: null, should_retry: false });
  await nextMonth(farebox);
  sandbox.faults.clear(fault.id);
  await hours(1);
  await nextMonth(farebox);
  const { data } = await customer.visitor.get('/v1/invoices');
  const all = data.flatMap(({ lines }: { lines: Line[] }) => lines);
  expect(usageOf({ lines: all })).toBe(70);
  expect(ownLines({ lines: all })).toMatchObject([{ amount_minor: 70 }]);
});

test('what Stripe takes and then does not count is shown to the operator, and sent again', async () => {
  const { app, db, sandbox } = farebox;
  const customer = await buyer();
  sandbox.faults.add({
    type: 'meter_error',
    meter_code: 'meter_event_invalid_value',
    route: 'POST /v1/billing/meter_events',
  });
  await customer.use(9);
  await hours(3);
  await app.stripe.backfill();
  await app.settle();
  await hours(1);
  expect(await customer.pushes()).toMatchObject([
    { units: 9, revision: 1, state: 'rejected' },
    { units: 9, revision: 2, state: 'sent' },
  ]);
  const parked = await db.kysely
    .selectFrom('stripe_event')
    .select(['type', 'reason'])
    .where('state', '=', 'parked')
    .execute();
  expect(parked).toMatchObject([{ type: 'v1.billing.meter.error_report_triggered' }]);
  expect(parked[0]?.reason).toContain('meter_event_invalid_value (1)');
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(usageOf(invoice)).toBe(70);
  expect(ownLines(invoice)).toEqual([]);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('a spend cap ends what is sent, and the invoice comes to the cap', async () => {
  const customer = await buyer();
  await customer.visitor.answer('PUT', `/v1/customers/${customer.customer_id}/spend_cap`, { amount_minor: 68 });
  await customer.use(30);
  await hours(2);
  // Eight cost 60 cents, nine would cost 70.
  expect(await customer.pushes()).toMatchObject([{ units: 8 }]);
  expect(await customer.cost()).toBe(68);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(68);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('a plan that is changed within a period bills it by the plan it ends on, whatever Stripe rated before', async () => {
  const { app, db } = farebox;
  const customer = await buyer();
  await customer.use(8);
  await hours(2);
  const { data } = await customer.visitor.get('/v1/subscriptions');
  await customer.visitor.post(`/v1/subscriptions/${data[0].id}/change`, { plan_id: 'pro' });
  await app.settle();
  await customer.use(4);
  await hours(3);
  const items = await db.kysely
    .selectFrom('usage_push')
    .select(['plan_price_id', 'units'])
    .where('customer_id', '=', customer.customer_id)
    .execute();
  expect(new Set(items.map(({ plan_price_id }) => plan_price_id)).size).toBe(2);
  expect(await customer.cost()).toBe(100);
  await nextMonth(farebox);
  const { data: invoices } = await customer.visitor.get('/v1/invoices');
  expect(usageOf({ lines: invoices.flatMap(({ lines }: { lines: Line[] }) => lines) })).toBe(100);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('a change at the end of the period settles the old plan before the new one is sent', async () => {
  const { app, seller } = farebox;
  const customer = await buyer();
  const { data } = await customer.visitor.get('/v1/subscriptions');
  const path = `/v1/subscriptions/${data[0].id}`;
  await customer.use(8);
  await hours(2);
  await seller.post(`${path}/change`, { plan_id: 'pro', when: 'period_end' });
  await app.settle();
  await nextMonth(farebox);
  expect(await customer.visitor.get(path)).toMatchObject({ plan_id: 'pro', scheduled_change: null });
  expect(usageOf(await customer.newest())).toBe(60);
  await customer.use(9);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(70);
  expect(await customer.balance()).toMatchObject({ checked: 2, balanced: 2 });
});

test('what one customer agreed otherwise is a line of its own beside what Stripe rates', async () => {
  const { seller } = farebox;
  const customer = await buyer();
  await seller.answer('PUT', `/v1/customers/${customer.customer_id}/overrides`, {
    included: { requests: 7 },
    reason: 'agreed by phone',
  });
  await customer.use(9);
  await hours(2);
  expect(await customer.cost()).toBe(50);
  await nextMonth(farebox);
  expect(usageOf(await customer.newest())).toBe(50);
  expect(await customer.balance()).toMatchObject({ balanced: 1 });
});

test('where Stripe counted otherwise than it was sent, the closing report says in which hour', async () => {
  const { db } = farebox;
  const customer = await buyer();
  await customer.use(9);
  await nextMonth(farebox);
  await db.kysely
    .updateTable('usage_push')
    .set({ units: 11 })
    .where('customer_id', '=', customer.customer_id)
    .execute();
  const { periods } = await customer.balance();
  expect(periods[0].faults).toMatchObject([{ code: 'meter_differs' }]);
  expect(periods[0].faults[0].detail).toMatch(
    /Of the hour \S+ \S+ UTC 11 were sent to Stripe's meter, and it counted 9\./,
  );
});
