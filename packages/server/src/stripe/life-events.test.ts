import { expect, test } from 'vitest';
import type { SubscriptionRow } from '../subscriptions/store.ts';
import { cardTransitions, chargeTransitions, invoiceTransitions, subscriptionTransitions } from './life-events.ts';

const dayMs = 86_400_000;
const now = Date.UTC(2026, 2, 10);
const at = (days: number) => new Date(now + days * dayMs);

function row(changes: Partial<SubscriptionRow> = {}): SubscriptionRow {
  return {
    id: 'subs_1',
    customer_id: 'cust_1',
    stripe_subscription_id: 'sub_1',
    group: 'main',
    plan_version_id: 'planv_1',
    plan_price_id: 'pprc_1',
    quantity: 1,
    status: 'active',
    billing_anchor_at: at(-10),
    current_period_start_at: at(-10),
    current_period_end_at: at(21),
    cancel_at: null,
    canceled_at: null,
    ended_at: null,
    trial_end_at: null,
    paused_at: null,
    cancel_reason: null,
    cancel_comment: null,
    pending_until_at: null,
    discounts: [],
    add_ons: [],
    scheduled_price_id: null,
    scheduled_quantity: null,
    scheduled_add_ons: null,
    scheduled_at: null,
    card: null,
    past_due_since_at: null,
    superseded: false,
    usage_due_at: null,
    stripe_created_at: at(-10),
    created_at: at(-10),
    ...changes,
  };
}

const types = (before: SubscriptionRow | null, after: SubscriptionRow) =>
  subscriptionTransitions(before, after, now).map(({ type }) => type.replace('subscription.', ''));

const next = { current_period_start_at: at(21), current_period_end_at: at(52) };
const trial = { status: 'trialing', trial_end_at: at(10) };
const addOn = { plan_price_id: 'pprc_9', quantity: 2 };

test.each<[string, Partial<SubscriptionRow> | null, Partial<SubscriptionRow>, string[]]>([
  ['nothing', {}, {}, []],
  ['the first sight of it', null, {}, ['created', 'activated']],
  ['a trial begins', null, trial, ['created']],
  ['an unpaid purchase', null, { status: 'incomplete' }, []],
  ['a purchase is paid', { status: 'incomplete' }, {}, ['created', 'activated']],
  ['a purchase is never paid', { status: 'incomplete' }, { status: 'incomplete_expired' }, []],
  ['a second sale', null, { superseded: true }, []],
  ['three days of trial are left', trial, { ...trial, trial_end_at: at(3) }, ['trial_ending']],
  ['a trial that is cancelled', trial, { ...trial, trial_end_at: at(3), cancel_at: at(3) }, ['cancel_scheduled']],
  ['a trial becomes paid', trial, { ...next }, ['trial_ended', 'activated']],
  ['a trial ends unpaid', trial, { status: 'past_due' }, ['trial_ended', 'past_due']],
  ['a trial ends with nothing', trial, { status: 'canceled', ended_at: at(0) }, ['trial_ended', 'canceled']],
  ['a new period', {}, next, ['renewed']],
  ['a period that starts over', {}, { current_period_start_at: at(0), current_period_end_at: at(31) }, []],
  ['another plan', {}, { plan_price_id: 'pprc_2' }, ['changed']],
  ['more seats', {}, { quantity: 3 }, ['changed']],
  ['an add-on', {}, { add_ons: [addOn] }, ['changed']],
  [
    'the same add-ons in another order',
    { add_ons: [addOn, { ...addOn, plan_price_id: 'a' }] },
    { add_ons: [{ ...addOn, plan_price_id: 'a' }, addOn] },
    [],
  ],
  [
    'a change is arranged',
    {},
    { scheduled_price_id: 'pprc_2', scheduled_quantity: 1, scheduled_at: at(21) },
    ['change_scheduled'],
  ],
  ['a change is taken back', { scheduled_price_id: 'pprc_2', scheduled_quantity: 1, scheduled_at: at(21) }, {}, []],
  ['a payment fails', {}, { status: 'past_due' }, ['past_due']],
  ['and again', { status: 'past_due' }, { status: 'unpaid' }, []],
  ['it is made good', { status: 'past_due' }, {}, ['recovered']],
  ['a pause', {}, { status: 'paused' }, ['paused']],
  ['its end', { status: 'paused' }, next, ['resumed']],
  ['a cancellation', {}, { cancel_at: at(21) }, ['cancel_scheduled']],
  ['taken back', { cancel_at: at(21) }, {}, ['cancel_undone']],
  ['the end', { cancel_at: at(0) }, { cancel_at: at(0), status: 'canceled', ended_at: at(0) }, ['canceled']],
  ['after the end', { status: 'canceled', ended_at: at(-1) }, { status: 'canceled', ended_at: at(-1) }, []],
])('%s', (_, before, after, expected) => {
  expect(types(before === null ? null : row(before), row(after))).toEqual(expected);
});

