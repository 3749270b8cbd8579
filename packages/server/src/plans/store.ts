import {
  type Interval,
  type Plan,
  type Price,
  type PriceList,
  type PricedPlan,
  type StoredPlan,
  type Subscribers,
  atPrice,
} from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';

/** One frozen content of a plan. */
export interface PlanVersion {
  id: string;
  plan_id: string;
  version: number;
  content: Plan;
  content_hash: string;
  stripe_product_id: string | null;
  /** As in the content, with what they are called here and at Stripe. */
  prices: StoredPrice[];
  published_at: Date;
  archived_at: Date | null;
}

export interface StoredPrice extends Price {
  /** pprc_… */
  id: string;
  /** Null until pushed. */
  stripe_price_id: string | null;
  /** Null until pushed, and without a setup fee. */
  stripe_setup_price_id: string | null;
  /** By meter, of plans whose usage goes through Stripe's meters. */
  stripe_metered_prices: Record<string, string>;
}

/** The versions on sale, one per plan. */
export async function currentVersions(db: Reader): Promise<PlanVersion[]> {
  return await versions(db).where('archived_at', 'is', null).execute();
}

/**
 * The newest version that a price list gave every plan, on sale or not: a plan that returns goes on counting. What was taken
 * over with somebody who paid it before is no version of the list, and has a number all the same.
 */
export async function newestVersions(db: Reader): Promise<StoredPlan[]> {
  const rows = await versions(db)
    .select(
      sql<number>`(select max(v.version) from plan_version v where v.plan_id = plan_version.plan_id)`.as(
        'last_version',
      ),
    )
    .where('imported', '=', false)
    .distinctOn('plan_id')
    .orderBy('plan_id')
    .orderBy('version', 'desc')
    .execute();
  return rows.map(({ plan_id, version, last_version, content, archived_at }) => ({
    plan_id,
    version,
    last_version,
    content,
    on_sale: archived_at === null,
  }));
}

/** Nobody else gives a version its number until the transaction ends. */
export async function lockVersions(tx: Reader): Promise<void> {
  await sql`lock table plan_version in share row exclusive mode`.execute(tx);
}

/** A plan at a price that exists at Stripe and is not sold: who pays it keeps it. */
export async function insertImported(
  db: Reader,
  version: { id: string; content: Plan; content_hash: string; at: Date; stripe_product_id: string },
  price: { id: string; stripe_price_id: string },
): Promise<void> {
  const { id, content, content_hash, at, stripe_product_id } = version;
  await db
    .insertInto('plan_version')
    .values({
      id,
      plan_id: content.id,
      version: sql<number>`(select coalesce(max(version), 0) + 1 from plan_version where plan_id = ${content.id})`,
      content: JSON.stringify(content),
      content_hash,
      stripe_product_id,
      published_at: at,
      archived_at: at,
      imported: true,
    })
    .execute();
  const [amount] = content.prices;
  invariant(amount !== undefined && content.prices.length === 1, 'a plan that is kept has the one price that is paid');
  await db
    .insertInto('plan_price')
    .values({ ...amount, ...price, plan_version_id: id })
    .execute();
}

/** Every version of a plan, the newest first. */
export async function versionsOf(db: Reader, planId: string): Promise<PlanVersion[]> {
  return await versions(db).where('plan_id', '=', planId).orderBy('version', 'desc').execute();
}

/** Who pays what, by plan, version, currency and interval. */
export async function subscribersByPrice(db: Reader): Promise<Subscribers[]> {
  return await db
    .selectFrom('plan_subscriber as u')
    .innerJoin('plan_price', 'plan_price.id', 'u.plan_price_id')
    .innerJoin('plan_version', 'plan_version.id', 'plan_price.plan_version_id')
    .select(['plan_version.plan_id', 'plan_version.version', 'plan_price.currency'])
    .select(sql<Interval>`plan_price.interval`.as('interval'))
    .select(sql<number>`sum(u.quantity)::bigint`.as('quantity'))
    .select(sql<number>`count(distinct u.customer_id)::bigint`.as('customers'))
    .select(
      sql<number>`sum(monthly_minor(plan_price.amount_minor * u.quantity, plan_price.interval))::bigint`.as(
        'mrr_minor',
      ),
    )
    .where('u.status', 'in', ['active', 'trialing', 'past_due'])
    .groupBy(['plan_version.plan_id', 'plan_version.version', 'plan_price.currency', 'plan_price.interval'])
    .orderBy('plan_version.plan_id')
    .orderBy('plan_version.version')
    .execute();
}

/** The list as it was published last. */
export async function savePriceList(db: Reader, list: PriceList, at: Date): Promise<void> {
  const content = JSON.stringify(list);
  await db
    .insertInto('price_list')
    .values({ content, published_at: at })
    .onConflict((conflict) => conflict.column('only_row').doUpdateSet({ content, published_at: at }))
    .execute();
}

/** Written by savePriceList only, from a checked list. */
export async function storedPriceList(db: Reader): Promise<PriceList | null> {
  const row = await db
    .selectFrom('price_list')
    .select(sql<PriceList>`content`.as('content'))
    .executeTakeFirst();
  return row?.content ?? null;
}

