import { formatDecimal, formatMoney } from './money.ts';
import type { Currency, FeatureValue, Interval, Plan, PlanUsage, RateLimit, UsagePrice } from './plan.ts';

/** One thing about a plan that differs. Null: it is not there. */
export interface PlanDifference {
  /** Where, in a price list's terms: `price.month.usd`. */
  path: string;
  before: string | null;
  after: string | null;
}

/** What differs between two versions of a plan, in words, in the order of the plan file. Empty when nothing does. */
export function diffPlans(before: Plan, after: Plan): PlanDifference[] {
  const old = new Map(describePlan(before));
  const young = new Map(describePlan(after));
  const paths = [...new Set([...young.keys(), ...old.keys()])];
  return paths
    .map((path) => ({ path, before: old.get(path) ?? null, after: young.get(path) ?? null }))
    .filter((line) => line.before !== line.after);
}

/** Everything a plan says, one thing a line: the path in a price list, and the value in words. */
export function describePlan(plan: Plan): [path: string, words: string][] {
  const lines: [string, string | null][] = [
    ['name', plan.name],
    ['description', plan.description],
    ['highlighted', plan.highlighted ? 'yes' : null],
    ['group', plan.group],
    [
      'add_on',
      plan.group === null ? (plan.adds_to.length === 0 ? 'to any plan' : `to ${plan.adds_to.join(', ')}`) : null,
    ],
    ['customer', plan.customer],
    ...plan.prices.flatMap(({ amount_minor, currency, interval, setup_fee_minor }): [string, string | null][] => [
      [`price.${interval}.${currency}`, formatMoney(amount_minor, currency)],
      [`setup_fee.${currency}`, setup_fee_minor === 0 ? null : formatMoney(setup_fee_minor, currency)],
    ]),
    [
      'seats',
      plan.seats &&
        (plan.seats.maximum === null
          ? `${plan.seats.minimum} or more`
          : `${plan.seats.minimum} to ${plan.seats.maximum}`),
    ],
    ['trial', plan.trial && `${plan.trial.days} days, ${plan.trial.card ? 'with' : 'without'} a card`],
    ...plan.usage.flatMap(describeUsage),
    ...describeMinimum('minimum', plan.minimum?.interval ?? 'month', plan.minimum?.amounts_minor ?? {}),
    ...plan.limits.map((limit): [string, string] => [`limits.${limit.name}`, limitWords(limit)]),
    [
      'concurrency',
      plan.concurrency === undefined
        ? null
        : `${units(plan.concurrency.limit)} at once, each for ${plan.concurrency.ttl_ms / 1000} s at most`,
    ],
    [
      'alerts',
      plan.alerts === undefined
        ? null
        : `at ${plan.alerts.map((percent) => `${percent}%`).join(', ') || 'nothing but all'}`,
    ],
    ['keys', plan.max_keys === undefined ? null : `at most ${units(plan.max_keys)}`],
    ...Object.entries(plan.features).map(([id, value]): [string, string] => [`features.${id}`, setting(value)]),
  ];
  const said = new Map<string, string>();
  for (const [path, words] of lines) if (words !== null) said.set(path, words);
  return [...said];
}

function limitWords({ limit, burst, offline }: RateLimit): string {
  const at_once = burst === undefined ? '' : `, ${units(burst)} at once`;
  return `${units(limit)}${at_once}${offline === undefined ? '' : `, ${offlineWords[offline]}`}`;
}

const offlineWords = { open_capped: 'open while Redis is away', closed: 'closed while Redis is away' };

function describeUsage(usage: PlanUsage): [string, string | null][] {
  const at = `usage.${usage.meter_id}`;
  return [
    [`${at}.included`, `${units(usage.included)} a ${usage.interval}`],
    [`${at}.quota`, usage.quota],
    [`${at}.offline`, usage.offline === undefined ? null : offlineWords[usage.offline]],
    ...Object.entries(usage.overage ?? {}).map(([currency, price]): [string, string] => [
      `${at}.overage.${currency}`,
      describeUsagePrice(price, currency),
    ]),
    ...describeMinimum(`${at}.minimum`, usage.interval, usage.minimum ?? {}),
    [`${at}.reporter`, usage.reporter === undefined ? null : "through Stripe's meters"],
  ];
}

function describeMinimum(
  path: string,
  interval: Interval,
  amounts_minor: Record<Currency, number>,
): [path: string, words: string][] {
  return Object.entries(amounts_minor).map(([currency, amount]) => [
    `${path}.${currency}`,
    `at least ${formatMoney(amount, currency)} a ${interval}`,
  ]);
}

/** What units past the included amount cost: `$0.0008 each`. */
export function describeUsagePrice(price: UsagePrice, currency: string): string {
  if (price.type === 'per_unit') return `${formatDecimal(price.unit_price_decimal, currency)} each`;
  if (price.type === 'package')
    return `${formatDecimal(price.package_price_decimal, currency)} per ${units(price.package_size)}`;
  const tiers = price.tiers.map(
    ({ up_to, unit_price_decimal }) =>
      `${up_to === null ? 'beyond' : `to ${units(up_to)}`} ${formatDecimal(unit_price_decimal, currency)}`,
  );
  return `${price.type === 'graduated' ? 'each by its tier' : 'all by the last tier'}: ${tiers.join(', ')}`;
}

function setting(value: FeatureValue): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function units(count: number): string {
  return count.toLocaleString('en-US');
}
