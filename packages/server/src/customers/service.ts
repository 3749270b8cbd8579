import type { Instant } from '@farebox/core';
import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import * as store from './store.ts';
import type { CustomerFilter, CustomerRow, ListedCustomer } from './store.ts';

export type Customers = ReturnType<typeof createCustomers>;

/** In the transaction of what it tells: a customer is new, different than `before`, or about to be deleted. */
export type CustomerTold = (
  tx: Tx,
  verb: 'created' | 'updated' | 'deleted',
  id: string,
  before: ListedCustomer | null,
) => Promise<void>;

/** Who pays the seller, and the link to a customer at Stripe. */
export function createCustomers(deps: { db: Database; clock: Clock; told: CustomerTold }) {
  const { db, clock } = deps;

  function fresh(input: {
    external_id: string | null;
    name: string;
    email: string;
    time_zone?: string | undefined;
  }): CustomerRow {
    const now = clock.now();
    const { time_zone = 'UTC', ...named } = input;
    return {
      id: createId('cust', now),
      ...named,
      time_zone,
      stripe_customer_id: null,
      stripe_synced_at: null,
      stripe_synced_seq: 0,
      imported_at: null,
      created_at: new Date(now),
      deleted_at: null,
    };
  }

  async function get(id: string): Promise<ListedCustomer> {
    const row = await store.listedCustomer(db.kysely, id);
    if (row === undefined) throw new Problem('not_found', 'There is no such customer.');
    return row;
  }

  return {
    /** A new customer for somebody who signed up. The caller's transaction ties it to the person, once. */
    async ensureForUser(tx: Tx, person: { name: string; email: string }): Promise<{ id: string }> {
      const row = fresh({ external_id: null, name: person.name, email: person.email });
      await store.insertCustomer(tx, row);
      await deps.told(tx, 'created', row.id, null);
      return { id: row.id };
    },

    async find(tx: Tx | null, id: string): Promise<CustomerRow | null> {
      return (await store.customerById(tx ?? db.kysely, id)) ?? null;
    },

    /** Throws `not_found`. */
    get,

    async byStripeId(tx: Tx | null, stripe_customer_id: string): Promise<CustomerRow | null> {
      return (await store.customerByStripeId(tx ?? db.kysely, stripe_customer_id)) ?? null;
    },

    /** Up to `limit + 1` rows, newest first; the one too many says that there is more. */
    async list(filter: CustomerFilter): Promise<ListedCustomer[]> {
      return await store.listCustomers(db.kysely, filter);
    },

    /** The seller's own record of a customer. With an `external_id` the same call twice makes one customer. */
    async upsert(input: {
      external_id?: string | undefined;
      name: string;
      email: string;
      time_zone?: string | undefined;
    }): Promise<{ customer: ListedCustomer; created: boolean }> {
      const row = fresh({ ...input, external_id: input.external_id ?? null });
      const { id, created } = await db.transaction(async (tx) => {
        const before = row.external_id === null ? null : await store.listedByExternalId(tx, row.external_id);
        const { row: stored, created: isNew } = await store.upsertByExternalId(tx, row, input.time_zone);
        if (isNew || isDifferent(before, { ...row, time_zone: input.time_zone ?? before?.time_zone ?? row.time_zone }))
          await deps.told(tx, isNew ? 'created' : 'updated', stored.id, before);
        return { id: stored.id, created: isNew };
      });
      return { customer: await get(id), created };
    },

    async update(id: string, change: { name?: string; email?: string; time_zone?: string }): Promise<ListedCustomer> {
      if (Object.keys(change).length > 0)
        await db.transaction(async (tx) => {
          const before = await store.listedCustomer(tx, id);
          const after = await store.updateCustomer(tx, id, change);
          if (before !== undefined && after !== undefined && isDifferent(before, after))
            await deps.told(tx, 'updated', id, before);
        });
      return await get(id);
    },

    /**
     * Ties a customer to one at Stripe. The first writer wins: false when another call was earlier, and what that one wrote
     * holds. One Stripe customer can belong to one of ours only.
     */
    async linkStripe(tx: Tx | null, id: string, stripe_customer_id: string): Promise<boolean> {
      const reader = tx ?? db.kysely;
      if (await store.linkStripeCustomer(reader, id, stripe_customer_id)) return true;
      const before = await store.customerById(reader, id);
      invariant(typeof before?.stripe_customer_id === 'string', 'only a stored customer is linked to Stripe');
      return false;
    },

    /** Takes over who pays at Stripe already, or ties it to one of ours. Answers ours. */
    async adopt(
      tx: Tx,
      found: { customer_id: string | null; stripe_customer_id: string; name: string; email: string },
    ): Promise<string> {
      const { customer_id, stripe_customer_id, name, email } = found;
      const row = fresh({ external_id: null, name, email });
      const imported_at = row.created_at;
      if (customer_id === null) {
        await store.insertCustomer(tx, { ...row, stripe_customer_id, imported_at });
        await deps.told(tx, 'created', row.id, null);
        return row.id;
      }
      await store.linkStripeCustomer(tx, customer_id, stripe_customer_id);
      const linked = await store.customerById(tx, customer_id);
      invariant(linked?.stripe_customer_id === stripe_customer_id, 'who is taken over has no other customer at Stripe');
      await store.markImported(tx, customer_id, imported_at);
      return customer_id;
    },

    /**
     * The one customer that was taken over under an address, for somebody whose own was never at Stripe. Null when there is
     * none, or more than one.
     */
    async claimable(tx: Tx, own: { customer_id: string; email: string }): Promise<string | null> {
      const bare = await store.customerById(tx, own.customer_id);
      const [found, another] = await store.importedByEmail(tx, own.email);
      if (bare === undefined || bare.stripe_customer_id !== null || bare.external_id !== null) return null;
      if (found === undefined || another !== undefined || found.id === bare.id) return null;
      return found.id;
    },

    /** Nobody belongs to it any more, and it never did anything. */
    async retire(tx: Tx, id: string): Promise<void> {
      await deps.told(tx, 'deleted', id, null);
      await store.markDeleted(tx, id, new Date(clock.now()));
    },

    /** Who has this address and is not at Stripe; two at most. */
    async unlinkedByEmail(email: string): Promise<CustomerRow[]> {
      return await store.unlinkedByEmail(db.kysely, email);
    },

    /** Stripe deleted its customer: the next purchase makes another. */
    async unlinkStripe(tx: Tx, id: string, stripe_customer_id: string): Promise<void> {
      await store.unlinkStripeCustomer(tx, id, stripe_customer_id);
    },

    /** Those of these ids that there are, by their ids. */
    async byIds(ids: readonly string[]): Promise<Map<string, ListedCustomer>> {
      const rows = await store.listedCustomers(db.kysely, [...new Set(ids)]);
      return new Map(rows.map((row) => [row.id, row]));
    },

    /** Everybody, with whom they are at Stripe. */
    async links(): Promise<{ id: string; stripe_customer_id: string | null }[]> {
      return await store.customerLinks(db.kysely);
    },

    /**
     * Notes when the mirror of this customer was last read from Stripe, and how many events had come by then. False when a
     * newer read was noted already: then this one is not to be written.
     */
    async markSynced(tx: Tx, id: string, at: Instant, seq = 0): Promise<boolean> {
      return await store.markSynced(tx, id, new Date(at), seq);
    },

    /** Of these customers the ones at Stripe that have not been read from there since `before`. */
    async staleOf(ids: readonly string[], before: Date): Promise<string[]> {
      return await store.staleCustomers(db.kysely, ids, before);
    },
  };
}

type Said = Pick<CustomerRow, 'name' | 'email' | 'time_zone'>;

function isDifferent(a: Said | null, b: Said): boolean {
  return a === null || a.name !== b.name || a.email !== b.email || a.time_zone !== b.time_zone;
}
