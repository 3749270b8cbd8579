import { currencies, currencyStep } from './currency.ts';
import { readDunning } from './define-dunning.ts';
import { PlanFaults } from './faults.ts';
import { Fields, join } from './fields.ts';
import { parseMajor, parseMajorDecimal } from './money.ts';
import type { PriceListInput } from './plan-file.ts';
import type {
  Currency,
  Feature,
  Interval,
  Meter,
  Plan,
  PlanUsage,
  Price,
  PriceList,
  RateLimit,
  Seller,
  Tier,
  UsagePrice,
} from './plan.ts';

const intervals: readonly Interval[] = ['month', 'year'];
const unitsMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestWindowMs = 31 * 86_400_000;

/** What the parts of a plan refer to. The currency is null when it is not known, so that amounts are not judged by it. */
interface Context {
  fields: Fields;
  currency: Currency | null;
  meters: Set<string>;
  features: Set<string>;
}

/**
 * Reads a price list as a seller writes it, fills in every default and checks it whole: unknown keys, names, amounts,
 * windows, tiers and references. Amounts come out in minor units. The input is judged at run time, whatever its type says.
 * Throws `PlanFaults` with every fault and its path.
 */
export function definePlans(input: PriceListInput): PriceList {
  const fields = new Fields();
  const file = fields.object(input, '', ['seller', 'currency', 'plans'], ['meters', 'features', 'dunning']);
  const seller = readSeller(fields, file['seller']);
  const currency = readCurrency(fields, file['currency']);
  const meters = fields.entries(file['meters'], 'meters').map(([id, value]) => readMeter(fields, id, value));
  const features = fields.entries(file['features'], 'features').map(([id, value]) => readFeature(fields, id, value));
  const context: Context = { fields, currency, meters: idsOf(meters), features: idsOf(features) };
  const plans = fields.entries(file['plans'], 'plans').map(([id, value]) => readPlan(context, id, value));
  if (plans.length === 0 && !fields.faults.some((fault) => fault.path === 'plans'))
    fields.fault('plans', 'is empty: there must be a plan to sell');
  const dunning = readDunning(fields, file['dunning']);
  const highlighted = plans.filter((plan) => plan.highlighted);
  for (const plan of highlighted.slice(1)) {
    fields.fault(
      `plans.${plan.id}.highlighted`,
      `only one plan is highlighted, and "${highlighted[0]?.id}" is already`,
    );
  }
  if (fields.faults.length > 0) throw new PlanFaults(fields.faults);
  return { seller, currency: currency ?? '', meters, features, plans, dunning };
}

function idsOf(things: { id: string }[]): Set<string> {
  return new Set(things.map((thing) => thing.id));
}

