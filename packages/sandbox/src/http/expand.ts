import { embeddedIn, expandableIn } from '../contract/contract.ts';
import type { Json, JsonObject } from '../contract/json.ts';
import { API_VERSION } from '../contract/wire.ts';
import { renderCurrencyOptions as renderCouponOptions } from '../resources/catalog/coupons.ts';
import { renderPriceCurrencies } from '../resources/catalog/currency-options.ts';
import { renderTiers } from '../resources/catalog/prices.ts';
import { renderSessionLines } from '../resources/checkout/checkout-render.ts';
import { toJson } from '../resources/context.ts';
import { renderTaxId, taxIdsOf } from '../resources/customers/tax-ids.ts';
import { renderPayments } from '../resources/invoices/invoice-render.ts';
import { renderRefund } from '../resources/payments/refunds.ts';
import { renderSubscription } from '../resources/subscriptions/subscription-render.ts';
import type { Tx } from '../store/store.ts';
import { invalid, unsupported } from './api-error.ts';
import { canLoad, load } from './expansions.ts';
import { embeddedList } from './lists.ts';
import { dress } from './older/answers.ts';

const MAX_LEVELS = 4;

/** Fields that exist only when asked for. */
const included: Readonly<Record<string, (tx: Tx, id: string) => object | null>> = {
  'charge refunds': (tx, id) => {
    const refunds = tx.all('refund').filter((each) => each.charge === id);
    return embeddedList(`/v1/charges/${id}/refunds`, refunds.toReversed().map(renderRefund));
  },
  'checkout.session line_items': (tx, id) => renderSessionLines(tx, tx.need('checkout_session', id)),
  'coupon applies_to': (tx, id) => ({ products: tx.need('coupon', id).applies_to }),
  'coupon currency_options': (tx, id) => renderCouponOptions(tx.need('coupon', id)),
  'customer sources': (_tx, id) => embeddedList(`/v1/customers/${id}/sources`, []),
  'customer subscriptions': (tx, id) => {
    const own = tx.all('subscription').filter((each) => each.customer === id && each.ended_at === null);
    const rendered = own.toReversed().map((each) => renderSubscription(tx, each));
    return embeddedList(`/v1/customers/${id}/subscriptions`, rendered);
  },
  'customer tax_ids': (tx, id) =>
    embeddedList(`/v1/customers/${id}/tax_ids`, taxIdsOf(tx, id).toReversed().map(renderTaxId)),
  'invoice confirmation_secret': (tx, id) => {
    const intent = tx.get('invoice', id)?.payment_intent ?? null;
    if (intent === null) return null;
    return { client_secret: tx.need('payment_intent', intent).client_secret, type: 'payment_intent' };
  },
  'invoice payments': (tx, id) => renderPayments(tx, id),
  'plan tiers': (tx, id) => renderTiers(tx.need('price', id)),
  // Where there are taxes, they are there unasked.
  'item taxes': () => [],
  'price currency_options': (tx, id) => renderPriceCurrencies(tx.need('price', id)),
  'price tiers': (tx, id) => renderTiers(tx.need('price', id)),
};

/** What the objects that `included` adds hold. */
const within_included: Readonly<Record<string, string>> = {
  'charge refunds': 'refund',
  'checkout.session line_items': 'item',
  'customer subscriptions': 'subscription',
  'customer tax_ids': 'tax_id',
  'invoice payments': 'invoice_payment',
};

/** What older versions had, and may be expanded where one is asked for. */
const older: Readonly<Record<string, string[]>> = {
  'charge invoice': ['invoice'],
  'invoice charge': ['charge'],
  'invoice payment_intent': ['payment_intent'],
  'invoice subscription': ['subscription'],
  'invoiceitem subscription': ['subscription'],
  'payment_intent invoice': ['invoice'],
};

function targetsOf(object: string, way: string, version: string): string[] | null {
  return expandableIn(object, way) ?? (version === API_VERSION ? null : (older[`${object} ${way}`] ?? null));
}

function refuse(path: string): Error {
  return invalid(`This property cannot be expanded (${path}).`, { param: 'expand', before_execution: true });
}

