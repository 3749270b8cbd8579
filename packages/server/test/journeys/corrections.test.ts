import type { PriceList } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10; the greatest size of a file costs 10 a unit.
const small = smallList(5);
const perUnit = { usd: { type: 'per_unit' as const, unit_price_decimal: '10' } };
const list: PriceList = {
  ...small,
  meters: [
    ...small.meters,
    { id: 'largest', name: 'Largest file', unit: 'unit', aggregation: 'max', events: ['upload'], value: 'size' },
    { id: 'people', name: 'People', unit: 'person', aggregation: 'unique', events: ['upload'], value: 'user' },
  ],
  plans: small.plans.map((plan) => ({
    ...plan,
    usage: [
      ...plan.usage,
      { meter_id: 'largest', included: 0, quota: 'soft', interval: 'month', overage: perUnit },
      { meter_id: 'people', included: 0, quota: 'soft', interval: 'month', overage: perUnit },
    ],
  })),
};
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer() {
  const { visitor, customer_id } = await buyerOf(farebox);
  return {
    customer_id,
    visitor,
    send: async (id: string, quantity: number, more: object = {}) =>
      await seller.post('/v1/usage/events', { id, type: 'requests', customer_id, quantity, ...more }),
    upload: async (id: string, size: number, user: string) =>
      await seller.post('/v1/usage/events', { id, type: 'upload', customer_id, properties: { size, user } }),
    revoke: async (id: string, reason = 'sent twice') =>
      await seller.post(`/v1/usage/events/${id}/void`, { customer_id, reason }),
    correct: async (event_id: string, right: object, reason = 'counted wrongly') =>
      await seller.post('/v1/usage/corrections', { customer_id, event_id, reason, ...right }),
    summary: async () => await visitor.get('/v1/usage/summary'),
    used: async (meter: string) => {
      const { meters } = await visitor.get('/v1/usage/summary');
      return meters.find((each: { meter_id: string }) => each.meter_id === meter)?.quantity;
    },
    invoices: async () => (await visitor.get('/v1/invoices')).data,
  };
}

interface Line {
  kind: string;
  amount_minor: number;
  description: string;
  id: string;
}
const amounts = (lines: Line[], kind: string) =>
  lines.filter((line) => line.kind === kind).map(({ amount_minor }) => amount_minor);

test('before its period is billed a correction is free: the event counts as it should, and is billed so', async () => {
  const customer = await buyer();
  await customer.send('a', 8);
  await customer.send('b', 100);
  expect(await customer.used('requests')).toBe(108);
  const made = await customer.revoke('b');
  expect(made).toMatchObject({ kind: 'void', reason: 'sent twice', adjustments: [], before: { quantity: 100 } });
  expect(await customer.used('requests')).toBe(8);
  expect(await customer.correct('a', { quantity: 7 })).toMatchObject({ kind: 'correct', adjustments: [] });
  expect(await customer.summary()).toMatchObject({ cost_so_far_minor: 50 });
  // Sent again, a void event is the one that it was.
  expect(await customer.send('b', 100)).toMatchObject({ accepted: 0, duplicates: 1, balances: [{ used: 7 }, {}, {}] });
  await nextMonth(farebox);
  const [invoice] = await customer.invoices();
  expect(amounts(invoice.lines, 'overage')).toEqual([50]);
  expect(amounts(invoice.lines, 'correction')).toEqual([]);
});

