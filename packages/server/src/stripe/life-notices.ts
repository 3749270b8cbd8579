import { type DunningStage, type PricedPlan, cardExpiresAt, cardState, dunningAt, formatMoney } from '@farebox/core';
import type { MailData } from '@farebox/emails';
import type { InvoiceRow } from '../invoices/store.ts';
import type { SubscriptionRow } from '../subscriptions/store.ts';
import type { ChargeRow } from './store.ts';

/** Mails that follow from money, with what they say. */
export type MoneyNotice = {
  [K in Exclude<keyof MailData, 'verify_address' | 'reset_password'>]: {
    kind: K;
    /** What is told, as a name: the object and its transition. A second one of the same name is not sent. */
    dedupe_key: string;
    data: MailData[K];
  };
}[Exclude<keyof MailData, 'verify_address' | 'reset_password'>];

export interface Person {
  name: string;
  dashboard_url: string;
  api_url: string;
}

/** One subscription as a read found it, and as it was before. */
export interface Told {
  before: SubscriptionRow | null;
  after: SubscriptionRow;
  plan: PricedPlan;
  /** What it becomes at the period's end. */
  next: PricedPlan | null;
  /** Its oldest invoice that is still to be paid. */
  owed: InvoiceRow | null;
}

/** How long before something is taken away it is announced. */
const announceMs = 3 * 86_400_000;
/** A monthly subscription is read when it renews, at most 31 days before the next payment. */
const cardNoticeMs = 31 * 86_400_000;

/**
 * What a subscription's owner is told of its life. Pure: a transition is seen once, in the transaction that writes it, and
 * what is announced ahead is named by the instant it announces.
 */
export function lifeNotices(told: Told, person: Person, dunning: readonly DunningStage[], now: number): MoneyNotice[] {
  const { after } = told;
  if (after.superseded || after.status === 'incomplete' || after.status === 'incomplete_expired') return [];
  const ahead = [
    ...trialEnding(told, person, now),
    ...cardExpiring(told, person, now),
    ...finalNotice(told, person, dunning, now),
  ];
  return told.before === null ? ahead : [...transitions(told, told.before, person, now), ...ahead];
}

function transitions(told: Told, before: SubscriptionRow, person: Person, now: number): MoneyNotice[] {
  const { after, plan, next } = told;
  const { name, dashboard_url } = person;
  const notices: MoneyNotice[] = [];
  const key = (what: string, instant: number) => `${what}:${after.id}:${instant}`;
  const common = { name, plan_name: plan.name, dashboard_url };
  if (before.ended_at === null && after.ended_at !== null) {
    return [{ kind: 'subscription_ended', dedupe_key: key('ended', after.ended_at.getTime()), data: common }];
  }
  if (before.status === 'trialing' && after.status === 'active') {
    const data = { ...common, price: priceText(plan, after.quantity) };
    notices.push({ kind: 'trial_ended', dedupe_key: `trial_ended:${after.id}`, data });
  }
  if (before.plan_price_id !== after.plan_price_id || before.quantity !== after.quantity) {
    const data = { ...common, price: priceText(plan, after.quantity), amount: null };
    notices.push({ kind: 'plan_changed', dedupe_key: key('changed', now), data });
  }
  if (next !== null && after.scheduled_at !== null && !isSameSchedule(before, after)) {
    const price = priceText(next, after.scheduled_quantity ?? 1);
    const data = { ...common, plan_name: next.name, price, starts_on: dayOf(after.scheduled_at) };
    notices.push({ kind: 'change_scheduled', dedupe_key: key('scheduled', now), data });
  }
  if (before.status !== 'paused' && after.status === 'paused')
    notices.push({ kind: 'subscription_paused', dedupe_key: key('paused', now), data: common });
  if (before.status === 'paused' && after.status === 'active')
    notices.push({ kind: 'subscription_resumed', dedupe_key: key('resumed', now), data: common });
  if (before.cancel_at === null && after.cancel_at !== null) {
    const data = { ...common, ends_on: dayOf(after.cancel_at) };
    notices.push({ kind: 'cancellation_confirmed', dedupe_key: key('canceling', now), data });
  }
  if ((before.status === 'past_due' || before.status === 'unpaid') && after.status === 'active')
    notices.push({ kind: 'access_restored', dedupe_key: key('restored', now), data: common });
  return notices;
}

/** Of a subscription that is new, of who has a key already: others are welcomed. Once for each. */
export function confirmation(
  after: SubscriptionRow,
  plan: PricedPlan,
  { name, dashboard_url }: Person,
): Extract<MoneyNotice, { kind: 'subscription_confirmed' }> {
  const price = priceText(plan, after.quantity);
  const data = {
    name,
    plan_name: plan.name,
    price,
    next_payment_on: dayOf(after.current_period_end_at),
    dashboard_url,
  };
  return { kind: 'subscription_confirmed', dedupe_key: `subscription_confirmed:${after.id}`, data };
}

/** Money that went back to a card: what of it is new. */
export function refundNotices(
  before: Pick<ChargeRow, 'amount_refunded_minor'> | null,
  after: Pick<ChargeRow, 'id' | 'amount_refunded_minor' | 'currency'>,
  { name, dashboard_url }: Person,
): MoneyNotice[] {
  const refunded = after.amount_refunded_minor;
  const more = refunded - (before?.amount_refunded_minor ?? 0);
  if (more <= 0) return [];
  const data = { name, amount: formatMoney(more, after.currency), dashboard_url };
  return [{ kind: 'refund_issued', dedupe_key: `refund_issued:${after.id}:${refunded}`, data }];
}

