import { type Selectable, sql } from 'kysely';
import type { Reader, Tx } from '../db/database.ts';
import type { ApiKey } from '../db/tables.ts';
import type { Form } from './token.ts';

/** A key without what could identify its text. */
export interface ApiKeyRow extends Selectable<ApiKey> {
  /** Its secret waits to be shown once. */
  revealable: boolean;
  /** Until when a secret from before the last rotation passes; null when none does. */
  former_until_at: Date | null;
}

/** Holds the customer until the transaction ends, so that its keys are counted and minted one at a time. False when absent. */
export async function lockCustomer(tx: Tx, customerId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('customer')
    .select('id')
    .where('id', '=', customerId)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

export async function customerExists(db: Reader, customerId: string): Promise<boolean> {
  const row = await db
    .selectFrom('customer')
    .select('id')
    .where('id', '=', customerId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
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

export type NewKeyRow = Omit<
  Selectable<ApiKey>,
  'disabled_at' | 'revoked_at' | 'last_used_at' | 'budget_limit' | 'budget_window'
> &
  Partial<Pick<Selectable<ApiKey>, 'budget_limit' | 'budget_window'>>;

export async function insertKey(tx: Tx, row: NewKeyRow): Promise<void> {
  await tx.insertInto('api_key').values(row).execute();
}

export interface NewSecret {
  digest: Buffer;
  key_id: string;
  pepper_id: number;
  form: Form;
  created_at: Date;
  sealed?: Buffer;
  sealed_until?: Date;
}

/** False when a key with this secret exists already. */
export async function insertSecret(tx: Tx, row: NewSecret): Promise<boolean> {
  const result = await tx
    .insertInto('api_key_secret')
    .values(row)
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/**
 * The key's current secret stops at `at`, and those from before it no later: what waited to be shown never is. Its row is
 * locked first, so that two rotations happen one after the other.
 */
export async function retireSecrets(tx: Tx, keyId: string, at: Date): Promise<void> {
  await tx
    .updateTable('api_key_secret')
    .set((eb) => ({
      expires_at: eb.fn<Date>('least', ['expires_at', eb.val(at)]),
      sealed: null,
      sealed_until: null,
    }))
    .where('key_id', '=', keyId)
    .execute();
}

/** Secrets that stopped before then are forgotten: a request with one then hears that the key is not known. */
export async function deleteSecretsBefore(db: Reader, before: Date): Promise<number> {
  const result = await db.deleteFrom('api_key_secret').where('expires_at', '<', before).executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Keys that end in [from, to] and were not revoked, a page in the order in which they end. */
export async function keysEndingIn(
  db: Reader,
  of: { from: Date; to: Date; after: { expires_at: Date; id: string } | null; limit: number },
): Promise<ApiKeyRow[]> {
  const { after } = of;
  return await keys(db)
    .where('api_key.revoked_at', 'is', null)
    .where('api_key.expires_at', '>=', of.from)
    .where('api_key.expires_at', '<=', of.to)
    .$if(after !== null, (read) =>
      read.where(sql<boolean>`(api_key.expires_at, api_key.id) > (${after?.expires_at}, ${after?.id})`),
    )
    .orderBy('api_key.expires_at')
    .orderBy('api_key.id')
    .limit(of.limit)
    .execute();
}

/** Keys with what is known of their secrets. */
function keys(db: Reader) {
  return db
    .selectFrom('api_key')
    .selectAll('api_key')
    .select((eb) => [
      eb
        .exists(
          eb
            .selectFrom('api_key_secret')
            .select('key_id')
            .whereRef('key_id', '=', 'api_key.id')
            .where('sealed', 'is not', null),
        )
        .$castTo<boolean>()
        .as('revealable'),
      eb
        .selectFrom('api_key_secret')
        .select((inner) => inner.fn.max('expires_at').as('until'))
        .whereRef('key_id', '=', 'api_key.id')
        .as('former_until_at'),
    ]);
}

/** One customer's key; null when it is absent or another customer's. A null customer means the seller, who sees all. */
export async function keyById(db: Reader, customerId: string | null, id: string): Promise<ApiKeyRow | null> {
  let query = keys(db).where('id', '=', id);
  if (customerId !== null) query = query.where('customer_id', '=', customerId);
  return (await query.executeTakeFirst()) ?? null;
}

/** The same, held until the transaction ends. */
export async function lockKey(tx: Tx, customerId: string | null, id: string): Promise<ApiKeyRow | null> {
  const row = await tx.selectFrom('api_key').select('id').where('id', '=', id).forUpdate().executeTakeFirst();
  return row === undefined ? null : await keyById(tx, customerId, id);
}

export async function listKeys(
  db: Reader,
  page: { customer_id: string; limit: number; after: { created_at: Date; id: string } | null },
): Promise<ApiKeyRow[]> {
  let query = keys(db)
    .where('customer_id', '=', page.customer_id)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit);
  const { after } = page;
  if (after !== null) {
    query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(after.created_at, after.id)));
  }
  return await query.execute();
}

/** What may be changed of a key that is there. */
export type KeyChange = Partial<
  Pick<
    Selectable<ApiKey>,
    'name' | 'start' | 'scopes' | 'allowed_cidrs' | 'expires_at' | 'disabled_at' | 'budget_limit' | 'budget_window'
  >
>;

export async function changeKey(tx: Tx, id: string, change: KeyChange): Promise<void> {
  if (Object.keys(change).length === 0) return;
  await tx.updateTable('api_key').set(change).where('id', '=', id).execute();
}

/** Forward only: the first revocation stands. False when there was nothing to revoke. */
export async function revokeKey(tx: Tx, customerId: string | null, id: string, at: Date): Promise<boolean> {
  let query = tx.updateTable('api_key').set({ revoked_at: at }).where('id', '=', id).where('revoked_at', 'is', null);
  if (customerId !== null) query = query.where('customer_id', '=', customerId);
  return (await query.executeTakeFirst()).numUpdatedRows > 0n;
}

/** Every key of the customer that is not revoked yet. */
export async function revokeKeysOf(tx: Tx, customerId: string, at: Date): Promise<void> {
  await tx
    .updateTable('api_key')
    .set({ revoked_at: at })
    .where('customer_id', '=', customerId)
    .where('revoked_at', 'is', null)
    .execute();
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

/** A secret as it is found under an older pepper, and how it is to be found from now on. */
export interface Rehash {
  from: Buffer;
  digest: Buffer;
  pepper_id: number;
}

/** Moves secrets to their new digests; rows in one order, as above. One that was moved already is left alone. */
export async function moveSecrets(db: Reader, moves: readonly Rehash[]): Promise<void> {
  await sql`
    with move as (
      select * from unnest(
        ${moves.map((move) => move.from)}::bytea[],
        ${moves.map((move) => move.digest)}::bytea[],
        ${moves.map((move) => move.pepper_id)}::integer[]
      ) as move (digest, fresh, pepper_id)
    ),
    held as (
      select s.digest, move.fresh, move.pepper_id from api_key_secret s join move using (digest)
      order by s.digest for update of s
    )
    update api_key_secret set digest = held.fresh, pepper_id = held.pepper_id
    from held where api_key_secret.digest = held.digest
  `.execute(db);
}

/** How many secrets are kept under each pepper, by form; retired ones are not counted. */
export async function countByPepper(db: Reader): Promise<{ pepper_id: number; form: string; secrets: number }[]> {
  const rows = await db
    .selectFrom('api_key_secret')
    .innerJoin('api_key', 'api_key.id', 'api_key_secret.key_id')
    .select(['pepper_id', 'form', (eb) => eb.fn.countAll<number>().as('secrets')])
    .where('revoked_at', 'is', null)
    .groupBy(['pepper_id', 'form'])
    .orderBy('pepper_id')
    .execute();
  return rows.map((row) => ({ ...row, secrets: Number(row.secrets) }));
}

/** The customer's first key; null before it is minted. */
export async function firstKeyOf(db: Reader, customerId: string): Promise<string | null> {
  const row = await db
    .selectFrom('first_key')
    .select('key_id')
    .where('customer_id', '=', customerId)
    .executeTakeFirst();
  return row?.key_id ?? null;
}

export async function insertFirstKey(tx: Tx, row: { customer_id: string; key_id: string }): Promise<void> {
  await tx.insertInto('first_key').values(row).execute();
}

/**
 * Takes the sealed text out of its row, once: of any number of callers at the same instant one gets it, because the row is
 * locked and looked at again before it is emptied.
 */
export async function takeSealed(tx: Tx, keyId: string, now: Date): Promise<Buffer | null> {
  const { rows } = await sql<{ sealed: Buffer }>`
    with held as (
      select digest, sealed from api_key_secret
      where key_id = ${keyId} and sealed is not null and sealed_until > ${now}
      for update
    )
    update api_key_secret set sealed = null, sealed_until = null from held where api_key_secret.digest = held.digest
    returning held.sealed
  `.execute(tx);
  return rows[0]?.sealed ?? null;
}

/** Empties what nobody asked for in time. */
export async function dropSealed(db: Reader, now: Date): Promise<number> {
  const result = await db
    .updateTable('api_key_secret')
    .set({ sealed: null, sealed_until: null })
    .where('sealed', 'is not', null)
    .where('sealed_until', '<=', now)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function insertSecretKey(
  db: Reader,
  row: {
    id: string;
    name: string;
    start: string;
    digest: Buffer;
    pepper_id: number;
    livemode: boolean;
    created_at: Date;
  },
): Promise<void> {
  await db.insertInto('secret_key').values(row).execute();
}

/** The newest secret keys that are not revoked: a seller has a handful, the bound is against accidents. */
export async function liveSecretKeys(
  db: Reader,
): Promise<{ id: string; livemode: boolean; digest: Buffer; pepper_id: number }[]> {
  return await db
    .selectFrom('secret_key')
    .select(['id', 'livemode', 'digest', 'pepper_id'])
    .where('revoked_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1000)
    .execute();
}

/** How many secret keys that are not revoked are kept under each pepper. */
export async function countSecretKeysByPepper(db: Reader): Promise<{ pepper_id: number; secrets: number }[]> {
  const rows = await db
    .selectFrom('secret_key')
    .select(['pepper_id', (eb) => eb.fn.countAll<number>().as('secrets')])
    .where('revoked_at', 'is', null)
    .groupBy('pepper_id')
    .execute();
  return rows.map((row) => ({ ...row, secrets: Number(row.secrets) }));
}

/** A secret key found under an older pepper is kept under the newest from now on. */
export async function moveSecretKey(db: Reader, id: string, to: Omit<Rehash, 'from'>): Promise<void> {
  await db.updateTable('secret_key').set(to).where('id', '=', id).execute();
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
