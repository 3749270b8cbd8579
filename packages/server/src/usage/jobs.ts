import type { Instant } from '@farebox/core';
import type { Database } from '../db/database.ts';
import { createPartitions } from './partitions.ts';
import { deleteBatchesBefore, deleteRejectionsBefore, weekOf } from './store.ts';

/** Weeks that have their partition before they begin. */
const weeksAhead = 4;
const batchKeptMs = 7 * 86_400_000;
const rejectionKeptMs = 30 * 86_400_000;

/**
 * The job `usage.partitions`: gives this week and the next ones a partition, drops those whose events are older than they are
 * kept, and forgets old batches and rejections. Idempotent; to be run daily and at the start.
 */
export async function usagePartitions(
  db: Pick<Database, 'transaction' | 'kysely'>,
  now: Instant,
  kept_ms: number,
): Promise<{ created: string[]; dropped: string[] }> {
  const partitions = createPartitions(db);
  const created: string[] = [];
  let week = weekOf(now);
  for (let ahead = 0; ahead <= weeksAhead; ahead += 1) {
    const made = await partitions.ensure(week.start_at);
    if (made !== null) created.push(made);
    week = weekOf(week.end_at);
  }
  const dropped = await partitions.dropBefore(now - kept_ms);
  await deleteBatchesBefore(db.kysely, new Date(now - batchKeptMs));
  await deleteRejectionsBefore(db.kysely, new Date(now - rejectionKeptMs));
  return { created, dropped };
}
