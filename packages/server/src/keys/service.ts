import type { Instant, KeyBudget } from '@farebox/core';
import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Pepper } from '../lib/pepper.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { createChangeKey, expiryOf, noSuchKey } from './change-key.ts';
import { createFirstKeys } from './first-key.ts';
import { type KeyLimit, refuseMoreKeys } from './key-limit.ts';
import type { KeyNotify, KeyTold } from './record.ts';
import { createSecretKeys } from './secret-keys.ts';
import {
  type ApiKeyRow,
  bumpGateVersion,
  countByPepper,
  countSecretKeysByPepper,
  customerExists,
  insertKey,
  insertSecret,
  keyById,
  listKeys,
  lockCustomer,
  revokeKey,
  revokeKeysOf,
} from './store.ts';
import { mintToken } from './token.ts';

export type Keys = ReturnType<typeof createKeys>;

export interface NewKey {
  customer_id: string;
  name: string;
  scopes?: readonly string[];
  allowed_cidrs?: readonly string[];
  budget?: KeyBudget | null;
  expires_at?: Instant | null;
  /** Who asks, for the audit log. */
  actor?: string;
  /** A member of the customer's asks: the others are told. */
  by_member?: boolean;
}

export interface KeysDeps {
  db: Database;
  clock: Clock;
  secrets: { peppers: readonly Pepper[]; seal_key: Buffer };
  livemode: boolean;
  audit: AuditTrail;
  notify: KeyNotify;
  told: KeyTold;
  /** How many keys the customer's plan allows; null: it says nothing. */
  planKeyLimit: KeyLimit;
  /** Start of every key of a customer, from the price list. */
  brand: string;
  changed: (customerId: string) => Promise<void>;
}

/**
 * API keys: who has which, made, changed and revoked. `changed` tells the gate that what it knows is old and resolves once it
 * knows better; it is called after the commit. Verbs that are given a transaction leave that call to whoever commits it.
 */
export function createKeys(deps: KeysDeps) {
  const { db, clock, secrets } = deps;

  async function insert(tx: Tx, input: NewKey): Promise<{ key: ApiKeyRow; secret: string }> {
    const now = clock.now();
    const created_at = new Date(now);
    if (!(await lockCustomer(tx, input.customer_id))) throw noSuchCustomer();
    await refuseMoreKeys(tx, { customer_id: input.customer_id, now, planKeyLimit: deps.planKeyLimit });
    const token = mintToken(deps.brand, deps.livemode, secrets.peppers);
    const id = createId('key', now);
    await insertKey(tx, {
      id,
      customer_id: input.customer_id,
      name: input.name,
      start: token.start,
      scopes: [...new Set(input.scopes ?? [])],
      allowed_cidrs: [...new Set(input.allowed_cidrs ?? [])],
      budget_limit: input.budget?.limit ?? null,
      budget_window: input.budget?.window ?? null,
      livemode: deps.livemode,
      expires_at: expiryOf(input.expires_at ?? null, now),
      created_at,
    });
    const { digest, pepper_id } = token;
    const isNew = await insertSecret(tx, { digest, pepper_id, key_id: id, form: 'text', created_at });
    invariant(isNew, 'a secret of 178 random bits is nobody else’s');
    const key = await keyById(tx, null, id);
    invariant(key !== null, 'the key was just written');
    await deps.audit.record(tx, {
      actor: input.actor ?? 'system',
      action: 'api_key.created',
      customer_id: key.customer_id,
      object_id: key.id,
      detail: { name: key.name, scopes: key.scopes },
    });
    await deps.told(tx, 'created', key, null);
    if (input.by_member === true)
      await deps.notify(tx, key.customer_id, {
        kind: 'key_created',
        dedupe_key: `key_created:${key.id}`,
        data: { key_name: key.name, key_start: key.start },
      });
    await bumpGateVersion(tx, key.customer_id);
    return { key, secret: token.secret };
  }

  return {
    ...createFirstKeys(deps),
    ...createSecretKeys({ db, clock, audit: deps.audit, peppers: secrets.peppers, livemode: deps.livemode }),
    ...createChangeKey(deps),

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
    }): Promise<ApiKeyRow[]> {
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
        const before = await keyById(tx, customerId, id);
        const revoked = await revokeKey(tx, customerId, id, new Date(clock.now()));
        const found = await keyById(tx, customerId, id);
        if (found === null) throw noSuchKey();
        if (!revoked) return found;
        const { customer_id } = found;
        await deps.audit.record(tx, { actor, action: 'api_key.revoked', customer_id, object_id: id });
        await deps.told(tx, 'revoked', found, before);
        await bumpGateVersion(tx, customer_id);
        return found;
      });
      await deps.changed(key.customer_id);
      return key;
    },

    /** Every key of a customer, for ever. The caller tells the gate after the commit. */
    async revokeAll(tx: Tx, customerId: string): Promise<void> {
      await revokeKeysOf(tx, customerId, new Date(clock.now()));
      await bumpGateVersion(tx, customerId);
    },

    /** How many secrets are kept under which pepper. */
    async byPepper(): Promise<{ pepper_id: number; form: string; secrets: number }[]> {
      return await countByPepper(db.kysely);
    },

    /** Secrets, the seller's own too, that are refused because the pepper they are kept under is not configured. */
    async underUnknownPepper(): Promise<number> {
      const known = new Set(secrets.peppers.map(({ id }) => id));
      const kept = [...(await countByPepper(db.kysely)), ...(await countSecretKeysByPepper(db.kysely))];
      return kept.reduce((sum, one) => (known.has(one.pepper_id) ? sum : sum + one.secrets), 0);
    },
  };
}

/** As `customerScope` answers for a customer that is not the caller's: the two cannot be told apart. */
function noSuchCustomer(): Problem {
  return new Problem('not_found', 'There is no such customer.', { param: 'customer_id' });
}
