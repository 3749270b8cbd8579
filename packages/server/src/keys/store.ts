import { type Selectable, sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';
import type { ApiKey } from '../db/tables.ts';

/** A key without what could identify its text. */
export type ApiKeyRow = Omit<Selectable<ApiKey>, 'digest' | 'pepper_id'>;

const columns = [
  'id',
  'customer_id',
  'name',
  'start',
  'scopes',
  'allowed_cidrs',
  'livemode',
  'expires_at',
  'disabled_at',
  'revoked_at',
  'last_used_at',
  'created_at',
] as const;

/** Holds the customer until the transaction ends, so that its keys are counted and minted one at a time. False when absent. */
export async function lockCustomer(tx: Tx, customerId: string): Promise<boolean> {
  const row = await tx.selectFrom('customer').select('id').where('id', '=', customerId).forUpdate().executeTakeFirst();
  return row !== undefined;
}

export async function customerExists(db: Reader, customerId: string): Promise<boolean> {
  const row = await db.selectFrom('customer').select('id').where('id', '=', customerId).executeTakeFirst();
  return row !== undefined;
}

/** Keys of the customer that could still be used, now or later. */
export async function countLiveKeys(db: Reader, customerId: string, now: Date): Promise<number> {
  const row = await db
    .selectFrom('api_key')
    .select((eb) => eb.fn.countAll<number>().as('keys'))
    .where('customer_id', '=', customerId)
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .executeTakeFirstOrThrow();
  return Number(row.keys);
}

/** All keys of the customer that were made since then, revoked ones too. */
export async function countKeysSince(db: Reader, customerId: string, since: Date): Promise<number> {
  const row = await db
    .selectFrom('api_key')
    .select((eb) => eb.fn.countAll<number>().as('keys'))
    .where('customer_id', '=', customerId)
    .where('created_at', '>', since)
    .executeTakeFirstOrThrow();
  return Number(row.keys);
}

export async function insertKey(
  tx: Tx,
  row: Omit<ApiKeyRow, 'disabled_at' | 'revoked_at' | 'last_used_at'> & { digest: Buffer; pepper_id: number },
): Promise<ApiKeyRow> {
  return await tx.insertInto('api_key').values(row).returning(columns).executeTakeFirstOrThrow();
}

/** One customer's key; null when it is absent or another customer's. A null customer means the seller, who sees all. */
export async function keyById(db: Reader, customerId: string | null, id: string): Promise<ApiKeyRow | null> {
  let query = db.selectFrom('api_key').select(columns).where('id', '=', id);
  if (customerId !== null) query = query.where('customer_id', '=', customerId);
  return (await query.executeTakeFirst()) ?? null;
}

export async function listKeys(
  db: Reader,
  page: { customer_id: string; limit: number; after: { created_at: Date; id: string } | null },
): Promise<(ApiKeyRow & { revealable: boolean })[]> {
  let query = db
    .selectFrom('api_key')
    .select(columns)
    .select((eb) =>
      eb
        .exists(
          eb
            .selectFrom('first_key')
            .select('key_id')
            .whereRef('key_id', '=', 'api_key.id')
            .where('sealed', 'is not', null),
        )
        .as('revealable'),
    )
    .where('customer_id', '=', page.customer_id)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit);
  const { after } = page;
  if (after !== null) {
    query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(after.created_at, after.id)));
  }
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, revealable: Boolean(row.revealable) }));
}

/** Forward only: the first revocation stands. Null when there was nothing to revoke. */
export async function revokeKey(tx: Tx, customerId: string | null, id: string, at: Date): Promise<ApiKeyRow | null> {
  let query = tx.updateTable('api_key').set({ revoked_at: at }).where('id', '=', id).where('revoked_at', 'is', null);
  if (customerId !== null) query = query.where('customer_id', '=', customerId);
  return (await query.returning(columns).executeTakeFirst()) ?? null;
}

/** Forward only, in one statement, the rows locked in one order so that two nodes never wait for each other. */
export async function touchKeys(db: Reader, uses: readonly { id: string; at: Date }[]): Promise<void> {
  const ids = uses.map((use) => use.id);
  const ats = uses.map((use) => use.at);
  await sql`
    with use as (select * from unnest(${ids}::text[], ${ats}::timestamptz[]) as use (id, at)),
    held as (
      select k.id, use.at from api_key k join use on use.id = k.id
      where k.last_used_at is null or k.last_used_at < use.at
      order by k.id for update of k
    )
    update api_key set last_used_at = held.at from held where api_key.id = held.id
  `.execute(db);
}

export async function hasFirstKey(tx: Tx, customerId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('first_key')
    .select('key_id')
    .where('customer_id', '=', customerId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertFirstKey(
  tx: Tx,
  row: { customer_id: string; key_id: string; sealed: Buffer; expires_at: Date },
): Promise<void> {
  await tx.insertInto('first_key').values(row).execute();
}

/**
 * Takes the sealed text out of its row, once: of any number of callers at the same instant one gets it, because the row is
 * locked and looked at again before it is emptied. The row stays, so that no second first key is minted.
 */
export async function takeFirstKey(
  tx: Tx,
  customerId: string,
  now: Date,
): Promise<{ key_id: string; sealed: Buffer } | null> {
  const { rows } = await sql<{ key_id: string; sealed: Buffer }>`
    with held as (
      select customer_id, key_id, sealed from first_key
      where customer_id = ${customerId} and sealed is not null and expires_at > ${now}
      for update
    )
    update first_key set sealed = null from held where first_key.customer_id = held.customer_id
    returning held.key_id, held.sealed
  `.execute(tx);
  return rows[0] ?? null;
}

/** Empties what nobody asked for in time. */
export async function expireFirstKeys(db: Reader, now: Date): Promise<number> {
  const result = await db
    .updateTable('first_key')
    .set({ sealed: null })
    .where('sealed', 'is not', null)
    .where('expires_at', '<=', now)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function insertSecretKey(
  db: Reader,
  row: { id: string; name: string; start: string; digest: Buffer; livemode: boolean; created_at: Date },
): Promise<void> {
  await db.insertInto('secret_key').values(row).execute();
}

/** The newest secret keys that are not revoked: a seller has a handful, the bound is against accidents. */
export async function liveSecretKeys(db: Reader): Promise<{ id: string; livemode: boolean; digest: Buffer }[]> {
  return await db
    .selectFrom('secret_key')
    .select(['id', 'livemode', 'digest'])
    .where('revoked_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1000)
    .execute();
}

export async function revokeSecretKey(db: Reader, id: string, at: Date): Promise<boolean> {
  const result = await db
    .updateTable('secret_key')
    .set({ revoked_at: at })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/**
 * Says that what the gate knows of this customer's keys has changed; null: of everybody's. The last statement of a
 * transaction: versions are counted one at a time, so it holds others up until the commit.
 */
export async function bumpGateVersion(tx: Tx, customerId: string | null = null): Promise<void> {
  await sql`
    with next as (update gate_version set version = version + 1 returning version),
    kept as (delete from gate_change using next where gate_change.version <= next.version - 10000)
    insert into gate_change (version, customer_id) select version, ${customerId}::text from next
  `.execute(tx);
}
