import {
  type Instant,
  type Overrides,
  type PriceList,
  type PricedPlan,
  overrideFaults,
  overridesAt,
  withOverrides,
} from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import type { Json } from '../../db/tables.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { type OverrideRow, insertOverrides, overridesOf } from './store.ts';

export interface OverridesWish {
  content: Overrides;
  /** From then on the plan counts again. */
  expires_at: Instant | null;
  reason: string;
}

/** What one customer has of its own, and what it may use with it. */
export interface CustomerOverrides {
  customer_id: string;
  /** The newest change; null when there never was one. */
  latest: OverrideRow | null;
  /** Whether any counts now. */
  in_force: boolean;
  /** The plans as they count for this customer now, one in each group; none without a subscription. */
  effective: PricedPlan[];
  /** Every change, the newest first. */
  history: OverrideRow[];
}

export type CustomerOverridesService = ReturnType<typeof createOverrides>;

/**
 * Other limits, amounts, features and prices of usage for one customer. They count from the next request on; usage is billed by
 * what is in force when its period ends. Counters are named by the customer and the limit, so that no change resets one.
 */
export function createOverrides(deps: {
  db: Database;
  clock: Clock;
  list: PriceList;
  findCustomer(id: string): Promise<{ id: string }>;
  /** The plans of the customer's subscriptions, without overrides. */
  plansOf(customerId: string): Promise<PricedPlan[]>;
  audit: AuditTrail;
  /** In the transaction: what every gate knows of this customer is old. */
  invalidate(tx: Tx, customerId: string): Promise<void>;
  /** After the commit: the same for this process, at once. */
  changed(customerId: string): Promise<void>;
}) {
  const { db, clock } = deps;

  async function read(customerId: string): Promise<CustomerOverrides> {
    const { id } = await deps.findCustomer(customerId);
    const history = await overridesOf(db.kysely, id);
    const now = overridesAt(history, clock.now());
    const plans = await deps.plansOf(id);
    return {
      customer_id: id,
      latest: history.at(-1) ?? null,
      in_force: now !== null,
      effective: plans.map((plan) => withOverrides(plan, now)),
      history: history.toReversed(),
    };
  }

  async function set(actor: string, customerId: string, wish: OverridesWish): Promise<CustomerOverrides> {
    const { id } = await deps.findCustomer(customerId);
    const faults = overrideFaults(wish.content, deps.list, await deps.plansOf(id));
    if (faults.length > 0) {
      const errors = faults.map(({ path, message }) => ({ param: path, detail: message }));
      const sentence = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
      throw new Problem('invalid_request', sentence, { param: errors[0]?.param ?? '', errors });
    }
    if (wish.expires_at !== null && wish.expires_at <= clock.now())
      throw new Problem('invalid_request', 'expires_at: Must lie in the future.', { param: 'expires_at' });
    await write(id, 'customer.overrides_set', { ...wish, actor });
    return await read(id);
  }

  async function remove(actor: string, customerId: string): Promise<CustomerOverrides> {
    const { latest } = await read(customerId);
    if (latest === null || latest.content === null) throw new Problem('no_change', 'The customer has no overrides.');
    const none = { content: null, expires_at: null, reason: null };
    await write(customerId, 'customer.overrides_removed', { ...none, actor });
    return await read(customerId);
  }

  async function write(customerId: string, action: string, row: Omit<OverrideRow, 'from_at'>): Promise<void> {
    await db.transaction(async (tx) => {
      const last = (await overridesOf(tx, customerId)).at(-1)?.from_at ?? 0;
      // Never before an older one, also when clocks differ: the newest is the last.
      await insertOverrides(tx, customerId, { ...row, from_at: Math.max(clock.now(), last) });
      const { content, expires_at, reason, actor } = row;
      const detail: Record<string, Json> = JSON.parse(JSON.stringify({ content, expires_at, reason }));
      await deps.audit.record(tx, { actor, action, customer_id: customerId, detail });
      await deps.invalidate(tx, customerId);
    });
    await deps.changed(customerId);
  }

  return { read, set, remove };
}
