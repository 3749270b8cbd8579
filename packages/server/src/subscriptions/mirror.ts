import { chooseBases, isBase, isLiveStatus } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import { holds } from '../lib/holds.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { recordPhase } from './phases.ts';
import {
  type MirrorSubscription,
  type SubscriptionRow,
  insertSubscription,
  subscriptionsOf,
  updateSubscription,
} from './store.ts';

export interface MirrorResult {
  /** Every subscription of the customer after the mirror, oldest first. */
  subscriptions: SubscriptionRow[];
  /** Those that entitle the customer, one in each group at most. */
  bases: SubscriptionRow[];
  /** Each of them with what it was before this read. */
  changes: { before: SubscriptionRow | null; after: SubscriptionRow }[];
  /** Whether this read said anything that was not known. */
  is_news: boolean;
  /** Stripe ids of further live subscriptions of a group: bought twice, to be undone. */
  duplicates: string[];
}

/**
 * Writes what Stripe says of one customer's subscriptions. Idempotent, and an older read never overwrites a newer one. Most
 * reads say what is known, and write nothing.
 * Rows that stop being live are written before those that are, so that the unique index holds at every step.
 */
export function createSubscriptionMirror(deps: { clock: Clock }) {
  return async function mirror(
    tx: Tx,
    customerId: string,
    seen: readonly MirrorSubscription[],
    fetchedAt: Date,
  ): Promise<MirrorResult> {
    const known = await subscriptionsOf(tx, customerId);
    const entitling = new Set(known.filter(isBase).map((row) => row.stripe_subscription_id));
    const { duplicates } = chooseBases(
      seen.map(({ stripe_subscription_id: id, group, status, stripe_created_at }) => ({
        id,
        group,
        status,
        created_at: stripe_created_at.getTime(),
        entitles_here: entitling.has(id),
      })),
    );
    const ordered = seen.toSorted(
      (a, b) =>
        Number(isLiveStatus(a.status) && !duplicates.includes(a.stripe_subscription_id)) -
        Number(isLiveStatus(b.status) && !duplicates.includes(b.stripe_subscription_id)),
    );
    const news = new Set<string>();
    for (const subscription of ordered) {
      const values = {
        ...subscription,
        past_due_since_at: pastDueSince(subscription),
        superseded: duplicates.includes(subscription.stripe_subscription_id) || wasSuperseded(known, subscription),
      };
      const existing = known.find(
        (candidate) => candidate.stripe_subscription_id === subscription.stripe_subscription_id,
      );
      if (existing !== undefined && holds(existing, values)) continue;
      news.add(subscription.stripe_subscription_id);
      const row = { ...values, fetched_at: fetchedAt };
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
    const subscriptions = news.size === 0 ? known : await subscriptionsOf(tx, customerId);
    const changes = subscriptions.map((after) => ({ before: known.find(({ id }) => id === after.id) ?? null, after }));
    for (const { before, after } of changes)
      if (news.has(after.stripe_subscription_id)) await recordPhase(tx, before, after, fetchedAt);
    const bases = subscriptions.filter(isBase);
    return { subscriptions, bases, changes, is_news: news.size > 0, duplicates };
  };
}

/** A second sale stays marked after it is undone, so that it never counts as a churned customer. */
function wasSuperseded(known: readonly SubscriptionRow[], subscription: MirrorSubscription): boolean {
  const before = known.find((row) => row.stripe_subscription_id === subscription.stripe_subscription_id);
  return before?.superseded === true && !isLiveStatus(subscription.status);
}

/** The unpaid invoice is the one of the current period, so grace counts from the period's start: a function of Stripe's state alone. */
function pastDueSince(subscription: MirrorSubscription): Date | null {
  return subscription.status === 'past_due' || subscription.status === 'unpaid'
    ? subscription.current_period_start_at
    : null;
}
