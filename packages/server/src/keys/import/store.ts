import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';

/** One import at a time: of two with the same keys the second finds those of the first. Until the transaction ends. */
export async function lockImports(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('farebox keys import', 0))`.execute(tx);
}

/** Customers by Farebox's id or the seller's own, whichever was given. */
export async function customersByName(db: Reader, names: readonly string[]): Promise<Map<string, string>> {
  if (names.length === 0) return new Map();
  const rows = await db
    .selectFrom('customer')
    .select(['id', 'external_id'])
    .where((eb) => eb.or([eb('id', 'in', names), eb('external_id', 'in', names)]))
    .execute();
  const found = new Map<string, string>();
  for (const { id, external_id } of rows) {
    if (external_id !== null) found.set(external_id, id);
  }
  // An id is unique over all; should somebody's own name be another's id, the id counts.
  for (const { id } of rows) found.set(id, id);
  return found;
}

/** Which keys these digests are of, and since or until when they stop; a digest nobody has is missing. */
export async function keysByDigest(
  db: Reader,
  digests: readonly Buffer[],
): Promise<{ digest: Buffer; key_id: string; customer_id: string; stops_at: Date | null }[]> {
  if (digests.length === 0) return [];
  return await db
    .selectFrom('api_key_secret')
    .innerJoin('api_key', 'api_key.id', 'api_key_secret.key_id')
    .select(['api_key_secret.digest', 'key_id', 'customer_id', 'api_key_secret.expires_at as stops_at'])
    .where('api_key_secret.digest', 'in', digests)
    .execute();
}

/** How far a move from another system is: keys that came as a hash, and of them those that were used here. */
export async function importProgress(db: Reader): Promise<{ keys: number; used: number }> {
  const row = await db
    .selectFrom('api_key_secret')
    .innerJoin('api_key', 'api_key.id', 'api_key_secret.key_id')
    .select((eb) => [
      eb.fn.countAll<number>().as('keys'),
      eb.fn.countAll<number>().filterWhere('last_used_at', 'is not', null).as('used'),
    ])
    .where('form', '=', 'sha256')
    .executeTakeFirstOrThrow();
  return { keys: Number(row.keys), used: Number(row.used) };
}
