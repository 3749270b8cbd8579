import type Stripe from 'stripe';
import type { MirrorInvoice, MirrorLine } from '../invoices/store.ts';
import type { Card, Discount, MirrorSubscription } from '../subscriptions/store.ts';
import type { MirrorCharge } from './store.ts';

/** A shape or reference we do not know. The event that led here is parked with this reason, for an operator to see. */
export class Unreadable extends Error {
  override name = 'Unreadable';
}

/** Pure. With `client.ts` the only place that knows Stripe's field names; times there are whole seconds. */
export function translateSubscription(
  subscription: Stripe.Subscription,
  sold: Pick<MirrorSubscription, 'group' | 'plan_version_id' | 'plan_price_id'>,
  more: Pick<
    MirrorSubscription,
    'add_ons' | 'scheduled_price_id' | 'scheduled_quantity' | 'scheduled_add_ons' | 'scheduled_at' | 'card'
  >,
): MirrorSubscription {
  const item = baseItem(subscription);
  return {
    stripe_subscription_id: subscription.id,
    ...sold,
    quantity: item.quantity ?? 1,
    status: subscription.status,
    billing_anchor_at: at(subscription.billing_cycle_anchor),
    current_period_start_at: at(item.current_period_start),
    current_period_end_at: at(item.current_period_end),
    cancel_at: orNull(subscription.cancel_at),
    canceled_at: orNull(subscription.canceled_at),
    ended_at: orNull(subscription.ended_at),
    trial_end_at: orNull(subscription.trial_end),
    paused_at:
      subscription.status === 'paused' ? orNull(subscription.status_details?.paused.transitioned_at ?? null) : null,
    cancel_reason: subscription.cancellation_details?.feedback ?? null,
    cancel_comment: subscription.cancellation_details?.comment ?? null,
    pending_until_at: orNull(subscription.pending_update?.expires_at ?? null),
    discounts: subscription.discounts.flatMap(translateDiscount),
    ...more,
    stripe_created_at: at(subscription.created),
  };
}

/** Null for what is no card, or is named by its id alone. */
export function translateCard(method: string | Stripe.PaymentMethod | null): Card | null {
  if (method === null || typeof method === 'string' || method.card === undefined) return null;
  const { brand, last4, exp_month, exp_year } = method.card;
  return { stripe_payment_method_id: method.id, brand, last4, exp_month, exp_year };
}

/** The next phase of a schedule: what the subscription becomes, and when. Null when nothing is arranged. */
export function nextPhaseOf(
  schedule: string | Stripe.SubscriptionSchedule | null,
): { items: { stripe_price_id: string; quantity: number }[]; at: Date } | null {
  if (schedule === null || typeof schedule === 'string' || schedule.current_phase === null) return null;
  const { end_date } = schedule.current_phase;
  const next = schedule.phases.find((phase) => phase.start_date === end_date);
  if (next === undefined || next.items.length === 0) return null;
  const items = next.items.map(({ price, quantity }) => ({ stripe_price_id: idOf(price), quantity: quantity ?? 1 }));
  return { items, at: at(end_date) };
}

export function translateDiscount(discount: string | Stripe.Discount): Discount[] {
  if (typeof discount === 'string') return [];
  const coupon = discount.source.coupon;
  const known = coupon === null || typeof coupon === 'string' ? null : coupon;
  return [
    {
      stripe_promotion_code_id: discount.promotion_code === null ? null : idOf(discount.promotion_code),
      name: known?.name ?? 'Discount',
      percent_off_decimal: known?.percent_off == null ? null : String(known.percent_off),
      amount_off_minor: known?.amount_off ?? null,
      ends_at: orNull(discount.end)?.toISOString() ?? null,
    },
  ];
}

/** Stripe's id of the price that the subscription's base item is on. */
export function basePriceId(subscription: Stripe.Subscription): string {
  return baseItem(subscription).price.id;
}

/** Since 2025 the period stands on each item, not on the subscription; a missing one must never become an invalid date. */
export function baseItem(subscription: Stripe.Subscription): Stripe.SubscriptionItem {
  const { data } = subscription.items;
  const item =
    data.find((candidate) => candidate.price.recurring?.usage_type !== 'metered' && !isAddOnItem(candidate)) ?? data[0];
  if (item === undefined) throw new Unreadable(`Subscription ${subscription.id} has no items.`);
  if (!Number.isSafeInteger(item.current_period_start) || !Number.isSafeInteger(item.current_period_end)) {
    throw new Unreadable(`Subscription ${subscription.id} has an item without a period.`);
  }
  return item;
}

