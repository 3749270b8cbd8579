import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, mergeMetadata, metadata, type Read, shape, text } from '../../http/params.ts';
import type {
  AdjustableQuantity,
  CheckoutSessionRecord,
  OptionalItemRecord,
  PriceRecord,
  SessionLineRecord,
} from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { checkoutPriceData, inlinePriceOf } from '../catalog/inline-prices.ts';
import { findPrice } from '../catalog/prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import type { Context } from '../context.ts';
import { quantityOf } from '../usage/usage-lines.ts';

type Mode = NonNullable<CheckoutSessionRecord['mode']>;

const MOST = 999_999;
/** How far a quantity may be changed when the seller names no bounds. */
const ADJUSTABLE_MOST = 99;

const adjustableTable = shape({ enabled: flag(), maximum: integer(1, MOST), minimum: integer(0, MOST) });

/** One line of a session. */
export const lineTable = {
  adjustable_quantity: adjustableTable,
  metadata: metadata(),
  price: text(),
  price_data: checkoutPriceData,
  quantity: integer(0, MOST),
  tax_rates: emptyable(list(text(), 5)),
};

/** One thing the payer may add. */
export const optionalTable = { adjustable_quantity: adjustableTable, price: text(), quantity: integer(1, MOST) };

type LineParams = Read<typeof lineTable>;

function adjustableOf(
  given: { enabled?: boolean | undefined; maximum?: number | undefined; minimum?: number | undefined } | undefined,
  quantity: number,
  path: string,
): AdjustableQuantity | null {
  if (given?.enabled !== true) return null;
  const minimum = given.minimum ?? 0;
  const maximum = given.maximum ?? ADJUSTABLE_MOST;
  if (minimum > maximum || quantity < minimum || quantity > maximum) {
    throw invalidParam(
      `The quantity (${quantity}) must lie between the minimum (${minimum}) and the maximum (${maximum}).`,
      path,
    );
  }
  return { minimum, maximum };
}

function priceOf(context: Context, params: LineParams, path: string): PriceRecord {
  const { tx } = context;
  const { price: id, price_data: data } = params;
  if (id !== undefined && data !== undefined) {
    throw invalidParam(
      `You may only specify one of these parameters: ${path}[price], ${path}[price_data].`,
      `${path}[price_data]`,
    );
  }
  if (data === undefined) {
    if (id === undefined) throw missingParam(`${path}[price]`);
    const price = findPrice(tx, id, `${path}[price]`);
    if (price.active) return price;
    throw invalid('The price specified is inactive. This field only accepts active prices.', {
      param: `${path}[price]`,
    });
  }
  return inlinePriceOf(context, data, `${path}[price_data]`);
}

/** Reads one line; of one that is there already, what is not said stays. */
export function lineOf(
  context: Context,
  params: LineParams,
  path: string,
  old: SessionLineRecord | null,
): SessionLineRecord {
  const { tx } = context;
  const keeps = old !== null && params.price === undefined && params.price_data === undefined;
  const price = keeps ? tx.need('price', old.price) : priceOf(context, params, path);
  const name = `${path}[quantity]`;
  const is_metered = price.recurring?.meter !== undefined;
  const asked = params.quantity ?? (is_metered ? undefined : old?.quantity);
  if (asked === undefined && !is_metered) throw missingParam(name);
  const quantity = quantityOf(tx, price.id, asked, name);
  const adjusts =
    params.adjustable_quantity ?? (old?.adjustable == null ? undefined : { enabled: true, ...old.adjustable });
  if (quantity === 0 && !is_metered && adjusts?.enabled !== true) {
    throw invalidParam('This value must be greater than or equal to 1.', name, 'parameter_invalid_integer');
  }
  const { tax_rates } = params;
  const kept = old?.tax_rates === undefined ? {} : { tax_rates: old.tax_rates };
  return {
    id: old?.id ?? tx.newId('li_'),
    adjustable: is_metered ? null : adjustableOf(adjusts, quantity, `${path}[adjustable_quantity]`),
    metadata: mergeMetadata(old?.metadata ?? {}, params.metadata),
    price: price.id,
    quantity,
    ...(tax_rates === undefined ? kept : { tax_rates: findTaxRates(tx, tax_rates ?? [], `${path}[tax_rates]`) }),
  };
}

/** Checks that the lines go together, by the mode. */
export function checkLines(tx: Tx, mode: Mode, lines: readonly SessionLineRecord[]): string {
  const prices = lines.map((line) => tx.need('price', line.price));
  const [first] = prices;
  if (first === undefined) throw missingParam('line_items');
  const other = prices.find((price) => price.currency !== first.currency);
  if (other !== undefined) {
    throw invalid(`All line items must have the same currency; found ${first.currency} and ${other.currency}.`, {
      param: 'line_items',
    });
  }
  const recurring = prices.filter((price) => price.recurring !== null);
  if (mode === 'payment' && recurring.length > 0) {
    throw invalid(
      'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
      { param: 'line_items' },
    );
  }
  if (mode !== 'subscription') return first.currency;
  const [rhythm] = recurring;
  if (rhythm === undefined) {
    throw invalid('You must provide at least one recurring price in `subscription` mode when using prices.', {
      param: 'line_items',
    });
  }
  const is_mixed = recurring.some(
    (price) =>
      price.recurring?.interval !== rhythm.recurring?.interval ||
      price.recurring?.interval_count !== rhythm.recurring?.interval_count,
  );
  if (is_mixed) {
    throw invalid('Checkout does not support multiple prices with different billing intervals.', {
      param: 'line_items',
    });
  }
  return first.currency;
}

/** Reads what the payer may add. */
export function optionalOf(
  tx: Tx,
  params: readonly Read<typeof optionalTable>[],
  facts: { currency: string; mode: Mode },
): OptionalItemRecord[] {
  return params.map((given, index) => {
    const path = `optional_items[${index}]`;
    if (given.price === undefined) throw missingParam(`${path}[price]`);
    if (given.quantity === undefined) throw missingParam(`${path}[quantity]`);
    const price = findPrice(tx, given.price, `${path}[price]`);
    if (!price.active || price.currency !== facts.currency) {
      throw invalid('An optional item needs an active price in the currency of the session.', {
        param: `${path}[price]`,
      });
    }
    if (facts.mode !== 'subscription' && price.recurring !== null) {
      throw invalid('A recurring price needs `subscription` mode.', { param: `${path}[price]` });
    }
    const adjustable = adjustableOf(given.adjustable_quantity, given.quantity, `${path}[adjustable_quantity]`);
    return { adjustable, price: price.id, quantity: given.quantity };
  });
}
