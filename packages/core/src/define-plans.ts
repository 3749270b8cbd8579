import { currencies } from './currency.ts';
import { readCoupon } from './define-coupons.ts';
import { readAlerts } from './define-alerts.ts';
import { readDunning } from './define-dunning.ts';
import {
  type PlanContext,
  Amounts,
  readPlanMinimum,
  readPrices,
  readSeats,
  readTrial,
  readUsage,
} from './define-price.ts';
import { readConcurrency, readLimits } from './define-limits.ts';
import { readMeter } from './define-meters.ts';
import { readTopUps } from './define-top-ups.ts';
import { reporterFaults, throughMeters } from './define-reporter.ts';
import { PlanFaults } from './faults.ts';
import { Fields, join, namesOf } from './fields.ts';
import { groupFaults, groupsOf, usualGroup } from './group.ts';
import type { PriceListInput } from './plan-file.ts';
import {
  type Currency,
  type Feature,
  type FeatureValue,
  type Plan,
  type PriceList,
  type Seller,
  type Taxes,
  reporters,
} from './plan.ts';

/** What the parts of a list refer to. The currency is null when it is not known, so that amounts are not judged by it. */
interface Context extends Omit<PlanContext, 'amounts'> {
  currency: Currency | null;
  features: Feature[];
}

/**
 * Reads a price list as a seller writes it, fills in every default and checks it whole: unknown keys, names, amounts,
 * windows, tiers and references. Amounts come out in minor units. Throws `PlanFaults` with every fault and its path.
 */
export function definePlans(input: PriceListInput): PriceList {
  return readPriceList(input);
}

/** The same for what has no type: JSON from outside. */
export function readPriceList(input: unknown): PriceList {
  const fields = new Fields();
  const optional = ['meters', 'features', 'groups', 'coupons', 'dunning', 'taxes', 'top_ups'];
  const file = fields.object(input, '', ['seller', 'currency', 'plans'], optional);
  const seller = readSeller(fields, file['seller']);
  const currency = readCurrency(fields, file['currency']);
  const meters = fields.entries(file['meters'], 'meters').map(([id, value]) => readMeter(fields, id, value));
  const meterIds = new Set(meters.map((meter) => meter.id));
  const features = fields
    .entries(file['features'], 'features')
    .map(([id, value]) => readFeature(fields, meterIds, id, value));
  const context: Context = { fields, currency, meters: meterIds, features };
  const plans = fields.entries(file['plans'], 'plans').map(([id, value]) => readPlan(context, id, value));
  if (plans.length === 0 && !fields.faults.some((fault) => fault.path === 'plans'))
    fields.fault('plans', 'is empty: there must be a plan to sell');
  checkTogether(fields, plans);
  for (const { path, message } of [...groupFaults({ plans, features }), ...reporterFaults({ plans, meters })])
    fields.fault(path, message);
  const planIds = new Set(plans.map((plan) => plan.id));
  const coupons = fields
    .entries(file['coupons'], 'coupons')
    .map(([id, value]) => readCoupon({ fields, currency, plans: planIds }, id, value));
  checkCodes(fields, coupons);
  const dunning = readDunning(fields, file['dunning']);
  const taxes = readTaxes(fields, file['taxes']);
  const top_ups = readTopUps(fields, currency, file['top_ups']);
  const groups = readGroups(fields, file['groups'], plans);
  if (fields.faults.length > 0) throw new PlanFaults(fields.faults);
  return { seller, currency: currency ?? '', meters, features, ...groups, plans, coupons, dunning, taxes, top_ups };
}

/** Names of groups that plans are in. */
function readGroups(fields: Fields, value: unknown, plans: readonly Plan[]): Pick<PriceList, 'groups'> {
  const used = new Set(groupsOf({ plans }));
  const groups = fields.entries(value, 'groups').map(([id, entry]) => {
    const path = join('groups', id);
    if (!used.has(id)) fields.fault(path, `no plan is in this group; ${namesOf(used, 'groups')}`);
    return { id, name: fields.text(fields.object(entry, path, ['name'])['name'], join(path, 'name'), 60) };
  });
  return groups.length === 0 ? {} : { groups };
}

