import { currencies, currencyStep } from './currency.ts';
import { readOffline } from './define-limits.ts';
import { type Fields, join, namesOf } from './fields.ts';
import { parseMajor, parseMajorDecimal } from './money.ts';
import {
  type Currency,
  type Interval,
  type PlanMinimum,
  type PlanUsage,
  type Price,
  type Seats,
  type Tier,
  type Trial,
  type UsagePrice,
  intervals,
} from './plan.ts';

/** What the parts of one plan refer to. */
export interface PlanContext {
  fields: Fields;
  meters: Set<string>;
  amounts: Amounts;
}

/** By currency. Under `''` stands what names no currency while the list's own is not known. */
type ByCurrency<T> = Record<Currency, T>;

/** Intervals a quota of each length fits into a whole number of times, wherever the anchor lies. */
export const fitsInto: Record<Interval, readonly Interval[]> = {
  day: intervals,
  week: ['week'],
  month: ['month', 'quarter', 'year'],
  quarter: ['quarter', 'year'],
  year: ['year'],
};

/** Reads the amounts of one plan and keeps which currencies each names: a plan is sold in all of them or not at all. */
export class Amounts {
  readonly list: { fields: Fields; currency: Currency | null };
  readonly #read: { path: string; currencies: Currency[] }[] = [];

  constructor(list: { fields: Fields; currency: Currency | null }) {
    this.list = list;
  }

