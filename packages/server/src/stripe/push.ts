import { atPrice, isAddOn } from '@farebox/core';
import type Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import {
  type PlanVersion,
  type StoredPrice,
  markPricePushed,
  markProductPushed,
  unpushedVersions,
} from '../plans/store.ts';
import type { Clock } from '../ports.ts';
import { ownMetadata } from './client.ts';
import { createMeterPush, meteredPricing } from './push-meters.ts';
import { createCouponPush } from './push-coupons.ts';

/**
 * Makes Stripe hold every plan version on sale and every coupon: one product per plan, one price per price of
 * the version and one for its setup fee, found again by their lookup keys.
 * Idempotent at any point of interruption. Answers what it made or found.
 */
export function createPush(deps: {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  installation_id: string;
  meterName(meterId: string): string;
  log: { info(fields: object, message: string): void };
}) {
  const { db, stripe, installation_id } = deps;
  const pushCoupons = createCouponPush(deps);
  const meters = createMeterPush(deps);

  return async function push(): Promise<string[]> {
    return await db.withLock('stripe:push', async () => {
      const done: string[] = [];
      for (const version of await unpushedVersions(db.kysely)) {
        const product = await ensureProduct(version);
        for (const price of version.prices) {
          const stripe_price_id = await ensurePrice(version, price, product);
          const stripe_setup_price_id = price.setup_fee_minor > 0 ? await ensureSetup(version, price, product) : null;
          const stripe_metered_prices = await meteredPrices(version, price);
          const made = { stripe_price_id, stripe_setup_price_id, stripe_metered_prices };
          await markPricePushed(db.kysely, price.id, made);
        }
        await markProductPushed(db.kysely, version.id, product);
        deps.log.info({ plan: version.plan_id, version: version.version }, 'plan pushed to Stripe');
        done.push(`${version.plan_id} version ${version.version}`);
      }
      // After the products that they apply to.
      return [...done, ...(await pushCoupons())];
    });
  };

  /** Each under a product of its own, so that an invoice says what was used, and its lines can be told from others. */
  async function meteredPrices(version: PlanVersion, price: StoredPrice): Promise<Record<string, string>> {
    const made: Record<string, string> = {};
    const { usage } = atPrice(version.content, price);
    for (const part of usage.filter(({ reporter }) => reporter === 'meters')) {
      const { meter_id } = part;
      const meter = await meters.ensure(meter_id);
      made[meter_id] = await ensure(version, `${price.currency}:${price.interval}:meter:${meter_id}`, {
        ...meteredPricing(part),
        product: await meters.ensureProduct(version.plan_id, meter_id),
        currency: price.currency,
        recurring: { ...recurringOf(price.interval), usage_type: 'metered', meter },
        metadata: { farebox_meter: meter_id, farebox_metered_of: price.id },
      });
    }
    return made;
  }

  /** Stripe lets us choose a product's id, so the plan's product is the same one on every try. */
  async function ensureProduct(version: PlanVersion): Promise<string> {
    const id = `${installation_id}_${version.plan_id}`;
    const found = await stripe.products.list({ ids: [id], limit: 1 });
    const wanted = { name: version.content.name, description: version.content.description };
    const existing = found.data[0];
    if (existing !== undefined) {
      if (existing.name !== wanted.name || existing.description !== wanted.description)
        await stripe.products.update(id, wanted);
      return id;
    }
    const created = await stripe.products.create(
      { id, ...wanted, metadata: ownMetadata(installation_id, { farebox_plan: version.plan_id }) },
      { idempotencyKey: `farebox:${installation_id}:product:${version.plan_id}` },
    );
    return created.id;
  }

  async function ensurePrice(version: PlanVersion, price: StoredPrice, product: string): Promise<string> {
    return await ensure(version, `${price.currency}:${price.interval}`, {
      product,
      currency: price.currency,
      unit_amount: price.amount_minor,
      recurring: recurringOf(price.interval),
      metadata: { farebox_plan_price: price.id },
    });
  }

  /** A fee is the same for every interval, but each price has its own, so that a price can be told from its fee. */
  async function ensureSetup(version: PlanVersion, price: StoredPrice, product: string): Promise<string> {
    return await ensure(version, `${price.currency}:${price.interval}:setup`, {
      product,
      currency: price.currency,
      unit_amount: price.setup_fee_minor,
      metadata: { farebox_setup_of: price.id },
    });
  }

  async function ensure(
    version: PlanVersion,
    name: string,
    wanted: Stripe.PriceCreateParams & { metadata: Record<string, string> },
  ): Promise<string> {
    const lookupKey = `${installation_id}:${version.plan_id}:${version.version}:${name}`;
    const found = await stripe.prices.list({ lookup_keys: [lookupKey], limit: 1 });
    const existing = found.data[0];
    if (existing !== undefined) return existing.id;
    const created = await stripe.prices.create(
      {
        ...wanted,
        lookup_key: lookupKey,
        nickname: `${version.content.name}, version ${version.version}`,
        metadata: ownMetadata(installation_id, {
          farebox_plan: version.plan_id,
          farebox_plan_version: version.id,
          ...(isAddOn(version.content) ? { farebox_add_on: 'true' } : {}),
          ...wanted.metadata,
        }),
      },
      { idempotencyKey: `farebox:${installation_id}:price:${version.id}:${name}` },
    );
    return created.id;
  }
}

/** Stripe has no quarter: it is three months. */
function recurringOf(interval: StoredPrice['interval']): Stripe.PriceCreateParams.Recurring {
  return interval === 'quarter' ? { interval: 'month', interval_count: 3 } : { interval };
}