function trialEnding({ after, plan }: Told, person: Person, now: number): MoneyNotice[] {
  if (after.status !== 'trialing' || after.trial_end_at === null || after.cancel_at !== null) return [];
  const end = after.trial_end_at.getTime();
  if (end <= now || end - now > announceMs) return [];
  const { name, dashboard_url } = person;
  const price = priceText(plan, after.quantity);
  const data = { name, plan_name: plan.name, price, ends_on: dayOf(after.trial_end_at), dashboard_url };
  return [{ kind: 'trial_ending', dedupe_key: `trial_ending:${after.id}:${end}`, data }];
}

/** A month ahead at most: the card that pays will not be good for the next payment. Once per card and date on it. */
function cardExpiring({ after, plan }: Told, person: Person, now: number): MoneyNotice[] {
  const { card, status } = after;
  const due = after.current_period_end_at.getTime();
  if (card === null || after.cancel_at !== null || (status !== 'active' && status !== 'trialing')) return [];
  if (due <= now || due - now > cardNoticeMs || cardState(card, now, due) === 'valid') return [];
  const { stripe_payment_method_id: id, exp_year, exp_month } = card;
  const data = {
    name: person.name,
    plan_name: plan.name,
    card: `${card.brand.slice(0, 1).toUpperCase()}${card.brand.slice(1)} •••• ${card.last4}`,
    expires_on: dayOf(new Date(cardExpiresAt(card) - 1)),
    next_payment_on: dayOf(after.current_period_end_at),
    dashboard_url: person.dashboard_url,
  };
  return [{ kind: 'card_expiring', dedupe_key: `card_expiring:${after.id}:${id}:${exp_year}-${exp_month}`, data }];
}

function finalNotice(told: Told, person: Person, dunning: readonly DunningStage[], now: number): MoneyNotice[] {
  const { after, owed } = told;
  if (after.status !== 'past_due' || after.past_due_since_at === null || owed === null) return [];
  const since = after.past_due_since_at.getTime();
  const next = dunningAt(dunning, since, now)?.next;
  if (next == null || next.step !== 'block' || next.at - now > announceMs) return [];
  const data = {
    name: person.name,
    amount: formatMoney(owed.amount_due_minor - owed.amount_paid_minor, owed.currency),
    stops_on: dayOf(new Date(next.at)),
    pay_url: owed.hosted_url ?? person.dashboard_url,
  };
  return [{ kind: 'final_notice', dedupe_key: `final_notice:${after.id}:${since}`, data }];
}

/**
 * What is told of an invoice that is not paid: each failed try once, and once that the bank wants to ask. Who changed a plan
 * or bought one is at the screen and sees it there.
 */
export function invoiceNotices(
  invoice: InvoiceRow,
  subscription: Pick<SubscriptionRow, 'past_due_since_at'> | null,
  person: Person,
  dunning: readonly DunningStage[],
  now: number,
): MoneyNotice[] {
  if (invoice.status !== 'open') return [];
  if (invoice.billing_reason === 'subscription_update' || invoice.billing_reason === 'subscription_create') return [];
  const amount = formatMoney(invoice.amount_due_minor - invoice.amount_paid_minor, invoice.currency);
  const pay_url = invoice.hosted_url ?? person.dashboard_url;
  const id = invoice.stripe_invoice_id;
  if (invoice.payment_state === 'action_required') {
    const data = { name: person.name, amount, pay_url };
    return [{ kind: 'action_required', dedupe_key: `action_required:${id}`, data }];
  }
  if (invoice.payment_state !== 'declined' || invoice.attempt_count === 0) return [];
  const since = subscription?.past_due_since_at?.getTime() ?? now;
  const data = {
    name: person.name,
    amount,
    reason: invoice.failure_reason,
    next_attempt_on: invoice.next_attempt_at === null ? null : dayOf(invoice.next_attempt_at),
    consequence: consequenceOf(dunning, since, now),
    pay_url,
  };
  return [{ kind: 'payment_failed', dedupe_key: `payment_failed:${id}:${invoice.attempt_count}`, data }];
}

/** What happens to access next, in words and with its day. */
function consequenceOf(dunning: readonly DunningStage[], since: number, now: number): string {
  const state = dunningAt(dunning, since, now);
  const next = state === null ? dunning[0] : dunning[dunning.findIndex(({ step }) => step === state.step) + 1];
  if (next === undefined)
    return state?.step === 'block'
      ? 'Requests with your API keys are refused until it is paid.'
      : 'Your API keys keep working for now.';
  const day = dayOf(new Date(since + next.after_days * 86_400_000));
  switch (next.step) {
    case 'warn':
      return 'Your API keys keep working.';
    case 'slow':
      return `Your API keys keep working; from ${day} with ${next.rate_percent} % of your rate limits.`;
    case 'read_only':
      return `From ${day} your API keys can only read.`;
    case 'block':
      return `Your API keys keep working until ${day}; then requests are refused.`;
  }
}

function isSameSchedule(a: SubscriptionRow, b: SubscriptionRow): boolean {
  return (
    a.scheduled_price_id === b.scheduled_price_id &&
    a.scheduled_quantity === b.scheduled_quantity &&
    a.scheduled_at?.getTime() === b.scheduled_at?.getTime()
  );
}

/** `$499.00 a month`, `3 × $20.00 a month` */
function priceText({ price }: PricedPlan, quantity: number): string {
  const one = `${formatMoney(price.amount_minor, price.currency)} a ${price.interval}`;
  return quantity === 1 ? one : `${quantity} × ${one}`;
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}
