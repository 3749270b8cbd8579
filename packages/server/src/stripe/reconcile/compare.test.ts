import { expect, test } from 'vitest';
import {
  type LocalSubscription,
  type RemoteSubscription,
  compareCharges,
  compareCustomers,
  compareGroups,
  compareInvoices,
  compareSubscriptions,
  compareUsage,
  comparedFrom,
} from './compare.ts';

const end = new Date(Date.UTC(2026, 1, 1));
const ours: LocalSubscription = {
  customer_id: 'cust_1',
  stripe_subscription_id: 'sub_1',
  status: 'active',
  superseded: false,
  quantity: 1,
  stripe_price_id: 'price_1',
  add_ons: '',
  currency: 'usd',
  current_period_end_at: end,
  cancel_at: null,
  trial_end_at: null,
  discounts: '',
  scheduled: null,
  stripe_payment_method_id: 'pm_1',
};
const theirs: RemoteSubscription = {
  stripe_subscription_id: 'sub_1',
  stripe_customer_id: 'cus_1',
  group: 'main',
  status: 'active',
  created_at: 1,
  quantity: 1,
  stripe_price_id: 'price_1',
  add_ons: '',
  currency: 'usd',
  current_period_end_at: end,
  cancel_at: null,
  trial_end_at: null,
  discounts: '',
  scheduled: null,
  stripe_payment_method_id: 'pm_1',
};
const ownerOf = (id: string) => (id === 'cus_1' ? 'cust_1' : null);

test.each<[string, Partial<LocalSubscription>, Partial<RemoteSubscription>, string[]]>([
  ['the same', {}, {}, []],
  ['another status', {}, { status: 'past_due' }, ['stale_status:sync']],
  ['ended there', {}, { status: 'canceled' }, ['extra_entitlement:sync']],
  ['another quantity', {}, { quantity: 2 }, ['wrong_quantity:sync']],
  ['another add-on', {}, { add_ons: 'price_3*1' }, ['wrong_terms:sync']],
  ['another price', {}, { stripe_price_id: 'price_2' }, ['wrong_terms:sync']],
  ['another period', {}, { current_period_end_at: new Date(0) }, ['wrong_terms:sync']],
  ['an end that is not known here', {}, { cancel_at: end }, ['wrong_terms:sync']],
  ['another end of the trial', { trial_end_at: end }, {}, ['wrong_terms:sync']],
  ['a discount', {}, { discounts: 'Launch' }, ['wrong_terms:sync']],
  ['a change that is arranged', {}, { scheduled: 'price_2*1 2026-02-01T00:00:00.000Z' }, ['wrong_terms:sync']],
  ['another card', {}, { stripe_payment_method_id: null }, ['wrong_terms:sync']],
  ['another currency', {}, { currency: 'eur', status: 'past_due' }, ['currency_mismatch:null']],
])('a subscription: %s', (_, here, there, expected) => {
  const found = compareSubscriptions([{ ...ours, ...here }], [{ ...theirs, ...there }], ownerOf);
  expect(found.map(({ kind, repair }) => `${kind}:${repair}`)).toEqual(expected);
});

test('a subscription on one side only: an ended one is no difference', () => {
  const kinds = (found: { kind: string; repair: string | null }[]) => found.map(({ kind, repair }) => [kind, repair]);
  expect(kinds(compareSubscriptions([], [theirs], ownerOf))).toEqual([['orphan_subscription', 'sync']]);
  expect(kinds(compareSubscriptions([], [theirs], () => null))).toEqual([['orphan_subscription', null]]);
  expect(kinds(compareSubscriptions([], [{ ...theirs, status: 'canceled' }], ownerOf))).toEqual([]);
  expect(kinds(compareSubscriptions([ours], [], ownerOf))).toEqual([['extra_entitlement', 'sync']]);
  expect(kinds(compareSubscriptions([{ ...ours, status: 'canceled' }], [], ownerOf))).toEqual([]);
});

test('customers: unlinked, doubled, vanished, unknown', () => {
  const found = compareCustomers(
    [
      { id: 'cust_1', stripe_customer_id: 'cus_1' },
      { id: 'cust_2', stripe_customer_id: null },
      { id: 'cust_3', stripe_customer_id: 'cus_gone' },
    ],
    [
      { stripe_customer_id: 'cus_1', customer_id: 'cust_1' },
      { stripe_customer_id: 'cus_1b', customer_id: 'cust_1' },
      { stripe_customer_id: 'cus_2', customer_id: 'cust_2' },
      { stripe_customer_id: 'cus_2b', customer_id: 'cust_2' },
      { stripe_customer_id: 'cus_9', customer_id: 'cust_9' },
    ],
  );
  expect(found.map(({ kind, object_id, repair }) => [kind, object_id, repair])).toEqual([
    ['duplicate_customer', 'cus_1b', null],
    ['missing_customer', 'cus_2', 'link'],
    ['duplicate_customer', 'cus_2b', null],
    ['missing_customer', 'cus_9', null],
    ['vanished_customer', 'cus_gone', 'sync'],
  ]);
});