test('what happens once has a name without a time, what may come again one with it', () => {
  const name = (after: Partial<SubscriptionRow>, before: SubscriptionRow | null = row()) =>
    subscriptionTransitions(before, row(after), now).map(({ dedupe_key }) => dedupe_key);
  expect(name({}, null)).toEqual(['subscription.created:subs_1:once', 'subscription.activated:subs_1:once']);
  expect(name(next)).toEqual([`subscription.renewed:subs_1:${at(21).getTime()}`]);
  expect(name({ status: 'past_due' })).toEqual([`subscription.past_due:subs_1:${now}`]);
});

type Invoice = Parameters<typeof invoiceTransitions>[1];
const invoice = (changes: Partial<Invoice> = {}): Invoice => ({
  stripe_invoice_id: 'in_1',
  status: 'open',
  attempt_count: 0,
  payment_state: 'none',
  ...changes,
});
const declined = { payment_state: 'declined', attempt_count: 1 };

test.each<[string, Partial<Invoice> | null, Partial<Invoice>, string[]]>([
  ['a draft', null, { status: 'draft' }, []],
  ['finalized', { status: 'draft' }, {}, ['finalized']],
  ['seen first when it is paid', null, { status: 'paid' }, ['finalized', 'paid']],
  ['paid', {}, { status: 'paid' }, ['paid']],
  ['declined', {}, declined, ['payment_failed']],
  ['declined, read again', declined, declined, []],
  ['declined once more', declined, { ...declined, attempt_count: 2 }, ['payment_failed']],
  ['the bank asks', {}, { payment_state: 'action_required', attempt_count: 1 }, ['action_required']],
  ['voided', {}, { status: 'void' }, ['voided']],
  ['given up', {}, { status: 'uncollectible' }, []],
])('an invoice: %s', (_, before, after, expected) => {
  const found = invoiceTransitions(before === null ? null : invoice(before), invoice(after));
  expect(found.map(({ type }) => type.replace('invoice.', ''))).toEqual(expected);
});

test.each([
  [null, { amount_refunded_minor: 0, dispute_status: null }, []],
  [
    { amount_refunded_minor: 0, dispute_status: null },
    { amount_refunded_minor: 5, dispute_status: null },
    ['refund.created:ch_1:5'],
  ],
  [{ amount_refunded_minor: 5, dispute_status: null }, { amount_refunded_minor: 5, dispute_status: null }, []],
  [
    { amount_refunded_minor: 5, dispute_status: null },
    { amount_refunded_minor: 9, dispute_status: 'needs_response' },
    ['refund.created:ch_1:9', 'dispute.opened:ch_1:once'],
  ],
  [
    { amount_refunded_minor: 0, dispute_status: 'needs_response' },
    { amount_refunded_minor: 0, dispute_status: 'lost' },
    [],
  ],
])('a charge: %j, then %j', (before, after, expected) => {
  expect(chargeTransitions(before, { id: 'ch_1', ...after }).map(({ dedupe_key }) => dedupe_key)).toEqual(expected);
});

const card = { stripe_payment_method_id: 'pm_1', brand: 'visa', last4: '4242', exp_month: 12, exp_year: 2099 };
const ended = new Date(now - 40 * 86_400_000);
const over = { exp_year: ended.getUTCFullYear(), exp_month: ended.getUTCMonth() + 1 };

test.each<[string, typeof card | null, Partial<typeof card>, Partial<SubscriptionRow>, string[]]>([
  ['the first one', null, {}, {}, ['attached']],
  ['the same', card, {}, {}, []],
  ['another one', { ...card, stripe_payment_method_id: 'pm_0' }, {}, {}, ['attached']],
  ['with other numbers', card, { last4: '1881' }, {}, ['updated']],
  ['renewed by its bank', { ...card, exp_year: 2098 }, {}, {}, ['updated']],
  ['that ends before it pays again', { ...card, ...over }, over, {}, ['expiring']],
  ['of what ends anyway', { ...card, ...over }, over, { cancel_at: new Date(now + 1) }, []],
  ['of what has ended', null, {}, { ended_at: new Date(now) }, []],
])('a card: %s', (_, before, after, changes, expected) => {
  const subscription = { ...row(changes), card: { ...card, ...after } };
  const found = cardTransitions(before === null ? null : { card: before }, subscription, now);
  expect(found.map(({ type }) => type.replace('payment_method.', ''))).toEqual(expected);
});