/** What is sold on top of the base item; `push` marks its prices, and those that bill its usage besides. */
export function isAddOnItem({ price: { metadata } }: { price: Pick<Stripe.Price, 'metadata'> }): boolean {
  return metadata['farebox_add_on'] === 'true' && metadata['farebox_meter'] === undefined;
}

export function translateInvoice(invoice: Stripe.Invoice, lines: readonly Stripe.InvoiceLineItem[]): MirrorInvoice {
  if (invoice.status === null) throw new Unreadable(`Invoice ${invoice.id} has no status.`);
  return {
    stripe_invoice_id: invoice.id,
    stripe_subscription_id: subscriptionOf(invoice),
    number: invoice.number,
    status: invoice.status,
    billing_reason: invoice.billing_reason,
    currency: invoice.currency,
    subtotal_minor: invoice.subtotal,
    total_minor: invoice.total,
    amount_due_minor: invoice.amount_due,
    amount_paid_minor: invoice.amount_paid,
    discount_minor: (invoice.total_discount_amounts ?? []).reduce((sum, { amount }) => sum + amount, 0),
    tax_minor: (invoice.total_taxes ?? []).reduce((sum, { amount }) => sum + amount, 0),
    credited_minor: invoice.post_payment_credit_notes_amount,
    attempt_count: invoice.attempt_count,
    next_attempt_at: orNull(invoice.next_payment_attempt),
    payment_state: 'none',
    failure_reason: null,
    period_start_at: at(invoice.period_start),
    period_end_at: at(invoice.period_end),
    hosted_url: invoice.hosted_invoice_url ?? null,
    pdf_url: invoice.invoice_pdf ?? null,
    finalized_at: orNull(invoice.status_transitions.finalized_at),
    paid_at: orNull(invoice.status_transitions.paid_at),
    stripe_created_at: at(invoice.created),
    lines: lines.map(translateLine),
  };
}

/** The subscription an invoice is for: `parent.subscription_details`, where it stands since 2025. */
function subscriptionOf(invoice: Stripe.Invoice): string | null {
  const subscription = invoice.parent?.subscription_details?.subscription;
  if (subscription !== undefined && subscription !== null) return idOf(subscription);
  // The last usage of a subscription that has ended stands on an invoice of its own, which we mark.
  return invoice.metadata?.['farebox_subscription'] ?? null;
}

/** What stands in the way of an open invoice's payment, from its payment's own state. */
export function translateObstacle(
  intent: Stripe.PaymentIntent,
): Pick<MirrorInvoice, 'payment_state' | 'failure_reason'> {
  if (intent.status === 'requires_action' || intent.last_payment_error?.code === 'authentication_required')
    return { payment_state: 'action_required', failure_reason: null };
  const reason = intent.last_payment_error?.message ?? null;
  return { payment_state: reason === null ? 'none' : 'declined', failure_reason: reason };
}

function translateLine(line: Stripe.InvoiceLineItem): MirrorLine {
  const isOverage = line.metadata['farebox_usage_report'] !== undefined;
  return {
    stripe_line_id: line.id,
    kind: lineKind(line),
    unit_price_decimal: line.metadata['farebox_unit_price'] ?? null,
    description: line.description ?? 'Charge',
    quantity: isOverage ? Number(line.metadata['farebox_quantity'] ?? line.quantity) : line.quantity,
    amount_minor: line.amount,
    period_start_at: at(line.period.start),
    period_end_at: at(line.period.end),
    usage_report_id: line.metadata['farebox_usage_report'] ?? line.metadata['farebox_minimum_report'] ?? null,
    stripe_price_id: priceOfLine(line),
  };
}

function priceOfLine({ pricing }: Stripe.InvoiceLineItem): string | null {
  const price = pricing?.price_details?.price;
  return price === undefined ? null : idOf(price);
}

/** What `push` calls the product of a meter of a plan; ids of plans and meters have no hyphen. */
export function meterProductId(installation_id: string, plan_id: string, meter_id: string): string {
  return `${installation_id}_${plan_id}-meter-${meter_id}`;
}

/** Which meter a line of Stripe's own rating is of; null for any other line. */
export function meterOfLine({ pricing }: Pick<Stripe.InvoiceLineItem, 'pricing'>): string | null {
  return /-meter-([a-z0-9_]+)$/.exec(pricing?.price_details?.product ?? '')?.[1] ?? null;
}

