import type { AutoTopUpPause, AutoTopUpTerms } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

export interface AutoTopUpRow extends AutoTopUpTerms {
  customer_id: string;
  failures: number;
  retry_at: Date | null;
  pause_reason: AutoTopUpPause | null;
  paused_at: Date | null;
  set_at: Date;
}

function rows(db: Reader) {
  return db
    .selectFrom('auto_top_up')
    .select([
      'customer_id',
      'threshold_minor',
      'amount_minor',
      'monthly_limit_minor',
      'failures',
      'retry_at',
      'paused_at',
      'set_at',
    ])
    .select(sql<AutoTopUpPause | null>`pause_reason`.as('pause_reason'));
}

/** Null: it is off. */
export async function autoTopUpOf(db: Reader, customerId: string): Promise<AutoTopUpRow | null> {
  return (await rows(db).where('customer_id', '=', customerId).executeTakeFirst()) ?? null;
}

/** The same, locked until the transaction ends: whoever decides about a customer decides alone. */
export async function lockAutoTopUp(tx: Tx, customerId: string): Promise<AutoTopUpRow | null> {
  return (await rows(tx).where('customer_id', '=', customerId).forUpdate().executeTakeFirst()) ?? null;
}

/** Begins anew: what failed before is forgotten. */
export async function setAutoTopUp(tx: Tx, customer_id: string, terms: AutoTopUpTerms, at: Date): Promise<void> {
  const values = { ...terms, failures: 0, retry_at: null, pause_reason: null, paused_at: null, set_at: at };
  await tx
    .insertInto('auto_top_up')
    .values({ ...values, customer_id })
    .onConflict((conflict) => conflict.column('customer_id').doUpdateSet(values))
    .execute();
}

export async function updateAutoTopUp(
  tx: Tx,
  customerId: string,
  change: Pick<AutoTopUpRow, 'failures' | 'retry_at' | 'pause_reason' | 'paused_at'>,
): Promise<void> {
  await tx.updateTable('auto_top_up').set(change).where('customer_id', '=', customerId).execute();
}

/** False where it was off. */
export async function deleteAutoTopUp(tx: Tx, customerId: string): Promise<boolean> {
  const result = await tx.deleteFrom('auto_top_up').where('customer_id', '=', customerId).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Customers for whom something may be bought, by id, behind this one. */
export async function autoTopUpsAfter(db: Reader, after: string, limit: number): Promise<string[]> {
  const found = await db
    .selectFrom('auto_top_up')
    .select('customer_id')
    .where('customer_id', '>', after)
    .where('pause_reason', 'is', null)
    .orderBy('customer_id')
    .limit(limit)
    .execute();
  return found.map((row) => row.customer_id);
}

/** Of these customers, those for whom something may be bought. */
export async function autoTopUpsAmong(db: Reader, customerIds: readonly string[]): Promise<string[]> {
  const found = await db
    .selectFrom('auto_top_up')
    .select('customer_id')
    .where('pause_reason', 'is', null)
    .where(sql<boolean>`customer_id = any(${customerIds}::text[])`)
    .execute();
  return found.map((row) => row.customer_id);
}
