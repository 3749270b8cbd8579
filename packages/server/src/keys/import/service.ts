import type { Instant, KeyBudget } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import { type Pepper, hashDigestsOf, newestOf } from '../../lib/pepper.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import { type NewKeyRow, type NewSecret, bumpGateVersion, insertKey, insertSecret } from '../store.ts';
import { customersByName, importProgress, keysByDigest, lockImports } from './store.ts';

export type KeyImport = ReturnType<typeof createKeyImport>;

/** A key of another system, known by its hash. */
export interface ForeignKey {
  /** SHA-256 of the key's text, 32 bytes. */
  hash: Buffer;
  /** Farebox's id of a customer, or the seller's own. */
  customer: string;
  name: string;
  /** How the key begins, to recognise it by. */
  start: string;
  scopes: readonly string[];
  allowed_cidrs: readonly string[];
  budget: KeyBudget | null;
  expires_at: Instant | null;
}

/** What became of one key of an import. */
export type Imported =
  | { status: 'imported' | 'existing'; key_id: string }
  | { status: 'rejected'; key_id: null; param: string; detail: string };

/**
 * Keys of another system keep working: they come as the SHA-256 that system kept, and are found by it. The hash is kept under
 * a pepper as everything else is.
 */
export function createKeyImport(deps: {
  db: Database;
  clock: Clock;
  peppers: readonly Pepper[];
  livemode: boolean;
  audit: AuditTrail;
  changed: (customerId: string) => Promise<void>;
}) {
  const { db, clock, peppers } = deps;

  /** One transaction; in the order given. A key that is there already is left as it is, so that a file can be sent again. */
  async function run(
    tx: Tx,
    keys: readonly ForeignKey[],
    actor: string,
  ): Promise<{ results: Imported[]; of: string | null }> {
    await lockImports(tx);
    const now = clock.now();
    const customers = await customersByName(
      tx,
      keys.map((key) => key.customer),
    );
    const digests = keys.map((key) => hashDigestsOf(key.hash, peppers));
    const known = new Map(
      (await keysByDigest(tx, digests.flat())).map((row) => [row.digest.toString('latin1'), row] as const),
    );
    const results: Imported[] = [];
    let of: string | null = null;
    for (const [index, key] of keys.entries()) {
      const own = digests[index] ?? [];
      const existing = own.map((digest) => known.get(digest.toString('latin1'))).find((row) => row !== undefined);
      const customer_id = customers.get(key.customer);
      if (customer_id === undefined) results.push(rejected('customer', 'There is no such customer.'));
      else if (existing !== undefined && existing.customer_id !== customer_id)
        results.push(rejected('hash', 'This key belongs to another customer.'));
      else if (existing !== undefined) results.push({ status: 'existing', key_id: existing.key_id });
      else if (key.expires_at !== null && key.expires_at <= now)
        results.push(rejected('expires_at', 'It has expired already.'));
      else {
        const { row, secret } = rowsOf(key, customer_id, own, now);
        await insertKey(tx, row);
        invariant(await insertSecret(tx, secret), 'imports run one at a time');
        of = customer_id;
        known.set(secret.digest.toString('latin1'), {
          digest: secret.digest,
          key_id: row.id,
          customer_id,
          stops_at: null,
        });
        results.push({ status: 'imported', key_id: row.id });
      }
    }
    const imported = results.filter(({ status }) => status === 'imported').length;
    if (of === null) return { results, of };
    await deps.audit.record(tx, {
      actor,
      action: 'api_key.imported',
      object_id: createId('kimp', now),
      detail: { imported },
    });
    // New keys change no entry that is held; the version only has to move for what was not known.
    await bumpGateVersion(tx, of);
    return { results, of };
  }

  function rowsOf(key: ForeignKey, customer_id: string, digests: Buffer[], now: Instant) {
    const [digest] = digests;
    invariant(digest !== undefined, 'there is a pepper');
    const id = createId('key', now);
    const created_at = new Date(now);
    const row: NewKeyRow = {
      id,
      customer_id,
      name: key.name,
      start: key.start,
      scopes: [...new Set(key.scopes)],
      allowed_cidrs: [...new Set(key.allowed_cidrs)],
      budget_limit: key.budget?.limit ?? null,
      budget_window: key.budget?.window ?? null,
      livemode: deps.livemode,
      expires_at: key.expires_at === null ? null : new Date(key.expires_at),
      created_at,
    };
    const secret: NewSecret = { digest, key_id: id, pepper_id: newestOf(peppers).id, form: 'sha256', created_at };
    return { row, secret };
  }

  return {
    async importKeys(keys: readonly ForeignKey[], actor: string): Promise<Imported[]> {
      const { results, of } = await db.transaction((tx) => run(tx, keys, actor));
      if (of !== null) await deps.changed(of);
      return results;
    },

    /** Keys that came as a hash, and of them those that were used here since. */
    async progress(): Promise<{ keys: number; used: number }> {
      return await importProgress(db.kysely);
    },
  };
}

function rejected(param: string, detail: string): Imported {
  return { status: 'rejected', key_id: null, param, detail };
}
