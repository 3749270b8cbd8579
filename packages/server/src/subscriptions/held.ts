import type { Instant } from '@farebox/core';
import type { Database, Reader } from '../db/database.ts';
import type { PlanVersion } from '../plans/store.ts';
import { Problem } from '../problem.ts';
import { liveSubscriptions } from './store.ts';

/**
 * Refuses what a customer cannot have beside what it has: a second plan of a group, and a plan that measures what a plan of
 * another group measures already, since each unit of it would be billed by both.
 */
export async function refuseHeld(
  deps: { db: Database; versionById(id: string): Promise<PlanVersion | null> },
  customerId: string,
  wanted: Pick<PlanVersion, 'plan_id' | 'content'>,
): Promise<void> {
  const { group, usage } = wanted.content;
  for (const live of await liveSubscriptions(deps.db.kysely, customerId)) {
    const version = await deps.versionById(live.plan_version_id);
    const plan = version?.plan_id ?? 'unknown';
    if (live.group === group)
      throw new Problem(
        'already_subscribed',
        `The plan "${plan}" is there already. Change it instead; nothing was charged. See the dashboard.`,
        { param: 'plan_id' },
      );
    const shared = usage.find(({ meter_id }) => version?.content.usage.some((held) => held.meter_id === meter_id));
    if (shared !== undefined)
      throw new Problem(
        'already_subscribed',
        `The plan "${plan}" measures "${shared.meter_id}" already, as "${wanted.plan_id}" does. Nothing was charged.`,
        { param: 'plan_id' },
      );
  }
}

/**
 * Of what a customer has in several groups the one that is meant: that of the group that is named, or the only one. Null when
 * there is none. A purchase whose first payment is still to be made is meant only where nothing else is.
 */
export function oneOf<T extends { group: string; status: string }>(
  live: readonly T[],
  group: string | undefined,
): T | null {
  if (group !== undefined) return live.find((each) => each.group === group) ?? null;
  const bought = live.filter(({ status }) => status !== 'incomplete');
  const meant = bought.length === 0 ? live : bought;
  if (meant.length > 1) {
    const names = meant.map((each) => each.group).join(', ');
    throw new Problem(
      'ambiguous_subscription',
      `group: There are subscriptions in several groups: ${names}. Name one.`,
      {
        param: 'group',
      },
    );
  }
  return meant[0] ?? null;
}

/** When a customer pays next; of several subscriptions the first that is due. Null when none renews. */
export async function nextPaymentAt(db: Reader, customerId: string): Promise<Instant | null> {
  const live = await liveSubscriptions(db, customerId);
  const due = live.flatMap((row) => (row.cancel_at === null ? row.current_period_end_at.getTime() : []));
  return due.length === 0 ? null : Math.min(...due);
}
