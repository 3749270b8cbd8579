import { type Currency, type Instant, type Interval, intervals } from './plan.ts';

/** What is paid for: so many of a plan's price. */
export interface Terms {
  plan_id: string;
  interval: Interval;
  currency: Currency;
  /** Of one. */
  amount_minor: number;
  quantity: number;
}

/** What decides whether and how a subscription may be changed: its stored state, read in one go. */
export interface SubscriptionFacts {
  /** Stripe's status. */
  status: string;
  terms: Terms;
  current_period_end_at: Instant;
  trial_end_at: Instant | null;
  cancel_at: Instant | null;
  ended_at: Instant | null;
  /** A change at the period's end is arranged. */
  has_schedule: boolean;
}

/** Whose wish it is: a customer cannot take money back for what it may have used up. */
export type WishedBy = 'customer' | 'seller';

export type LifecycleRefusal =
  | 'subscription_ended'
  | 'subscription_incomplete'
  | 'subscription_paused'
  | 'subscription_not_paused'
  | 'payment_past_due'
  | 'no_change'
  | 'nothing_scheduled'
  | 'cancellation_scheduled'
  | 'not_canceling'
  | 'downgrade_at_period_end'
  | 'currency_mismatch'
  | 'trial_invalid';

export interface Refused {
  effect: 'refuse';
  code: LifecycleRefusal;
  /** One sentence that says what to do. */
  detail: string;
}

export interface ChangeWish {
  terms: Terms;
  /** Left out: an upgrade at once, a downgrade at the period's end. */
  when?: 'now' | 'period_end' | undefined;
  by: WishedBy;
}

export type ChangeDecision =
  | Refused
  | {
      effect: 'change_now';
      direction: Direction;
      /** The new interval begins today: the rest of the old period is given back and the new one is charged whole. */
      resets_anchor: boolean;
      /** A change that was arranged for the period's end is dropped. */
      drops_schedule: boolean;
    }
  | { effect: 'change_at_period_end'; direction: Direction; at: Instant };

export type Direction = 'upgrade' | 'downgrade' | 'same';

/** Which way a change goes: a longer interval is more, then what one interval costs counts. */
export function directionOf(from: Terms, to: Terms): Direction {
  const longer = intervals.indexOf(to.interval) - intervals.indexOf(from.interval);
  if (longer !== 0) return longer > 0 ? 'upgrade' : 'downgrade';
  const before = BigInt(from.amount_minor) * BigInt(from.quantity);
  const after = BigInt(to.amount_minor) * BigInt(to.quantity);
  return after > before ? 'upgrade' : after < before ? 'downgrade' : 'same';
}

/**
 * What a wish for another plan, interval or quantity does. The preview asks the same question, so it shows what the change
 * will do. An upgrade counts at once and pays the difference; a downgrade waits for the period's end, since what was paid for
 * may have been used. While a payment is owed nothing is sold: Stripe would give back what was never paid.
 */
export function decideChange(facts: SubscriptionFacts, wish: ChangeWish, now: Instant): ChangeDecision {
  const unready = refuseUnready(facts, now);
  if (unready !== null) return unready;
  if (wish.terms.currency !== facts.terms.currency)
    return refuse(
      'currency_mismatch',
      `The subscription is in ${facts.terms.currency}; prices in ${wish.terms.currency} need a new one.`,
    );
  if (isSame(facts.terms, wish.terms)) {
    return facts.has_schedule
      ? refuse('no_change', 'This is the plan you have. Undo the scheduled change to stay on it.')
      : refuse('no_change', 'This is the plan and quantity you have already.');
  }
  const direction = directionOf(facts.terms, wish.terms);
  const when = wish.when ?? (direction === 'downgrade' ? 'period_end' : 'now');
  const on_trial = facts.status === 'trialing';
  if (when === 'period_end') return { effect: 'change_at_period_end', direction, at: facts.current_period_end_at };
  if (direction === 'downgrade' && wish.by === 'customer' && !on_trial)
    return refuse(
      'downgrade_at_period_end',
      'A smaller plan begins at the end of the period that is paid for: ask with when=period_end.',
    );
  const resets_anchor = !on_trial && wish.terms.interval !== facts.terms.interval;
  return { effect: 'change_now', direction, resets_anchor, drops_schedule: facts.has_schedule };
}

