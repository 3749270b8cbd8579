import type { Instant } from '@farebox/core';
import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { createFirstKeys } from './first-key.ts';
import type { KeyAudit } from './record.ts';
import { createSecretKeys } from './secret-keys.ts';
import {
  type ApiKeyRow,
  bumpGateVersion,
  countKeysSince,
  countLiveKeys,
  customerExists,
  insertKey,
  keyById,
  listKeys,
  lockCustomer,
  revokeKey,
} from './store.ts';
import { type Pepper, mintToken } from './token.ts';

export type Keys = ReturnType<typeof createKeys>;

/** Keys of one customer that can be used at the same time. */
const mostLiveKeys = 100;
/** Keys one customer may make in a day, revoked ones counted: nobody fills the table by making and revoking. */
const mostKeysPerDay = 500;
const dayMs = 86_400_000;

export interface NewKey {
  customer_id: string;
  name: string;
  scopes?: readonly string[];
  allowed_cidrs?: readonly string[];
  expires_at?: Instant | null;
  /** Who asks, for the audit log. */
  actor?: string;
}

/**
 * API keys: who has which, made and revoked. `changed` tells the gate that what it knows is old and resolves once it knows
 * better; it is called after the commit. Verbs that are given a transaction leave that call to whoever commits it.
 */
export function createKeys(deps: {
  db: Database;
  clock: Clock;
  secrets: { peppers: readonly Pepper[]; seal_key: Buffer };
  livemode: boolean;
  audit: KeyAudit;
  /** Start of every key of a customer, from the price list. */
  brand: string;
  changed: (customerId: string) => Promise<void>;
}) {
  const { db, clock, secrets } = deps;

  async function insert(tx: Tx, input: NewKey): Promise<{ key: ApiKeyRow; secret: string }> {
    const now = clock.now();
    const at = new Date(now);
    if (!(await lockCustomer(tx, input.customer_id))) throw noSuchCustomer();
    if ((await countLiveKeys(tx, input.customer_id, at)) >= mostLiveKeys) {
      throw new Problem(
        'key_limit_reached',
        `There are ${mostLiveKeys} keys already. Revoke one that is no longer used.`,
      );
    }
    if ((await countKeysSince(tx, input.customer_id, new Date(now - dayMs))) >= mostKeysPerDay) {
      throw new Problem('too_many_requests', `${mostKeysPerDay} keys were made in the last day. Try again tomorrow.`);
    }
    const token = mintToken(deps.brand, deps.livemode, secrets.peppers);
    const key = await insertKey(tx, {
      id: createId('key', now),
      customer_id: input.customer_id,
      name: input.name,
      start: token.start,
      digest: token.digest,
      pepper_id: token.pepper_id,
      scopes: [...new Set(input.scopes ?? [])],
      allowed_cidrs: [...new Set(input.allowed_cidrs ?? [])],
      livemode: deps.livemode,
      expires_at: expiryOf(input.expires_at ?? null, now),
      created_at: at,
    });
    await deps.audit.record(tx, {
      actor: input.actor ?? 'system',
      action: 'api_key.created',
      customer_id: key.customer_id,
      object_id: key.id,
      detail: { name: key.name, scopes: key.scopes },
    });
    await bumpGateVersion(tx, key.customer_id);
    return { key, secret: token.secret };
  }

  return {
    ...createFirstKeys(deps),
    ...createSecretKeys({ db, clock, audit: deps.audit, peppers: secrets.peppers, livemode: deps.livemode }),

    /** The secret is in the answer and nowhere else. Works without a subscription; the gate then answers that there is none. */
    async create(tx: Tx | null, input: NewKey): Promise<{ key: ApiKeyRow; secret: string }> {
      if (tx !== null) return await insert(tx, input);
      const made = await db.transaction((own) => insert(own, input));
      await deps.changed(made.key.customer_id);
      return made;
    },

    /** Newest first; one row more than `limit` when there is more. */
    async list(page: {
      customer_id: string;
      limit: number;
      after?: { created_at: Date; id: string } | undefined;
    }): Promise<(ApiKeyRow & { revealable: boolean })[]> {
      const rows = await listKeys(db.kysely, { ...page, limit: page.limit + 1, after: page.after ?? null });
      if (rows.length === 0 && !(await customerExists(db.kysely, page.customer_id))) throw noSuchCustomer();
      return rows;
    },

    /** A null customer is the seller, who sees all; to a customer another one's key is absent. */
    async get(customerId: string | null, id: string): Promise<ApiKeyRow> {
      const key = await keyById(db.kysely, customerId, id);
      if (key === null) throw noSuchKey();
      return key;
    },

    /** Once revoked, for ever: asking again changes nothing. On return no request that starts passes on this node. */
    async revoke(customerId: string | null, id: string, actor = 'system'): Promise<ApiKeyRow> {
      const key = await db.transaction(async (tx) => {
        const revoked = await revokeKey(tx, customerId, id, new Date(clock.now()));
        if (revoked === null) {
          const existing = await keyById(tx, customerId, id);
          if (existing === null) throw noSuchKey();
          return existing;
        }
        const { customer_id } = revoked;
        await deps.audit.record(tx, { actor, action: 'api_key.revoked', customer_id, object_id: id });
        await bumpGateVersion(tx, revoked.customer_id);
        return revoked;
      });
      await deps.changed(key.customer_id);
      return key;
    },
  };
}

function expiryOf(expires_at: Instant | null, now: Instant): Date | null {
  if (expires_at === null) return null;
  if (expires_at > now) return new Date(expires_at);
  throw new Problem('invalid_request', 'expires_at: Give an instant in the future.', { param: 'expires_at' });
}

function noSuchKey(): Problem {
  return new Problem('not_found', 'There is no such key.');
}

/** As `customerScope` answers for a customer that is not the caller's: the two cannot be told apart. */
function noSuchCustomer(): Problem {
  return new Problem('not_found', 'There is no such customer.', { param: 'customer_id' });
}
