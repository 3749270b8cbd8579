import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  currencyCode,
  decimal,
  emptyable,
  flag,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import { missingParam } from '../../contract/contract.ts';
import type { CurrencyOption, IntervalUnit, PriceRecord, Tier } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { byCurrency, renderTierList } from './currency-options.ts';
import { findMeter } from '../usage/meter-render.ts';
import { wholeAmount } from '../../billing/money.ts';
import { createProduct, findProduct } from './products.ts';

/** What makes a price a metered one. */
function metering(price: PriceRecord): { meter?: string; usage_type?: 'metered' } {
  const meter = price.recurring?.meter;
  return meter === undefined ? {} : { meter, usage_type: 'metered' };
}

/** Renders a price without its tiers, which are answered only when expanded. */
export function renderPrice(price: PriceRecord): Wire<Stripe.Price> {
  return {
    id: price.id,
    object: 'price',
    active: price.active,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: price.lookup_key,
    metadata: price.metadata,
    nickname: price.nickname,
    product: price.product,
    recurring:
      price.recurring === null
        ? null
        : { ...price.recurring, meter: null, trial_period_days: null, usage_type: 'licensed', ...metering(price) },
    tax_behavior: price.tax_behavior,
    tiers_mode: price.tiers_mode,
    transform_quantity: price.transform_quantity ?? null,
    type: price.recurring === null ? 'one_time' : 'recurring',
    unit_amount: wholeAmount(price.unit_amount_decimal),
    unit_amount_decimal: price.unit_amount_decimal,
  };
}

/** The tiers of a price, `null` when it has none. */
export function renderTiers(price: PriceRecord): Wire<Stripe.Price.Tier>[] | null {
  return price.tiers === null ? null : renderTierList(price.tiers);
}

/** The older face of a recurring price, still inside every subscription item. */
export function renderPlan(price: PriceRecord): Wire<Stripe.Plan> {
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: wholeAmount(price.unit_amount_decimal),
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: price.recurring?.interval ?? 'month',
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: price.tiers_mode,
    transform_usage: price.transform_quantity ?? null,
    trial_period_days: null,
    usage_type: 'licensed',
    ...metering(price),
  };
}

/** A price by an id that was sent as `param`. */
export function findPrice(tx: Tx, id: string, param = 'id'): PriceRecord {
  const price = tx.get('price', id);
  if (price === undefined) throw noSuch('price', id, param);
  return price;
}

const upTo: Param<number | null> = {
  read: (value, path) => (value === 'inf' ? null : integer(1).read(value, path)),
};

const tierTable = shape({
  flat_amount: integer(),
  flat_amount_decimal: decimal(),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
  up_to: upTo,
});

/** `500` and `500.0` are the same amount; kept in the shortest form. */
export function normal(amount: number | undefined, amount_decimal: string | undefined): string | null {
  if (amount !== undefined) return String(amount);
  if (amount_decimal === undefined) return null;
  return amount_decimal.includes('.') ? amount_decimal.replace(/\.?0+$/, '') : amount_decimal;
}

function checkTiers(tiers: Tier[]): Tier[] {
  let below = 0;
  for (const [index, tier] of tiers.entries()) {
    if (tier.unit_amount_decimal === null && tier.flat_amount_decimal === null) {
      throw invalidParam('Each tier must have at least one of `flat_amount` and `unit_amount`.', `tiers[${index}]`);
    }
    if ((tier.up_to === null) !== (index === tiers.length - 1)) {
      throw invalidParam('The last tier, and only that one, must have `up_to` set to `inf`.', `tiers[${index}][up_to]`);
    }
    if (tier.up_to !== null && tier.up_to <= below) {
      throw invalidParam('Tiers must be in ascending order of `up_to`.', `tiers[${index}][up_to]`);
    }
    below = tier.up_to ?? below;
  }
  return tiers;
}

const recurringInterval = oneOf<IntervalUnit>(['day', 'week', 'month', 'year']);

const recurringTable = shape({
  interval: recurringInterval,
  interval_count: integer(1, 1095),
  meter: text(),
  usage_type: oneOf(['licensed', 'metered']),
});

const taxBehavior = oneOf(['exclusive', 'inclusive', 'unspecified']);

const optionTable = {
  tax_behavior: taxBehavior,
  tiers: list(tierTable, 100),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
};

/** What a price is made of. */
export const priceTable = {
  active: flag(),
  billing_scheme: oneOf(['per_unit', 'tiered']),
  currency: currencyCode(),
  currency_options: byCurrency(shape(optionTable)),
  lookup_key: text(200),
  metadata: metadata(),
  nickname: text(),
  product: text(),
  product_data: shape({
    active: flag(),
    id: text(255),
    metadata: metadata(),
    name: text(),
    statement_descriptor: text(22),
    tax_code: text(),
    unit_label: text(12),
  }),
  recurring: recurringTable,
  tax_behavior: taxBehavior,
  tiers: list(tierTable, 100),
  tiers_mode: oneOf(['graduated', 'volume']),
  transfer_lookup_key: flag(),
  transform_quantity: shape({ divide_by: integer(1), round: oneOf(['down', 'up']) }),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
};