/** Refuses any change of what is paid for while the subscription's state does not allow one. */
export function refuseUnready(facts: SubscriptionFacts, now: Instant): Refused | null {
  const dead = refuseDead(facts, now);
  if (dead !== null) return dead;
  if (facts.status === 'paused') return refuse('subscription_paused', 'Unpause the subscription first.');
  if (facts.status === 'past_due' || facts.status === 'unpaid')
    return refuse('payment_past_due', 'Pay the open invoice first; then the plan can be changed.');
  if (facts.cancel_at !== null)
    return refuse('cancellation_scheduled', 'The subscription is to end. Undo the cancellation first.');
  return null;
}

function isSame(a: Terms, b: Terms): boolean {
  return a.plan_id === b.plan_id && a.interval === b.interval && a.quantity === b.quantity;
}

export type CancelDecision = Refused | { effect: 'cancel_now' } | { effect: 'cancel_at_period_end'; at: Instant };

/** Ends now, or when what is paid for is used. What cannot be renewed (unpaid, paused) has no later end and ends now. */
export function decideCancel(facts: SubscriptionFacts, at: 'now' | 'period_end', now: Instant): CancelDecision {
  const ended = refuseEnded(facts, now);
  if (ended !== null) return ended;
  if (at === 'now' || ['incomplete', 'unpaid', 'paused', 'past_due'].includes(facts.status))
    return { effect: 'cancel_now' };
  if (facts.cancel_at !== null)
    return refuse('no_change', `It ends on ${new Date(facts.cancel_at).toISOString()} already.`);
  return { effect: 'cancel_at_period_end', at: facts.current_period_end_at };
}

/** Takes a cancellation back while the subscription still runs. */
export function decideResume(facts: SubscriptionFacts, now: Instant): Refused | { effect: 'keep' } {
  const ended = refuseEnded(facts, now);
  if (ended !== null) return ended;
  if (facts.cancel_at === null) return refuse('not_canceling', 'There is no cancellation to undo.');
  return { effect: 'keep' };
}

/** Stops periods and invoices, and access with them. Stripe pauses no subscription that is scheduled to change. */
export function decidePause(
  facts: SubscriptionFacts,
  now: Instant,
): Refused | { effect: 'pause'; drops_schedule: boolean } {
  const dead = refuseDead(facts, now);
  if (dead !== null) return dead;
  if (facts.status === 'paused') return refuse('subscription_paused', 'The subscription is paused already.');
  if (facts.status === 'past_due' || facts.status === 'unpaid')
    return refuse('payment_past_due', 'Pay the open invoice first; then the subscription can be paused.');
  if (facts.status === 'trialing') return refuse('trial_invalid', 'A trial cannot be paused; cancel it instead.');
  if (facts.cancel_at !== null)
    return refuse('cancellation_scheduled', 'The subscription is to end. Undo the cancellation first.');
  return { effect: 'pause', drops_schedule: facts.has_schedule };
}

export function decideUnpause(facts: SubscriptionFacts, now: Instant): Refused | { effect: 'unpause' } {
  const ended = refuseEnded(facts, now);
  if (ended !== null) return ended;
  if (facts.status !== 'paused') return refuse('subscription_not_paused', 'The subscription is not paused.');
  return { effect: 'unpause' };
}

/** A trial may be ended at once or be made longer, at most to two years from now, Stripe's bound. */
export function decideTrial(
  facts: SubscriptionFacts,
  wish: { end: 'now' } | { end: Instant },
  now: Instant,
): Refused | { effect: 'set_trial'; end_at: Instant | 'now' } {
  const dead = refuseDead(facts, now);
  if (dead !== null) return dead;
  if (facts.status !== 'trialing') return refuse('trial_invalid', 'The subscription is not on trial.');
  if (wish.end === 'now') return { effect: 'set_trial', end_at: 'now' };
  if (wish.end <= now) return refuse('trial_invalid', 'The trial must end in the future.');
  if (wish.end > now + 730 * 86_400_000) return refuse('trial_invalid', 'A trial lasts two years at most.');
  return { effect: 'set_trial', end_at: wish.end };
}

function refuseEnded(facts: SubscriptionFacts, now: Instant): Refused | null {
  const isOver = facts.status === 'canceled' || facts.status === 'incomplete_expired';
  if (isOver || (facts.ended_at !== null && now >= facts.ended_at))
    return refuse('subscription_ended', 'The subscription has ended. Choose a plan to begin a new one.');
  return null;
}

function refuseDead(facts: SubscriptionFacts, now: Instant): Refused | null {
  if (facts.status === 'incomplete') return refuse('subscription_incomplete', 'The first payment is still to be made.');
  return refuseEnded(facts, now);
}

function refuse(code: LifecycleRefusal, detail: string): Refused {
  return { effect: 'refuse', code, detail };
}
