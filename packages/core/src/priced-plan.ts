import { countsToMinimum } from './minimum.ts';
import type { Currency, Interval, Plan, PlanUsage, Price, RateLimit, UsagePrice } from './plan.ts';

/** A plan at one of its prices: what one subscriber pays and may use. */
export interface PricedPlan extends Omit<Plan, 'prices' | 'usage' | 'minimum'> {
  price: Price;
  usage: PricedUsage[];
  minimum?: PricedMinimum;
}

/** What all usage that is priced by the same `interval` comes to at least in each. */
export interface PricedMinimum {
  interval: Interval;
  amount_minor: number;
}

/** A plan's usage in one currency. */
export interface PricedUsage extends Omit<PlanUsage, 'overage' | 'minimum'> {
  overage: UsagePrice | null;
  /** What overage of a whole period comes to at least. */
  minimum_minor?: number;
}

/**
 * A plan at one of its prices, in its currency. Throws `RangeError` when the plan is not sold at it: a subscription is on
 * a price that its plan version froze, so it is there.
 */
export function atPrice(plan: Plan, at: { currency: Currency; interval: Interval }): PricedPlan {
  const price = findPrice(plan, at);
  if (price === null) throw new RangeError(`"${plan.id}" has no price in ${at.currency} by the ${at.interval}.`);
  const { prices: _, usage, minimum: least, ...rest } = plan;
  return {
    ...rest,
    price,
    ...(least === undefined
      ? {}
      : { minimum: { interval: least.interval, amount_minor: least.amounts_minor[at.currency] ?? 0 } }),
    usage: usage.map(({ minimum, ...part }) => ({
      ...part,
      overage: part.overage?.[at.currency] ?? null,
      ...(minimum === undefined ? {} : { minimum_minor: minimum[at.currency] ?? 0 }),
    })),
  };
}

/** The price a buyer asks for; what they do not name is the plan's first: its list's currency, its shortest interval. */
export function findPrice(
  plan: Pick<Plan, 'prices'>,
  asked: { currency?: Currency | undefined; interval?: Interval | undefined } = {},
): Price | null {
  const fits = (price: Price) =>
    (asked.currency === undefined || price.currency === asked.currency) &&
    (asked.interval === undefined || price.interval === asked.interval);
  return plan.prices.find(fits) ?? null;
}

/** Whether a plan comes on top of another one instead of being one's only. */
export function isAddOn(plan: Pick<Plan, 'group'>): boolean {
  return plan.group === null;
}

/**
 * Whether somebody may see and have a plan: a custom plan is its customer's alone, named by Farebox's id or the seller's.
 * Null is who has no account.
 */
export function isOfferedTo(
  plan: Pick<Plan, 'customer'>,
  customer: { id: string; external_id: string | null } | null,
): boolean {
  return plan.customer === null || plan.customer === customer?.id || plan.customer === customer?.external_id;
}

/** Whether nobody who has it ever pays: no base price, no setup fee, no overage, no minimum. No card is asked for it. */
export function isFree(plan: Plan): boolean {
  return (
    plan.minimum === undefined &&
    plan.prices.every((price) => price.amount_minor === 0 && price.setup_fee_minor === 0) &&
    plan.usage.every(
      ({ overage, minimum }) => minimum === undefined && Object.values(overage ?? {}).every(costsNothing),
    )
  );
}

function costsNothing(price: UsagePrice): boolean {
  if (price.type === 'per_unit') return price.unit_price_decimal === '0';
  if (price.type === 'package') return price.package_price_decimal === '0';
  return price.tiers.every((tier) => tier.unit_price_decimal === '0');
}

/** Every currency of a list, the list's own first. */
export function currenciesOf(list: { currency: Currency; plans: readonly Pick<Plan, 'prices'>[] }): Currency[] {
  const sold = list.plans.flatMap((plan) => plan.prices.map((price) => price.currency));
  return [...new Set([list.currency, ...sold])];
}

/**
 * What a customer may use: the base plan, with add-ons on top. An add-on's included units, its minimums and the limits of windows
 * that the base has are added, as often as it was bought; a meter that the base does not have comes with the add-on's own price; a
 * feature it turns on is on, and what it sets counts.
 */
export function withAddOns(base: PricedPlan, addOns: readonly { plan: PricedPlan; quantity: number }[]): PricedPlan {
  return addOns.reduce<PricedPlan>(
    (sum, { plan, quantity }) => ({
      ...sum,
      ...addUsage(sum, plan.usage, quantity),
      limits: sum.limits.map((limit) => addLimit(limit, plan.limits, quantity)),
      features: {
        ...sum.features,
        ...Object.fromEntries(Object.entries(plan.features).filter(([, value]) => value !== false)),
      },
    }),
    base,
  );
}

/** With what an add-on includes and is committed to, as often as it was bought. A minimum of the whole plan takes that in. */
function addUsage(base: PricedPlan, added: PricedUsage[], quantity: number): Pick<PricedPlan, 'usage' | 'minimum'> {
  const times = ({ included, minimum_minor }: PricedUsage) => ({
    included: included * quantity,
    minimum_minor: (minimum_minor ?? 0) * quantity,
  });
  const grown = base.usage.map((usage) => {
    const more = added.find((part) => part.meter_id === usage.meter_id);
    if (more === undefined) return usage;
    const { included, minimum_minor } = times(more);
    return withLeast({ ...usage, included: usage.included + included }, (usage.minimum_minor ?? 0) + minimum_minor);
  });
  const other = added.filter((part) => !base.usage.some((usage) => usage.meter_id === part.meter_id));
  const brought = other.map((usage) => {
    const { included, minimum_minor } = times(usage);
    return withLeast({ ...usage, included }, minimum_minor);
  });
  const usage = [...grown, ...brought];
  if (base.minimum === undefined) return { usage };
  const counted = usage.filter((part) => countsToMinimum(base, part));
  const more = counted.reduce((sum, part) => sum + (part.minimum_minor ?? 0), 0);
  return {
    usage: usage.map((part) => (counted.includes(part) ? withLeast(part, 0) : part)),
    minimum: { ...base.minimum, amount_minor: base.minimum.amount_minor + more },
  };
}

function withLeast(of: PricedUsage, least: number): PricedUsage {
  const { minimum_minor: _, ...usage } = of;
  return least === 0 ? usage : { ...usage, minimum_minor: least };
}

function addLimit(limit: RateLimit, added: RateLimit[], quantity: number): RateLimit {
  const more = added.find((part) => part.window_ms === limit.window_ms);
  return more === undefined ? limit : { ...limit, limit: limit.limit + more.limit * quantity };
}
