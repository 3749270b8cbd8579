import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import {
  currencyCode,
  decimal,
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
import type { IntervalUnit, PriceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { normal, renderPrice } from './prices.ts';
import { createProduct } from './products.ts';

const oneTime = {
  currency: currencyCode(),
  product: text(),
  tax_behavior: oneOf(['exclusive', 'inclusive', 'unspecified']),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
};

/** `price_data` of something that is billed once. */
export const oneTimePriceData = shape(oneTime);

const product_data = shape({
  description: text(40_000),
  images: list(text(2_048), 8),
  metadata: metadata(),
  name: text(),
  tax_code: text(),
  unit_label: text(),
});

/** `price_data` of a line of an invoice: it may describe its product too. */
export const linePriceData = shape({ ...oneTime, product_data });

const recurring = shape({
  interval: oneOf<IntervalUnit>(['day', 'week', 'month', 'year']),
  interval_count: integer(1, 1_095),
});

/** `price_data` of a subscription item. */
export const recurringPriceData = shape({ ...oneTime, recurring });

/** `price_data` of a line of a checkout session. */
export const checkoutPriceData = shape({ ...oneTime, product_data, recurring, unit_amount: integer(0) });

type Data = (typeof recurringPriceData extends Param<infer T> ? Partial<T> : never) | Read<typeof oneTime>;

/** A price, and its product, described in one request. */
export type InlinePrice = Data & { product_data?: ReturnType<typeof product_data.read> | undefined };

/** Writes the price that `price_data` describes, and its product where that is described too. */
export function inlinePriceOf(context: Context, data: InlinePrice, path: string): PriceRecord {
  const { product_data: described, ...rest } = data;
  if ((data.product === undefined) === (described === undefined)) {
    throw invalidParam('You must specify exactly one of `product` and `product_data`.', `${path}[product_data]`);
  }
  if (described === undefined) return inlinePrice(context, rest, path);
  if (described.name === undefined) throw missingParam(`${path}[product_data][name]`);
  const product = createProduct(context, {
    // Made for this line alone, and offered nowhere else.
    active: false,
    name: described.name,
    description: described.description ?? null,
    images: described.images ?? [],
    metadata: mergeMetadata({}, described.metadata),
    tax_code: described.tax_code ?? null,
    unit_label: described.unit_label ?? null,
  });
  return inlinePrice(context, { ...rest, product: product.id }, path);
}

/**
 * Writes the price that `price_data` describes. It is inactive from the start, as at Stripe: it belongs to what it was
 * written for and can be given to nothing else.
 */
export function inlinePrice(context: Context, data: Data, path: string): PriceRecord {
  const { tx } = context;
  if (data.product === undefined) throw missingParam(`${path}[product]`);
  const product = tx.get('product', data.product);
  if (product === undefined) throw noSuch('product', data.product, `${path}[product]`);
  if (data.unit_amount !== undefined && data.unit_amount_decimal !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: unit_amount, unit_amount_decimal.',
      `${path}[unit_amount_decimal]`,
    );
  }
  const unit_amount_decimal = normal(data.unit_amount, data.unit_amount_decimal);
  if (unit_amount_decimal === null) throw missingParam(`${path}[unit_amount]`);
  const currency = data.currency ?? '';
  const recurring = 'recurring' in data ? data.recurring : undefined;
  const price = tx.put('price', {
    id: tx.newId('price_'),
    created: tx.now,
    active: false,
    billing_scheme: 'per_unit',
    currency,
    lookup_key: null,
    metadata: {},
    nickname: null,
    product: product.id,
    recurring:
      recurring === undefined
        ? null
        : { interval: recurring.interval ?? 'month', interval_count: recurring.interval_count ?? 1 },
    tax_behavior: data.tax_behavior ?? 'unspecified',
    tiers: null,
    tiers_mode: null,
    unit_amount_decimal,
  });
  emit(context, 'price.created', renderPrice(price));
  return price;
}

/** An active price of the kind that is asked for. */
export function activePrice(tx: Tx, id: string, type: 'one_time' | 'recurring', param: string): PriceRecord {
  const price = tx.get('price', id);
  if (price === undefined) throw noSuch('price', id, param);
  if (!price.active) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', { param });
  }
  const is = price.recurring === null ? 'one_time' : 'recurring';
  if (is !== type) {
    throw invalid(
      `The price specified is set to \`type=${is}\` but this field only accepts prices with \`type=${type}\`.`,
      { param },
    );
  }
  return price;
}
