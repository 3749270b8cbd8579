import { sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';

export interface CustomerRow {
  id: string;
  external_id: string | null;
  name: string;
  email: string;
  /** Where its days begin. */
  time_zone: string;
  stripe_customer_id: string | null;
  stripe_synced_at: Date | null;
  /** Events of Stripe with a number up to this one are in the mirror. */
  stripe_synced_seq: number;
  /** When it was taken over from Stripe; nothing that happened before is told to it again. */
  imported_at: Date | null;
  created_at: Date;
  deleted_at: Date | null;
}

/** A customer with what it is subscribed to now, one plan in each group, the oldest first. */
export interface ListedCustomer extends CustomerRow {
  subscriptions: HeldPlan[];
}

export interface HeldPlan {
  group: string;
  plan_id: string;
  plan_name: string;
  status: string;
  /** As the database writes it. */
  current_period_end_at: string;
}

export interface CustomerFilter {
  limit: number;
  after: { created_at: Date; id: string } | null;
  /** Part of a name or an address, or a whole id. */
  query: string | null;
}

export async function insertCustomer(db: Reader, row: CustomerRow): Promise<void> {
  await db.insertInto('customer').values(row).execute();
}

/** Inserts, or renames the customer that has this `external_id` already. A time zone that is not given stays. */
export async function upsertByExternalId(
  db: Reader,
  row: CustomerRow,
  time_zone: string | undefined,
): Promise<{ row: CustomerRow; created: boolean }> {
  const stored = await db
    .insertInto('customer')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .column('external_id')
        .doUpdateSet({ name: row.name, email: row.email, ...(time_zone === undefined ? {} : { time_zone }) }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  return { row: stored, created: stored.id === row.id };
}

export async function customerById(db: Reader, id: string): Promise<CustomerRow | undefined> {
  return await db.selectFrom('customer').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function customerByStripeId(db: Reader, stripe_customer_id: string): Promise<CustomerRow | undefined> {
  return await db
    .selectFrom('customer')
    .selectAll()
    .where('stripe_customer_id', '=', stripe_customer_id)
    .executeTakeFirst();
}

/** Those with this address, whatever its case, who are not at Stripe; two tell that it is not one's alone. */
export async function unlinkedByEmail(db: Reader, email: string): Promise<CustomerRow[]> {
  return await db
    .selectFrom('customer')
    .selectAll()
    .where(sql<boolean>`lower(email) = lower(${email})`)
    .where('stripe_customer_id', 'is', null)
    .where('deleted_at', 'is', null)
    .limit(2)
    .execute();
}

/** Those that were taken over under this address, whatever its case; two tell that it is not one's alone. */
export async function importedByEmail(db: Reader, email: string): Promise<CustomerRow[]> {
  return await db
    .selectFrom('customer')
    .selectAll()
    .where(sql<boolean>`lower(email) = lower(${email})`)
    .where('imported_at', 'is not', null)
    .where('deleted_at', 'is', null)
    .limit(2)
    .execute();
}

export async function markImported(db: Reader, id: string, imported_at: Date): Promise<void> {
  await db.updateTable('customer').set({ imported_at }).where('id', '=', id).where('imported_at', 'is', null).execute();
}

export async function updateCustomer(
  db: Reader,
  id: string,
  change: { name?: string; email?: string; time_zone?: string },
): Promise<CustomerRow | undefined> {
  return await db
    .updateTable('customer')
    .set(change)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** Links where no link is. False when there is one already, or no such customer. */
export async function linkStripeCustomer(db: Reader, id: string, stripe_customer_id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('customer')
    .set({ stripe_customer_id })
    .where('id', '=', id)
    .where('stripe_customer_id', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** False when a newer read was noted before: of two that ran at once the newer one counts. */
export async function markSynced(db: Reader, id: string, at: Date, seq: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('customer')
    .set({ stripe_synced_at: at, stripe_synced_seq: sql<number>`greatest(stripe_synced_seq, ${seq})` })
    .where('id', '=', id)
    .where((eb) => eb.or([eb('stripe_synced_at', 'is', null), eb('stripe_synced_at', '<=', at)]))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function customerLinks(db: Reader): Promise<{ id: string; stripe_customer_id: string | null }[]> {
  return await db.selectFrom('customer').select(['id', 'stripe_customer_id']).execute();
}

/** Forgets the link to a customer that Stripe no longer has. */
export async function unlinkStripeCustomer(db: Reader, id: string, stripe_customer_id: string): Promise<void> {
  await db
    .updateTable('customer')
    .set({ stripe_customer_id: null })
    .where('id', '=', id)
    .where('stripe_customer_id', '=', stripe_customer_id)
    .execute();
}

/** Of these customers the ones that Stripe knows and whose mirror was last read before `before`. */
export async function staleCustomers(db: Reader, ids: readonly string[], before: Date): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('customer')
    .select('id')
    .where('id', 'in', ids)
    .where('stripe_customer_id', 'is not', null)
    .where((eb) => eb.or([eb('stripe_synced_at', 'is', null), eb('stripe_synced_at', '<', before)]))
    .execute();
  return rows.map((row) => row.id);
}

/** Marks it deleted and frees its `external_id`. False when there is none that is not. */
export async function markDeleted(tx: Tx, id: string, at: Date): Promise<boolean> {
  const result = await tx
    .updateTable('customer')
    .set({ deleted_at: at, external_id: null })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

function listed(db: Reader) {
  return db
    .selectFrom('customer')
    .where('customer.deleted_at', 'is', null)
    .selectAll('customer')
    .select(
      sql<HeldPlan[]>`(
        select coalesce(
          json_agg(
            json_build_object(
              'group', l."group", 'plan_id', l.plan_id, 'plan_name', l.plan_name, 'status', l.status,
              'current_period_end_at', l.current_period_end_at
            ) order by l.stripe_created_at, l.id collate "C"
          ), '[]'
        )
        from live_subscription l where l.customer_id = customer.id
      )`.as('subscriptions'),
    );
}

export async function listedCustomer(db: Reader, id: string): Promise<ListedCustomer | undefined> {
  return await listed(db).where('customer.id', '=', id).executeTakeFirst();
}

export async function listedByExternalId(db: Reader, external_id: string): Promise<ListedCustomer | null> {
  return (await listed(db).where('customer.external_id', '=', external_id).executeTakeFirst()) ?? null;
}

export async function listedCustomers(db: Reader, ids: readonly string[]): Promise<ListedCustomer[]> {
  return ids.length === 0 ? [] : await listed(db).where('customer.id', 'in', ids).execute();
}

/** One more than `limit`, newest first. */
export async function listCustomers(db: Reader, filter: CustomerFilter): Promise<ListedCustomer[]> {
  const { after, query } = filter;
  return await listed(db)
    .$if(after !== null, (select) =>
      select.where(sql<boolean>`(customer.created_at, customer.id) < (${after?.created_at}, ${after?.id})`),
    )
    .$if(query !== null, (select) => {
      const part = `%${(query ?? '').replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
      return select.where((eb) =>
        eb.or([
          eb('customer.name', 'ilike', part),
          eb('customer.email', 'ilike', part),
          eb('customer.id', '=', query ?? ''),
          eb('customer.external_id', '=', query ?? ''),
        ]),
      );
    })
    .orderBy('customer.created_at', 'desc')
    .orderBy('customer.id', 'desc')
    .limit(filter.limit + 1)
    .execute();
}
