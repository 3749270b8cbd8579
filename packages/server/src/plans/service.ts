import {
  type Feature,
  type Plan,
  type PriceList,
  type PricedPlan,
  diffCatalog,
  diffCoupons,
  diffMeters,
  planHash,
  isOfferedTo,
} from '@farebox/core';
import type { Database, Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Queue } from '../queue/queue.ts';
import { type CatalogReport, reportOf } from './catalog/report.ts';
import { archiveCoupon, insertCoupon, newestCoupons } from './coupons/store.ts';
import {
  type PlanVersion,
  type StoredPrice,
  archiveVersion,
  currentVersions,
  insertImported,
  insertVersion,
  lockVersions,
  newestVersions,
  planOfPrice,
  restoreVersion,
  savePriceList,
  storedPriceList,
  subscribersByPrice,
  versionById,
  versionsByIds,
  versionsOf,
  versionByStripePrice,
} from './store.ts';

export interface PlanFeature {
  id: string;
  name: string;
  description: string;
  type: Feature['type'];
  enabled: boolean;
  /** What a config feature is set to. */
  value: number | string | null;
}

/** Who asks for plans. */
export interface Buyer {
  id: string;
  external_id: string | null;
}

export type Plans = ReturnType<typeof createPlans>;

/** What publishing a list would do, and whom it touches. Writes nothing. */
export async function catalogReport(db: Reader, list: Pick<PriceList, 'plans' | 'meters'>): Promise<CatalogReport> {
  const meters = diffMeters((await storedPriceList(db))?.meters ?? [], list.meters);
  return reportOf(diffCatalog(await newestVersions(db), list), await subscribersByPrice(db), meters);
}

/** In the transaction that publishes: a version is on sale, or a plan is no more. */
export type PlanTold = (tx: Tx, verb: 'published' | 'archived', plan_id: string, version: number) => Promise<void>;

