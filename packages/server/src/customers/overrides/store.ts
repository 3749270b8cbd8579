import type { Instant, Overrides } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';

export interface OverrideRow {
  from_at: Instant;
  expires_at: Instant | null;
  content: Overrides | null;
  reason: string | null;
  actor: string;
}

/** Looked back on at once: a late bill asks what was in force some periods ago. */
const mostRows = 200;

/** Every change, the oldest first. Content is written by `insertOverrides` only, from checked values. */
export async function overridesOf(db: Reader, customerId: string): Promise<OverrideRow[]> {
  const rows = await db
    .selectFrom('customer_override')
    .select(columns)
    .where('customer_id', '=', customerId)
    .orderBy('from_at', 'desc')
    .limit(mostRows)
    .execute();
  return rows.toReversed().map(rowOf);
}

/** Of each of these customers the newest change that began by `at`, where there is one. */
export async function overridesFrom(
  db: Reader,
  customerIds: readonly string[],
  at: Instant,
): Promise<Map<string, OverrideRow[]>> {
  if (customerIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('customer_override')
    .distinctOn('customer_id')
    .select('customer_id')
    .select(columns)
    .where('customer_id', 'in', customerIds)
    .where('from_at', '<=', new Date(at))
    .orderBy('customer_id')
    .orderBy('from_at', 'desc')
    .execute();
  return new Map(rows.map(({ customer_id, ...row }) => [customer_id, [rowOf(row)]]));
}

const columns = ['from_at', 'expires_at', 'reason', 'actor', sql<Overrides | null>`content`.as('content')] as const;

function rowOf(
  row: Omit<OverrideRow, 'from_at' | 'expires_at'> & { from_at: Date; expires_at: Date | null },
): OverrideRow {
  return { ...row, from_at: row.from_at.getTime(), expires_at: row.expires_at?.getTime() ?? null };
}

/** From `from_at` on. One that began at the same instant gives way. */
export async function insertOverrides(db: Reader, customerId: string, row: OverrideRow): Promise<void> {
  const { reason, actor } = row;
  const values = {
    content: row.content === null ? null : JSON.stringify(row.content),
    expires_at: row.expires_at === null ? null : new Date(row.expires_at),
    reason,
    actor,
  };
  await db
    .insertInto('customer_override')
    .values({ ...values, customer_id: customerId, from_at: new Date(row.from_at) })
    .onConflict((conflict) => conflict.columns(['customer_id', 'from_at']).doUpdateSet(values))
    .execute();
}