test('after it, the difference is a line of the next invoice with its reason, and once, however often it is looked', async () => {
  const customer = await buyer();
  await customer.send('a', 8);
  await customer.send('b', 4);
  await nextMonth(farebox);
  const [first] = await customer.invoices();
  // Seven beyond what is included: two at 25 and five at 10.
  expect(amounts(first.lines, 'overage')).toEqual([50, 50]);
  const made = await customer.revoke('b', 'a retry of the importer');
  expect(made.adjustments).toMatchObject([{ quantity: 8, amount_minor: -40, line_minor: -40, credited_minor: 0 }]);
  expect(await customer.correct('a', { quantity: 10 })).toMatchObject({
    adjustments: [{ quantity: 10, amount_minor: 20, line_minor: 20 }],
  });
  for (let again = 0; again < 3; again += 1) await app.settle();
  await nextMonth(farebox);
  const [next, before] = await customer.invoices();
  expect(before.id).toBe(first.id);
  expect(amounts(next.lines, 'correction').toSorted((a, b) => a - b)).toEqual([-40, 20]);
  expect(next).toMatchObject({ status: 'paid', total_minor: 9900 - 40 + 20 });
  const line = next.lines.find(({ amount_minor }: Line) => amount_minor === -40);
  expect(line.description).toContain('a retry of the importer');
  const explained = await customer.visitor.get(`/v1/invoices/${next.id}/lines/${line.id}/explain`);
  expect(explained).toMatchObject({ kind: 'correction', amount_minor: -40 });
  const { found } = await app.stripe.reconcile({ repair: false });
  expect(found.filter(({ customer_id }) => customer_id === customer.customer_id)).toEqual([]);
});

test('a line of a correction that was deleted at Stripe is found missing, and put there again', async () => {
  const customer = await buyer();
  await customer.send('a', 8);
  await nextMonth(farebox);
  await customer.revoke('a', 'another customer’s');
  await app.settle();
  // Stripe answers what it answered before to whoever asks again within a day.
  await sandbox.clock.advance(dayMs + 3_600_000);
  for await (const item of farebox.stripe.invoiceItems.list({ limit: 100 }))
    if (item.amount === -60 && item.metadata?.['farebox_usage_adjustment'] !== undefined)
      await farebox.stripe.invoiceItems.del(item.id);
  const { found } = await app.stripe.reconcile({ repair: true });
  expect(found).toMatchObject([{ kind: 'usage_not_billed', customer_id: customer.customer_id }]);
  await app.settle();
  await nextMonth(farebox);
  expect(amounts((await customer.invoices())[0].lines, 'correction')).toEqual([-60]);
});

test('what credit paid goes back to credit, after the money', async () => {
  const customer = await buyer();
  await seller.post(`/v1/customers/${customer.customer_id}/grants`, { name: 'Launch', amount_minor: 45 });
  await customer.send('a', 8);
  await nextMonth(farebox);
  // 60 cents: 45 of credit, 15 of money.
  expect(await customer.revoke('a')).toMatchObject({
    adjustments: [{ amount_minor: -60, line_minor: -15, credited_minor: -45 }],
  });
  const path = `/v1/customers/${customer.customer_id}`;
  expect(await customer.visitor.get(`${path}/credits`)).toMatchObject({ balance_minor: 45 });
  const { data } = await customer.visitor.get(`${path}/ledger`);
  expect(data.map(({ kind, amount_minor }: { kind: string; amount_minor: number }) => [kind, amount_minor])).toEqual([
    ['returned', 45],
    ['drawn', -45],
    ['granted', 45],
  ]);
});

test('a maximum and different values are found anew from what is left', async () => {
  const customer = await buyer();
  await customer.upload('x', 7, 'ada');
  await customer.upload('y', 30, 'grace');
  await customer.upload('z', 12, 'ada');
  expect([await customer.used('largest'), await customer.used('people')]).toEqual([30, 2]);
  await customer.revoke('y');
  expect([await customer.used('largest'), await customer.used('people')]).toEqual([12, 1]);
  await customer.correct('z', { properties: { size: 9, user: 'edsger' } });
  expect([await customer.used('largest'), await customer.used('people')]).toEqual([9, 2]);
  // A void event that did happen counts again.
  await customer.correct('y', { properties: { size: 31, user: 'grace' } });
  expect([await customer.used('largest'), await customer.used('people')]).toEqual([31, 3]);
});