/** At most one active price carries a lookup key; `transfer_lookup_key` takes it from the other. */
function claimLookupKey(context: Context, key: string, transfer: boolean, own_id: string | null): void {
  const holder = context.tx.all('price').find((price) => price.lookup_key === key && price.id !== own_id);
  if (holder === undefined) return;
  if (!transfer) {
    throw invalid(
      `A price (\`${holder.id}\`) already uses that lookup key. Pass \`transfer_lookup_key: true\` to transfer the lookup key to this price.`,
      { param: 'lookup_key' },
    );
  }
  const freed = context.tx.put('price', { ...holder, lookup_key: null });
  emitUpdate(context, 'price.updated', renderPrice(holder), renderPrice(freed));
}

function productOf(context: Context, params: Partial<Read<typeof priceTable>>): string {
  if (params.product !== undefined) return findProduct(context.tx, params.product, 'product').id;
  const data = params.product_data;
  if (data === undefined) throw missingParam('product');
  const { id, name = '', active = true, metadata: given, ...rest } = data;
  return createProduct(context, {
    ...(id === undefined ? {} : { id }),
    name,
    active,
    metadata: mergeMetadata({}, given),
    statement_descriptor: rest.statement_descriptor ?? null,
    tax_code: rest.tax_code ?? null,
    unit_label: rest.unit_label ?? null,
  }).id;
}

function tiersOf(tiers: NonNullable<Read<typeof optionTable>['tiers']>): Tier[] {
  return checkTiers(
    tiers.map((tier) => ({
      up_to: tier.up_to ?? null,
      unit_amount_decimal: normal(tier.unit_amount, tier.unit_amount_decimal),
      flat_amount_decimal: normal(tier.flat_amount, tier.flat_amount_decimal),
    })),
  );
}

/** The price in other currencies, each with what its own currency has: tiers, or a unit amount. */
function optionsOf(
  read: Record<string, Read<typeof optionTable>> | undefined,
  is_tiered: boolean,
): Record<string, CurrencyOption> {
  const options: Record<string, CurrencyOption> = {};
  for (const [currency, option] of Object.entries(read ?? {})) {
    const path = `currency_options[${currency}]`;
    const unit_amount_decimal = normal(option.unit_amount, option.unit_amount_decimal);
    if (is_tiered && option.tiers === undefined) throw missingParam(`${path}[tiers]`);
    if (!is_tiered && unit_amount_decimal === null) throw missingParam(`${path}[unit_amount]`);
    options[currency] = {
      tax_behavior: option.tax_behavior ?? 'unspecified',
      tiers: is_tiered ? tiersOf(option.tiers ?? []) : null,
      unit_amount_decimal: is_tiered ? null : unit_amount_decimal,
    };
  }
  return options;
}

function pricedBy(
  params: Partial<Read<typeof priceTable>>,
): Pick<PriceRecord, 'tiers' | 'tiers_mode' | 'unit_amount_decimal'> {
  if (params.billing_scheme === 'tiered') {
    if (params.tiers === undefined) throw missingParam('tiers');
    if (params.tiers_mode === undefined) throw missingParam('tiers_mode');
    if (params.transform_quantity !== undefined) {
      throw invalidParam('`transform_quantity` cannot be combined with tiers.', 'transform_quantity');
    }
    return { tiers: tiersOf(params.tiers), tiers_mode: params.tiers_mode, unit_amount_decimal: null };
  }
  const unit_amount_decimal = normal(params.unit_amount, params.unit_amount_decimal);
  if (unit_amount_decimal === null) throw missingParam('unit_amount');
  return { tiers: null, tiers_mode: null, unit_amount_decimal };
}

function recurringOf(tx: Tx, read: Read<typeof priceTable>['recurring']): PriceRecord['recurring'] {
  if (read === undefined) return null;
  const { interval = 'month', interval_count = 1, meter: id, usage_type = 'licensed' } = read;
  if (usage_type === 'licensed') {
    if (id === undefined) return { interval, interval_count };
    throw invalidParam('A price with a meter must have `recurring[usage_type]` set to `metered`.', 'recurring[meter]');
  }
  if (id === undefined) {
    throw invalid('Metered prices must be backed by a billing meter. Set `recurring[meter]` to the id of a meter.', {
      code: 'parameter_missing',
      param: 'recurring[meter]',
    });
  }
  const meter = findMeter(tx, id, 'recurring[meter]');
  if (meter.status !== 'active') {
    throw invalid(`The meter ${id} is inactive. Only active meters can back a price.`, { param: 'recurring[meter]' });
  }
  return { interval, interval_count, meter: id };
}