export async function versionById(db: Reader, id: string): Promise<PlanVersion | null> {
  return (await versions(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function versionsByIds(db: Reader, ids: readonly string[]): Promise<PlanVersion[]> {
  return await versions(db).where('id', 'in', ids).execute();
}

/** The version and the price of it that Stripe knows by this id. */
export async function versionByStripePrice(
  db: Reader,
  stripePriceId: string,
  column: 'stripe_price_id' | 'stripe_setup_price_id' = 'stripe_price_id',
): Promise<{ version: PlanVersion; price: StoredPrice } | null> {
  const row = await db
    .selectFrom('plan_price')
    .select(['id', 'plan_version_id'])
    .where(column, '=', stripePriceId)
    .executeTakeFirst();
  if (row === undefined) return null;
  const version = await versionById(db, row.plan_version_id);
  invariant(version !== null, 'a price belongs to a plan version');
  return { version, price: storedPrice(version, row.id) };
}

/** The version and the price of it that has this id. */
export async function versionOfPrice(
  db: Reader,
  planPriceId: string,
): Promise<{ version: PlanVersion; price: StoredPrice }> {
  const { plan_version_id } = await db
    .selectFrom('plan_price')
    .select('plan_version_id')
    .where('id', '=', planPriceId)
    .executeTakeFirstOrThrow();
  const version = await versionById(db, plan_version_id);
  invariant(version !== null, 'a price belongs to a plan version');
  return { version, price: storedPrice(version, planPriceId) };
}

export async function planOfPrice(db: Reader, planPriceId: string): Promise<PricedPlan> {
  const row = await db
    .selectFrom('plan_price as r')
    .innerJoin('plan_version as p', 'p.id', 'r.plan_version_id')
    .select(['r.currency', sql<Interval>`r.interval`.as('interval'), sql<Plan>`p.content`.as('content')])
    .where('r.id', '=', planPriceId)
    .executeTakeFirstOrThrow();
  return atPrice(row.content, row);
}

/** The number of the version that this is a price of. */
export async function versionNumberOfPrice(db: Reader, planPriceId: string): Promise<number> {
  const row = await db
    .selectFrom('plan_price as r')
    .innerJoin('plan_version as p', 'p.id', 'r.plan_version_id')
    .select('p.version')
    .where('r.id', '=', planPriceId)
    .executeTakeFirstOrThrow();
  return row.version;
}

export function storedPrice(version: PlanVersion, priceId: string): StoredPrice {
  const price = version.prices.find((candidate) => candidate.id === priceId);
  invariant(price !== undefined, 'a plan version keeps its prices');
  return price;
}

export async function insertVersion(
  db: Reader,
  version: { id: string; plan_id: string; version: number; content: Plan; content_hash: string; published_at: Date },
  prices: readonly { id: string; price: Price }[],
): Promise<void> {
  await db
    .insertInto('plan_version')
    .values({ ...version, content: JSON.stringify(version.content) })
    .execute();
  await db
    .insertInto('plan_price')
    .values(prices.map(({ id, price }) => ({ ...price, id, plan_version_id: version.id })))
    .execute();
}

export async function archiveVersion(db: Reader, planId: string, at: Date): Promise<void> {
  await db
    .updateTable('plan_version')
    .set({ archived_at: at })
    .where('plan_id', '=', planId)
    .where('archived_at', 'is', null)
    .execute();
}

export async function restoreVersion(db: Reader, planId: string, version: number): Promise<void> {
  await db
    .updateTable('plan_version')
    .set({ archived_at: null })
    .where('plan_id', '=', planId)
    .where('version', '=', version)
    .execute();
}

/** Versions on sale of which something is not at Stripe yet. */
export async function unpushedVersions(db: Reader): Promise<PlanVersion[]> {
  return (await currentVersions(db)).filter(
    (version) =>
      version.stripe_product_id === null ||
      version.prices.some(
        (price) =>
          price.stripe_price_id === null ||
          (price.setup_fee_minor > 0 && price.stripe_setup_price_id === null) ||
          meteredOf(version.content).some(({ meter_id }) => price.stripe_metered_prices[meter_id] === undefined),
      ),
  );
}

/** What of a plan goes through Stripe's meters. */
function meteredOf(content: Pick<Plan, 'usage'>): Plan['usage'] {
  return content.usage.filter(({ reporter }) => reporter === 'meters');
}

/** Stripe's id of the metered price of a meter; null: it has none. */
export async function meteredPriceId(db: Reader, planPriceId: string, meterId: string): Promise<string | null> {
  const { rows } = await sql<{ id: string | null }>`
    select stripe_metered_prices ->> ${meterId} as id from plan_price where id = ${planPriceId}`.execute(db);
  return rows[0]?.id ?? null;
}

export async function markProductPushed(db: Reader, id: string, stripe_product_id: string): Promise<void> {
  await db.updateTable('plan_version').set({ stripe_product_id }).where('id', '=', id).execute();
}

export async function markPricePushed(
  db: Reader,
  id: string,
  stripe: Pick<StoredPrice, 'stripe_setup_price_id' | 'stripe_metered_prices'> & { stripe_price_id: string },
): Promise<void> {
  const stripe_metered_prices = JSON.stringify(stripe.stripe_metered_prices);
  await db
    .updateTable('plan_price')
    .set({ ...stripe, stripe_metered_prices })
    .where('id', '=', id)
    .execute();
}

/** Content is written by insertVersion only, from a checked Plan; that is what lets it be read as one. */
function versions(db: Reader) {
  return db
    .selectFrom('plan_version')
    .select(['id', 'plan_id', 'version', 'content_hash', 'stripe_product_id', 'published_at', 'archived_at'])
    .select(sql<Plan>`content`.as('content'))
    .select(
      sql<StoredPrice[]>`(
        select json_agg(json_build_object(
          'id', id, 'currency', currency, 'interval', interval, 'amount_minor', amount_minor,
          'setup_fee_minor', setup_fee_minor,
          'stripe_price_id', stripe_price_id, 'stripe_setup_price_id', stripe_setup_price_id,
          'stripe_metered_prices', stripe_metered_prices
        ) order by id)
        from plan_price where plan_price.plan_version_id = plan_version.id
      )`.as('prices'),
    );
}
