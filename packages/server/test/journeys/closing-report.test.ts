import { sql } from 'kysely';
import { expect, test, vi } from 'vitest';
import { closingText, monthOf } from '../../src/cli/close.ts';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10.
const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, sandbox, seller, db } = farebox;

async function buyer(uses: number[]) {
  const { visitor, customer_id } = await buyerOf(farebox);
  for (const [at, quantity] of uses.entries())
    await seller.post('/v1/usage/events', { id: `e${at}`, type: 'requests', customer_id, quantity });
  return { customer_id, visitor };
}

const all = 'from=2020-01-01T00:00:00Z&to=2090-01-01T00:00:00Z';
const report = async (customer_id?: string) =>
  await seller.get(`/v1/usage/closing_report?${all}${customer_id === undefined ? '' : `&customer_id=${customer_id}`}`);

test('usage, caps, credit and corrections balance from the events to the lines at Stripe, period by period', async () => {
  const plain = await buyer([8, 4]);
  const free = await buyer([3]);
  const capped = await buyer([30]);
  await capped.visitor.answer('PUT', `/v1/customers/${capped.customer_id}/spend_cap`, { amount_minor: 100 });
  await seller.post(`/v1/customers/${capped.customer_id}/grants`, { name: 'Credit', amount_minor: 30 });
  await nextMonth(farebox);
  await seller.post('/v1/usage/corrections', {
    customer_id: plain.customer_id,
    event_id: 'e1',
    quantity: 1,
    reason: 'one of them',
  });
  await app.settle();
  expect(await report()).toMatchObject({ checked: 3, balanced: 3, periods: [], more: 0 });
  expect(await report(plain.customer_id)).toMatchObject({
    checked: 1,
    totals: [{ currency: 'usd', billed_minor: 70, invoiced_minor: 70 }],
    periods: [
      {
        events: 9,
        rolled_up: 9,
        quantity: 12,
        amount_minor: 100,
        adjusted_minor: -30,
        invoiced_minor: 100,
        invoiced_corrections_minor: -30,
        faults: [],
      },
    ],
  });
  expect((await report(capped.customer_id)).periods).toMatchObject([
    { amount_minor: 100, capped_minor: 180, credited_minor: 30, invoiced_minor: 100, invoiced_credit_minor: -30 },
  ]);
  expect((await report(free.customer_id)).periods).toMatchObject([{ quantity: 3, amount_minor: 0, faults: [] }]);
  expect((await plain.visitor.request('GET', `/v1/usage/closing_report?${all}`)).status).toBe(403);
});

test('what does not balance is said with its place, and the command line answers by its exit code what the report says', async () => {
  const [lost, twice] = [await buyer([8, 4]), await buyer([9])];
  await nextMonth(farebox);
  await sql`delete from usage_event where customer_id = ${lost.customer_id} and id = 'e1'`.execute(db.kysely);
  for await (const item of farebox.stripe.invoiceItems.list({ limit: 100 })) {
    const { customer, currency, metadata } = item;
    const { rows } = await db.pool.query('select customer_id from usage_report where id = $1', [
      metadata?.['farebox_usage_report'] ?? '',
    ]);
    if (rows[0]?.customer_id !== twice.customer_id || typeof customer !== 'string') continue;
    await farebox.stripe.invoiceItems.create({ customer, currency, amount: item.amount, metadata });
    break;
  }
  const found = await report();
  expect(found.checked - found.balanced).toBe(2);
  const names = found.periods.map(({ customer_id, faults }: Found) => `${customer_id} ${faults[0]?.code}`);
  expect(names.toSorted()).toEqual(
    [`${lost.customer_id} usage_and_bill_differ`, `${twice.customer_id} invoice_differs`].toSorted(),
  );
  const text = closingText(await app.closing.report({ customer_id: null, from: 0, to: sandbox.clock.now() }));
  expect(text).toContain('periods of usage do not balance');
  expect(text).toContain('The usage comes to 8, 12 was billed.');
});

interface Found {
  customer_id: string;
  faults: { code: string; detail: string }[];
}

test('what the gate let through and nobody stored is found by its counter, which is kept beyond the counter itself', async () => {
  const through = async () => {
    const { visitor, customer_id } = await buyerOf(farebox);
    const { secret } = await visitor.post('/v1/keys/first');
    for (let times = 0; times < 3; times += 1) {
      expect((await farebox.verify(String(secret), 2)).valid).toBe(true);
      // Requests of one second are stored as one event.
      await sandbox.clock.advance(1000);
    }
    return { visitor, customer_id };
  };
  const [fine, lost] = [await through(), await through()];
  await seller.post('/v1/usage/events', { id: 'sent', type: 'requests', customer_id: fine.customer_id, quantity: 4 });
  await app.settle();
  // As a kill between the answer and the write leaves it.
  await sql`
    with gone as (
      delete from usage_event where id = (select min(id) from usage_event where customer_id = ${lost.customer_id}) returning quantity
    )
    update usage_hour set quantity = usage_hour.quantity - gone.quantity from gone where customer_id = ${lost.customer_id}
  `.execute(db.kysely);
  const { data } = await lost.visitor.get('/v1/subscriptions');
  await sandbox.clock.advance(Date.parse(data[0].current_period_end_at) + 2 * 3_600_000 - sandbox.clock.now());
  await app.settle();
  const [kept, found] = [
    { counter: 6, events: 10, rolled_up: 10, faults: [] },
    { counter: 6, events: 4, rolled_up: 4, faults: [{ code: 'counter_and_hours_differ' }] },
  ];
  expect((await report(fine.customer_id)).periods).toMatchObject([kept]);
  expect((await report(lost.customer_id)).periods).toMatchObject([found]);
  expect((await report(lost.customer_id)).periods[0].faults[0].detail).toContain('2 were taken and are not stored');
  await app.queue.enqueue(db.kysely, { name: 'usage.counters', data: {} });
  await app.settle();
  await sandbox.clock.advance(3 * dayMs);
  expect((await report(fine.customer_id)).periods).toMatchObject([kept]);
  expect((await report(lost.customer_id)).periods).toMatchObject([found]);
});

test('a month is every period that ends in it, its last instant included', () => {
  const { from, to } = monthOf('2026-11');
  const isIn = (text: string) => Date.parse(text) >= from && Date.parse(text) < to;
  expect(
    ['2026-11-01T00:00:00Z', '2026-11-01T00:00:00.001Z', '2026-12-01T00:00:00Z', '2026-12-01T00:00:00.001Z'].map(isIn),
  ).toEqual([false, true, true, false]);
  expect(() => monthOf('2026-13')).toThrow('Name the month');
});
