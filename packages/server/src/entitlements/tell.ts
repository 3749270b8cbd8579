import { type EntitlementChange, type ToldEntitlement, entitlementChanges } from '@farebox/core';
import type { Database, Tx } from '../db/database.ts';
import type { Clock } from '../ports.ts';
import { liveSubscriptions } from '../subscriptions/store.ts';
import type { Entitlement } from './service.ts';
import { customersToTell, saveTold, toldEntitlements } from './store.ts';

/** Who subscribed before anything was told is not told of what is there already. */
const newMs = 86_400_000;
/** How far back what time took is looked for. */
const lookBackMs = 86_400_000;
const page = 500;

/** What webhooks hear of one feature of one customer. */
export interface EntitlementTold {
  type: EntitlementChange;
  customer_id: string;
  feature_id: string;
  name: string;
  before: ToldEntitlement | null;
  after: ToldEntitlement;
}

/** Tells what became different of what customers may use: after a change, and of what time alone takes. */
export function createEntitlementTelling(deps: {
  db: Database;
  clock: Clock;
  list(customerId: string): Promise<Entitlement[]>;
  told(tx: Tx, event: EntitlementTold): Promise<void>;
}) {
  const { db, clock } = deps;

  /** The job `entitlements.tell`. One at a time per customer; what is there now is compared with what was told last. */
  async function tell(customer_id: string): Promise<void> {
    await db.withLock(`entitlements:${customer_id}`, async () => {
      const entitled = await deps.list(customer_id);
      const names = new Map(entitled.map(({ feature }) => [feature.id, feature.name]));
      const now = Object.fromEntries(entitled.map((each) => [each.feature.id, toldOf(each)]));
      const last = await toldEntitlements(db.kysely, customer_id);
      const before = last ?? ((await isOld(customer_id)) ? now : {});
      const changes = entitlementChanges(before, now);
      if (last !== null && changes.length === 0) return;
      await db.transaction(async (tx) => {
        await saveTold(tx, customer_id, now);
        for (const { feature_id, change: type } of changes)
          await deps.told(tx, {
            type,
            customer_id,
            feature_id,
            name: names.get(feature_id) ?? feature_id,
            before: before[feature_id] ?? null,
            after: now[feature_id] ?? { enabled: false, value: null, included: null },
          });
      });
    });
  }

  async function isOld(customerId: string): Promise<boolean> {
    const live = await liveSubscriptions(db.kysely, customerId);
    return live.some(({ stripe_created_at }) => stripe_created_at.getTime() < clock.now() - newMs);
  }

  return {
    tell,
    /** The job `entitlements.sweep`. */
    async sweep(): Promise<void> {
      const now = clock.now();
      for (let after = ''; ;) {
        const of = { since: new Date(now - lookBackMs), now: new Date(now), after, limit: page };
        const ids = await customersToTell(db.kysely, of);
        for (const id of ids) await tell(id);
        const last = ids.at(-1);
        if (last === undefined) return;
        after = last;
      }
    },
  };
}

function toldOf({ feature: { value }, enabled, quota }: Entitlement): ToldEntitlement {
  return { enabled, value, included: enabled ? (quota?.included ?? null) : null };
}
