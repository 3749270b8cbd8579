import { addOnMisfit } from './add-on.ts';
import { monthlyMinor } from './catalog-effect.ts';
import { type LifecycleRefusal, type SubscriptionFacts, type Terms, refuseUnready } from './change.ts';
import type { Currency, Instant, Plan, Price } from './plan.ts';
import { findPrice, isAddOn } from './priced-plan.ts';

/** One subscriber of a plan, as the decision to move them to another version needs them. */
export interface MigrationFacts extends SubscriptionFacts {
  plan_version: number;
  /** The plan of the subscription: of an add-on, what it is on top of. */
  base_plan_id: string;
  /** The subscription's group. */
  group: string;
}

/** Which subscribers are moved, and onto what. */
export interface MigrationWish {
  /** The content of the version they are moved to. */
  plan: Plan;
  version: number;
  from_versions: readonly number[];
  when: 'now' | 'period_end';
}

export type MigrationRefusal = LifecycleRefusal | VersionMisfitCode | 'change_scheduled';
export type MigrationSkip = 'already_moved' | 'left_version' | 'subscription_ended';

export type MigrationDecision =
  | { effect: 'move'; when: 'now' | 'period_end'; at: Instant; terms: Terms }
  /** There is nothing to move any more. */
  | { effect: 'skip'; code: MigrationSkip; detail: string }
  /** They stay on their version until what is said is mended and the move is tried again. */
  | { effect: 'refuse'; code: MigrationRefusal; detail: string };

/**
 * What a migration does with one subscriber at `now`. Interval, currency and quantity stay theirs. What they arranged
 * themselves (a cancellation, a change) is never overruled, and nothing is moved while a payment is owed.
 */
export function decideMigration(facts: MigrationFacts, wish: MigrationWish, now: Instant): MigrationDecision {
  if (facts.terms.plan_id !== wish.plan.id) return skip('left_version', 'They do not have it any more.');
  if (facts.plan_version === wish.version) return skip('already_moved', 'They are on this version already.');
  if (!wish.from_versions.includes(facts.plan_version))
    return skip('left_version', `They are on version ${facts.plan_version} now.`);
  const unready = refuseUnready(facts, now);
  if (unready?.code === 'subscription_ended') return skip('subscription_ended', 'Their subscription has ended.');
  if (unready !== null) return unready;
  if (facts.has_schedule)
    return refuse('change_scheduled', 'A change is arranged for the end of their period; it goes first.');
  const fit = fitVersion(facts, wish.plan, `Version ${wish.version}`);
  if (!fit.fits) return refuse(fit.code, fit.detail);
  const { currency, interval, quantity } = facts.terms;
  const terms = { plan_id: wish.plan.id, currency, interval, quantity, amount_minor: fit.price.amount_minor };
  const at = wish.when === 'now' ? now : facts.current_period_end_at;
  return { effect: 'move', when: wish.when, at, terms };
}

/** What a subscription is on, as far as another version of it must be sold so too. */
export interface VersionTerms {
  group: string;
  base_plan_id: string;
  terms: Pick<Terms, 'currency' | 'interval' | 'quantity'>;
}

export type VersionMisfitCode = 'group_mismatch' | 'price_not_found' | 'add_on_not_available' | 'seats_out_of_range';

/** Whether a version can be had in the place of what somebody has, or why not; `name` says which version it is. */
export function fitVersion(
  held: VersionTerms,
  plan: Plan,
  name: string,
): { fits: true; price: Price } | { fits: false; code: VersionMisfitCode; detail: string } {
  const { currency, interval, quantity } = held.terms;
  // Moved into another group it would stand beside what they may have there already.
  if (!isAddOn(plan) && plan.group !== held.group)
    return no('group_mismatch', `${name} is of the group "${plan.group}", and they are subscribed in "${held.group}".`);
  const price = findPrice(plan, { currency, interval });
  if (price === null) return no('price_not_found', `${name} has no price in ${currency} by the ${interval}.`);
  const misfit = isAddOn(plan) ? addOnMisfit(plan, { plan_id: held.base_plan_id, currency, interval }) : null;
  if (misfit !== null) return no('add_on_not_available', misfit);
  const { seats } = plan;
  if (quantity < (seats?.minimum ?? 1) || quantity > (seats === null ? 1 : (seats.maximum ?? quantity)))
    return no('seats_out_of_range', `${name} is not sold for ${quantity} seats.`);
  return { fits: true, price };
}

function no(code: VersionMisfitCode, detail: string) {
  return { fits: false as const, code, detail };
}

/** Monthly recurring revenue of one currency, as it is and as the moves would leave it. */
export interface MigrationMrr {
  currency: Currency;
  now_minor: number;
  moved_minor: number;
}

/** What one decision makes of a subscriber's share of monthly recurring revenue. Who stays, stays at what they pay. */
export function migrationMrr(facts: MigrationFacts, decision: MigrationDecision): MigrationMrr {
  const of = (terms: Terms) => monthlyMinor(terms.amount_minor * terms.quantity, terms.interval);
  const now_minor = of(facts.terms);
  return {
    currency: facts.terms.currency,
    now_minor,
    moved_minor: decision.effect === 'move' ? of(decision.terms) : now_minor,
  };
}

/** Everybody is in exactly one of the five after `total`. */
export interface MigrationCounts {
  total: number;
  done: number;
  /** Arranged for the end of their period. */
  scheduled: number;
  failed: number;
  skipped: number;
  remaining: number;
}

/** `12 of 40 moved, 3 failed, 25 left`: on every screen and in a terminal. */
export function migrationProgressText(counts: MigrationCounts): string {
  const { total, done, scheduled, failed, skipped, remaining } = counts;
  const parts = [
    `${done} of ${total} moved`,
    scheduled > 0 ? `${scheduled} at the end of their period` : '',
    failed > 0 ? `${failed} failed` : '',
    skipped > 0 ? `${skipped} no longer to be moved` : '',
    remaining > 0 ? `${remaining} left` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function skip(code: MigrationSkip, detail: string): MigrationDecision {
  return { effect: 'skip', code, detail };
}

function refuse(code: MigrationRefusal, detail: string): MigrationDecision {
  return { effect: 'refuse', code, detail };
}
