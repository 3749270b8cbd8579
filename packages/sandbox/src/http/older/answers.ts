import type { Json, JsonObject } from '../../contract/json.ts';
import { renderCoupon } from '../../resources/catalog/coupons.ts';
import { renderPlan, renderPrice } from '../../resources/catalog/prices.ts';
import { toJson } from '../../resources/context.ts';
import { renderDiscount } from '../../resources/invoices/discounts.ts';
import { asText } from '../../scenario/values.ts';
import type { Tx } from '../../store/store.ts';
import { BASIL, CLOVER, DAHLIA, isBefore } from './versions.ts';

/**
 * What older API versions had and this one has not, added to answers for a request that asks for such a version. Nothing is
 * taken away: an answer has today's shape and, besides, the fields that code of its time reads.
 * https://docs.stripe.com/changelog
 */

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(value: Json, ...keys: string[]): JsonObject | null {
  let at: Json = value;
  for (const key of keys) at = isObject(at) ? at[key] : null;
  return isObject(at) ? at : null;
}

function textAt(value: Json, ...keys: string[]): string | null {
  const last = keys.at(-1) ?? '';
  const found = objectAt(value, ...keys.slice(0, -1))?.[last] ?? null;
  if (typeof found === 'string') return found;
  // What was expanded has its id inside.
  return isObject(found) && typeof found['id'] === 'string' ? found['id'] : null;
}

function itemsOf(list: Json): JsonObject[] {
  const data = objectAt(list)?.['data'];
  return Array.isArray(data) ? data.filter(isObject) : [];
}

function priceFields(tx: Tx, price_id: string | null): JsonObject {
  const price = price_id === null ? undefined : tx.get('price', price_id);
  if (price === undefined) return { plan: null, price: null };
  const plan = price.recurring === null ? null : toJson(renderPlan(price));
  return { plan, price: toJson(renderPrice(price)) };
}

function taxAmounts(taxes: Json): Json[] {
  if (!Array.isArray(taxes)) return [];
  return taxes.filter(isObject).map((tax) => ({
    amount: tax['amount'],
    inclusive: tax['tax_behavior'] === 'inclusive',
    tax_rate: textAt(tax, 'tax_rate_details', 'tax_rate'),
    taxability_reason: tax['taxability_reason'],
    taxable_amount: tax['taxable_amount'],
  }));
}

/** The first discount of a list of ids or objects, whole. */
function firstDiscount(tx: Tx, discounts: Json): Json {
  const [first] = Array.isArray(discounts) ? discounts : [];
  if (typeof first !== 'string') return first === undefined ? null : first;
  const discount = tx.get('discount', first);
  return discount === undefined ? null : toJson(renderDiscount(discount));
}

function invoiceFields(tx: Tx, invoice: JsonObject): JsonObject {
  const intent = tx.get('invoice', textAt(invoice, 'id') ?? '')?.payment_intent ?? null;
  const taxes = taxAmounts(invoice['total_taxes']);
  const details = objectAt(invoice, 'parent', 'subscription_details');
  const sum = taxes.reduce((total: number, tax) => total + Number(objectAt(tax)?.['amount'] ?? 0), 0);
  return {
    charge: intent === null ? null : (tx.get('payment_intent', intent)?.latest_charge ?? null),
    discount: firstDiscount(tx, invoice['discounts']),
    paid: invoice['status'] === 'paid',
    paid_out_of_band: false,
    payment_intent: intent,
    quote: null,
    subscription: textAt(details, 'subscription'),
    subscription_details: { metadata: details?.['metadata'] ?? null },
    tax: taxes.length === 0 ? null : sum,
    total_tax_amounts: taxes,
  };
}

