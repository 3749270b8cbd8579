import type { ToldEntitlement } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';

/** What was told last; null: nothing yet. */
export async function toldEntitlements(
  db: Reader,
  customerId: string,
): Promise<Record<string, ToldEntitlement> | null> {
  const row = await db
    .selectFrom('told_entitlement')
    .select(sql<Record<string, ToldEntitlement>>`features`.as('features'))
    .where('customer_id', '=', customerId)
    .executeTakeFirst();
  return row?.features ?? null;
}

export async function saveTold(tx: Tx, customer_id: string, told: Record<string, ToldEntitlement>): Promise<void> {
  const features = JSON.stringify(told);
  await tx
    .insertInto('told_entitlement')
    .values({ customer_id, features })
    .onConflict((conflict) => conflict.column('customer_id').doUpdateSet({ features }))
    .execute();
}

/** Customers of whom time alone may have taken something: who owe, and whose overrides have just ended. */
export async function customersToTell(
  db: Reader,
  of: { since: Date; now: Date; after: string; limit: number },
): Promise<string[]> {
  const { rows } = await sql<{ customer_id: string }>`
    select customer_id from (
      select customer_id from subscription where status in ('past_due', 'unpaid') and not superseded
      union
      select customer_id from customer_override where expires_at > ${of.since} and expires_at <= ${of.now}
    ) as c where customer_id > ${of.after} order by customer_id limit ${of.limit}
  `.execute(db);
  return rows.map(({ customer_id }) => customer_id);
}
