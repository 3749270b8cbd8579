import { parseKey } from '@farebox/core';
import type { Database } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { type Pepper, digestsOf, newestOf } from '../lib/pepper.ts';
import { equalDigests } from '../lib/secret.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import type { Clock } from '../ports.ts';
import { insertSecretKey, liveSecretKeys, moveSecretKey, revokeSecretKey } from './store.ts';
import { mintToken, secretKeyBrand } from './token.ts';

interface SecretKey {
  id: string;
  livemode: boolean;
}

interface Known {
  read_at: number;
  keys: Map<string, SecretKey & { digest: Buffer; pepper_id: number }>;
  /** By its text, a key that was found in this read: whoever calls a thousand times a second is looked up once. */
  texts: Map<string, SecretKey>;
}

/** Texts that are remembered of one read; there are few secret keys, and only good ones come here. */
const mostTexts = 100;

/** From this age on the next caller starts a new read, and is answered from the old one. */
const refreshAgeMs = 500;
/** From this age on a caller waits for the read: a revoked secret key stops within this time. */
const freshMs = 1000;
/** For this long the last read answers while the database does not. */
const outageMs = 5 * 60_000;

/**
 * The seller's own credentials. Every call of the gate over HTTP carries one, so the few there are stay in memory and are
 * read again as they age.
 */
export function createSecretKeys(deps: {
  db: Database;
  clock: Clock;
  audit: AuditTrail;
  peppers: readonly Pepper[];
  livemode: boolean;
}) {
  const { db, clock, peppers } = deps;
  let known: Known | null = null;
  let reading: Promise<Known> | null = null;
  /** Found under an older pepper since the last rehash: the digest each is to have, by id. */
  const old = new Map<string, Buffer>();

  function read(): Promise<Known> {
    if (reading !== null) return reading;
    const started: Promise<Known> = readNow().then(
      (found) => {
        if (reading === started) {
          reading = null;
          known = found;
        }
        return found;
      },
      (error: unknown) => {
        if (reading === started) reading = null;
        throw error;
      },
    );
    reading = started;
    return started;
  }

  async function readNow(): Promise<Known> {
    const read_at = clock.now();
    const rows = await liveSecretKeys(db.kysely);
    const keys = new Map(rows.map((row) => [row.digest.toString('latin1'), row]));
    return { read_at, keys, texts: new Map() };
  }

  /** What is known, and what a read under way will know, may be older than the change just made. */
  function forget(): void {
    known = null;
    reading = null;
  }

  function find({ keys, texts }: Known, text: string): SecretKey | null {
    const met = texts.get(text);
    if (met !== undefined) return met;
    const digests = digestsOf(text, peppers);
    for (const digest of digests) {
      const found = keys.get(digest.toString('latin1'));
      if (found === undefined || !equalDigests(found.digest, digest)) continue;
      if (digest !== digests[0] && digests[0] !== undefined) old.set(found.id, digests[0]);
      const key = { id: found.id, livemode: found.livemode };
      if (texts.size < mostTexts) texts.set(text, key);
      return key;
    }
    return null;
  }

  /** What was read last while that is fresh, and a promise only when it is not. */
  function current(): Known | Promise<Known> {
    const age = known === null ? Number.POSITIVE_INFINITY : Math.abs(clock.now() - known.read_at);
    if (known === null || age >= freshMs) return readOr(age < outageMs ? known : null);
    // A failed early read is no failure yet: the one that is waited for says so.
    if (age >= refreshAgeMs) void read().catch(() => undefined);
    return known;
  }

  async function readOr(last: Known | null): Promise<Known> {
    try {
      return await read();
    } catch (error) {
      if (last !== null) return last;
      throw error;
    }
  }

  return {
    /** A promise only when the keys have to be read first. */
    verifySecretKey(text: string): SecretKey | null | Promise<SecretKey | null> {
      if (parseKey(text, secretKeyBrand) === null) return null;
      const read = current();
      return read instanceof Promise ? read.then((keys) => find(keys, text)) : find(read, text);
    },

    /** Keeps secret keys that were used under an older pepper under the newest. Off the path of a request. */
    async rehashSecretKeys(): Promise<void> {
      if (old.size === 0) return;
      const { id: pepper_id } = newestOf(peppers);
      for (const [id, digest] of old) {
        await moveSecretKey(db.kysely, id, { digest, pepper_id });
        old.delete(id);
      }
      forget();
    },

    /** The secret is in the answer and nowhere else. */
    async createSecretKey(name: string, actor = 'system'): Promise<{ id: string; start: string; secret: string }> {
      const now = clock.now();
      const id = createId('sk', now);
      const { secret, start, digest, pepper_id } = mintToken(secretKeyBrand, deps.livemode, peppers);
      await db.transaction(async (tx) => {
        await insertSecretKey(tx, {
          id,
          name,
          start,
          digest,
          pepper_id,
          livemode: deps.livemode,
          created_at: new Date(now),
        });
        await deps.audit.record(tx, {
          actor,
          action: 'secret_key.created',
          object_id: id,
          detail: { name },
        });
      });
      forget();
      return { id, start, secret };
    },

    /** At once on this node, within a second on every other. Idempotent. */
    async revokeSecretKey(id: string, actor = 'system'): Promise<void> {
      const now = clock.now();
      await db.transaction(async (tx) => {
        if (!(await revokeSecretKey(tx, id, new Date(now)))) return;
        await deps.audit.record(tx, {
          actor,
          action: 'secret_key.revoked',
          object_id: id,
        });
      });
      forget();
    },
  };
}