test.each([
  ['every night: as far as Stripe keeps events', -1, -30],
  ['after two months of nothing: to the last comparison and a day', -60, -61],
  ['a clock that was ahead shortens nothing', 5, -30],
])('how far back is compared, %s', (_, last, from) => {
  const now = Date.parse('2026-06-30T03:00:00Z');
  expect(comparedFrom(now, now + last * 86_400_000)).toBe(now + from * 86_400_000);
});

test('charges: what was given back, disputed or never seen; those of strangers are none of ours', () => {
  const charge = { status: 'succeeded', amount_refunded_minor: 0, dispute_status: null };
  const local = ['ch_1', 'ch_2', 'ch_3'].map((id) => ({ ...charge, id }));
  const of = { ...charge, stripe_customer_id: 'cus_1' };
  const remote = [
    { ...of, id: 'ch_1' },
    { ...of, id: 'ch_2', amount_refunded_minor: 500 },
    { ...of, id: 'ch_3', dispute_status: 'needs_response' },
    { ...of, id: 'ch_4', status: 'failed' },
    { ...of, id: 'ch_5', stripe_customer_id: 'cus_stranger' },
  ];
  const found = compareCharges(local, remote, ownerOf);
  expect(found.map(({ object_id, repair }) => [object_id, repair])).toEqual([
    ['ch_2', 'sync'],
    ['ch_3', 'sync'],
    ['ch_4', 'sync'],
  ]);
  expect(found[0]?.detail).toBe(
    'The charge ch_2 is succeeded with 500 given back and no dispute at Stripe, and succeeded with 0 given back and no dispute here.',
  );
});

test('invoices and usage: what is missing, what is stale, what was billed twice', () => {
  const money = { status: 'paid', total_minor: 900, amount_paid_minor: 900 };
  const local = [{ customer_id: 'cust_1', stripe_invoice_id: 'in_1', ...money, status: 'open' }];
  const remote = ['in_1', 'in_2'].map((id) => ({ stripe_invoice_id: id, stripe_customer_id: 'cus_1', ...money }));
  const invoices = compareInvoices(local, remote, ownerOf);
  expect(invoices.map(({ kind }) => kind)).toEqual(['stale_invoice', 'missing_invoice']);
  const reports = ['a', 'b', 'c'].map((id) => ({ id, customer_id: 'cust_1', amount_minor: 60 }));
  const billed = new Map([
    ['a', 60],
    ['c', 120],
  ]);
  expect(compareUsage(reports, billed).map(({ kind, repair }) => [kind, repair])).toEqual([
    ['usage_not_billed', 'bill'],
    ['usage_billed_twice', null],
  ]);
});

test('a second live subscription is one of the same group; of another group, or over, it is none', () => {
  const second = { ...theirs, stripe_subscription_id: 'sub_2', created_at: 2 };
  const found = (...more: RemoteSubscription[]) => compareGroups([], [...more, theirs], ownerOf);
  expect(found(second)).toMatchObject([
    { kind: 'duplicate_subscription', customer_id: 'cust_1', object_id: 'sub_2', repair: 'sync' },
  ]);
  expect(found(second)[0]?.detail).toMatch(/sub_2 .* cust_1 in the group "main", beside sub_1\.$/);
  expect(found({ ...second, group: 'maps' })).toEqual([]);
  expect(found({ ...second, status: 'canceled' })).toEqual([]);
  expect(found({ ...second, group: null })).toEqual([]);
  expect(found({ ...second, stripe_customer_id: 'cus_2' })).toEqual([]);
  const both = found({ ...second, group: 'maps' }, { ...second, stripe_subscription_id: 'sub_3', group: 'maps' });
  expect(both.map(({ object_id }) => object_id)).toEqual(['sub_3']);
});

test('of two live subscriptions of one second, the second sale is the one that does not entitle here', () => {
  const other = { ...theirs, stripe_subscription_id: 'sub_0' };
  const found = (...local: Partial<LocalSubscription>[]) =>
    compareGroups(
      local.map((more) => ({ ...ours, ...more })),
      [other, theirs],
      ownerOf,
    ).map(({ object_id }) => object_id);
  expect(found()).toEqual(['sub_1']);
  expect(found({})).toEqual(['sub_0']);
  expect(found({ superseded: true })).toEqual(['sub_1']);
  expect(found({ status: 'canceled' })).toEqual(['sub_1']);
});
