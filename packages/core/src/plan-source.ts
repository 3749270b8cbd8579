import { currencyExponent } from './currency.ts';
import { usualGroup } from './group.ts';
import { toMajorDecimal } from './money.ts';
import type { AmountInput, CouponInput, OverageInput, PlanInput, PlanUsageInput, PriceListInput } from './plan-file.ts';
import type { Coupon, Currency, Feature, Interval, Plan, PlanUsage, PriceList, Taxes, UsagePrice } from './plan.ts';

/**
 * The inverse of `definePlans`: what a seller would write to get this list, without what is the default.
 * `definePlans(toPlanFile(list))` is the list again.
 */
export function toPlanFile(list: PriceList): PriceListInput {
  const { example_path, ...seller } = list.seller;
  return {
    seller: { ...seller, ...(example_path === '/' ? {} : { example_path }) },
    currency: list.currency,
    ...some(
      'meters',
      byId(list.meters, ({ name, unit, aggregation, events, value, filters, group_by }) => ({
        name,
        unit,
        ...unless('aggregation', aggregation, 'count'),
        ...unless('events', events, undefined),
        ...unless('value', value, undefined),
        ...unless('filters', filters, undefined),
        ...unless('group_by', group_by, undefined),
      })),
    ),
    ...some('features', byId(list.features, featureInput)),
    ...some(
      'groups',
      byId(list.groups ?? [], ({ name }) => ({ name })),
    ),
    plans: byId(list.plans, (plan) => planInput(list, plan)),
    ...some(
      'coupons',
      byId(list.coupons, (coupon) => couponInput(list.currency, coupon)),
    ),
    ...taxesInput(list.taxes),
    ...topUpsInput(list),
    ...(list.dunning === null
      ? {}
      : {
          dunning: list.dunning.map(({ step, after_days, rate_percent }) => ({
            step,
            after_days,
            ...(step === 'slow' ? { rate: `${rate_percent}%` } : {}),
          })),
        }),
  };
}

function taxesInput({ automatic, tax_ids }: Taxes): Pick<PriceListInput, 'taxes'> {
  if (!automatic && !tax_ids) return {};
  return { taxes: { ...(automatic ? { automatic } : {}), ...(tax_ids ? { tax_ids } : {}) } };
}

function topUpsInput({ top_ups, currency }: PriceList): Pick<PriceListInput, 'top_ups'> {
  if (top_ups === null) return {};
  const { packs_minor, minimum_minor, maximum_minor, expires_after_days } = top_ups;
  return {
    top_ups: {
      packs: packs_minor.map((pack) => major(pack, currency)),
      ...(minimum_minor === packs_minor[0] ? {} : { minimum: major(minimum_minor, currency) }),
      ...(maximum_minor === packs_minor.at(-1) ? {} : { maximum: major(maximum_minor, currency) }),
      ...(expires_after_days === null ? {} : { expires_after_days }),
    },
  };
}

function featureInput(feature: Feature): NonNullable<PriceListInput['features']>[string] {
  const { name, description } = feature;
  if (feature.type === 'config') return { name, description, default: feature.default };
  return feature.type === 'metered' ? { name, description, meter: feature.meter_id } : { name, description };
}

function planInput(list: PriceList, plan: Plan): PlanInput {
  const sold = [...new Set(plan.prices.map((price) => price.interval))];
  const amounts = (pick: (currency: Currency) => string | null) => amountInput(list.currency, currenciesIn(plan), pick);
  const priceBy = (interval: Interval) =>
    amounts((currency) => {
      const price = plan.prices.find((one) => one.currency === currency && one.interval === interval);
      return price === undefined ? null : major(price.amount_minor, currency);
    });
  const isUsageAlone =
    plan.prices.length === 1 && plan.prices[0]?.amount_minor === 0 && plan.prices[0].interval === 'month';
  return {
    name: plan.name,
    description: plan.description,
    ...unless('highlighted', plan.highlighted, false),
    ...(plan.group === null
      ? { add_on: plan.adds_to.length === 0 ? true : plan.adds_to }
      : unless('group', plan.group, usualGroup)),
    ...unless('customer', plan.customer, null),
    ...(isUsageAlone ? {} : { price: Object.fromEntries(sold.map((interval) => [interval, priceBy(interval)])) }),
    ...(plan.prices.some((price) => price.setup_fee_minor > 0)
      ? {
          setup_fee: amounts((currency) =>
            major(plan.prices.find((price) => price.currency === currency)?.setup_fee_minor ?? 0, currency),
          ),
        }
      : {}),
    ...(plan.seats === null
      ? {}
      : { seats: { ...unless('minimum', plan.seats.minimum, 1), ...unless('maximum', plan.seats.maximum, null) } }),
    ...(plan.trial === null ? {} : { trial: { days: plan.trial.days, ...unless('card', plan.trial.card, true) } }),
    ...some(
      'usage',
      Object.fromEntries(plan.usage.map((usage) => [usage.meter_id, usageInput(list, plan, sold, usage)])),
    ),
    ...(plan.minimum === undefined ? {} : { minimum: leastInput(list, plan, plan.minimum.amounts_minor) }),
    ...(plan.usage.some(({ reporter }) => reporter === 'meters') ? { reporter: 'meters' } : {}),
    ...(plan.limits.length === 0
      ? {}
      : {
          limits: plan.limits.map(({ name, limit, burst, offline }) => ({
            limit,
            window: name,
            ...(burst === undefined ? {} : { burst }),
            ...(offline === undefined ? {} : { offline }),
          })),
        }),
    ...(plan.concurrency === undefined
      ? {}
      : { concurrency: { limit: plan.concurrency.limit, expires: `${plan.concurrency.ttl_ms / 1000}s` } }),
    ...(plan.max_keys === undefined ? {} : { keys: plan.max_keys }),
    ...(plan.alerts === undefined ? {} : { alerts: plan.alerts }),
    ...some(
      'features',
      Object.fromEntries(Object.entries(plan.features).filter(([id, value]) => value !== standardOf(list, id))),
    ),
  };
}

