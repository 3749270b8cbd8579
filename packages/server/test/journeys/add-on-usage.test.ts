import { definePlans } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// The add-on brings a meter that the plans do not have: two exports included each, then a dime, at least two dollars each.
const usage = { exports: { included: 2, overage: { unit_price: '0.10' }, minimum: '2' } };
const addOn = { description: 'Exports.', add_on: true, price: { month: '10' }, seats: { maximum: 9 }, usage };
const base = { description: 'For the drill.', price: { month: '20' } };
const requests = { requests: { included: 5, overage: { unit_price: '0.10' } } };
const list = definePlans({
  seller: smallList().seller,
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request' }, exports: { name: 'Exports', unit: 'export' } },
  plans: {
    plain: { name: 'Plain', ...base, usage: requests },
    committed: { name: 'Committed', ...base, usage: requests, minimum: '3' },
    lines: { name: 'Exports by lines', ...addOn },
    meters: { name: 'Exports by meters', ...addOn, reporter: 'meters' },
  },
});
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, seller, sandbox, db } = farebox;

async function buyer(plan_id: string, add_on: string, quantity: number) {
  const { visitor, customer_id } = await buyerOf(farebox, plan_id);
  const { data } = await visitor.get('/v1/subscriptions');
  const path = `/v1/subscriptions/${data[0].id}`;
  await visitor.post(`${path}/add_ons`, { plan_id: add_on, quantity });
  await app.settle();
  const use = async (type: string, units: number) =>
    await seller.post('/v1/usage/events', { id: `${type}-${units}`, type, customer_id, quantity: units });
  const newest = async () => (await visitor.get('/v1/invoices')).data[0];
  const cost = async () => (await visitor.get('/v1/usage/summary')).cost_so_far_minor;
  const closing = async () =>
    await seller.get(
      `/v1/usage/closing_report?from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z&customer_id=${customer_id}`,
    );
  return { customer_id, visitor, path, use, newest, cost, closing };
}

type Line = { kind: string; amount_minor: number };
const sumOf = ({ lines }: { lines: Line[] }, ...kinds: string[]) =>
  lines.filter(({ kind }) => kinds.includes(kind)).reduce((sum, line) => sum + line.amount_minor, 0);

async function hour(): Promise<void> {
  await sandbox.clock.advance(2 * 3_600_000);
  await app.settle();
}

test.each([
  ['lines', 1],
  ['lines', 3],
  ['meters', 1],
  ['meters', 3],
])(
  'usage that an add-on prices costs the same by its reporter, at least its minimum as often as it was bought: %s × %i',
  async (add_on, quantity) => {
    const customer = await buyer('plain', add_on, quantity);
    await customer.use('exports', 12);
    await hour();
    // Of one 10 exports are past the included ones, of three 6; the minimum is two dollars each.
    const least = 200 * quantity;
    const usage_minor = 10 * (12 - 2 * quantity);
    expect(await customer.cost()).toBe(Math.max(least, usage_minor));
    await nextMonth(farebox);
    const invoice = await customer.newest();
    expect(sumOf(invoice, 'overage')).toBe(usage_minor);
    expect(sumOf(invoice, 'minimum')).toBe(least - usage_minor);
    expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
    expect((await app.stripe.reconcile({ repair: false })).found).toEqual([]);
    const pushed = db.kysely.selectFrom('usage_push').select('units').where('customer_id', '=', customer.customer_id);
    expect(await pushed.execute()).toEqual(add_on === 'meters' ? [{ units: 12 }] : []);
  },
);

test('where all usage of the plan has a minimum, that of the add-on is added to it, and is one line', async () => {
  const customer = await buyer('committed', 'lines', 2);
  await customer.use('exports', 10);
  await customer.use('requests', 25);
  expect(await customer.visitor.get('/v1/usage/summary')).toMatchObject({
    minimum: { amount_minor: 300 + 400, shortfall_minor: 700 - 60 - 200 },
    cost_so_far_minor: 700,
  });
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(invoice.lines.filter(({ kind }: Line) => kind === 'minimum')).toMatchObject([{ amount_minor: 440 }]);
  expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
});

test('another number of an add-on whose usage is metered leaves Stripe’s metered item where it is; without it usage is sent no more', async () => {
  const customer = await buyer('plain', 'meters', 1);
  await customer.use('exports', 8);
  await hour();
  await customer.visitor.post(`${customer.path}/add_ons`, { plan_id: 'meters', quantity: 2 });
  await app.settle();
  await customer.use('exports', 30);
  await hour();
  // Of 38 exports 34 are past the four included, and two dollars of each add-on are committed.
  expect(await customer.cost()).toBe(400);
  await customer.visitor.answer('DELETE', `${customer.path}/add_ons/meters`);
  await nextMonth(farebox);
  expect(sumOf(await customer.newest(), 'overage')).toBe(340);
  expect(await customer.visitor.get(customer.path)).toMatchObject({ add_ons: [], status: 'active' });
  await hour();
  await nextMonth(farebox);
  expect(sumOf(await customer.newest(), 'overage', 'minimum')).toBe(0);
  const { periods } = await customer.closing();
  expect(periods.flatMap(({ faults }: { faults: unknown[] }) => faults)).toEqual([]);
});
