import { type WebhookEventType, cardState } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import type { InvoiceRow, MirrorInvoice } from '../invoices/store.ts';
import type { Card, StoredAddOn, SubscriptionRow } from '../subscriptions/store.ts';
import type { ChargeRow } from './store.ts';
import type { Mirrored } from './sync.ts';

/** A transition that a read of Stripe showed. Seen again under the same name, it is not told again. */
interface Transition {
  type: WebhookEventType;
  dedupe_key: string;
}

/** Writes what a mirror found into the webhooks' outbox, in the mirror's transaction. */
export interface ToldOfMoney {
  subscription(tx: Tx, of: Transition, before: SubscriptionRow | null, after: SubscriptionRow): Promise<void>;
  invoice(tx: Tx, of: Transition, before: InvoiceRow | null, after: InvoiceRow): Promise<void>;
  charge(tx: Tx, of: Transition, before: ChargeRow | null, after: ChargeRow): Promise<void>;
  /** What pays a subscription. */
  card(tx: Tx, of: Transition, subscription: SubscriptionRow, before: Card | null, after: Card): Promise<void>;
  /** Something about what the customer has or may use is different. */
  state(tx: Tx, customerId: string): Promise<void>;
}

const dayMs = 86_400_000;
/** As the mail that says the same. */
const trialNoticeMs = 3 * dayMs;

/** `isOld`: it happened before the customer was taken over from Stripe, and is told to nobody again. */
export async function tellTransitions(
  tx: Tx,
  told: ToldOfMoney,
  mirrored: Mirrored,
  { isOld, now }: { isOld(at: Date): boolean; now: number },
): Promise<void> {
  let changes = 0;
  for (const { before, after } of mirrored.subscriptions.changes) {
    if (before === null && isOld(after.stripe_created_at)) continue;
    for (const transition of subscriptionTransitions(before, after, now)) {
      await told.subscription(tx, transition, before, after);
      changes += 1;
    }
    const { card } = after;
    for (const transition of card === null ? [] : cardTransitions(before, { ...after, card }, now))
      if (card !== null) await told.card(tx, transition, after, before?.card ?? null, card);
  }
  for (const { before, after } of mirrored.invoices.changes) {
    if (before === null && isOld(after.paid_at ?? after.stripe_created_at)) continue;
    for (const transition of invoiceTransitions(before, after)) await told.invoice(tx, transition, before, after);
  }
  for (const { before, after } of mirrored.charges) {
    if (before === null && isOld(after.stripe_created_at)) continue;
    for (const transition of chargeTransitions(before, after)) await told.charge(tx, transition, before, after);
  }
  if (changes > 0) await told.state(tx, mirrored.customer_id);
}

/** A purchase whose first payment was never made is no subscription to anybody. */
const isBought = ({ status }: SubscriptionRow) => status !== 'incomplete' && status !== 'incomplete_expired';
const owes = ({ status }: SubscriptionRow) => status === 'past_due' || status === 'unpaid';

/** What became of one subscription between two reads. Pure. What may come and go is named by the read that saw it. */
export function subscriptionTransitions(
  stored: SubscriptionRow | null,
  after: SubscriptionRow,
  now: number,
): Transition[] {
  if (after.superseded || !isBought(after)) return [];
  const before = stored !== null && isBought(stored) ? stored : null;
  const found: Transition[] = [];
  const tell = (type: WebhookEventType, name: number | string) => found.push(named(type, after.id, name));
  if (before === null) tell('subscription.created', 'once');
  const trial_end = after.trial_end_at?.getTime() ?? 0;
  if (after.status === 'trialing' && trial_end > now && trial_end - now <= trialNoticeMs && after.cancel_at === null)
    tell('subscription.trial_ending', trial_end);
  if (before?.status === 'trialing' && after.status !== 'trialing') tell('subscription.trial_ended', 'once');
  if (after.ended_at !== null) {
    if (before?.ended_at == null) tell('subscription.canceled', 'once');
    return found;
  }
  if (after.status === 'active' && (before === null || before.status === 'trialing'))
    tell('subscription.activated', 'once');
  if (owes(after) && (before === null || !owes(before))) tell('subscription.past_due', now);
  return before === null ? found : [...found, ...changesOf(before, after, now)];
}

function changesOf(before: SubscriptionRow, after: SubscriptionRow, now: number): Transition[] {
  const found: Transition[] = [];
  const tell = (type: WebhookEventType, name: number) => found.push(named(type, after.id, name));
  const terms = ({ plan_price_id, quantity, add_ons }: SubscriptionRow) => [plan_price_id, quantity, termsOf(add_ons)];
  if (terms(before).join() !== terms(after).join()) tell('subscription.changed', now);
  if (after.scheduled_at !== null && !isSameSchedule(before, after)) tell('subscription.change_scheduled', now);
  if (
    after.status === 'active' &&
    before.status === 'active' &&
    after.current_period_start_at >= before.current_period_end_at
  )
    tell('subscription.renewed', after.current_period_start_at.getTime());
  if (owes(before) && after.status === 'active') tell('subscription.recovered', now);
  if (before.status !== 'paused' && after.status === 'paused') tell('subscription.paused', now);
  if (before.status === 'paused' && after.status === 'active') tell('subscription.resumed', now);
  if (before.cancel_at === null && after.cancel_at !== null) tell('subscription.cancel_scheduled', now);
  if (before.cancel_at !== null && after.cancel_at === null) tell('subscription.cancel_undone', now);
  return found;
}