/** What a plan that says nothing about a feature has. */
function standardOf(list: PriceList, id: string): unknown {
  const feature = list.features.find((known) => known.id === id);
  return feature?.type === 'config' ? feature.default : false;
}

function usageInput(list: PriceList, plan: Plan, sold: Interval[], usage: PlanUsage): PlanUsageInput {
  const { included, quota, interval, overage, minimum, offline } = usage;
  const usual = sold[0] === 'day' || sold[0] === 'week' ? sold[0] : 'month';
  return {
    ...(included === 0 && overage !== null ? {} : { included }),
    ...unless('per', interval, usual),
    ...unless('quota', quota, overage === null ? 'hard' : 'soft'),
    ...(overage === null ? {} : { overage: overageInput(list.currency, currenciesIn(plan), overage) }),
    ...(minimum === undefined ? {} : { minimum: leastInput(list, plan, minimum) }),
    ...(offline === undefined ? {} : { offline }),
  };
}

function leastInput(list: PriceList, plan: Plan, amounts_minor: Record<Currency, number>): AmountInput {
  return amountInput(list.currency, currenciesIn(plan), (currency) => major(amounts_minor[currency] ?? 0, currency));
}

/** The shape of an overage is the same in every currency; its amounts differ. */
function overageInput(own: Currency, currencies: Currency[], overage: Record<Currency, UsagePrice>): OverageInput {
  const shape = overage[own] ?? Object.values(overage)[0];
  const amounts = (pick: (price: UsagePrice) => string | undefined) =>
    amountInput(own, currencies, (currency) => {
      const price = overage[currency];
      const minor = price && pick(price);
      return minor === undefined ? null : toMajorDecimal(minor, currency);
    });
  if (shape === undefined || shape.type === 'per_unit')
    return { unit_price: amounts((price) => (price.type === 'per_unit' ? price.unit_price_decimal : undefined)) };
  if (shape.type === 'package') {
    return {
      package_price: amounts((price) => (price.type === 'package' ? price.package_price_decimal : undefined)),
      package_size: shape.package_size,
    };
  }
  const tiers = shape.tiers.map(({ up_to }, index) => ({
    up_to,
    unit_price: amounts((price) => ('tiers' in price ? price.tiers[index]?.unit_price_decimal : undefined)),
  }));
  return shape.type === 'graduated' ? { tiers } : { volume: tiers };
}

function couponInput(own: Currency, coupon: Coupon): CouponInput {
  const { amounts_off } = coupon;
  return {
    name: coupon.name,
    ...(coupon.percent_off_decimal === null ? {} : { percent_off: coupon.percent_off_decimal }),
    ...(amounts_off === null
      ? {}
      : {
          amount_off: amountInput(own, Object.keys(amounts_off), (currency) =>
            major(amounts_off[currency] ?? 0, currency),
          ),
        }),
    duration: coupon.duration === 'repeating' ? { months: coupon.months ?? 1 } : coupon.duration,
    ...(coupon.plans.length === 0 ? {} : { plans: coupon.plans }),
    ...unless('max_redemptions', coupon.max_redemptions, null),
    ...unless('redeem_until', coupon.redeem_until_on, null),
    ...some(
      'codes',
      Object.fromEntries(
        coupon.codes.map((code) => [
          code.code,
          {
            ...unless('max_redemptions', code.max_redemptions, null),
            ...unless('expires', code.expires_on, null),
            ...unless('first_purchase', code.first_purchase, false),
          },
        ]),
      ),
    ),
  };
}

/** One amount as it is written: alone where it is in the list's own currency only. */
function amountInput(own: Currency, currencies: Currency[], pick: (currency: Currency) => string | null): AmountInput {
  const amounts = currencies.flatMap((currency): [Currency, string][] => {
    const amount = pick(currency);
    return amount === null ? [] : [[currency, amount]];
  });
  const [first] = amounts;
  return amounts.length === 1 && first?.[0] === own ? first[1] : Object.fromEntries(amounts);
}

function currenciesIn(plan: Plan): Currency[] {
  return [...new Set(plan.prices.map((price) => price.currency))];
}

/** Minor units to what people write: 49900 usd → `'499'`. */
function major(amount_minor: number, currency: Currency): string {
  const text = toMajorDecimal(String(amount_minor), currency);
  const [whole = '', places] = text.split('.');
  return places === undefined ? text : `${whole}.${places.padEnd(currencyExponent(currency), '0')}`;
}

function byId<T extends { id: string }, R>(items: readonly T[], make: (item: T) => R): Record<string, R> {
  return Object.fromEntries(items.map((item) => [item.id, make(item)]));
}

function unless<K extends string, V>(key: K, value: V, standard: unknown): { [key in K]?: Exclude<V, null> } {
  return value === standard || value === null ? {} : ({ [key]: value } as { [key in K]?: Exclude<V, null> });
}

function some<K extends string, V extends object>(key: K, value: V): { [key in K]?: V } {
  return Object.keys(value).length === 0 ? {} : ({ [key]: value } as { [key in K]?: V });
}