/** Writes a new price and says so. */
export function createPrice(context: Context, params: Partial<Read<typeof priceTable>>): Wire<Stripe.Price> {
  const { tx } = context;
  const currency = params.currency ?? '';
  if (params.lookup_key !== undefined) {
    claimLookupKey(context, params.lookup_key, params.transfer_lookup_key ?? false, null);
  }
  const rule = params.transform_quantity;
  const price = tx.put('price', {
    id: tx.newId('price_'),
    created: tx.now,
    active: params.active ?? true,
    billing_scheme: params.billing_scheme ?? 'per_unit',
    currency,
    lookup_key: params.lookup_key ?? null,
    metadata: mergeMetadata({}, params.metadata),
    nickname: params.nickname ?? null,
    product: productOf(context, params),
    recurring: recurringOf(tx, params.recurring),
    tax_behavior: params.tax_behavior ?? 'unspecified',
    ...pricedBy(params),
    ...(rule === undefined
      ? {}
      : { transform_quantity: { divide_by: rule.divide_by ?? 1, round: rule.round ?? 'up' } }),
    ...(params.currency_options === undefined
      ? {}
      : { currency_options: optionsOf(params.currency_options, params.billing_scheme === 'tiered') }),
  });
  emit(context, 'price.created', renderPrice(price));
  return renderPrice(price);
}

interface Recurring {
  interval?: IntervalUnit | undefined;
  meter?: string | undefined;
  usage_type?: 'licensed' | 'metered' | undefined;
}

function recurs({ recurring }: PriceRecord, wanted: Recurring): boolean {
  if (wanted.interval !== undefined && recurring?.interval !== wanted.interval) return false;
  if (wanted.meter !== undefined && recurring?.meter !== wanted.meter) return false;
  const usage_type = recurring?.meter === undefined ? 'licensed' : 'metered';
  return wanted.usage_type === undefined || (recurring !== null && usage_type === wanted.usage_type);
}

export const priceRoutes = [
  route('POST /v1/prices', priceTable, createPrice),
  route('GET /v1/prices/{id}', {}, ({ tx }, _params, id) => renderPrice(findPrice(tx, id))),
  route(
    'POST /v1/prices/{id}',
    {
      active: flag(),
      currency_options: emptyable(priceTable.currency_options),
      lookup_key: emptyable(text(200)),
      metadata: metadata(),
      nickname: emptyable(text()),
      tax_behavior: priceTable.tax_behavior,
      transfer_lookup_key: flag(),
    },
    (context, params, id) => {
      const old = findPrice(context.tx, id);
      if (typeof params.lookup_key === 'string') {
        claimLookupKey(context, params.lookup_key, params.transfer_lookup_key ?? false, id);
      }
      const price = context.tx.put('price', {
        ...old,
        active: params.active ?? old.active,
        ...(params.currency_options === undefined
          ? {}
          : {
              currency_options:
                params.currency_options === null
                  ? {}
                  : { ...old.currency_options, ...optionsOf(params.currency_options, old.tiers !== null) },
            }),
        lookup_key: params.lookup_key === undefined ? old.lookup_key : params.lookup_key,
        metadata: mergeMetadata(old.metadata, params.metadata),
        nickname: params.nickname === undefined ? old.nickname : params.nickname,
        tax_behavior: params.tax_behavior ?? old.tax_behavior,
      });
      emitUpdate(context, 'price.updated', renderPrice(old), renderPrice(price));
      return renderPrice(price);
    },
  ),
  route(
    'GET /v1/prices',
    {
      ...pageParams,
      active: flag(),
      created: range(),
      currency: currencyCode(),
      lookup_keys: list(text(), 10),
      product: text(),
      recurring: shape({
        interval: recurringInterval,
        meter: text(),
        usage_type: oneOf(['licensed', 'metered']),
      }),
      type: oneOf(['one_time', 'recurring']),
    },
    ({ tx }, params) => {
      const wanted = tx.all('price').filter((price) => {
        if (params.active !== undefined && price.active !== params.active) return false;
        if (params.currency !== undefined && price.currency !== params.currency) return false;
        if (params.lookup_keys !== undefined && !params.lookup_keys.includes(price.lookup_key ?? '')) return false;
        if (params.product !== undefined && price.product !== params.product) return false;
        if (!recurs(price, params.recurring ?? {})) return false;
        if (params.type !== undefined && (price.recurring === null) !== (params.type === 'one_time')) return false;
        return within(price.created, params.created);
      });
      return page('/v1/prices', wanted, params, 'price', renderPrice);
    },
  ),
];
