import type { PricedUsage, UsagePrice } from '@farebox/core';
import Stripe from 'stripe';
import { ownMetadata } from './client.ts';
import { meterProductId } from './translate.ts';

/** What an event for a meter says: whose it is, and how many units. */
export const customerKey = 'stripe_customer_id';
export const valueKey = 'value';

/** The name under which events reach a meter: one of this installation. */
export function eventNameOf(installation_id: string, meter_id: string): string {
  return `${installation_id}_${meter_id}`;
}

/** Makes Stripe hold a Billing Meter for each meter that plans are billed through, and a product for what it counts of a plan. */
export function createMeterPush(deps: { stripe: Stripe; installation_id: string; meterName(meterId: string): string }) {
  const { stripe, installation_id } = deps;

  /** There is one active meter of a name. It adds up: Farebox sends whole units of hours. */
  async function ensure(meter_id: string): Promise<string> {
    const event_name = eventNameOf(installation_id, meter_id);
    for await (const meter of stripe.billing.meters.list({ status: 'active', limit: 100 }))
      if (meter.event_name === event_name) return meter.id;
    const made = await stripe.billing.meters.create(
      {
        display_name: deps.meterName(meter_id),
        event_name,
        default_aggregation: { formula: 'sum' },
        customer_mapping: { type: 'by_id', event_payload_key: customerKey },
        value_settings: { event_payload_key: valueKey },
      },
      { idempotencyKey: `farebox:${installation_id}:meter:${meter_id}` },
    );
    return made.id;
  }

  async function ensureProduct(plan_id: string, meter_id: string): Promise<string> {
    const id = meterProductId(installation_id, plan_id, meter_id);
    const found = await stripe.products.list({ ids: [id], limit: 1 });
    if (found.data.length > 0) return id;
    const metadata = ownMetadata(installation_id, { farebox_plan: plan_id, farebox_meter: meter_id });
    const made = await stripe.products.create(
      { id, name: deps.meterName(meter_id), metadata },
      { idempotencyKey: `farebox:${installation_id}:product:${plan_id}:${meter_id}` },
    );
    return made.id;
  }

  return { ensure, ensureProduct };
}

/**
 * A price of usage as Stripe has it: what is included is a first tier that costs nothing. What Stripe cannot say was refused with
 * the price list. https://docs.stripe.com/products-prices/pricing-models
 */
export function meteredPricing(
  usage: PricedUsage,
): Pick<
  Stripe.PriceCreateParams,
  'billing_scheme' | 'unit_amount_decimal' | 'transform_quantity' | 'tiers' | 'tiers_mode'
> {
  const { included, overage } = usage;
  if (overage === null) throw new RangeError('Usage that is not priced has no metered price.');
  if (overage.type === 'package')
    return {
      unit_amount_decimal: Stripe.Decimal.from(overage.package_price_decimal),
      transform_quantity: { divide_by: overage.package_size, round: 'up' },
    };
  if (overage.type === 'per_unit' && included === 0)
    return { unit_amount_decimal: Stripe.Decimal.from(overage.unit_price_decimal) };
  return {
    billing_scheme: 'tiered',
    tiers_mode: overage.type === 'volume' ? 'volume' : 'graduated',
    tiers: [...(included === 0 ? [] : [tier(included, '0')]), ...tiersOf(overage, included)],
  };
}

function tiersOf(price: Exclude<UsagePrice, { type: 'package' }>, included: number): Stripe.PriceCreateParams.Tier[] {
  if (price.type === 'per_unit') return [tier('inf', price.unit_price_decimal)];
  return price.tiers.map(({ up_to, unit_price_decimal }) =>
    tier(up_to === null ? 'inf' : included + up_to, unit_price_decimal),
  );
}

function tier(up_to: number | 'inf', unit_price_decimal: string): Stripe.PriceCreateParams.Tier {
  return { up_to, unit_amount_decimal: Stripe.Decimal.from(unit_price_decimal) };
}
