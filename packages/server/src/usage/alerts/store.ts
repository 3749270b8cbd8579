import type { UsageAlertType } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

export interface AlertRow {
  id: string;
  customer_id: string;
  key: string;
  type: UsageAlertType;
  meter_id: string | null;
  period_start_at: Date | null;
  created_at: Date;
}

/** False when the customer was told that before. */
export async function insertAlert(tx: Tx, row: AlertRow): Promise<boolean> {
  const inserted = await tx
    .insertInto('usage_alert')
    .values(row)
    .onConflict((conflict) => conflict.columns(['customer_id', 'key']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Of a customer; null: as its plan says. */
export async function alertPercentsOf(db: Reader, customerId: string): Promise<number[] | null> {
  const row = await db.selectFrom('customer').select('alert_percents').where('id', '=', customerId).executeTakeFirst();
  return row?.alert_percents ?? null;
}

export async function setAlertPercents(tx: Tx, customerId: string, percents: number[] | null): Promise<void> {
  await tx.updateTable('customer').set({ alert_percents: percents }).where('id', '=', customerId).execute();
}

/** Of these names those that the customer was told. */
export async function toldAlerts(db: Reader, customerId: string, keys: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom('usage_alert')
    .select('key')
    .where('customer_id', '=', customerId)
    .where('key', 'in', keys)
    .execute();
  return new Set(rows.map(({ key }) => key));
}

/**
 * By meter, the last period in which a customer was told that its quota is nearly or all used, where it was not told since that
 * one began anew.
 */
export async function warnedPeriods(db: Reader, customerId: string): Promise<Map<string, number>> {
  const { rows } = await sql<{ meter_id: string; warned_in: Date }>`
    select meter_id, max(period_start_at) filter (where type <> 'quota.reset') as warned_in
    from usage_alert
    where customer_id = ${customerId} and type in ('usage.threshold_reached', 'quota.exceeded', 'quota.reset')
    group by meter_id
    having max(period_start_at) filter (where type <> 'quota.reset')
      >= coalesce(max(period_start_at) filter (where type = 'quota.reset'), '-infinity')
  `.execute(db);
  return new Map(rows.map(({ meter_id, warned_in }) => [meter_id, warned_in.getTime()]));
}

/** Customers with a subscription that runs, by their ids, after one. */
export async function subscribersAfter(db: Reader, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('subscription')
    .select('customer_id')
    .distinct()
    .where('ended_at', 'is', null)
    .where('customer_id', '>', after)
    .orderBy('customer_id')
    .limit(limit)
    .execute();
  return rows.map(({ customer_id }) => customer_id);
}
