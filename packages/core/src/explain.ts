import { formatDecimal, formatMoney, multiplyDecimal, roundMinor } from './money.ts';
import type { Period } from './period.ts';
import type { Currency, Instant, Interval } from './plan.ts';
import type { RatedLine } from './price.ts';
import { remainingPart } from './proration.ts';

/** One step from nothing to the amount of a line. */
export interface LinePart {
  label: string;
  quantity: number | null;
  /** Decimal, minor units; of packages the price of one. */
  unit_price_decimal: string | null;
  package_size: number | null;
  amount_minor: number;
}

/** How an amount comes about. The parts sum to it, to the cent. */
export interface Explanation {
  /** One sentence: `120,000 requests: 100,000 included, 20,000 × $0.002 = $40.00`. */
  words: string;
  parts: LinePart[];
}

/** A period's usage of one meter, as it was billed. `lines` are all of its tiers. */
export interface BilledUsage {
  unit: string;
  quantity: number;
  lines: readonly RatedLine[];
}

/** A line of usage: what was included, the tiers, and which of them it is. */
export function explainUsage(
  usage: BilledUsage,
  line: RatedLine,
  amount_minor: number,
  currency: Currency,
): Explanation {
  const overage = usage.lines.reduce((sum, tier) => sum + tier.quantity, 0);
  const included = usage.quantity - overage;
  const tiers = usage.lines.map((tier) => formulaOf(tier, currency));
  const words = [`${counted(usage.quantity, usage.unit)}: ${counted(included)} included`, ...tiers].join(', ');
  const { quantity, unit_price_decimal, package_size = null } = line;
  const parts = [
    partOf(`Included, of ${counted(usage.quantity, usage.unit)}`, { quantity: included }),
    partOf(tierLabel(line), { quantity, unit_price_decimal, package_size, amount_minor: line.amount_minor }),
  ];
  return whole({ words, parts }, amount_minor);
}

/** `20,000 × $0.002 = $40.00`: exact unit price, rounded once; of packages each begun one is paid whole. */
export function formulaOf(
  line: Pick<RatedLine, 'quantity' | 'unit_price_decimal' | 'amount_minor' | 'package_size'>,
  currency: Currency,
): string {
  const count = counted(line.quantity);
  const size = line.package_size;
  const price = formatDecimal(line.unit_price_decimal, currency);
  const sum =
    size === undefined
      ? `${count} × ${price}`
      : `${count}, in ${counted(Math.ceil(line.quantity / size))} × ${counted(size)} at ${price}`;
  return `${sum} = ${formatMoney(line.amount_minor, currency)}`;
}

/** What somebody subscribes to, at its price of one. */
export interface PricedName {
  plan_name: string;
  interval: Interval;
  /** Of one. */
  amount_minor: number;
}

/** A whole period of a plan: `3 × $49.00 a month = $147.00`. */
export function explainBase(
  price: PricedName,
  quantity: number,
  amount_minor: number,
  currency: Currency,
): Explanation {
  const unit_price_decimal = String(price.amount_minor);
  const total = roundMinor(multiplyDecimal(unit_price_decimal, quantity));
  const each = `${formatMoney(price.amount_minor, currency)} a ${price.interval}`;
  const words =
    quantity === 1
      ? `${price.plan_name}: ${each}`
      : `${price.plan_name}: ${counted(quantity)} × ${each} = ${formatMoney(total, currency)}`;
  const part = partOf(`${price.plan_name}, a whole ${price.interval}`, {
    quantity,
    unit_price_decimal,
    amount_minor: total,
  });
  return whole({ words, parts: [part] }, amount_minor);
}

/**
 * A part of a period of a plan, charged or given back: from `at` to the end of the period, by whole seconds, as Stripe counts.
 * `until` ends it sooner where the plan changed again.
 */
export function explainProration(
  price: PricedName,
  quantity: number,
  span: { period: Omit<Period, 'index'>; at: Instant; until: Instant },
  amount_minor: number,
  currency: Currency,
): Explanation {
  const { period, at, until } = span;
  const sign = amount_minor < 0 ? -1 : 1;
  const full = price.amount_minor * quantity;
  const left = roundMinor(remainingPart(full, period, at)) - roundMinor(remainingPart(full, period, until));
  const share = `${timeOf(until - at)} of ${timeOf(period.end_at - period.start_at)}`;
  const many = quantity === 1 ? '' : `${counted(quantity)} × `;
  const words = `${share} of ${price.plan_name} at ${many}${formatMoney(price.amount_minor, currency)} a ${price.interval} = ${formatMoney(sign * left, currency)}${sign < 0 ? ', given back' : ''}`;
  const part = partOf(`${price.plan_name}, ${share}`, {
    quantity,
    unit_price_decimal: String(price.amount_minor),
    amount_minor: sign * left,
  });
  return whole({ words, parts: [part] }, amount_minor);
}