export function lineKind(line: Stripe.InvoiceLineItem): MirrorLine['kind'] {
  if (line.metadata['farebox_usage_report'] !== undefined) return 'overage';
  if (line.metadata['farebox_minimum_report'] !== undefined) return 'minimum';
  if (line.metadata['farebox_credit_report'] !== undefined) return 'credit';
  if (line.metadata['farebox_cap_report'] !== undefined) return 'cap';
  if (line.metadata['farebox_usage_adjustment'] !== undefined) return 'correction';
  const { parent } = line;
  if (meterOfLine(line) !== null) return 'overage';
  const details = parent?.subscription_item_details ?? parent?.invoice_item_details;
  if (details?.proration === true) return 'proration';
  return parent?.type === 'subscription_item_details' ? 'base' : 'other';
}

/** What every event says of itself, thin or with a snapshot. */
export interface EventHead {
  id: string;
  type: string;
  api_version: string | null;
  livemode: boolean;
  created_at: Date;
}

/** Null when this is no event. A snapshot event counts seconds, a thin one writes the time out. */
export function eventHeadOf(body: unknown): EventHead | null {
  if (!isRecord(body)) return null;
  const { id, type, created, livemode } = body;
  const created_at = typeof created === 'number' ? at(created) : new Date(typeof created === 'string' ? created : NaN);
  if (typeof id !== 'string' || typeof type !== 'string' || Number.isNaN(created_at.getTime())) return null;
  return { id, type, api_version: stringOr(body['api_version']), livemode: livemode === true, created_at };
}

/** Whom an event speaks of: Stripe's customer id, or what to ask Stripe for to learn it. A hint and nothing more. */
export interface Subject {
  object_id: string | null;
  stripe_customer_id: string | null;
  charge_id: string | null;
  invoice_id: string | null;
}

export function subjectOf(body: unknown): Subject {
  const nobody: Subject = { object_id: null, stripe_customer_id: null, charge_id: null, invoice_id: null };
  if (!isRecord(body)) return nobody;
  const related = body['related_object'];
  if (isRecord(related)) {
    const id = stringOr(related['id']);
    return { ...nobody, object_id: id, stripe_customer_id: related['type'] === 'customer' ? id : null };
  }
  const data = body['data'];
  const object = isRecord(data) ? data['object'] : undefined;
  if (!isRecord(data) || !isRecord(object)) return nobody;
  const before = data['previous_attributes'];
  const id = stringOr(object['id']);
  return {
    object_id: id,
    stripe_customer_id:
      object['object'] === 'customer'
        ? id
        : // What was just taken from its customer names it only in what it was before.
          (idFrom(object['customer']) ?? (isRecord(before) ? idFrom(before['customer']) : null)),
    charge_id: idFrom(object['charge']),
    invoice_id: idFrom(object['invoice']),
  };
}

/** What an event about an invoice says which subscription it is of: now, and in API versions before 2025-03-31.basil. */
export function subscriptionIdOf(body: unknown): string | null {
  const data = isRecord(body) ? body['data'] : undefined;
  const object = isRecord(data) ? data['object'] : undefined;
  if (!isRecord(object)) return null;
  const { parent } = object;
  const details = isRecord(parent) ? parent['subscription_details'] : undefined;
  return (isRecord(details) ? idFrom(details['subscription']) : null) ?? idFrom(object['subscription']);
}

export function translateCharge(charge: Stripe.Charge, dispute: Stripe.Dispute | null): MirrorCharge {
  return {
    id: charge.id,
    stripe_payment_intent_id: charge.payment_intent === null ? null : idOf(charge.payment_intent),
    status: charge.status,
    currency: charge.currency,
    amount_minor: charge.amount,
    amount_refunded_minor: charge.amount_refunded,
    dispute_status: dispute?.status ?? null,
    stripe_created_at: at(charge.created),
  };
}

/** Stripe's statuses of a checkout are an open list in its types; one we do not know must not pass for any we do. */
export function translateCheckoutState(session: Stripe.Checkout.Session): 'open' | 'complete' | 'expired' {
  const status: string | null = session.status;
  if (status === 'open' || status === 'complete' || status === 'expired') return status;
  throw new Unreadable(`Checkout session ${session.id} has the status ${String(status)}.`);
}

export function idOf(reference: string | { id: string }): string {
  return typeof reference === 'string' ? reference : reference.id;
}

function idFrom(reference: unknown): string | null {
  if (typeof reference === 'string') return reference;
  return isRecord(reference) ? stringOr(reference['id']) : null;
}

function stringOr(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(seconds: number): Date {
  return new Date(seconds * 1000);
}

function orNull(seconds: number | null): Date | null {
  return seconds === null ? null : at(seconds);
}
