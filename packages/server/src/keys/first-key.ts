import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import { seal, unseal } from '../lib/secret.ts';
import type { Clock } from '../ports.ts';
import type { KeyAudit } from './record.ts';
import {
  type ApiKeyRow,
  bumpGateVersion,
  expireFirstKeys,
  hasFirstKey,
  insertFirstKey,
  insertKey,
  keyById,
  lockCustomer,
  takeFirstKey,
} from './store.ts';
import { type Pepper, mintToken } from './token.ts';

/** How long the first key waits for its owner; after that only a new key helps. */
const waitMs = 7 * 86_400_000;

/**
 * The key a customer has from the moment it pays. It is minted before anybody looks and waits sealed under a key that is
 * not in the database, until it is shown once.
 */
export function createFirstKeys(deps: {
  db: Database;
  clock: Clock;
  secrets: { peppers: readonly Pepper[]; seal_key: Buffer };
  audit: KeyAudit;
  livemode: boolean;
  brand: string;
}) {
  const { db, clock, secrets } = deps;
  return {
    /** Idempotent: one first key per customer, ever. Null when there was one already. The caller's transaction commits it. */
    async mintFirst(tx: Tx, customerId: string): Promise<{ key_id: string; key_start: string } | null> {
      invariant(await lockCustomer(tx, customerId), 'the first key is minted for a customer there is');
      if (await hasFirstKey(tx, customerId)) return null;
      const now = clock.now();
      const token = mintToken(deps.brand, deps.livemode, secrets.peppers);
      const id = createId('key', now);
      await insertKey(tx, {
        id,
        customer_id: customerId,
        name: 'First key',
        start: token.start,
        digest: token.digest,
        pepper_id: token.pepper_id,
        scopes: [],
        allowed_cidrs: [],
        livemode: deps.livemode,
        expires_at: null,
        created_at: new Date(now),
      });
      // The id goes inside, so that a sealed text moved to another row does not open there.
      const sealed = seal(secrets.seal_key, `${id}:${token.secret}`);
      await insertFirstKey(tx, { customer_id: customerId, key_id: id, sealed, expires_at: new Date(now + waitMs) });
      await deps.audit.record(tx, {
        actor: 'system',
        action: 'api_key.created',
        customer_id: customerId,
        object_id: id,
        detail: { name: 'First key', first: true },
      });
      await bumpGateVersion(tx, customerId);
      return { key_id: id, key_start: token.start };
    },

    /** The first key with its secret: to one caller, once. Null before it is minted, after it was shown, when it waited too long. */
    async revealFirst(customerId: string): Promise<{ key: ApiKeyRow; secret: string } | null> {
      return await db.transaction(async (tx) => {
        const now = clock.now();
        const taken = await takeFirstKey(tx, customerId, new Date(now));
        if (taken === null) return null;
        const key = await keyById(tx, customerId, taken.key_id);
        invariant(key !== null, 'a first key has a key');
        if (key.revoked_at !== null) return null;
        const text = unseal(secrets.seal_key, taken.sealed);
        invariant(text.startsWith(`${key.id}:`), 'a sealed key is the one of its row');
        await deps.audit.record(tx, {
          actor: `customer:${customerId}`,
          action: 'api_key.revealed',
          customer_id: customerId,
          object_id: key.id,
        });
        return { key, secret: text.slice(key.id.length + 1) };
      });
    },

    /** Destroys first keys' texts that waited too long. To be called now and then; answers how many. */
    async expireFirst(): Promise<number> {
      return await expireFirstKeys(db.kysely, new Date(clock.now()));
    },
  };
}