function readSeller(fields: Fields, value: unknown): Seller {
  const keys = ['name', 'tagline', 'description', 'support_email', 'key_prefix', 'api_url'];
  const seller = fields.object(value, 'seller', keys, ['example_path']);
  return {
    name: fields.text(seller['name'], 'seller.name', 60),
    tagline: fields.text(seller['tagline'], 'seller.tagline', 120),
    description: fields.text(seller['description'], 'seller.description', 1000),
    support_email: fields.shaped(
      seller['support_email'],
      'seller.support_email',
      /^[^\s@]+@[^\s@]+$/,
      'an email address',
    ),
    key_prefix: fields.shaped(seller['key_prefix'], 'seller.key_prefix', /^[a-z0-9]{2,12}$/, '2 to 12 of a-z and 0-9'),
    api_url: fields.shaped(
      seller['api_url'],
      'seller.api_url',
      /^https?:\/\/[^\s/?#]+[^\s?#]*$/,
      'a URL that begins with http:// or https://',
    ),
    example_path:
      seller['example_path'] === undefined
        ? '/'
        : fields.shaped(seller['example_path'], 'seller.example_path', /^\/[^\s#]*$/, 'a path that begins with /'),
  };
}

function readCurrency(fields: Fields, value: unknown): Currency | null {
  if (value === undefined) return null;
  const found = currencies.find((currency) => currency === value);
  if (found === undefined)
    fields.fault('currency', `${JSON.stringify(value)} is not a currency Stripe charges in (lower case: 'usd')`);
  return found ?? null;
}

function readMeter(fields: Fields, id: string, value: unknown): Meter {
  const path = join('meters', id);
  const meter = fields.object(value, path, ['name', 'unit'], ['aggregation']);
  return {
    id,
    name: fields.text(meter['name'], join(path, 'name'), 60),
    unit: fields.text(meter['unit'], join(path, 'unit'), 30),
    aggregation: fields.oneOf(meter['aggregation'], join(path, 'aggregation'), ['count', 'sum'], 'count'),
  };
}

function readFeature(fields: Fields, id: string, value: unknown): Feature {
  const path = join('features', id);
  const feature = fields.object(value, path, ['name', 'description']);
  const name = fields.text(feature['name'], join(path, 'name'), 60);
  return {
    id,
    name,
    description: fields.text(feature['description'], join(path, 'description'), 300),
    type: 'boolean',
  };
}

function readPlan(context: Context, id: string, value: unknown): Plan {
  const { fields } = context;
  const path = join('plans', id);
  const plan = fields.object(
    value,
    path,
    ['name', 'description', 'price'],
    ['highlighted', 'usage', 'limits', 'features'],
  );
  return {
    id,
    name: fields.text(plan['name'], join(path, 'name'), 60),
    description: fields.text(plan['description'], join(path, 'description'), 300),
    highlighted: fields.flag(plan['highlighted'], join(path, 'highlighted')),
    price: readPrice(context, plan['price'], join(path, 'price')),
    usage: fields
      .entries(plan['usage'], join(path, 'usage'))
      .map(([meter, usage]) => readUsage(context, meter, usage, join(path, `usage.${meter}`))),
    limits: readLimits(fields, plan['limits'], join(path, 'limits')),
    features: readSwitches(context, plan['features'], join(path, 'features')),
  };
}

function readPrice({ fields, currency }: Context, value: unknown, path: string): Price {
  if (value === undefined) return { amount_minor: 0, currency: '', interval: 'month' };
  const price = fields.object(value, path, ['amount', 'interval']);
  const parse = (text: string): number => (currency === null ? 0 : parseMajor(text, currency));
  const amount_minor = fields.amount(price['amount'], join(path, 'amount'), parse, 0);
  return {
    amount_minor,
    currency: currency ?? '',
    interval: fields.oneOf(price['interval'], join(path, 'interval'), intervals, 'month'),
  };
}

function readUsage(context: Context, meter_id: string, value: unknown, path: string): PlanUsage {
  const { fields, meters } = context;
  if (!meters.has(meter_id)) fields.fault(path, `there is no meter "${meter_id}"; ${namesOf(meters, 'meters')}`);
  const usage = fields.object(value, path, ['included'], ['quota', 'overage']);
  const priced = usage['overage'] !== undefined && usage['overage'] !== null;
  const quota = fields.oneOf(usage['quota'], join(path, 'quota'), ['soft', 'hard'], priced ? 'soft' : 'hard');
  if (quota === 'hard' && priced) {
    fields.fault(
      join(path, 'overage'),
      'a hard quota refuses past the included amount and bills no overage: leave it out, or make the quota soft',
    );
  }
  if (quota === 'soft' && !priced) {
    fields.fault(join(path, 'overage'), 'is missing: a soft quota bills what is past the included amount');
  }
  const overage = priced ? readOverage(context, usage['overage'], join(path, 'overage')) : null;
  return { meter_id, included: fields.integer(usage['included'], join(path, 'included'), 0), quota, overage };
}

function readOverage(context: Context, value: unknown, path: string): UsagePrice {
  const { fields } = context;
  const overage = fields.object(value, path, [], ['unit_price', 'tiers']);
  const tiered = overage['tiers'] !== undefined;
  if (tiered === (overage['unit_price'] !== undefined)) fields.fault(path, 'has either a unit_price or tiers');
  if (!tiered)
    return {
      type: 'per_unit',
      unit_price_decimal: readUnitPrice(context, overage['unit_price'], join(path, 'unit_price')),
    };
  return { type: 'graduated', tiers: readTiers(context, overage['tiers'], join(path, 'tiers')) };
}

function readTiers(context: Context, value: unknown, path: string): Tier[] {
  const { fields } = context;
  const list = fields.list(value, path);
  if (Array.isArray(value) && list.length === 0) fields.fault(path, 'is empty: there must be a tier');
  let below = 0;
  return list.map((entry, index) => {
    const at = `${path}[${index}]`;
    const tier = fields.object(entry, at, ['up_to', 'unit_price']);
    const unit_price_decimal = readUnitPrice(context, tier['unit_price'], join(at, 'unit_price'));
    const last = index === list.length - 1;
    if (tier['up_to'] === null) {
      if (!last) fields.fault(join(at, 'up_to'), 'only the last tier is open (null)');
      return { up_to: null, unit_price_decimal };
    }
    const up_to = fields.integer(tier['up_to'], join(at, 'up_to'), 1);
    if (last && tier['up_to'] !== undefined) fields.fault(join(at, 'up_to'), 'the last tier must be open: null');
    if (typeof tier['up_to'] === 'number' && up_to === tier['up_to']) {
      if (up_to <= below) fields.fault(join(at, 'up_to'), `must be more than the tier before, which ends at ${below}`);
      below = Math.max(below, up_to);
    }
    return { up_to, unit_price_decimal };
  });
}

function readUnitPrice({ fields, currency }: Context, value: unknown, path: string): string {
  const parse = (text: string): string => {
    if (currency === null) return '0';
    // Where Stripe charges no fraction of a step, a line of any quantity must come out whole.
    if (currencyStep(currency) > 1) return String(parseMajor(text, currency));
    return parseMajorDecimal(text, currency);
  };
  return fields.amount(value, path, parse, '0');
}

function readLimits(fields: Fields, value: unknown, path: string): RateLimit[] {
  const seen = new Map<number, string>();
  return fields.list(value, path).map((entry, index) => {
    const at = `${path}[${index}]`;
    const limit = fields.object(entry, at, ['limit', 'window']);
    const window_ms = readWindow(fields, limit['window'], join(at, 'window'));
    const name = typeof limit['window'] === 'string' ? limit['window'] : '';
    const same = seen.get(window_ms);
    if (same !== undefined) fields.fault(join(at, 'window'), `is as long as the window '${same}' before it`);
    if (window_ms > 0) seen.set(window_ms, name);
    return { name, limit: fields.integer(limit['limit'], join(at, 'limit'), 1), window_ms };
  });
}

/** Milliseconds of `10s`, `5m`, `1h`, `1d`; 0 when it is none of these. */
function readWindow(fields: Fields, value: unknown, path: string): number {
  if (value === undefined) return 0;
  const match = typeof value === 'string' ? /^([1-9]\d{0,6})([smhd])$/.exec(value) : null;
  const window_ms = Number(match?.[1] ?? 0) * (unitsMs[match?.[2] ?? ''] ?? 0);
  if (match === null) fields.fault(path, "must be a number and s, m, h or d, like '1s' or '10m'");
  else if (window_ms > longestWindowMs)
    fields.fault(path, 'is longer than 31 days; for a longer time include an amount per billing period');
  else return window_ms;
  return 0;
}

function readSwitches({ fields, features }: Context, value: unknown, path: string): Record<string, boolean> {
  const switches: Record<string, boolean> = Object.fromEntries([...features].map((id) => [id, false]));
  for (const [id, on] of fields.entries(value, path)) {
    if (features.has(id)) switches[id] = fields.flag(on, join(path, id));
    else fields.fault(join(path, id), `there is no feature "${id}"; ${namesOf(features, 'features')}`);
  }
  return switches;
}

function namesOf(ids: Set<string>, what: string): string {
  return ids.size === 0 ? `there are no ${what}` : `there is: ${[...ids].join(', ')}`;
}
