import type { Instant, KeyBudget } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { unseal } from '../lib/secret.ts';
import { Problem } from '../problem.ts';
import { refuseMoreKeys } from './key-limit.ts';
import { giveSecret } from './rotation.ts';
import type { KeysDeps } from './service.ts';
import {
  type ApiKeyRow,
  type KeyChange,
  bumpGateVersion,
  changeKey,
  firstKeyOf,
  keyById,
  lockCustomer,
  lockKey,
  takeSealed,
} from './store.ts';

/** What is to be different; what is left out stays. */
export interface KeyUpdate {
  name?: string | undefined;
  scopes?: readonly string[] | undefined;
  allowed_cidrs?: readonly string[] | undefined;
  budget?: KeyBudget | null | undefined;
  expires_at?: Instant | null | undefined;
  enabled?: boolean | undefined;
}

/** Changes of a key that is there. A revoked one is as it is for ever. */
export function createChangeKey(deps: KeysDeps) {
  const { db, clock } = deps;

  async function update(tx: Tx, key: ApiKeyRow, wish: KeyUpdate, actor: string): Promise<ApiKeyRow> {
    const now = clock.now();
    const change = changeOf(key, wish, now);
    const comes_back = !isLive(key, now) && isLive({ ...key, ...change }, now);
    if (comes_back) await refuseMoreKeys(tx, { customer_id: key.customer_id, now, planKeyLimit: deps.planKeyLimit });
    await changeKey(tx, key.id, change);
    const changed = Object.keys(change);
    if (changed.length === 0) return key;
    const { customer_id } = key;
    await deps.audit.record(tx, {
      actor,
      action: 'api_key.updated',
      customer_id,
      object_id: key.id,
      detail: { changed },
    });
    await bumpGateVersion(tx, customer_id);
    const after = await reread(tx, key.id);
    await deps.told(tx, 'updated', after, key);
    return after;
  }

  /** In one transaction, the customer held before its key, and the gate told after the commit. */
  async function change<T>(
    customerId: string | null,
    id: string,
    verb: (tx: Tx, key: ApiKeyRow) => Promise<T>,
  ): Promise<T> {
    const whose = await keyById(db.kysely, customerId, id);
    if (whose === null) throw noSuchKey();
    const result = await db.transaction(async (tx) => {
      await lockCustomer(tx, whose.customer_id);
      const key = await lockKey(tx, customerId, id);
      if (key === null) throw noSuchKey();
      if (key.revoked_at !== null)
        throw new Problem('key_revoked', 'The key is revoked, for ever. Create another one.');
      return await verb(tx, key);
    });
    await deps.changed(whose.customer_id);
    return result;
  }

  /** The secret that waits, to one caller, once. Null when none waits, or it waited too long. */
  async function reveal(customerId: string, id: string): Promise<{ key: ApiKeyRow; secret: string } | null> {
    return await db.transaction(async (tx) => {
      const key = await keyById(tx, customerId, id);
      if (key === null) throw noSuchKey();
      const sealed = await takeSealed(tx, id, new Date(clock.now()));
      if (sealed === null || key.revoked_at !== null) return null;
      const text = unseal(deps.secrets.seal_key, sealed);
      invariant(text.startsWith(`${id}:`), 'a sealed key is the one of its row');
      await deps.audit.record(tx, {
        actor: `customer:${customerId}`,
        action: 'api_key.revealed',
        customer_id: customerId,
        object_id: id,
      });
      return { key: { ...key, revealable: false }, secret: text.slice(id.length + 1) };
    });
  }

  return {
    /** Counts from the next request on this node, and within a second on every other. */
    async update(customerId: string | null, id: string, wish: KeyUpdate, actor = 'system'): Promise<ApiKeyRow> {
      return await change(customerId, id, (tx, key) => update(tx, key, wish, actor));
    },

    /**
     * A new secret; the present one passes for `grace_seconds` more, to the millisecond, and one from an earlier rotation no
     * longer than that: afterwards only the new one does.
     */
    async rotate(
      customerId: string | null,
      id: string,
      input: { grace_seconds: number; actor?: string },
    ): Promise<{ key: ApiKeyRow; secret: string }> {
      return await change(customerId, id, async (tx, key) => {
        const now = clock.now();
        const stops_at = now + input.grace_seconds * 1000;
        const secret = await giveSecret(tx, { ...deps, key, now, stops_at, sealed: false });
        const { customer_id } = key;
        await deps.audit.record(tx, {
          actor: input.actor ?? 'system',
          action: 'api_key.rotated',
          customer_id,
          object_id: id,
          detail: { former_until_at: new Date(stops_at).toISOString() },
        });
        await deps.notify(tx, customer_id, {
          kind: 'key_rotated',
          dedupe_key: `key_rotated:${id}:${now}`,
          data: { key_name: key.name, key_start: key.start, stops_at: new Date(stops_at).toISOString() },
        });
        await bumpGateVersion(tx, customer_id);
        const after = await reread(tx, id);
        await deps.told(tx, 'rotated', after, key);
        return { key: after, secret };
      });
    },

    reveal,

    /** The first key with its secret, likewise. */
    async revealFirst(customerId: string): Promise<{ key: ApiKeyRow; secret: string } | null> {
      const id = await firstKeyOf(db.kysely, customerId);
      return id === null ? null : await reveal(customerId, id);
    },
  };
}

/** The columns that differ: what is as it was is no change. */
function changeOf(key: ApiKeyRow, wish: KeyUpdate, now: Instant): KeyChange {
  const change: KeyChange = {};
  if (wish.name !== undefined && wish.name !== key.name) change.name = wish.name;
  if (wish.scopes !== undefined && !sameTexts(wish.scopes, key.scopes)) change.scopes = [...new Set(wish.scopes)];
  if (wish.allowed_cidrs !== undefined && !sameTexts(wish.allowed_cidrs, key.allowed_cidrs))
    change.allowed_cidrs = [...new Set(wish.allowed_cidrs)];
  if (wish.expires_at !== undefined && wish.expires_at !== (key.expires_at?.getTime() ?? null))
    change.expires_at = expiryOf(wish.expires_at, now);
  if (wish.enabled === false && key.disabled_at === null) change.disabled_at = new Date(now);
  if (wish.enabled === true && key.disabled_at !== null) change.disabled_at = null;
  const { budget } = wish;
  if (budget !== undefined && budget?.limit !== (key.budget_limit ?? undefined))
    change.budget_limit = budget?.limit ?? null;
  if (budget !== undefined && budget?.window !== (key.budget_window ?? undefined))
    change.budget_window = budget?.window ?? null;
  return change;
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

/** Whether it counts among the keys that can be used, now or later. */
function isLive(key: Pick<ApiKeyRow, 'expires_at' | 'revoked_at'>, now: Instant): boolean {
  return key.revoked_at === null && (key.expires_at === null || key.expires_at.getTime() > now);
}

async function reread(tx: Tx, id: string): Promise<ApiKeyRow> {
  const key = await keyById(tx, null, id);
  invariant(key !== null, 'the key is locked');
  return key;
}

/** An expiry as it is kept; one that lies behind is refused. */
export function expiryOf(expires_at: Instant | null, now: Instant): Date | null {
  if (expires_at === null) return null;
  if (expires_at > now) return new Date(expires_at);
  throw new Problem('invalid_request', 'expires_at: Give an instant in the future.', { param: 'expires_at' });
}

export function noSuchKey(): Problem {
  return new Problem('not_found', 'There is no such key.');
}