/** What usage lacks to its minimum, and what of a whole period's minimum counts. */
export interface BilledMinimum {
  interval: Interval;
  /** Of a whole period. */
  whole_minor: number;
  /** Of what was used. */
  minimum_minor: number;
  /** What usage cost, after a spend cap. */
  usage_minor: number;
  part: { start_at: Instant; end_at: Instant };
  period: Omit<Period, 'index'>;
}

/** `At least $50.00 a month, less $12.00 of usage = $38.00`; of a part of a period its share first. */
export function explainMinimum(billed: BilledMinimum, amount_minor: number, currency: Currency): Explanation {
  const { whole_minor, minimum_minor, usage_minor, part, period } = billed;
  const money = (amount: number) => formatMoney(amount, currency);
  const committed = `at least ${money(whole_minor)} a ${billed.interval}`;
  const isWhole = part.start_at <= period.start_at && part.end_at >= period.end_at;
  const share = `${timeOf(part.end_at - part.start_at)} of ${timeOf(period.end_at - period.start_at)}`;
  const least = isWhole ? committed : `${committed}, for ${share} ${money(minimum_minor)}`;
  const words = `${least}, less ${money(usage_minor)} of usage = ${money(minimum_minor - usage_minor)}`;
  const parts = [
    partOf(isWhole ? `Minimum of a ${billed.interval}` : `Minimum, ${share}`, { amount_minor: minimum_minor }),
    partOf('Less what usage costs', { amount_minor: -usage_minor }),
  ];
  return whole({ words: `${words.charAt(0).toUpperCase()}${words.slice(1)}`, parts }, amount_minor);
}

/** What a plan or an add-on costs once as it begins: `Setup fee of Maps, once: $25.00`. */
export function explainSetupFee(
  { plan_name, amount_minor: fee_minor }: Pick<PricedName, 'plan_name' | 'amount_minor'>,
  amount_minor: number,
  currency: Currency,
): Explanation {
  const words = `Setup fee of ${plan_name}, once: ${formatMoney(fee_minor, currency)}`;
  return whole({ words, parts: [partOf(`Setup fee of ${plan_name}`, { amount_minor: fee_minor })] }, amount_minor);
}

/** A line of which only its text is known: a fee, or what was added at Stripe by hand. */
export function explainOther(description: string, amount_minor: number, currency: Currency): Explanation {
  const words = `${description}: ${formatMoney(amount_minor, currency)}`;
  return { words, parts: [partOf(description, { amount_minor })] };
}

/** What the steps do not come to is a step of its own, so that nothing is hidden. */
function whole(explanation: Explanation, amount_minor: number): Explanation {
  const rest = amount_minor - explanation.parts.reduce((sum, part) => sum + part.amount_minor, 0);
  if (rest === 0) return explanation;
  return {
    ...explanation,
    parts: [...explanation.parts, partOf('Difference to what Stripe billed', { amount_minor: rest })],
  };
}

function partOf(label: string, part: Partial<LinePart>): LinePart {
  return { label, quantity: null, unit_price_decimal: null, package_size: null, amount_minor: 0, ...part };
}

function tierLabel({ from, to }: RatedLine): string {
  return from === 1 ? `The first ${counted(to)} beyond` : `Unit ${counted(from)} to ${counted(to)} beyond`;
}

function counted(quantity: number, unit?: string): string {
  const count = quantity.toLocaleString('en-US');
  return unit === undefined ? count : `${count} ${unit}${quantity === 1 ? '' : 's'}`;
}

const hourMs = 3_600_000;

/** `18 days 12 hours`; under an hour in minutes. */
function timeOf(ms: number): string {
  const hours = Math.round(ms / hourMs);
  if (hours === 0) return named(Math.round(ms / 60_000), 'minute');
  const days = Math.floor(hours / 24);
  const rest = hours % 24;
  if (days === 0) return named(rest, 'hour');
  return rest === 0 ? named(days, 'day') : `${named(days, 'day')} ${named(rest, 'hour')}`;
}

function named(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