/** The catalogue: the price list published as frozen versions. */
export function createPlans(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  list: PriceList;
  told: PlanTold;
}) {
  const { db, clock, queue, list } = deps;

  async function current(): Promise<PlanVersion[]> {
    const versions = await currentVersions(db.kysely);
    return list.plans.flatMap((plan) => versions.filter((version) => version.plan_id === plan.id));
  }

  async function publishCoupons(tx: Tx, at: Date): Promise<void> {
    for (const change of diffCoupons(await newestCoupons(tx), list.coupons)) {
      if (change.type === 'unchanged') continue;
      await archiveCoupon(tx, change.coupon.id, at);
      if (change.type === 'archive_coupon') continue;
      const { coupon: content, version, content_hash } = change;
      const id = createId('cpnv', clock.now());
      await insertCoupon(tx, { id, version, content, content_hash, published_at: at });
    }
  }

  async function currentFor(customer: Buyer | null): Promise<PlanVersion[]> {
    return (await current()).filter((version) => isOfferedTo(version.content, customer));
  }

  async function publishIn(tx: Tx): Promise<{ published: string[]; archived: string[] }> {
    const at = new Date(clock.now());
    const newest = await newestVersions(tx);
    const published: string[] = [];
    const archived: string[] = [];
    for (const change of diffCatalog(newest, list)) {
      const name = `${change.plan.id} version ${change.version}`;
      if (change.type === 'publish_version') {
        await archiveVersion(tx, change.plan.id, at);
        await insertVersion(
          tx,
          {
            id: createId('planv', clock.now()),
            plan_id: change.plan.id,
            version: change.version,
            content: change.plan,
            content_hash: change.content_hash,
            published_at: at,
          },
          change.plan.prices.map((price) => ({ id: createId('pprc', clock.now()), price })),
        );
        await deps.told(tx, 'published', change.plan.id, change.version);
        published.push(name);
      } else if (change.type === 'restore_version') {
        await restoreVersion(tx, change.plan.id, change.version);
        await deps.told(tx, 'published', change.plan.id, change.version);
        published.push(name);
      } else if (change.type === 'archive_plan') {
        await archiveVersion(tx, change.plan.id, at);
        await deps.told(tx, 'archived', change.plan.id, change.version);
        archived.push(change.plan.id);
      }
    }
    await publishCoupons(tx, at);
    await savePriceList(tx, list, at);
    await queue.enqueue(tx, { name: 'stripe.push', data: {} });
    return { published, archived };
  }

  return {
    list,

    /**
     * Makes the stored catalogue equal to the price list: a changed plan gets a new version, one that left is archived.
     * Idempotent. Publishing and the order to push it to Stripe are one transaction; of several processes that start together
     * one publishes.
     */
    async publish(): Promise<{ published: string[]; archived: string[] }> {
      return await db.withLock('plans.publish', () => db.transaction(publishIn));
    },

    /** The version on sale of every plan, in the price list's order. */
    current,

    /** Those somebody can buy: another customer's plan is not among them. */
    currentFor,

    /** Throws `plan_not_found` for a plan that is not on sale, or not to this customer. */
    async onSale(planId: string, customer: Buyer): Promise<PlanVersion> {
      const offered = await currentFor(customer);
      const found = offered.find((version) => version.plan_id === planId);
      if (found !== undefined) return found;
      const names = offered.map((version) => version.plan_id).join(', ');
      throw new Problem('plan_not_found', `There is no plan "${planId}". Plans on sale: ${names}.`, {
        param: 'plan_id',
      });
    },

    /** Every version a plan ever had, the newest first. */
    async versionsOf(planId: string): Promise<PlanVersion[]> {
      return await versionsOf(db.kysely, planId);
    },

    /** How many customers are on each version of a plan, by version number. */
    async customersByVersion(planId: string): Promise<Map<number, number>> {
      const counts = new Map<number, number>();
      for (const { plan_id, version, customers } of await subscribersByPrice(db.kysely))
        if (plan_id === planId) counts.set(version, (counts.get(version) ?? 0) + customers);
      return counts;
    },

    /** Those of these ids that there are, by their ids. */
    async versionsByIds(ids: readonly string[]): Promise<Map<string, PlanVersion>> {
      const found = await versionsByIds(db.kysely, ids);
      return new Map(found.map((version) => [version.id, version]));
    },

    async version(tx: Tx | null, id: string): Promise<PlanVersion | null> {
      return await versionById(tx ?? db.kysely, id);
    },

    /** What who pays this price has. */
    async ofPrice(tx: Tx | null, planPriceId: string): Promise<PricedPlan> {
      return await planOfPrice(tx ?? db.kysely, planPriceId);
    },

    /** The version and price a subscription at Stripe is on; null when it is none of ours. */
    async versionByStripePrice(stripePriceId: string): Promise<{ version: PlanVersion; price: StoredPrice } | null> {
      return await versionByStripePrice(db.kysely, stripePriceId);
    },

    /** The same by the price of its setup fee. */
    async versionBySetupFee(stripePriceId: string): Promise<{ version: PlanVersion; price: StoredPrice } | null> {
      return await versionByStripePrice(db.kysely, stripePriceId, 'stripe_setup_price_id');
    },

    /** Keeps a price of Stripe's that somebody pays already, as a version of a plan that is not on sale. Once per price. */
    async keep(tx: Tx, content: Plan, stripe: { product_id: string; price_id: string }): Promise<void> {
      if ((await versionByStripePrice(tx, stripe.price_id)) !== null) return;
      await lockVersions(tx);
      if ((await versionByStripePrice(tx, stripe.price_id)) !== null) return;
      const now = clock.now();
      await insertImported(
        tx,
        {
          id: createId('planv', now),
          content,
          content_hash: planHash(content),
          at: new Date(now),
          stripe_product_id: stripe.product_id,
        },
        { id: createId('pprc', now), stripe_price_id: stripe.price_id },
      );
    },

    /** Every feature of the price list with what a plan makes of it. A config feature is on, and says its value. */
    featuresOf: (plan: FeaturedPlan) => featuresOf(list, plan),
  };
}

type FeaturedPlan = Pick<Plan, 'features'> & { usage: readonly { meter_id: string }[] };

/** As `Plans.featuresOf`, of a list. */
export function featuresOf(list: Pick<PriceList, 'features'>, plan: FeaturedPlan): PlanFeature[] {
  return list.features.map((feature) => {
    const { id, name, description, type } = feature;
    const set = plan.features[id];
    if (feature.type === 'metered') {
      const enabled = plan.usage.some((usage) => usage.meter_id === feature.meter_id);
      return { id, name, description, type, enabled, value: null };
    }
    if (feature.type === 'config') {
      const value = typeof set === 'number' || typeof set === 'string' ? set : feature.default;
      return { id, name, description, type, enabled: true, value };
    }
    return { id, name, description, type, enabled: set === true, value: null };
  });
}
