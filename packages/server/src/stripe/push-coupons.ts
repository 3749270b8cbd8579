import type { Coupon, PromotionCode } from '@farebox/core';
import Stripe from 'stripe';
import type { Database } from '../db/database.ts';
import { type CouponVersion, markCodePushed, markCouponPushed, unpushedCoupons } from '../plans/coupons/store.ts';
import type { Clock } from '../ports.ts';
import { ownMetadata } from './client.ts';

/**
 * Makes Stripe hold every coupon with its promotion codes. The codes of a version that was replaced are switched off first,
 * since a code is one coupon's at a time; who redeemed it keeps the reduction. Idempotent at any point of interruption.
 */
export function createCouponPush(deps: { db: Database; clock: Clock; stripe: Stripe; installation_id: string }) {
  const { db, clock, stripe, installation_id } = deps;

  return async function pushCoupons(): Promise<string[]> {
    const done: string[] = [];
    for (const coupon of await unpushedCoupons(db.kysely)) {
      const isOver = coupon.archived_at !== null;
      await (isOver ? end(coupon) : ensure(coupon));
      done.push(`coupon ${coupon.coupon_id} version ${coupon.version}${isOver ? ' (ended)' : ''}`);
    }
    return done;
  };

  async function end(coupon: CouponVersion): Promise<void> {
    for (const { code, stripe_promotion_code_id } of coupon.codes) {
      if (stripe_promotion_code_id === null) continue;
      await stripe.promotionCodes.update(stripe_promotion_code_id, { active: false });
      await markCodePushed(db.kysely, { coupon_version_id: coupon.id, code }, { ended_at: new Date(clock.now()) });
    }
  }

  async function ensure(coupon: CouponVersion): Promise<void> {
    const id = await ensureCoupon(coupon);
    await markCouponPushed(db.kysely, coupon.id, id);
    for (const code of coupon.content.codes) {
      const stripe_promotion_code_id = await ensureCode(coupon, code, id);
      await markCodePushed(db.kysely, { coupon_version_id: coupon.id, code: code.code }, { stripe_promotion_code_id });
    }
  }

  /** Stripe lets us choose a coupon's id, so it is the same one on every try. */
  async function ensureCoupon(coupon: CouponVersion): Promise<string> {
    const { content } = coupon;
    const id = `${installation_id}_${coupon.coupon_id}_${coupon.version}`;
    try {
      return (await stripe.coupons.retrieve(id)).id;
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeInvalidRequestError) || error.code !== 'resource_missing') throw error;
    }
    const products = content.plans.map((plan) => `${installation_id}_${plan}`);
    const created = await stripe.coupons.create(
      {
        id,
        name: content.name,
        ...reduction(content),
        ...lifetime(content),
        ...(products.length === 0 ? {} : { applies_to: { products } }),
        metadata: ownMetadata(installation_id, { farebox_coupon: coupon.coupon_id }),
      },
      { idempotencyKey: `farebox:${installation_id}:coupon:${coupon.id}` },
    );
    return created.id;
  }

  async function ensureCode(coupon: CouponVersion, wanted: PromotionCode, stripeCouponId: string): Promise<string> {
    const { data } = await stripe.promotionCodes.list({ code: wanted.code, coupon: stripeCouponId, limit: 1 });
    if (data[0] !== undefined) return data[0].id;
    const created = await stripe.promotionCodes.create(
      {
        promotion: { type: 'coupon', coupon: stripeCouponId },
        code: wanted.code,
        ...(wanted.max_redemptions === null ? {} : { max_redemptions: wanted.max_redemptions }),
        ...(wanted.expires_on === null ? {} : { expires_at: endOf(wanted.expires_on) }),
        ...(wanted.first_purchase ? { restrictions: { first_time_transaction: true } } : {}),
        metadata: ownMetadata(installation_id, { farebox_coupon: coupon.coupon_id }),
      },
      { idempotencyKey: `farebox:${installation_id}:code:${coupon.id}:${wanted.code}` },
    );
    return created.id;
  }
}

function reduction(coupon: Coupon): Stripe.CouponCreateParams {
  if (coupon.percent_off_decimal !== null) return { percent_off: Number(coupon.percent_off_decimal) };
  const [[currency, amount_off] = ['', 0], ...others] = Object.entries(coupon.amounts_off ?? {});
  const options = Object.fromEntries(others.map(([other, amount]) => [other, { amount_off: amount }]));
  return { amount_off, currency, ...(others.length === 0 ? {} : { currency_options: options }) };
}

function lifetime(coupon: Coupon): Stripe.CouponCreateParams {
  return {
    duration: coupon.duration,
    ...(coupon.months === null ? {} : { duration_in_months: coupon.months }),
    ...(coupon.max_redemptions === null ? {} : { max_redemptions: coupon.max_redemptions }),
    ...(coupon.redeem_until_on === null ? {} : { redeem_by: endOf(coupon.redeem_until_on) }),
  };
}

/** The last second of a day, UTC. */
function endOf(day: string): number {
  return Date.parse(`${day}T23:59:59Z`) / 1000;
}
