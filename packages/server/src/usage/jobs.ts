import type { Instant } from '@farebox/core';
import { sql } from 'kysely';
import { type Database, type Tx, lockKey } from '../db/database.ts';
import { deleteBatchesBefore } from './store.ts';

/** Months that have their partition before they begin, this one counted. */
const monthsAhead = 3;
const batchKeptMs = 7 * 86_400_000;

/**
 * The job `usage.partitions`: gives this month and the next two a partition of their own, and forgets the ids of old batches.
 * Idempotent; to be run daily and at the start. Events of a month without one are kept in `usage_event_other` meanwhile and
 * move when the partition comes.
 */
export async function usagePartitions(db: Database, now: Instant): Promise<{ created: string[] }> {
  const at = new Date(now);
  const created: string[] = [];
  for (let ahead = 0; ahead < monthsAhead; ahead += 1) {
    const start = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead, 1));
    const end = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead + 1, 1));
    const name = `usage_event_${start.getUTCFullYear()}_${String(start.getUTCMonth() + 1).padStart(2, '0')}`;
    if (await db.transaction((tx) => createPartition(tx, name, start, end))) created.push(name);
  }
  await deleteBatchesBefore(db.kysely, new Date(now - batchKeptMs));
  return { created };
}

/** False when there is one already. */
async function createPartition(tx: Tx, name: string, start: Date, end: Date): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${lockKey('usage.partitions')}::bigint)`.execute(tx);
  const known = await sql`select to_regclass(${name}) as name where to_regclass(${name}) is not null`.execute(tx);
  if (known.rows.length > 0) return false;
  const table = sql.table(name);
  // Built apart and attached, so that writers of other months are held up for the attaching only.
  await sql`create table ${table} (like usage_event including defaults including constraints)`.execute(tx);
  await sql`lock table usage_event_other in access exclusive mode`.execute(tx);
  await sql`
    with moved as (delete from usage_event_other where occurred_at >= ${start} and occurred_at < ${end} returning *)
    insert into ${table} select * from moved
  `.execute(tx);
  await sql`
    alter table usage_event attach partition ${table} for values from (${sql.lit(start.toISOString())}) to (${sql.lit(end.toISOString())})
  `.execute(tx);
  return true;
}
