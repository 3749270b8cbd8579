import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Commit } from '../src/store/store.ts';
import { type Bench, bench, HOUR, idOf, monthlyPrice, standing, subscriber } from './harness.ts';
import { watch } from './invariants/watch.ts';

const START = '2026-01-31T10:20:30Z';

let b: Bench;
let commits: Commit[];

beforeEach(async () => {
  commits = [];
  b = await bench({ now: standing(START), frozen: true, onCommit: (commit) => commits.push(structuredClone(commit)) });
});
afterEach(() => b.close());

/** Plays what happened to a fresh watch, with one record otherwise; says what the watch says of it. */
function replayed(spoil: (kind: string, record: Record<string, unknown>) => void): string {
  const watching = watch();
  for (const commit of structuredClone(commits)) {
    for (const { kind, after } of commit.changes) {
      if (after !== null) spoil(kind, after as Record<string, unknown>);
    }
    try {
      watching.onCommit(commit);
    } catch (cause) {
      return cause instanceof Error ? cause.message : String(cause);
    }
  }
  return '';
}

/** Whether the second period of a subscription runs. */
function hasRenewed(record: Record<string, unknown>): boolean {
  const [item] = record['items'] as Record<string, number>[];
  return (item?.['current_period_start'] ?? 0) > Number(record['created']);
}

const spoiled: [string, (kind: string, record: Record<string, unknown>) => void, RegExp][] = [
  ['1', (kind, record) => kind === 'charge' && (record['amount'] = 49_900.5), /1\. .*amount is 49900.5/],
  [
    '2',
    (kind, record) => {
      const shown = record['object'] as Record<string, unknown> | undefined;
      if (kind === 'event' && shown?.['object'] === 'invoice') shown['total'] = 1;
    },
    /2\. in_.*total is 1/,
  ],
  ['2', (kind, record) => kind === 'invoice' && (record['amount_overpaid'] = 7), /2\. in_.*7 overpaid/],
  ['2', (kind, record) => kind === 'invoice_payment' && (record['amount_paid'] = 1), /2\. in_.*: 1 came/],
  ['3', (kind, record) => kind === 'customer' && (record['balance'] = 5), /3\. cus_.*its ledger says 0/],
  [
    '4',
    (kind, record) => {
      if (kind !== 'subscription' || !hasRenewed(record)) return;
      for (const item of record['items'] as Record<string, number>[]) item['current_period_start'] = 1_900_000_000;
    },
    /4\. si_/,
  ],
  [
    '6',
    (kind, record) => kind === 'subscription' && hasRenewed(record) && (record['status'] = 'incomplete'),
    /6\. sub_.* went from active to incomplete/,
  ],
  [
    '7',
    (kind, record) =>
      kind === 'event' && record['type'] === 'customer.subscription.updated' && (record['previous_attributes'] = {}),
    /7\. customer\.subscription\.updated sub_.* says nothing of items\.data/,
  ],
  ['8', (kind, record) => kind === 'invoice' && record['number'] !== null && (record['number'] = 'A-0007'), /8\. in_/],
];

test.each(spoiled)('a commit that breaks invariant %s is found', async (_number, spoil, said) => {
  await subscriber(b.stripe);
  await b.sandbox.clock.advance(32 * 24 * HOUR);
  expect(replayed(() => {})).toBe('');
  expect(replayed(spoil)).toMatch(said);
});

/** The last event of a type about an object. */
async function lastEvent(type: string, id: string) {
  const { data } = await b.stripe.events.list({ type, limit: 100 });
  return data.find((event) => (event.data.object as { id?: string }).id === id);
}

test('detaching a default card is told of the customer and the subscription that had it', async () => {
  const { stripe } = b;
  const { customer, subscription } = await subscriber(stripe);
  const card = idOf(subscription.default_payment_method);
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card } });
  await stripe.paymentMethods.detach(card);
  expect((await lastEvent('customer.updated', customer.id))?.data).toMatchObject({
    object: { invoice_settings: { default_payment_method: null } },
    previous_attributes: { invoice_settings: { default_payment_method: card } },
  });
  expect((await lastEvent('customer.subscription.updated', subscription.id))?.data).toMatchObject({
    object: { default_payment_method: null },
    previous_attributes: { default_payment_method: card },
  });
});

test('items that go with their draft or their customer are told as deleted', async () => {
  const { stripe } = b;
  const customer = (await stripe.customers.create({})).id;
  const invoice = await stripe.invoices.create({ customer });
  const on_draft = await stripe.invoiceItems.create({ customer, invoice: invoice.id, amount: 5, currency: 'usd' });
  await stripe.invoices.del(invoice.id);
  const waiting = await stripe.invoiceItems.create({ customer, amount: 5, currency: 'usd' });
  await stripe.customers.del(customer);
  expect(await lastEvent('invoiceitem.deleted', on_draft.id)).toBeDefined();
  expect(await lastEvent('invoiceitem.deleted', waiting.id)).toBeDefined();
});

test('what an upgrade prorates is told with the invoice it went on, and a cancellation with its last one', async () => {
  const { stripe } = b;
  const { subscription } = await subscriber(stripe);
  const other = await monthlyPrice(stripe, 99_900, 'Max');
  await b.sandbox.clock.advance(24 * HOUR);
  const [item] = subscription.items.data;
  const changed = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item?.id ?? '', price: other.id }],
    proration_behavior: 'always_invoice',
  });
  const created = await stripe.events.list({ type: 'invoiceitem.created' });
  expect(created.data.map((event) => (event.data.object as { invoice?: string }).invoice)).toEqual([
    changed.latest_invoice,
    changed.latest_invoice,
  ]);
  await stripe.subscriptions.cancel(subscription.id, { invoice_now: true, prorate: true });
  const ended = await stripe.subscriptions.retrieve(subscription.id);
  expect((await lastEvent('customer.subscription.deleted', subscription.id))?.data.object).toMatchObject({
    latest_invoice: ended.latest_invoice,
  });
});
