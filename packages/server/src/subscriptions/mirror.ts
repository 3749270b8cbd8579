import type { Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { recordPhase } from './phases.ts';
import {
  type MirrorSubscription,
  type SubscriptionRow,
  insertSubscription,
  liveStatuses,
  subscriptionsOf,
  updateSubscription,
} from './store.ts';

export interface MirrorResult {
  /** Every subscription of the customer after the mirror, oldest first. */
  subscriptions: SubscriptionRow[];
  /** The one that entitles the customer; null when none is live. */
  base: SubscriptionRow | null;
  /** Rows that this read changed or added, each with what it was. */
  changes: { before: SubscriptionRow | null; after: SubscriptionRow }[];
  /** Stripe ids of further live subscriptions: bought twice, to be undone. */
  duplicates: string[];
}

/**
 * Writes what Stripe says of one customer's subscriptions. Idempotent, and an older read never overwrites a newer one.
 * Rows that stop being live are written before the one that is, so that the unique index holds at every step.
 */
export function createSubscriptionMirror(deps: { clock: Clock }) {
  return async function mirror(
    tx: Tx,
    customerId: string,
    seen: readonly MirrorSubscription[],
    fetchedAt: Date,
  ): Promise<MirrorResult> {
    const known = await subscriptionsOf(tx, customerId);
    const choice = chooseBase(seen);
    const ordered = seen.toSorted(
      (a, b) =>
        Number(isLive(a) && !choice.duplicates.includes(a.stripe_subscription_id)) -
        Number(isLive(b) && !choice.duplicates.includes(b.stripe_subscription_id)),
    );
    for (const subscription of ordered) {
      const row = {
        ...subscription,
        past_due_since_at: pastDueSince(subscription),
        superseded:
          choice.duplicates.includes(subscription.stripe_subscription_id) || wasSuperseded(known, subscription),
        fetched_at: fetchedAt,
      };
      const existing = known.find(
        (candidate) => candidate.stripe_subscription_id === subscription.stripe_subscription_id,
      );
      if (existing !== undefined) await updateSubscription(tx, existing.id, row);
      else {
        const now = deps.clock.now();
        await insertSubscription(tx, {
          ...row,
          id: createId('subs', now),
          customer_id: customerId,
          created_at: new Date(now),
        });
      }
    }
    const subscriptions = await subscriptionsOf(tx, customerId);
    const changes = subscriptions.map((after) => ({ before: known.find(({ id }) => id === after.id) ?? null, after }));
    for (const { before, after } of changes) await recordPhase(tx, before, after, fetchedAt);
    const base = subscriptions.find((row) => !row.superseded && isLive(row)) ?? null;
    return { subscriptions, base, changes, duplicates: choice.duplicates };
  };
}

/**
 * Of several live subscriptions one entitles: a paid-for one before an incomplete one, then the oldest.
 * The others are a second sale of the same thing.
 */
export function chooseBase(
  seen: readonly Pick<MirrorSubscription, 'stripe_subscription_id' | 'status' | 'stripe_created_at'>[],
): {
  base: string | null;
  duplicates: string[];
} {
  const live = seen
    .filter(isLive)
    .toSorted(
      (a, b) =>
        Number(a.status === 'incomplete') - Number(b.status === 'incomplete') ||
        a.stripe_created_at.getTime() - b.stripe_created_at.getTime() ||
        (a.stripe_subscription_id < b.stripe_subscription_id ? -1 : 1),
    );
  return {
    base: live[0]?.stripe_subscription_id ?? null,
    duplicates: live.slice(1).map((subscription) => subscription.stripe_subscription_id),
  };
}

function isLive(subscription: { status: string }): boolean {
  return liveStatuses.some((status) => status === subscription.status);
}

/** A second sale stays marked after it is undone, so that it never counts as a churned customer. */
function wasSuperseded(known: readonly SubscriptionRow[], subscription: MirrorSubscription): boolean {
  const before = known.find((row) => row.stripe_subscription_id === subscription.stripe_subscription_id);
  return before?.superseded === true && !isLive(subscription);
}

/** The unpaid invoice is the one of the current period, so grace counts from the period's start: a function of Stripe's state alone. */
function pastDueSince(subscription: MirrorSubscription): Date | null {
  return subscription.status === 'past_due' || subscription.status === 'unpaid'
    ? subscription.current_period_start_at
    : null;
}