  /** One amount, alone or by currency. Nothing when it is absent; who requires it has said so. */
  read<T>(value: unknown, path: string, parse: (text: string, currency: Currency) => T, standIn: T): ByCurrency<T> {
    const { fields, currency } = this.list;
    if (value === undefined) return {};
    const one = (text: unknown, at: string, of: Currency | null): T =>
      fields.amount(text, at, (digits) => (of === null ? standIn : parse(digits, of)), standIn);
    const amounts: ByCurrency<T> = {};
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      amounts[currency ?? ''] = one(value, path, currency);
    } else {
      for (const [name, text] of Object.entries(value)) {
        const known = currencies.includes(name);
        if (!known) fields.fault(join(path, name), `is not a currency Stripe charges in (lower case: 'usd')`);
        else amounts[name] = one(text, join(path, name), name);
      }
      if (Object.keys(value).length === 0) fields.fault(path, 'is empty: there must be an amount');
    }
    this.#read.push({ path, currencies: Object.keys(amounts) });
    return amounts;
  }

  /** Whole minor units. */
  whole(value: unknown, path: string): ByCurrency<number> {
    return this.read(value, path, parseMajor, 0);
  }

  /** A unit price: a decimal string of minor units. */
  unitPrice(value: unknown, path: string): ByCurrency<string> {
    // Where Stripe charges no fraction of a step, a line of any quantity must come out whole.
    const parse = (text: string, currency: Currency): string =>
      currencyStep(currency) > 1 ? String(parseMajor(text, currency)) : parseMajorDecimal(text, currency);
    return this.read(value, path, parse, '0');
  }

  /** The currencies of all amounts read so far, the list's first; an amount that lacks one is a fault. */
  currencies(): Currency[] {
    const { fields, currency } = this.list;
    const own = currency ?? '';
    const named = [...new Set(this.#read.flatMap((amount) => amount.currencies))];
    const all = named.toSorted((a, b) => Number(b === own) - Number(a === own) || (a < b ? -1 : 1));
    for (const amount of this.#read) {
      const missing = all.filter((name) => name !== '' && !amount.currencies.includes(name));
      if (amount.currencies.length > 0 && !amount.currencies.includes('') && missing.length > 0)
        fields.fault(amount.path, `has no amount in ${missing.join(', ')}, which other amounts of this plan have`);
    }
    return all.length === 0 ? [own] : all;
  }
}

/**
 * The prices of a plan: its intervals at once, since usage refers to them, and the list of prices when every amount of the
 * plan was read and its currencies are known. Without a price a plan costs nothing by the month.
 */
export function readPrices(
  context: PlanContext,
  plan: Record<string, unknown>,
  path: string,
): { intervals: Interval[]; prices(): Price[] } {
  const { fields, amounts } = context;
  const at = join(path, 'price');
  const price = plan['price'] === undefined ? {} : fields.object(plan['price'], at, [], [...intervals]);
  const sold = intervals.filter((interval) => price[interval] !== undefined);
  if (price === plan['price'] && Object.keys(price).length === 0)
    fields.fault(at, "is empty: name an amount by interval, like { month: '99' }, or leave it out");
  const byInterval = sold.map((interval) => ({
    interval,
    amounts: amounts.whole(price[interval], join(at, interval)),
  }));
  const setup = amounts.whole(plan['setup_fee'], join(path, 'setup_fee'));
  if (byInterval.length === 0) byInterval.push({ interval: 'month', amounts: {} });
  return {
    intervals: byInterval.map(({ interval }) => interval),
    prices: () =>
      amounts.currencies().flatMap((currency) =>
        byInterval.map(({ interval, amounts: of }) => ({
          amount_minor: of[currency] ?? 0,
          currency,
          interval,
          setup_fee_minor: setup[currency] ?? 0,
        })),
      ),
  };
}

export function readSeats(fields: Fields, value: unknown, path: string): Seats | null {
  if (value === undefined) return null;
  const seats = fields.object(value, path, [], ['minimum', 'maximum']);
  const minimum = fields.integer(seats['minimum'], join(path, 'minimum'), 1);
  const maximum = seats['maximum'] === undefined ? null : fields.integer(seats['maximum'], join(path, 'maximum'), 1);
  if (maximum !== null && maximum < minimum)
    fields.fault(join(path, 'maximum'), `must be at least the minimum, which is ${minimum}`);
  return { minimum, maximum };
}

/** Stripe ends a trial after two years at most. */
const longestTrialDays = 730;

export function readTrial(fields: Fields, value: unknown, path: string): Trial | null {
  if (value === undefined) return null;
  const trial = fields.object(value, path, ['days'], ['card']);
  const days = fields.integer(trial['days'], join(path, 'days'), 1);
  if (days > longestTrialDays) fields.fault(join(path, 'days'), `must be at most ${longestTrialDays}`);
  return { days, card: trial['card'] === undefined ? true : fields.flag(trial['card'], join(path, 'card')) };
}

export function readUsage(
  context: PlanContext,
  sold: readonly Interval[],
  meter_id: string,
  value: unknown,
  path: string,
): PlanUsage {
  const { fields, meters } = context;
  if (!meters.has(meter_id)) fields.fault(path, `there is no meter "${meter_id}"; ${namesOf(meters, 'meters')}`);
  const usage = fields.object(value, path, [], ['included', 'per', 'quota', 'overage', 'minimum', 'offline']);
  const priced = usage['overage'] !== undefined && usage['overage'] !== null;
  const quota = fields.oneOf(usage['quota'], join(path, 'quota'), ['soft', 'hard'], priced ? 'soft' : 'hard');
  if (quota === 'hard' && priced) {
    fields.fault(
      join(path, 'overage'),
      'a hard quota refuses past the included amount and bills no overage: leave it out, or make the quota soft',
    );
  }
  if (quota === 'soft' && !priced)
    fields.fault(join(path, 'overage'), 'is missing: a soft quota bills what is past the included amount');
  if (usage['included'] === undefined && !priced && typeof value === 'object')
    fields.fault(join(path, 'included'), 'is missing: without an overage there must be something to use');
  const overage = priced ? readOverage(context, usage['overage'], join(path, 'overage')) : null;
  return {
    meter_id,
    included: usage['included'] === undefined ? 0 : fields.integer(usage['included'], join(path, 'included'), 0),
    quota,
    interval: readPer(fields, sold, usage['per'], join(path, 'per')),
    overage,
    ...readMinimum(context, usage['minimum'], priced, join(path, 'minimum')),
    ...readOffline(fields, usage['offline'], join(path, 'offline')),
  };
}

function readMinimum(
  context: PlanContext,
  value: unknown,
  isPriced: boolean,
  path: string,
): Pick<PlanUsage, 'minimum'> {
  if (value === undefined) return {};
  if (!isPriced) context.fields.fault(path, 'is what overage comes to at least, and there is no overage');
  return { minimum: readLeast(context, value, path) };
}

function readLeast({ fields, amounts }: PlanContext, value: unknown, path: string): ByCurrency<number> {
  const least = amounts.whole(value, path);
  if (Object.values(least).some((amount) => amount === 0) && !fields.faults.some((fault) => fault.path === path))
    fields.fault(path, 'is nothing: leave it out');
  return least;
}

/** The minimum of all usage of a plan, which must be billed together: by the same interval. */
export function readPlanMinimum(
  context: PlanContext,
  value: unknown,
  usage: readonly PlanUsage[],
  path: string,
): { minimum?: PlanMinimum } {
  if (value === undefined) return {};
  const { fields } = context;
  const priced = usage.filter(({ overage }) => overage !== null);
  const [first] = priced;
  if (first === undefined) fields.fault(path, 'is what overage comes to at least, and no meter has an overage');
  const other = priced.find(({ interval }) => interval !== first?.interval);
  if (first !== undefined && other !== undefined)
    fields.fault(
      path,
      `is of usage that is billed together: "${first.meter_id}" is billed by the ${first.interval}, "${other.meter_id}" by the ${other.interval}`,
    );
  for (const { meter_id, minimum } of priced)
    if (minimum !== undefined)
      fields.fault(path, `counts all meters, and "${meter_id}" has a minimum of its own: leave one of them out`);
  return { minimum: { interval: first?.interval ?? 'month', amounts_minor: readLeast(context, value, path) } };
}

function readPer(fields: Fields, sold: readonly Interval[], value: unknown, path: string): Interval {
  const shortest = sold[0] ?? 'month';
  const usual = fitsInto.month.includes(shortest) ? 'month' : shortest;
  const per = fields.oneOf(value, path, intervals, usual);
  const unfit = sold.filter((interval) => !fitsInto[per].includes(interval));
  if (unfit.length > 0)
    fields.fault(path, `a quota per ${per} does not fit a whole number of times into a ${unfit.join(' or a ')}`);
  return per;
}

function readOverage(context: PlanContext, value: unknown, path: string): Record<Currency, UsagePrice> {
  const { fields, amounts } = context;
  const keys = ['unit_price', 'package_price', 'tiers', 'volume'];
  const overage = fields.object(value, path, [], [...keys, 'package_size']);
  const named = keys.filter((key) => overage[key] !== undefined);
  if (named.length !== 1)
    fields.fault(path, 'has either a unit_price, or a package_price and a package_size, or tiers, or volume');
  if (overage['package_size'] !== undefined && overage['package_price'] === undefined)
    fields.fault(join(path, 'package_price'), 'is missing: what a package of that size costs');
  if (overage['tiers'] !== undefined || overage['volume'] !== undefined) {
    const key = overage['tiers'] === undefined ? 'volume' : 'tiers';
    return readTiers(context, key === 'tiers' ? 'graduated' : 'volume', overage[key], join(path, key));
  }
  if (overage['package_price'] !== undefined) {
    if (overage['package_size'] === undefined) fields.fault(join(path, 'package_size'), 'is missing');
    const package_size = fields.integer(overage['package_size'], join(path, 'package_size'), 1);
    const prices = amounts.unitPrice(overage['package_price'], join(path, 'package_price'));
    return mapValues(prices, (package_price_decimal) => ({ type: 'package', package_price_decimal, package_size }));
  }
  const prices = amounts.unitPrice(overage['unit_price'], join(path, 'unit_price'));
  return mapValues(prices, (unit_price_decimal) => ({ type: 'per_unit', unit_price_decimal }));
}

function readTiers(
  context: PlanContext,
  type: 'graduated' | 'volume',
  value: unknown,
  path: string,
): Record<Currency, UsagePrice> {
  const { fields, amounts } = context;
  const list = fields.list(value, path);
  if (Array.isArray(value) && list.length === 0) fields.fault(path, 'is empty: there must be a tier');
  let below = 0;
  const rows = list.map((entry, index) => {
    const at = `${path}[${index}]`;
    const tier = fields.object(entry, at, ['up_to', 'unit_price']);
    const prices = amounts.unitPrice(tier['unit_price'], join(at, 'unit_price'));
    const last = index === list.length - 1;
    if (tier['up_to'] === null) {
      if (!last) fields.fault(join(at, 'up_to'), 'only the last tier is open (null)');
      return { up_to: null, prices };
    }
    const up_to = fields.integer(tier['up_to'], join(at, 'up_to'), 1);
    if (last && tier['up_to'] !== undefined) fields.fault(join(at, 'up_to'), 'the last tier must be open: null');
    if (typeof tier['up_to'] === 'number' && up_to === tier['up_to']) {
      if (up_to <= below) fields.fault(join(at, 'up_to'), `must be more than the tier before, which ends at ${below}`);
      below = Math.max(below, up_to);
    }
    return { up_to, prices };
  });
  const tiersIn = (currency: Currency): Tier[] =>
    rows.map(({ up_to, prices }) => ({ up_to, unit_price_decimal: prices[currency] ?? '0' }));
  return mapValues(rows[0]?.prices ?? {}, (_, currency) => ({ type, tiers: tiersIn(currency) }));
}

function mapValues<T>(
  values: ByCurrency<T>,
  make: (value: T, currency: Currency) => UsagePrice,
): Record<Currency, UsagePrice> {
  return Object.fromEntries(Object.entries(values).map(([currency, value]) => [currency, make(value, currency)]));
}
