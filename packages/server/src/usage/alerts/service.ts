import { type AlertFacts, type AlertedMeter, type UsageAlert, unitsToNextAlert, usageAlerts } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import type { Clock } from '../../ports.ts';
import { hourMs } from '../rollup.ts';
import type { UsageSummary } from '../read.ts';
import type { AskedScope } from '../service.ts';
import { alertPercentsOf, insertAlert, subscribersAfter, toldAlerts, warnedPeriods } from './store.ts';

const dayMs = 24 * hourMs;
const daysBefore = 7;
const page = 500;

/** An alert that is told now. */
export interface NewAlert extends UsageAlert {
  id: string;
  customer_id: string;
  created_at: number;
}

/**
 * Tells a customer what it should know about its usage: of each thing once in a period, in one transaction with the mail and the
 * event for webhooks. Looked at while usage comes, and every hour for what time alone changes.
 */
export function createAlerts(deps: {
  db: Database;
  clock: Clock;
  summaries(customerId: string): Promise<UsageSummary[]>;
  usedInPeriods(scopes: readonly AskedScope[]): Promise<number[]>;
  creditsOf(customerId: string): Promise<{ granted_minor: number; available_minor: number }>;
  /** In the transaction: mails and events. */
  told(tx: Tx, alert: NewAlert): Promise<void>;
}) {
  const { db, clock } = deps;

  async function factsOf(customer_id: string): Promise<AlertFacts | null> {
    const summaries = await deps.summaries(customer_id);
    const [first] = summaries;
    if (first === undefined) return null;
    const meters = summaries.flatMap((summary) => summary.meters);
    // Whole hours, which are read from the roll-up.
    const end = Math.ceil(clock.now() / hourMs) * hourMs;
    const days = Array.from({ length: daysBefore + 1 }, (_, ago) => end - (ago + 1) * dayMs);
    const scopes = meters.flatMap(({ meter_id }) =>
      days.map((start_at) => ({ customer_id, meter_id, start_at, end_at: start_at + dayMs })),
    );
    const used = await deps.usedInPeriods(scopes);
    const warned = await warnedPeriods(db.kysely, customer_id);
    const alerted = meters.map((meter, index): AlertedMeter => {
      const { meter_id, name, unit, included, quota, period_start_at } = meter;
      const [last_day = 0, ...days_before] = used.slice(index * days.length, (index + 1) * days.length);
      const of = { meter_id, name, unit, used: meter.quantity, included, quota, period_start_at };
      return { ...of, warned_in: warned.get(meter_id) ?? null, last_day, days_before };
    });
    const cap = first.spend_cap;
    const credits = await deps.creditsOf(customer_id);
    return {
      currency: first.currency,
      percents: (await alertPercentsOf(db.kysely, customer_id)) ?? first.alert_percents,
      meters: alerted,
      spend_cap:
        cap === null
          ? null
          : { month: cap.month, amount_minor: cap.amount_minor, spent_minor: cap.amount_minor - cap.remaining_minor },
      credits: { ...credits, period_start_at: first.period.start_at },
    };
  }

  /** Tells what is new. Answers after how many more units there may be more to tell. */
  async function look(customer_id: string): Promise<number> {
    const facts = await factsOf(customer_id);
    if (facts === null) return Number.POSITIVE_INFINITY;
    await tell(customer_id, usageAlerts(facts));
    return unitsToNextAlert(facts);
  }

  async function tell(customer_id: string, alerts: readonly UsageAlert[]): Promise<void> {
    if (alerts.length === 0) return;
    const known = await toldAlerts(
      db.kysely,
      customer_id,
      alerts.map(({ key }) => key),
    );
    for (const alert of alerts) {
      if (known.has(alert.key)) continue;
      const now = clock.now();
      const told: NewAlert = { ...alert, id: createId('ualt', now), customer_id, created_at: now };
      await db.transaction(async (tx) => {
        const { id, key, type, meter_id } = told;
        const period_start_at = told.period_start_at === null ? null : new Date(told.period_start_at);
        const row = { id, customer_id, key, type, meter_id, period_start_at, created_at: new Date(now) };
        if (await insertAlert(tx, row)) await deps.told(tx, told);
      });
    }
  }

  return {
    look,
    /** The job `usage.alerts`: everybody who is subscribed, one after the other. */
    async lookAtAll(): Promise<void> {
      let after = '';
      for (;;) {
        const ids = await subscribersAfter(db.kysely, after, page);
        for (const id of ids) await look(id);
        const last = ids.at(-1);
        if (last === undefined) return;
        after = last;
      }
    },
  };
}
