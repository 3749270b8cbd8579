import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

/** A subscription that goes on after its period, and whose next invoice nobody was told of. */
export interface Renewal {
  subscription_id: string;
  customer_id: string;
  group: string;
  current_period_start_at: Date;
  current_period_end_at: Date;
}

function renewals(db: Reader, now: Date) {
  return db
    .selectFrom('subscription')
    .select(['id as subscription_id', 'customer_id', 'group', 'current_period_start_at', 'current_period_end_at'])
    .where('superseded', '=', false)
    .where('ended_at', 'is', null)
    .where('paused_at', 'is', null)
    .where('status', 'in', ['active', 'trialing', 'past_due'])
    .where('current_period_end_at', '>', now)
    .where((eb) => eb.or([eb('cancel_at', 'is', null), eb('cancel_at', '>', eb.ref('current_period_end_at'))]))
    .where(sql<boolean>`renewal_told_at is distinct from current_period_end_at`);
}

/** Those that may be due, by their ids, after one: their period ends by `usual_by`, or is a long one and ends by `long_by`. */
export async function renewalsAfter(
  db: Reader,
  query: { now: Date; usual_by: Date; long_by: Date; long_ms: number; after: string; limit: number },
): Promise<Renewal[]> {
  const { now, usual_by, long_by, long_ms, after } = query;
  return await renewals(db, now)
    .where('current_period_end_at', '<=', long_by)
    .where(
      sql<boolean>`(current_period_end_at <= ${usual_by}
        or current_period_end_at - current_period_start_at >= ${long_ms} * interval '1 millisecond')`,
    )
    .where('id', '>', after)
    .orderBy('id')
    .limit(query.limit)
    .execute();
}

export async function renewalOf(db: Reader, stripeSubscriptionId: string, now: Date): Promise<Renewal | null> {
  const row = await renewals(db, now).where('stripe_subscription_id', '=', stripeSubscriptionId).executeTakeFirst();
  return row ?? null;
}

/** Notes that it is told; false when somebody did before, or when the period is another one by now. */
export async function markRenewalTold(tx: Tx, renewal: Renewal): Promise<boolean> {
  const { current_period_end_at } = renewal;
  const { numUpdatedRows } = await tx
    .updateTable('subscription')
    .set({ renewal_told_at: current_period_end_at })
    .where('id', '=', renewal.subscription_id)
    .where('current_period_end_at', '=', current_period_end_at)
    .where(sql<boolean>`renewal_told_at is distinct from current_period_end_at`)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