function isSameSchedule(a: SubscriptionRow, b: SubscriptionRow): boolean {
  return (
    a.scheduled_price_id === b.scheduled_price_id &&
    a.scheduled_quantity === b.scheduled_quantity &&
    a.scheduled_at?.getTime() === b.scheduled_at?.getTime() &&
    termsOf(a.scheduled_add_ons ?? []) === termsOf(b.scheduled_add_ons ?? [])
  );
}

/** Add-ons as a text, whatever their order. */
function termsOf(addOns: readonly StoredAddOn[]): string {
  return addOns
    .map(({ plan_price_id, quantity }) => `${plan_price_id}*${quantity}`)
    .toSorted()
    .join('+');
}

/** A monthly subscription is read when it renews, at most 31 days before the next payment. As the mail that says the same. */
const cardNoticeMs = 31 * dayMs;

/** What pays one subscription, between two reads: another card, the same with other numbers, and one that ends before it pays again. */
export function cardTransitions(
  before: Pick<SubscriptionRow, 'card'> | null,
  after: Pick<SubscriptionRow, 'id' | 'status' | 'superseded' | 'ended_at' | 'cancel_at' | 'current_period_end_at'> & {
    card: Card;
  },
  now: number,
): Transition[] {
  const { card, status, superseded, ended_at, cancel_at } = after;
  if (superseded || ended_at !== null || status === 'incomplete' || status === 'incomplete_expired') return [];
  const expiry = `${card.stripe_payment_method_id}:${card.last4}:${card.exp_year}-${card.exp_month}`;
  const found: Transition[] = [];
  const was = before?.card ?? null;
  if (was?.stripe_payment_method_id !== card.stripe_payment_method_id)
    found.push(named('payment_method.attached', after.id, card.stripe_payment_method_id));
  else if (`${was.last4}:${was.exp_year}-${was.exp_month}` !== `${card.last4}:${card.exp_year}-${card.exp_month}`)
    found.push(named('payment_method.updated', after.id, expiry));
  const due = after.current_period_end_at.getTime();
  const isNear = due > now && due - now <= cardNoticeMs && cancel_at === null;
  if (isNear && (status === 'active' || status === 'trialing') && cardState(card, now, due) !== 'valid')
    found.push(named('payment_method.expiring', after.id, expiry));
  return found;
}

/** One invoice between two reads; a draft is nobody's yet. */
export function invoiceTransitions(
  before: Pick<InvoiceRow, 'status' | 'attempt_count' | 'payment_state'> | null,
  after: Pick<MirrorInvoice, 'stripe_invoice_id' | 'status' | 'attempt_count' | 'payment_state'>,
): Transition[] {
  const { status, attempt_count } = after;
  if (status === 'draft') return [];
  const found: Transition[] = [];
  const tell = (type: WebhookEventType, name: number | string) =>
    found.push(named(type, after.stripe_invoice_id, name));
  if (before === null || before.status === 'draft') tell('invoice.finalized', 'once');
  const isNew = before?.payment_state !== after.payment_state || before.attempt_count !== attempt_count;
  if (status === 'open' && isNew && after.payment_state === 'declined' && attempt_count > 0)
    tell('invoice.payment_failed', attempt_count);
  if (status === 'open' && isNew && after.payment_state === 'action_required')
    tell('invoice.action_required', attempt_count);
  if (status === 'paid' && before?.status !== 'paid') tell('invoice.paid', 'once');
  if (status === 'void' && before?.status !== 'void') tell('invoice.voided', 'once');
  return found;
}

/** One charge between two reads: what was given back only grows. */
export function chargeTransitions(
  before: Pick<ChargeRow, 'amount_refunded_minor' | 'dispute_status'> | null,
  after: Pick<ChargeRow, 'id' | 'amount_refunded_minor' | 'dispute_status'>,
): Transition[] {
  const found: Transition[] = [];
  const refunded = after.amount_refunded_minor;
  if (refunded > (before?.amount_refunded_minor ?? 0)) found.push(named('refund.created', after.id, refunded));
  if (after.dispute_status !== null && (before?.dispute_status ?? null) === null)
    found.push(named('dispute.opened', after.id, 'once'));
  return found;
}

function named(type: WebhookEventType, id: string, name: number | string): Transition {
  return { type, dedupe_key: `${type}:${id}:${name}` };
}
