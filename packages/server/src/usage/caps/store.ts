import type { CapOwner, Currency, SpendCapFrom } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

export interface SpendCapRow extends SpendCapFrom {
  actor: string;
}

/** Looked back on at once: a late bill asks what was in force some periods ago. */
const mostRows = 200;

/** What was said of a customer's caps, the oldest first. */
export async function spendCapsOf(db: Reader, customerId: string): Promise<SpendCapRow[]> {
  const rows = await db
    .selectFrom('spend_cap')
    .select([
      'from_at',
      'amount_minor',
      'actor',
      sql<CapOwner>`owner`.as('owner'),
      sql<Currency>`currency`.as('currency'),
    ])
    .where('customer_id', '=', customerId)
    .orderBy('from_at', 'desc')
    .limit(mostRows)
    .execute();
  return rows.toReversed().map((row) => ({ ...row, from_at: row.from_at.getTime() }));
}

/** From `from_at` on. One that began at the same instant gives way. */
export async function insertSpendCap(tx: Tx, customerId: string, row: SpendCapRow): Promise<void> {
  const { owner, amount_minor, currency, actor } = row;
  const values = { amount_minor, currency, actor };
  await tx
    .insertInto('spend_cap')
    .values({ ...values, customer_id: customerId, owner, from_at: new Date(row.from_at) })
    .onConflict((conflict) => conflict.columns(['customer_id', 'owner', 'from_at']).doUpdateSet(values))
    .execute();
}

/** What usage was billed in these months, in one currency; of all reports but one, where one is named. */
export async function spentIn(
  db: Reader,
  of: { customer_id: string; currency: Currency; months: readonly string[]; but?: string },
): Promise<Record<string, number>> {
  const { rows } = await sql<{ month: string; spent_minor: number }>`
    select month, sum(spent_minor)::bigint as spent_minor from usage_spent
    where customer_id = ${of.customer_id} and currency = ${of.currency} and month = any(${[...of.months]}::text[])
      and usage_report_id is distinct from ${of.but ?? null}
    group by month
  `.execute(db);
  return Object.fromEntries(rows.map(({ month, spent_minor }) => [month, spent_minor]));
}
