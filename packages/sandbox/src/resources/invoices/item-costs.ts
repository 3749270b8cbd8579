import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { decimal, integer, named, type Read, shape, text } from '../../http/params.ts';
import { fractionOf, round } from '../../billing/exact.ts';
import { amountOf, priceAmount, unitOf } from '../../billing/money.ts';
import { rateUsage } from '../../billing/rating.ts';
import type { InvoiceItemRecord, PriceRecord } from '../../store/records.ts';
import { activePrice, type InlinePrice, inlinePriceOf, linePriceData } from '../catalog/inline-prices.ts';
import type { Context } from '../context.ts';

/** How a request says what an invoice item, or a line of an invoice, costs. */
export const costFields = {
  amount: integer(),
  price_data: linePriceData,
  pricing: shape({ price: text() }),
  quantity: integer(0, 999_999_999),
  quantity_decimal: decimal(),
  unit_amount_decimal: decimal(),
};

/** As sent; not every route lets a price describe its product. */
export type CostParams = Omit<Partial<Read<typeof costFields>>, 'price_data'> & {
  price_data?: InlinePrice | undefined;
};

type Cost = Pick<
  InvoiceItemRecord,
  'amount' | 'currency' | 'price' | 'quantity' | 'quantity_decimal' | 'unit_amount_decimal'
>;

const sources = ['amount', 'price_data', 'pricing', 'unit_amount_decimal'] as const;

/** Refuses two ways of saying one thing; answers with the one that was sent. */
function oneGiven<T extends keyof CostParams>(params: CostParams, names: readonly T[], path: string): T | null {
  const given = names.filter((name) => params[name] !== undefined);
  const [first = null, second] = given;
  if (second === undefined) return first;
  throw invalidParam(`You may only specify one of these parameters: ${given.join(', ')}.`, named(path, second));
}

/** How many: exact, and as the whole number that is shown beside it. */
function quantityOf(decimal_quantity: string): Pick<Cost, 'quantity' | 'quantity_decimal'> {
  const exact = fractionOf(decimal_quantity);
  const quantity = round(exact);
  return exact.n % exact.d === 0n ? { quantity } : { quantity, quantity_decimal: decimal_quantity };
}

function atPrice(price: PriceRecord, decimal_quantity: string): Cost {
  const many = quantityOf(decimal_quantity);
  const amount =
    many.quantity_decimal === undefined
      ? priceAmount(price, many.quantity)
      : rateUsage(price, decimal_quantity).reduce((sum, line) => sum + line.amount, 0);
  return {
    amount,
    currency: price.currency,
    price: price.id,
    ...many,
    unit_amount_decimal: price.unit_amount_decimal ?? '0',
  };
}

function atUnit(unit_amount_decimal: string, decimal_quantity: string, currency: string): Cost {
  const amount = amountOf(unit_amount_decimal, decimal_quantity);
  return { amount, currency, price: null, ...quantityOf(decimal_quantity), unit_amount_decimal };
}

function quantityParam(params: CostParams, path: string): string | null {
  if (oneGiven(params, ['quantity', 'quantity_decimal'], path) === null) return null;
  const { quantity, quantity_decimal = String(quantity) } = params;
  if (quantity_decimal.startsWith('-')) {
    throw invalidParam('This value must be greater than or equal to 0.', named(path, 'quantity_decimal'));
  }
  return quantity_decimal;
}

function withAmount(params: CostParams, currency: string, path: string): Cost {
  const many = oneGiven(params, ['quantity', 'quantity_decimal'], path);
  if (many !== null) {
    throw invalidParam(`You may only specify one of these parameters: amount, ${many}.`, named(path, many));
  }
  const amount = params.amount ?? 0;
  return { amount, currency, price: null, quantity: 1, unit_amount_decimal: unitOf(amount, 1) };
}

/** The price a request names or describes; `null` when it does neither. */
function priceOf(context: Context, params: CostParams, path: string): PriceRecord | null {
  if (params.price_data !== undefined) {
    return inlinePriceOf(context, params.price_data, named(path, 'price_data'));
  }
  if (params.pricing === undefined) return null;
  const param = named(path, 'pricing', 'price');
  if (params.pricing.price === undefined) throw missingParam(param);
  return activePrice(context.tx, params.pricing.price, 'one_time', param);
}

/** What something new costs: an amount, or a price or unit amount times a quantity. */
export function costOf(context: Context, params: CostParams, fallback: string | null, path = ''): Cost {
  const source = oneGiven(params, sources, path);
  const currency = fallback ?? '';
  const price = priceOf(context, params, path);
  if (price !== null) return atPrice(price, quantityParam(params, path) ?? '1');
  if (currency === '') throw missingParam(named(path, 'currency'));
  if (params.unit_amount_decimal !== undefined) {
    return atUnit(params.unit_amount_decimal, quantityParam(params, path) ?? '1', currency);
  }
  if (source === null) {
    throw invalid('You must specify one of `amount`, `pricing`, `price_data` or `unit_amount_decimal`.', {
      param: named(path, 'amount'),
    });
  }
  return withAmount(params, currency, path);
}

/** What something costs after a change: what is not said of price and quantity stays. */
export function changedCost(context: Context, old: Cost, params: CostParams, path = ''): Cost {
  const source = oneGiven(params, sources, path);
  if (source === 'amount') return withAmount(params, old.currency, path);
  const sent = quantityParam(params, path);
  if (source === null && sent === null) return old;
  const quantity = sent ?? old.quantity_decimal ?? String(old.quantity);
  const price = priceOf(context, params, path);
  if (price !== null) return atPrice(price, quantity);
  if (params.unit_amount_decimal !== undefined) return atUnit(params.unit_amount_decimal, quantity, old.currency);
  return old.price === null
    ? atUnit(old.unit_amount_decimal, quantity, old.currency)
    : atPrice(context.tx.need('price', old.price), quantity);
}
