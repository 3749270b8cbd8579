import { type Instant, longPeriodMs, renewalNoticeAt, renewalNoticeMs } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import type { Log } from '../../lib/log.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { type Renewal, markRenewalTold, renewalOf, renewalsAfter } from './store.ts';

/** Subscriptions that are looked at at once. */
const page = 500;

/**
 * Tells of the next invoice before it is made, once for each period: with what Stripe would bill then and the usage so far. By
 * the rules of `renewalNoticeAt`, or as soon as Stripe tells of it, where it is set to do so earlier.
 */
export function createRenewals<Upcoming>(deps: {
  db: Database;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  /** Asks Stripe. Null: nothing will be billed. */
  upcoming(renewal: Renewal): Promise<Upcoming | null>;
  /** In the transaction: the mail and the event. */
  told(tx: Tx, renewal: Renewal, upcoming: Upcoming): Promise<void>;
}) {
  const { db, clock } = deps;

  async function tell(renewal: Renewal): Promise<void> {
    const upcoming = await deps.upcoming(renewal);
    if (upcoming === null) return;
    await db.transaction(async (tx) => {
      if (await markRenewalTold(tx, renewal)) await deps.told(tx, renewal, upcoming);
    });
  }

  return {
    /** The job `renewals.sweep`. What Stripe cannot say now is asked again by the next one. */
    async sweep(): Promise<void> {
      const now = clock.now();
      const due = {
        now: new Date(now),
        usual_by: new Date(now + renewalNoticeMs.usual),
        long_by: new Date(now + renewalNoticeMs.long),
        long_ms: longPeriodMs,
        limit: page,
      };
      for (let after = ''; ;) {
        const found = await renewalsAfter(db.kysely, { ...due, after });
        for (const renewal of found) {
          if (renewalNoticeAt(periodOf(renewal)) > now) continue;
          try {
            await tell(renewal);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            deps.log.warn({ err: error, subscription_id: renewal.subscription_id }, 'a next invoice was not told yet');
          }
        }
        const last = found.at(-1);
        if (last === undefined) return;
        after = last.subscription_id;
      }
    },

    /** The job `renewals.tell`: Stripe told of a next invoice at that instant. One that is made by now is told no more. */
    async heard(stripeSubscriptionId: string, at: Instant): Promise<void> {
      const renewal = await renewalOf(db.kysely, stripeSubscriptionId, new Date(clock.now()));
      if (renewal === null || at < renewal.current_period_start_at.getTime()) return;
      await tell(renewal);
    },
  };
}

function periodOf({ current_period_start_at, current_period_end_at }: Renewal) {
  return { start_at: current_period_start_at.getTime(), end_at: current_period_end_at.getTime() };
}
