import type { Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import { sealedSecret } from './rotation.ts';
import type { KeysDeps } from './service.ts';
import {
  bumpGateVersion,
  deleteSecretsBefore,
  dropSealed,
  firstKeyOf,
  insertFirstKey,
  insertKey,
  insertSecret,
  keyById,
  lockCustomer,
} from './store.ts';
import { mintToken } from './token.ts';

/** For this long a request with a secret that was rotated away hears that it expired; then, that there is no such key. */
const rememberedMs = 30 * 86_400_000;

/**
 * The key a customer has from the moment it pays. It is minted before anybody looks and waits sealed under a key that is
 * not in the database, until it is shown once.
 */
export function createFirstKeys(deps: KeysDeps) {
  const { db, clock, secrets } = deps;
  return {
    /** Idempotent: one first key per customer, ever. Null when there was one already. The caller's transaction commits it. */
    async mintFirst(tx: Tx, customerId: string): Promise<{ key_id: string; key_start: string } | null> {
      // Nearly always there is one: nobody is locked to find that out.
      if ((await firstKeyOf(tx, customerId)) !== null) return null;
      invariant(await lockCustomer(tx, customerId), 'the first key is minted for a customer there is');
      if ((await firstKeyOf(tx, customerId)) !== null) return null;
      const now = clock.now();
      const created_at = new Date(now);
      const token = mintToken(deps.brand, deps.livemode, secrets.peppers);
      const { digest, pepper_id, secret } = token;
      const id = createId('key', now);
      await insertKey(tx, {
        id,
        customer_id: customerId,
        name: 'First key',
        start: token.start,
        scopes: [],
        allowed_cidrs: [],
        livemode: deps.livemode,
        expires_at: null,
        created_at,
      });
      const waiting = sealedSecret(secrets.seal_key, id, secret, now);
      await insertSecret(tx, { digest, pepper_id, key_id: id, form: 'text', created_at, ...waiting });
      await insertFirstKey(tx, { customer_id: customerId, key_id: id });
      await deps.audit.record(tx, {
        actor: 'system',
        action: 'api_key.created',
        customer_id: customerId,
        object_id: id,
        detail: { name: 'First key', first: true },
      });
      const key = await keyById(tx, null, id);
      invariant(key !== null, 'the key was just written');
      await deps.told(tx, 'created', key, null);
      await bumpGateVersion(tx, customerId);
      return { key_id: id, key_start: token.start };
    },

    /** Destroys texts that waited too long and forgets secrets that stopped long ago. To be called now and then. */
    async tidy(): Promise<{ dropped: number; forgotten: number }> {
      const now = clock.now();
      const dropped = await dropSealed(db.kysely, new Date(now));
      return { dropped, forgotten: await deleteSecretsBefore(db.kysely, new Date(now - rememberedMs)) };
    },
  };
}