test('who did what, when and why stands at the event, in the list and in the audit log; the customer sees it too', async () => {
  const customer = await buyer();
  await customer.send('a', 8);
  const made = await customer.revoke('a', 'a test of ours');
  const event = await customer.visitor.get('/v1/usage/events/a');
  expect(event).toMatchObject({ quantity: 8, corrections: [{ id: made.id, kind: 'void', reason: 'a test of ours' }] });
  expect(event.meters[0]).toMatchObject({ amount: null, reason: 'it is void: a test of ours' });
  expect(event.corrections[0].actor).toMatch(/^seller:/);
  expect((await customer.visitor.get('/v1/usage/corrections')).data).toMatchObject([{ id: made.id, event_id: 'a' }]);
  const log = await farebox.db.kysely
    .selectFrom('audit_entry')
    .select(['action', 'actor', 'object_id'])
    .where('customer_id', '=', customer.customer_id)
    .where('action', 'like', 'usage.%')
    .execute();
  expect(log).toMatchObject([{ action: 'usage.voided', object_id: made.id, actor: event.corrections[0].actor }]);
  const told = await customer.visitor.get('/v1/events?type=usage.corrected');
  expect(told.data).toMatchObject([{ data: { object: { id: made.id, reason: 'a test of ours' } } }]);
  const stranger = await farebox.signUp();
  expect((await stranger.get('/v1/usage/corrections')).data).toEqual([]);
});

test('what cannot be corrected is refused, and changes nothing', async () => {
  const customer = await buyer();
  const { customer_id } = customer;
  await customer.send('a', 8);
  await seller.post('/v1/usage/events', { id: 'a', type: 'upload', customer_id, properties: { size: 1, user: 'x' } });
  const refusal = async (path: string, wish: object) => {
    const { status, json } = await seller.answer('POST', path, { customer_id, reason: 'wrong', ...wish });
    return [status, json.code, json.param];
  };
  const path = '/v1/usage/corrections';
  expect(await refusal('/v1/usage/events/none/void', {})).toEqual([404, 'not_found', undefined]);
  expect(await refusal('/v1/usage/events/a/void', {})).toEqual([400, 'invalid_request', 'type']);
  expect(await refusal('/v1/usage/events/a/void', { type: 'requests', reason: '' })).toEqual([
    400,
    'invalid_request',
    'reason',
  ]);
  expect(await refusal(path, { event_id: 'a', type: 'requests', quantity: -1 })).toEqual([
    400,
    'invalid_request',
    'quantity',
  ]);
  expect(await refusal(path, { event_id: 'a', type: 'requests', quantity: 8 })).toEqual([409, 'no_change', undefined]);
  expect((await refusal(path, { event_id: 'a', type: 'requests', properties: { 'no name': 1 } }))[0]).toBe(400);
  expect(await refusal('/v1/usage/events/a/void', { customer_id: 'cust_none' })).toEqual([404, 'not_found', undefined]);
  expect(
    (await customer.visitor.request('POST', '/v1/usage/events/a/void', { customer_id, reason: 'free!' })).status,
  ).toBe(403);
  expect(await customer.used('requests')).toBe(8);
  expect((await customer.visitor.get('/v1/usage/corrections')).data).toEqual([]);
});

test('corrections of one event at the same time, and usage that comes meanwhile, are all counted once', async () => {
  const customer = await buyer();
  for (let at = 0; at < 6; at += 1) await customer.send(`e${at}`, 10);
  const answers = await Promise.all([
    ...Array.from({ length: 6 }, async () =>
      seller.answer('POST', '/v1/usage/events/e0/void', { customer_id: customer.customer_id, reason: 'twice' }),
    ),
    ...Array.from({ length: 20 }, async (_, at) => {
      await customer.send(`n${at}`, 1);
      return { status: 0 };
    }),
  ]);
  const statuses = answers.map(({ status }) => status).filter((status) => status !== 0);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409, 409, 409]);
  expect(await customer.used('requests')).toBe(70);
});