/** What no plan can be judged for alone. */
function checkTogether(fields: Fields, plans: Plan[]): void {
  const highlighted = plans.filter((plan) => plan.highlighted);
  for (const plan of highlighted.slice(1)) {
    const path = `plans.${plan.id}.highlighted`;
    fields.fault(path, `only one plan is highlighted, and "${highlighted[0]?.id}" is already`);
  }
  const bases = new Set(plans.filter((plan) => plan.group !== null).map((plan) => plan.id));
  for (const plan of plans) {
    for (const [index, id] of plan.adds_to.entries()) {
      if (!bases.has(id))
        fields.fault(`plans.${plan.id}.add_on[${index}]`, `there is no plan "${id}"; ${namesOf(bases, 'plans')}`);
    }
  }
}

/** A code leads to one coupon; who types it in lower case means the same. */
function checkCodes(fields: Fields, coupons: PriceList['coupons']): void {
  const owners = new Map<string, string>();
  for (const coupon of coupons) {
    for (const { code } of coupon.codes) {
      const owner = owners.get(code);
      if (owner !== undefined) fields.fault(`coupons.${coupon.id}.codes.${code}`, `is a code of "${owner}" already`);
      else owners.set(code, coupon.id);
    }
  }
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

function readTaxes(fields: Fields, value: unknown): Taxes {
  const taxes = fields.object(value ?? {}, 'taxes', [], ['automatic', 'tax_ids']);
  return {
    automatic: fields.flag(taxes['automatic'], 'taxes.automatic'),
    tax_ids: fields.flag(taxes['tax_ids'], 'taxes.tax_ids'),
  };
}

function readCurrency(fields: Fields, value: unknown): Currency | null {
  if (value === undefined) return null;
  const found = currencies.find((currency) => currency === value);
  if (found === undefined)
    fields.fault('currency', `${JSON.stringify(value)} is not a currency Stripe charges in (lower case: 'usd')`);
  return found ?? null;
}

function readFeature(fields: Fields, meters: Set<string>, id: string, value: unknown): Feature {
  const path = join('features', id);
  const feature = fields.object(value, path, ['name', 'description'], ['default', 'meter']);
  const name = fields.text(feature['name'], join(path, 'name'), 60);
  const description = fields.text(feature['description'], join(path, 'description'), 300);
  const meter = feature['meter'];
  const standard = feature['default'];
  if (meter !== undefined && standard !== undefined)
    fields.fault(path, 'has either a default, which plans can set, or a meter, which usage moves');
  if (meter !== undefined) {
    const meter_id = typeof meter === 'string' ? meter : '';
    if (!meters.has(meter_id))
      fields.fault(join(path, 'meter'), `there is no meter ${JSON.stringify(meter)}; ${namesOf(meters, 'meters')}`);
    return { id, name, description, type: 'metered', meter_id };
  }
  if (standard !== undefined) {
    const type = typeof standard === 'string' ? 'string' : 'number';
    return { id, name, description, type: 'config', default: fields.setting(standard, join(path, 'default'), type) };
  }
  return { id, name, description, type: 'boolean' };
}

const planKeys = [
  'highlighted',
  'group',
  'add_on',
  'customer',
  'price',
  'setup_fee',
  'seats',
  'trial',
  'usage',
  'minimum',
  'reporter',
  'limits',
  'concurrency',
  'keys',
  'alerts',
  'features',
];

function readPlan(list: Context, id: string, value: unknown): Plan {
  const { fields } = list;
  const path = join('plans', id);
  const plan = fields.object(value, path, ['name', 'description'], planKeys);
  const context: PlanContext = { ...list, amounts: new Amounts(list) };
  const described = {
    id,
    name: fields.text(plan['name'], join(path, 'name'), 60),
    description: fields.text(plan['description'], join(path, 'description'), 300),
    highlighted: fields.flag(plan['highlighted'], join(path, 'highlighted')),
  };
  const place = readPlace(fields, plan, path);
  const priced = readPrices(context, plan, path);
  const seats = readSeats(fields, plan['seats'], join(path, 'seats'));
  const trial = readTrial(fields, plan['trial'], join(path, 'trial'));
  const usage = fields
    .entries(plan['usage'], join(path, 'usage'))
    .map(([meter, part]) => readUsage(context, priced.intervals, meter, part, join(path, `usage.${meter}`)));
  if (place.group === null && plan['minimum'] !== undefined)
    fields.fault(
      join(path, 'minimum'),
      'is for a plan of its own: give prices of the usage of an add-on their minimums, which are added to it',
    );
  const least = readPlanMinimum(context, plan['minimum'], usage, join(path, 'minimum'));
  const reporter = fields.oneOf(plan['reporter'], join(path, 'reporter'), reporters, 'invoice_items');
  const limits = readLimits(fields, plan['limits'], join(path, 'limits'));
  const features = readSettings(list, plan['features'], join(path, 'features'));
  const max_keys = plan['keys'] === undefined ? undefined : fields.integer(plan['keys'], join(path, 'keys'), 1);
  return {
    ...described,
    ...place,
    prices: priced.prices(),
    seats,
    trial,
    usage: reporter === 'meters' ? usage.map(throughMeters) : usage,
    ...least,
    limits,
    features,
    ...readConcurrency(fields, plan['concurrency'], join(path, 'concurrency')),
    ...(max_keys === undefined ? {} : { max_keys }),
    ...readAlerts(fields, plan['alerts'], join(path, 'alerts')),
  };
}

/** Whether a plan is a base or an extra, and for whom. */
function readPlace(
  fields: Fields,
  plan: Record<string, unknown>,
  path: string,
): Pick<Plan, 'group' | 'adds_to' | 'customer'> {
  const add_on = plan['add_on'];
  const adds = Array.isArray(add_on) || fields.flag(add_on, join(path, 'add_on'));
  const adds_to = Array.isArray(add_on) ? fields.texts(add_on, join(path, 'add_on'), 'plan ids') : [];
  const group = fields.shaped(plan['group'], join(path, 'group'), /^[a-z][a-z0-9_]{0,39}$/, 'an id: a-z, 0-9 and _');
  if (adds) {
    for (const key of ['group', 'trial', 'highlighted'])
      if (plan[key] !== undefined && plan[key] !== false)
        fields.fault(join(path, key), 'is for a plan of its own; this one is an add-on');
  }
  const customer = plan['customer'] === undefined ? null : fields.text(plan['customer'], join(path, 'customer'), 128);
  return { group: adds ? null : group || usualGroup, adds_to, customer };
}

function readSettings({ fields, features }: Context, value: unknown, path: string): Record<string, FeatureValue> {
  const settings: Record<string, FeatureValue> = {};
  for (const feature of features)
    if (feature.type !== 'metered') settings[feature.id] = feature.type === 'config' ? feature.default : false;
  for (const [id, set] of fields.entries(value, path)) {
    const at = join(path, id);
    const feature = features.find((known) => known.id === id);
    if (feature === undefined) {
      const ids = new Set(features.map((known) => known.id));
      fields.fault(at, `there is no feature "${id}"; ${namesOf(ids, 'features')}`);
    } else if (feature.type === 'metered') {
      fields.fault(at, `is measured by the meter "${feature.meter_id}": include or price that under usage`);
    } else if (feature.type === 'config') {
      settings[id] = fields.setting(set, at, typeof feature.default === 'string' ? 'string' : 'number');
    } else {
      settings[id] = fields.flag(set, at);
    }
  }
  return settings;
}
