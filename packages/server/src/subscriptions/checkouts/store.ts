import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';

/** So many of an add-on at one of its prices. */
export interface BoughtAddOn {
  plan_id: string;
  plan_price_id: string;
  quantity: number;
}

export interface CheckoutRow {
  id: string;
  customer_id: string;
  group: string;
  plan_version_id: string;
  plan_price_id: string;
  quantity: number;
  add_ons: BoughtAddOn[];
  /** Free days before the first charge; null: none. */
  trial_days: number | null;
  stripe_promotion_code_id: string | null;
  state: string;
  stripe_session_id: string | null;
  url: string | null;
  expires_at: Date;
  created_at: Date;
}

export async function openCheckouts(db: Reader, customerId: string): Promise<CheckoutRow[]> {
  return await checkouts(db).where('customer_id', '=', customerId).where('state', '=', 'open').execute();
}

export async function checkoutById(db: Reader, id: string): Promise<CheckoutRow | null> {
  return (await checkouts(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

function checkouts(db: Reader) {
  return db
    .selectFrom('checkout_session')
    .selectAll()
    .select(sql<BoughtAddOn[]>`add_ons`.as('add_ons'));
}

/** Takes the customer's one open place in the group. False when another checkout of the same customer holds it. */
export async function reserveCheckout(db: Reader, row: CheckoutRow): Promise<boolean> {
  const result = await db
    .insertInto('checkout_session')
    .values({ ...row, add_ons: JSON.stringify(row.add_ons) })
    .onConflict((conflict) =>
      conflict.columns(['customer_id', 'group']).where('state', '=', sql.lit('open')).doNothing(),
    )
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function recordCheckout(
  db: Reader,
  id: string,
  stripe: { stripe_session_id: string; url: string },
): Promise<void> {
  await db.updateTable('checkout_session').set(stripe).where('id', '=', id).execute();
}

/** Forward only: a checkout that is complete or expired stays so. */
export async function closeCheckout(db: Reader, id: string, state: 'complete' | 'expired'): Promise<void> {
  await db.updateTable('checkout_session').set({ state }).where('id', '=', id).where('state', '=', 'open').execute();
}

/** Customers with a checkout that is open, or ended by our clock without our hearing of it. */
export async function customersInCheckout(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('checkout_session')
    .select('customer_id')
    .where('state', '=', 'open')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.customer_id);
}