function lineFields(tx: Tx, line: JsonObject): JsonObject {
  const of_item = objectAt(line, 'parent', 'subscription_item_details');
  const of_invoice_item = objectAt(line, 'parent', 'invoice_item_details');
  const details = of_item ?? of_invoice_item;
  return {
    ...priceFields(tx, textAt(line, 'pricing', 'price_details', 'price')),
    invoice_item: textAt(of_invoice_item, 'invoice_item'),
    proration: details?.['proration'] ?? false,
    proration_details: details?.['proration_details'] ?? { credited_items: null },
    subscription_item: textAt(details, 'subscription_item'),
    tax_amounts: taxAmounts(line['taxes']),
    type: of_item === null ? 'invoiceitem' : 'subscription',
  };
}

/** The invoice that an intent pays. */
function invoiceOf(tx: Tx, payment_intent: string | null): string | null {
  if (payment_intent === null) return null;
  return tx.all('invoice_payment').find((each) => each.payment_intent === payment_intent)?.invoice ?? null;
}

/** What basil took away. */
const before_basil: Record<string, (tx: Tx, value: JsonObject) => JsonObject> = {
  charge: (tx, charge) => ({ invoice: invoiceOf(tx, textAt(charge, 'payment_intent')) }),
  customer: () => ({ discount: null }),
  invoice: invoiceFields,
  invoiceitem: (tx, item) => ({
    ...priceFields(tx, textAt(item, 'pricing', 'price_details', 'price')),
    subscription: textAt(item, 'parent', 'subscription_details', 'subscription'),
    subscription_item: textAt(item, 'parent', 'subscription_details', 'subscription_item'),
    unit_amount_decimal: textAt(item, 'pricing', 'unit_amount_decimal'),
  }),
  line_item: lineFields,
  payment_intent: (tx, intent) => ({ invoice: invoiceOf(tx, textAt(intent, 'id')) }),
  subscription: (tx, subscription) => {
    const [first] = itemsOf(subscription['items']);
    return {
      current_period_end: first?.['current_period_end'] ?? null,
      current_period_start: first?.['current_period_start'] ?? null,
      discount: firstDiscount(tx, subscription['discounts']),
    };
  },
};

function couponOf(tx: Tx, value: JsonObject, place: string): JsonObject {
  const id = textAt(value, place, 'coupon');
  const coupon = id === null ? undefined : tx.get('coupon', id);
  return coupon === undefined ? {} : { coupon: toJson(renderCoupon(tx, coupon)) };
}

const before_clover: typeof before_basil = {
  discount: (tx, discount) => couponOf(tx, discount, 'source'),
  promotion_code: (tx, code) => couponOf(tx, code, 'promotion'),
};

const former_modes: Record<string, string> = { elements: 'custom', embedded_page: 'embedded', hosted_page: 'hosted' };

function dressOne(tx: Tx, version: string, value: JsonObject): void {
  const kind = asText(value['object'] ?? '');
  if (value['deleted'] === true) return;
  for (const [end, fields] of [
    [BASIL, before_basil],
    [CLOVER, before_clover],
  ] as const) {
    const added = isBefore(version, end) && Object.hasOwn(fields, kind) ? fields[kind]?.(tx, value) : undefined;
    for (const [name, each] of Object.entries(added ?? {})) if (!Object.hasOwn(value, name)) value[name] = each;
  }
  const mode = value['ui_mode'];
  if (kind === 'checkout.session' && isBefore(version, DAHLIA) && typeof mode === 'string') {
    value['ui_mode'] = former_modes[mode] ?? mode;
  }
}

/** Adds what a version had to an answer, and to every object in it. */
export function dress<T extends Json>(tx: Tx, version: string, answer: T): T {
  if (!isBefore(version, DAHLIA)) return answer;
  if (Array.isArray(answer)) for (const each of answer) dress(tx, version, each);
  if (!isObject(answer)) return answer;
  // First this one: what is added is dressed too.
  if (typeof answer['object'] === 'string') dressOne(tx, version, answer);
  for (const each of Object.values(answer)) dress(tx, version, each);
  return answer;
}