/** A text field of an object, such as its `object` or `id`. */
function word(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Whether the contract lets this way be expanded inside one of these objects: it ends at something that may be an id, that exists
 * only when asked for, or that is an object already.
 */
function mayExpand(objects: readonly string[], keys: readonly string[], version: string): boolean {
  return objects.some((object) => {
    for (let length = 1; length <= keys.length; length += 1) {
      const way = keys.slice(0, length).join('.');
      const rest = keys.slice(length);
      const targets = targetsOf(object, way, version);
      if (targets !== null) return rest.length === 0 || mayExpand(targets, rest, version);
      const name = `${object} ${way}`;
      const held = included[name] === undefined ? embeddedIn(object, way) : [within_included[name] ?? ''];
      if (held === null) continue;
      if (rest.length === 0) return true;
      // `items.data.price` goes through a list, `parent` or `source` to an object of its own.
      const inside = rest[0] === 'data' ? rest.slice(1) : rest;
      return inside.length === 0 || mayExpand(held, inside, version);
    }
    return false;
  });
}

interface Walk {
  tx: Tx;
  account_name: string;
  /** The whole path, for messages. */
  path: string;
  /** The API version asked for. */
  version: string;
}

/** The object in the place of its id; one that is gone stays an id. */
function replaced(at: Walk, targets: readonly string[], value: Json): Json {
  if (Array.isArray(value)) return value.map((each) => replaced(at, targets, each));
  if (typeof value !== 'string') return value;
  if (!canLoad(targets)) throw unsupported(`the expansion of \`${at.path}\``, 'expand');
  const found = load(at.tx, at.account_name, targets, value);
  return found === null ? value : dress(at.tx, at.version, toJson(found));
}

/** Expands `keys` below `value`; `owner` is the nearest object with a type and `inner` the way from it to here. */
function walk(at: Walk, value: Json, keys: readonly string[], owner: JsonObject, inner: string): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(at, each, keys, owner, inner);
    return;
  }
  if (!isObject(value)) return;
  if (typeof value['object'] === 'string' && value !== owner) return walk(at, value, keys, value, '');
  const [key, ...rest] = keys;
  if (key === undefined) return;
  const way = inner === '' ? key : `${inner}.${key}`;
  const object = word(owner, 'object');
  const extra = value === owner && value[key] === undefined ? included[`${object} ${key}`] : undefined;
  if (extra !== undefined) {
    const shown = extra(at.tx, word(owner, 'id'));
    value[key] = shown === null ? null : dress(at.tx, at.version, toJson(shown));
  }
  const targets = targetsOf(object, way, at.version);
  if (targets !== null) value[key] = replaced(at, targets, value[key]);
  walk(at, value[key], rest, owner, way);
}

/** What a page holds, or the object itself; nothing is known of an empty page. */
function kindsOf(json: JsonObject): string[] {
  const data = json['data'];
  const held = Array.isArray(data) ? data : [json];
  return [...new Set(held.filter(isObject).map((each) => word(each, 'object')))];
}

function isSearch(answer: object): boolean {
  return 'object' in answer && answer.object === 'search_result';
}

/** Expands the paths of `expand[]` inside an answer. https://docs.stripe.com/api/expanding_objects */
export function expand(
  tx: Tx,
  account_name: string,
  answer: object,
  paths: readonly string[],
  version: string = API_VERSION,
): object {
  // Only what is changed has to be a copy.
  if (paths.length === 0 && version === API_VERSION && !isSearch(answer)) return answer;
  const json = dress(tx, version, toJson(answer));
  const is_page = json['object'] === 'list' || json['object'] === 'search_result';
  // Of a search, how many there are is answered when asked for, and is no object.
  const is_search = isSearch(json);
  if (is_search && !paths.includes('total_count')) delete json['total_count'];
  for (const path of paths) {
    if (is_search && path === 'total_count') continue;
    const keys = path.split('.');
    if (keys.filter((key) => key !== 'data').length > MAX_LEVELS) {
      throw invalid(`You cannot expand more than ${MAX_LEVELS} levels of a property (${path}).`, {
        code: 'property_expansion_max_depth',
        param: 'expand',
        before_execution: true,
      });
    }
    if (is_page && keys[0] !== 'data') throw refuse(path);
    const inside = is_page ? keys.slice(1) : keys;
    const kinds = kindsOf(json);
    if (kinds.length > 0 && !mayExpand(kinds, inside, version)) throw refuse(path);
    walk({ tx, account_name, path, version }, is_page ? json['data'] : json, inside, json, '');
  }
  return json;
}
