import { definePlans, toPlanFile } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Two meters at ten and two cents; all usage together comes to three dollars at least, through either reporter.
const usage = {
  requests: { included: 5, overage: { unit_price: '0.10' } },
  exports: { overage: { unit_price: '0.02' } },
};
const plan = { description: 'For the drill.', price: { month: '20' }, usage, minimum: '3' };
const list = definePlans({
  seller: smallList().seller,
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request' }, exports: { name: 'Exports', unit: 'export' } },
  plans: { lines: { name: 'Lines', ...plan }, meters: { name: 'Meters', ...plan, reporter: 'meters' } },
});
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, seller, sandbox } = farebox;

async function buyer(plan_id = 'lines') {
  const { visitor, customer_id } = await buyerOf(farebox, plan_id);
  const use = async (id: string, type: string, quantity: number) =>
    await seller.post('/v1/usage/events', { id, type, customer_id, quantity });
  const newest = async () => (await visitor.get('/v1/invoices')).data[0];
  const closing = async () =>
    await seller.get(
      `/v1/usage/closing_report?from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z&customer_id=${customer_id}`,
    );
  return { customer_id, visitor, use, newest, closing };
}

type Line = { id: string; kind: string; amount_minor: number; description: string };
const sumOf = ({ lines }: { lines: Line[] }, ...kinds: string[]) =>
  lines.filter(({ kind }) => kinds.includes(kind)).reduce((sum, line) => sum + line.amount_minor, 0);

test.each(['lines', 'meters'])(
  'what all usage lacks together is in the cost so far, the next invoice, and one line that explains itself: %s',
  async (plan_id) => {
    const customer = await buyer(plan_id);
    await customer.use('a', 'requests', 15);
    await customer.use('b', 'exports', 10);
    expect(await customer.visitor.get('/v1/usage/summary')).toMatchObject({
      meters: [
        { amount_minor: 100, shortfall_minor: 0 },
        { amount_minor: 20, shortfall_minor: 0 },
      ],
      minimum: { interval: 'month', amount_minor: 300, shortfall_minor: 180 },
      cost_so_far_minor: 300,
    });
    expect(await customer.visitor.get('/v1/invoices/upcoming')).toMatchObject({
      usage_minor: 300,
      minimum: { amount_minor: 300, shortfall_minor: 180 },
    });
    await nextMonth(farebox);
    const invoice = await customer.newest();
    expect(sumOf(invoice, 'overage', 'minimum')).toBe(300);
    const minimum = invoice.lines.filter(({ kind }: Line) => kind === 'minimum');
    expect(minimum).toMatchObject([
      { amount_minor: 180, description: expect.stringContaining('to the minimum of $3.00: $1.20 used') },
    ]);
    expect(await customer.visitor.get(`/v1/invoices/${invoice.id}/lines/${minimum[0].id}/explain`)).toMatchObject({
      words: 'At least $3.00 a month, less $1.20 of usage = $1.80',
      parts: [{ amount_minor: 300 }, { amount_minor: -120 }],
    });
    expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
    expect((await app.stripe.reconcile({ repair: false })).found).toEqual([]);
  },
);

test('the price list says it, to programs and to people', async () => {
  const { data } = await seller.get('/v1/plans');
  expect(data[0]).toMatchObject({ id: 'lines', minimum: { interval: 'month', amounts_minor: { usd: 300 } } });
  const page = await (await fetch(`${farebox.url}/`)).text();
  expect(page).toContain('All usage together: at least $3 a month');
});

test('usage past it costs what it costs, whichever meter it is of; a month without any costs the minimum once', async () => {
  const much = await buyer();
  const none = await buyer();
  await much.use('a', 'exports', 200);
  await nextMonth(farebox);
  expect(sumOf(await much.newest(), 'overage')).toBe(400);
  expect(sumOf(await much.newest(), 'minimum')).toBe(0);
  expect(sumOf(await none.newest(), 'minimum')).toBe(300);
  for (const each of [much, none]) expect(await each.closing()).toMatchObject({ checked: 2, balanced: 2 });
});

test('a spend cap bounds usage and not what was committed to; credit pays usage alone', async () => {
  const customer = await buyer();
  await customer.use('a', 'requests', 45);
  await customer.use('b', 'exports', 50);
  await customer.visitor.answer('PUT', `/v1/customers/${customer.customer_id}/spend_cap`, { amount_minor: 100 });
  await seller.post(`/v1/customers/${customer.customer_id}/grants`, { name: 'Credit', amount_minor: 500 });
  expect(await customer.visitor.get('/v1/usage/summary')).toMatchObject({
    minimum: { shortfall_minor: 200 },
    capped_minor: 400,
    cost_so_far_minor: 300,
  });
  await nextMonth(farebox);
  const invoice = await customer.newest();
  expect(sumOf(invoice, 'minimum')).toBe(200);
  expect(sumOf(invoice, 'credit')).toBe(-100);
  expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
});

test('of a period that ends early its part by whole seconds is committed', async () => {
  const customer = await buyer();
  const { data } = await customer.visitor.get('/v1/subscriptions');
  const { id, current_period_start_at, current_period_end_at } = data[0];
  await sandbox.clock.advance(12 * dayMs);
  const { ended_at } = await customer.visitor.post(`/v1/subscriptions/${id}/cancel`, { at: 'now' });
  await app.settle();
  const seconds = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 1000);
  const part = seconds(current_period_start_at, ended_at) / seconds(current_period_start_at, current_period_end_at);
  expect(part).toBeGreaterThan(0.3);
  expect(Math.abs(sumOf(await customer.newest(), 'minimum') - 300 * part)).toBeLessThanOrEqual(0.5);
});

test('what a correction adds to one meter, others were lacking first; and what it takes away is lacking again', async () => {
  const customer = await buyer();
  const { customer_id } = customer;
  await customer.use('a', 'requests', 15);
  await customer.use('b', 'exports', 10);
  await nextMonth(farebox);
  const correct = async (event_id: string, quantity: number) =>
    await seller.post('/v1/usage/corrections', { customer_id, event_id, quantity, reason: 'counted wrong' });
  // A dollar and twenty cents were used: up to three dollars more usage costs nothing more.
  expect(await correct('b', 60)).toMatchObject({ adjustments: [] });
  expect(await correct('a', 35)).toMatchObject({ adjustments: [{ amount_minor: 120, line_minor: 120 }] });
  expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
  expect(await correct('b', 10)).toMatchObject({ adjustments: [{ amount_minor: -100, line_minor: -100 }] });
  expect(await correct('a', 5)).toMatchObject({ adjustments: [{ amount_minor: -20, line_minor: -20 }] });
  await app.settle();
  expect(await customer.closing()).toMatchObject({ checked: 2, balanced: 2 });
});

test('a rehearsal counts it: as it is, and as a plan file would have it', async () => {
  const customer = await buyer();
  await customer.use('a', 'requests', 15);
  await nextMonth(farebox);
  const rehearsed = async (minimum_minor: number) => {
    const plans = list.plans.map((each) => ({
      ...each,
      minimum: { interval: 'month' as const, amounts_minor: { usd: minimum_minor } },
    }));
    const { changed } = await seller.post('/v1/catalog/rehearse', { price_list: toPlanFile({ ...list, plans }) });
    return changed.find((each: { customer_id: string }) => each.customer_id === customer.customer_id);
  };
  expect(await rehearsed(300)).toBeUndefined();
  expect(await rehearsed(1000)).toMatchObject({
    now: { base_minor: 2000, usage_minor: 300 },
    rehearsed: { base_minor: 2000, usage_minor: 1000 },
  });
});
