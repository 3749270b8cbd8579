import {
  formatDecimal,
  formatMoney,
  groupWords,
  type Meter,
  type PlanGroup,
  type PlanUsage,
  type Price,
  type RateLimit,
  type Seats,
  type Tier,
  type UsagePrice,
} from '@farebox/core';
import { formatCount } from '../../lib/format.ts';
import type { HeldAddOn, PublicPlan } from '../../lib/wire.ts';

/** `$499 a month` */
export function priceWords({
  amount_minor,
  currency,
  interval,
}: Pick<Price, 'amount_minor' | 'currency' | 'interval'>) {
  return `${formatMoney(amount_minor, currency, { trim: true })} a ${interval}`;
}

/** What else there is to a price: free days, what it costs by another interval, what is paid once. */
export function priceNotes(plan: Pick<PublicPlan, 'prices' | 'trial' | 'seats'>, shown: Price): string[] {
  const { trial, seats } = plan;
  const others = plan.prices.filter(
    ({ currency, interval }) => currency === shown.currency && interval !== shown.interval,
  );
  return [
    ...(trial === null ? [] : [`${trial.days} days free${trial.card ? '' : ', no card needed'}`]),
    ...others.map((other) => `or ${priceWords(other)}`),
    ...setupFeeWords(shown),
    ...(seats === null ? [] : [seatWords(seats)]),
  ];
}

/** `$25 once at the start`; nothing where there is no fee. */
function setupFeeWords({ setup_fee_minor, currency }: Price): string[] {
  return setup_fee_minor === 0 ? [] : [`${formatMoney(setup_fee_minor, currency, { trim: true })} once at the start`];
}

/** `$10 a month, $25 once at the start`: what an add-on is sold for. */
export function addOnPriceWords(price: Price): string {
  return [priceWords(price), ...setupFeeWords(price)].join(', ');
}

function seatWords({ minimum, maximum }: Seats): string {
  if (maximum === null) return minimum === 1 ? 'Each seat' : `Each seat, from ${formatCount(minimum)}`;
  return `Each seat, ${formatCount(minimum)} to ${formatCount(maximum)}`;
}

/** What the button says that begins a purchase. */
export function chooseWords(plan: Pick<PublicPlan, 'name' | 'trial'>): string {
  return plan.trial === null ? `Choose ${plan.name}` : `Try ${plan.name} free`;
}

/** `1,000,000 API requests a month` */
export function includedWords(usage: PlanUsage, meter: Meter | undefined): string {
  return `${formatCount(usage.included)} ${meter?.name ?? usage.meter_id} a ${usage.interval}`;
}

/** One line per tier, in the words a buyer uses; a hard quota says that it refuses. */
export function overageWords(usage: PlanUsage, meter: Meter | undefined, currency: string): string[] {
  const unit = meter?.unit ?? 'unit';
  const price = usage.overage?.[currency];
  if (usage.quota === 'hard' || price === undefined) {
    return [`No overage: ${unit}s past the included amount are refused until the next period`];
  }
  const least = usage.minimum?.[currency];
  const words = priceLines(price, unit, currency);
  if (least === undefined) return words;
  return [...words, `At least ${formatMoney(least, currency, { trim: true })} a ${usage.interval}`];
}

/** `All usage together: at least $500 a month` */
export function planMinimumWords({ minimum }: Pick<PublicPlan, 'minimum'>, currency: string): string[] {
  const amount = minimum?.amounts_minor[currency];
  if (minimum === undefined || amount === undefined) return [];
  const least = formatMoney(amount, currency, { trim: true });
  return [`All usage together: at least ${least} a ${minimum.interval}`];
}

function priceLines(price: UsagePrice, unit: string, currency: string): string[] {
  switch (price.type) {
    case 'per_unit':
      return [`Then ${unitPrice(price.unit_price_decimal, currency)} per extra ${unit}`];
    case 'package':
      return [
        `Then ${unitPrice(price.package_price_decimal, currency)} per ${formatCount(price.package_size)} extra ${unit}s`,
      ];
    case 'graduated':
      return tierWords(price.tiers, unit, currency);
    case 'volume':
      return volumeWords(price.tiers, unit, currency);
  }
}

function tierWords(tiers: Tier[], unit: string, currency: string): string[] {
  return tiers.map((tier, index) => {
    const price = `${unitPrice(tier.unit_price_decimal, currency)} each`;
    const previous = index === 0 ? 0 : (tiers[index - 1]?.up_to ?? 0);
    if (tier.up_to === null) return index === 0 ? `Every extra ${unit}: ${price}` : `Every further ${unit}: ${price}`;
    const size = formatCount(tier.up_to - previous);
    return index === 0 ? `First ${size} extra: ${price}` : `Next ${size}: ${price}`;
  });
}

/** All extra units at the price of the tier reached. */
function volumeWords(tiers: Tier[], unit: string, currency: string): string[] {
  return tiers.map((tier, index) => {
    const price = `${unitPrice(tier.unit_price_decimal, currency)} each`;
    if (tier.up_to !== null) return `Up to ${formatCount(tier.up_to)} extra: ${price}, for all`;
    const previous = tiers[index - 1]?.up_to ?? null;
    return previous === null
      ? `Every extra ${unit}: ${price}`
      : `More than ${formatCount(previous)} extra: ${price}, for all`;
  });
}

function unitPrice(price_decimal: string, currency: string): string {
  return formatDecimal(price_decimal, currency);
}

const windowUnits: readonly [name: string, ms: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

/** `300 per minute`, `50 per 10 seconds` */
export function limitWords(limit: RateLimit): string {
  return `${formatCount(limit.limit)} per ${windowWords(limit.window_ms)}`;
}

function windowWords(window_ms: number): string {
  const [name, ms] = windowUnits.find(([, size]) => window_ms % size === 0) ?? ['ms', 1];
  const count = window_ms / ms;
  return count === 1 ? name : `${count} ${name}s`;
}

/** `3 × $10 a month` */
export function addOnWords({ price, quantity }: Pick<HeldAddOn, 'price' | 'quantity'>): string {
  const each = `${formatMoney(price.amount_minor, price.currency, { trim: true })} a ${price.interval}`;
  return quantity === 1 ? each : `${quantity} × ${each}`;
}

/** Plans by their group, in the order of the list. */
export function byGroup<T extends { group: string | null }>(plans: readonly T[]): [group: string, plans: T[]][] {
  const groups = new Map<string, T[]>();
  for (const plan of plans) {
    const own = groups.get(plan.group ?? '') ?? [];
    groups.set(plan.group ?? '', [...own, plan]);
  }
  return [...groups];
}

/** What stands over the plans of a group. */
export function groupName(groups: readonly PlanGroup[], id: string): string {
  return groups.find((group) => group.id === id)?.name ?? groupWords(id);
}

/** `Maps and Mail` */
export function namesWords(plans: readonly { plan_name: string }[]): string {
  return new Intl.ListFormat('en').format(plans.map(({ plan_name }) => plan_name));
}

/** The features worth a line at a plan: of several groups, those that a plan of its own group has. */
export function featuresBeside<T extends { id: string }>(
  plan: Pick<PublicPlan, 'group'>,
  plans: readonly Pick<PublicPlan, 'group' | 'features'>[],
  features: readonly T[],
): T[] {
  if (byGroup(plans).length < 2) return [...features];
  const own = plans.filter(({ group }) => group === plan.group).flatMap((each) => each.features);
  return features.filter(({ id }) => own.some((feature) => feature.id === id && feature.enabled));
}
