import type { Json, JsonObject } from '../contract/json.ts';
import { API_VERSION } from '../contract/wire.ts';
import { renderBalanceTransaction } from '../resources/customers/balance.ts';
import { renderCoupon, renderCurrencyOptions as renderCouponOptions } from '../resources/catalog/coupons.ts';
import { renderCreditNote } from '../resources/invoices/credit-notes.ts';
import { renderDiscount } from '../resources/invoices/discounts.ts';
import { renderPromotionCode } from '../resources/catalog/promotion-codes.ts';
import { renderRefund } from '../resources/payments/refunds.ts';
import { renderAccountTransaction } from '../resources/payments/account-balance.ts';
import { renderDispute } from '../resources/payments/disputes.ts';
import { renderMandate } from '../resources/payments/mandates.ts';
import { renderSetupAttempt } from '../resources/payments/setup-attempts.ts';
import { renderSetupIntent } from '../resources/payments/setup-intents.ts';
import { renderTaxId, taxIdsOf } from '../resources/customers/tax-ids.ts';
import { renderCharge } from '../resources/payments/charges.ts';
import { renderSessionLines } from '../resources/checkout/checkout-render.ts';
import { toJson } from '../resources/context.ts';
import { renderCreditGrant } from '../resources/usage/credit-grants.ts';
import { renderPriceCurrencies } from '../resources/catalog/currency-options.ts';
import { renderAnyCustomer } from '../resources/customers/customers.ts';
import { renderInvoice, renderPayments } from '../resources/invoices/invoice-render.ts';
import { renderPaymentIntent } from '../resources/payments/payment-intents.ts';
import { renderPaymentMethod } from '../resources/payments/payment-methods.ts';
import { renderPrice, renderTiers } from '../resources/catalog/prices.ts';
import { renderProduct } from '../resources/catalog/products.ts';
import { renderSchedule } from '../resources/schedules/schedule-render.ts';
import { renderSubscription } from '../resources/subscriptions/subscription-render.ts';
import type { Tx } from '../store/store.ts';
import { embeddedList } from './lists.ts';
import { invalid } from './api-error.ts';
import { dress } from './older/answers.ts';

const MAX_LEVELS = 4;

type Target =
  | 'account_transaction'
  | 'balance_transaction'
  | 'coupon'
  | 'credit_note'
  | 'discount'
  | 'promotion_code'
  | 'refund'
  | 'mandate'
  | 'setup_attempt'
  | 'source'
  | 'setup_intent'
  | 'credit_grant'
  | 'charge'
  | 'customer'
  | 'invoice'
  | 'payment_intent'
  | 'payment_method'
  | 'price'
  | 'product'
  | 'subscription'
  | 'subscription_schedule'
  | 'tax_id';

/** Which fields hold an id that can be replaced by its object: `<object> <path>`. */
const expandable: Record<string, Target> = {
  'billing.credit_balance_summary customer': 'customer',
  'billing.credit_balance_transaction credit.credits_application_invoice_voided.invoice': 'invoice',
  'billing.credit_balance_transaction credit_grant': 'credit_grant',
  'billing.credit_balance_transaction debit.credits_applied.invoice': 'invoice',
  'billing.credit_grant customer': 'customer',
  'balance_transaction source': 'source',
  'charge balance_transaction': 'account_transaction',
  'charge customer': 'customer',
  'charge payment_intent': 'payment_intent',
  'customer_session customer': 'customer',
  'mandate payment_method': 'payment_method',
  'setup_attempt customer': 'customer',
  'setup_attempt payment_method': 'payment_method',
  'setup_attempt setup_intent': 'setup_intent',
  'checkout.session customer': 'customer',
  'checkout.session discounts.coupon': 'coupon',
  'checkout.session discounts.promotion_code': 'promotion_code',
  'credit_note customer': 'customer',
  'credit_note customer_balance_transaction': 'balance_transaction',
  'credit_note invoice': 'invoice',
  'credit_note refunds.refund': 'refund',
  'customer_balance_transaction credit_note': 'credit_note',
  'customer_balance_transaction customer': 'customer',
  'customer_balance_transaction invoice': 'invoice',
  'discount customer': 'customer',
  'discount promotion_code': 'promotion_code',
  'discount source.coupon': 'coupon',
  'dispute charge': 'charge',
  'dispute payment_intent': 'payment_intent',
  'invoice default_payment_method': 'payment_method',
  'invoice account_tax_ids': 'tax_id',
  'invoice discounts': 'discount',
  'invoice from_invoice.invoice': 'invoice',
  'invoice latest_revision': 'invoice',
  'line_item discounts': 'discount',
  'promotion_code customer': 'customer',
  'promotion_code promotion.coupon': 'coupon',
  'setup_intent customer': 'customer',
  'setup_intent latest_attempt': 'setup_attempt',
  'setup_intent mandate': 'mandate',
  'setup_intent payment_method': 'payment_method',
  'setup_intent single_use_mandate': 'mandate',
  'subscription discounts': 'discount',
  'subscription_item discounts': 'discount',
  'checkout.session invoice': 'invoice',
  'checkout.session payment_intent': 'payment_intent',
  'checkout.session setup_intent': 'setup_intent',
  'checkout.session subscription': 'subscription',
  'customer invoice_settings.default_payment_method': 'payment_method',
  'invoice customer': 'customer',
  'invoice parent.subscription_details.subscription': 'subscription',
  'invoice_payment invoice': 'invoice',
  'invoice_payment payment.payment_intent': 'payment_intent',
  'invoiceitem customer': 'customer',
  'invoiceitem invoice': 'invoice',
  'line_item pricing.price_details.price': 'price',
  'line_item subscription': 'subscription',
  'payment_intent customer': 'customer',
  'payment_intent latest_charge': 'charge',
  'payment_intent payment_method': 'payment_method',
  'payment_method customer': 'customer',
  'plan product': 'product',
  'price product': 'product',
  'product default_price': 'price',
  'refund balance_transaction': 'account_transaction',
  'refund charge': 'charge',
  'refund failure_balance_transaction': 'account_transaction',
  'refund payment_intent': 'payment_intent',
  'subscription customer': 'customer',
  'subscription default_payment_method': 'payment_method',
  'subscription latest_invoice': 'invoice',
  'subscription pending_setup_intent': 'setup_intent',
  'subscription schedule': 'subscription_schedule',
  'subscription_schedule customer': 'customer',
  'subscription_schedule default_settings.default_payment_method': 'payment_method',
  'subscription_schedule phases.add_invoice_items.price': 'price',
  'subscription_schedule phases.default_payment_method': 'payment_method',
  'subscription_schedule phases.discounts.coupon': 'coupon',
  'subscription_schedule phases.discounts.discount': 'discount',
  'subscription_schedule phases.discounts.promotion_code': 'promotion_code',
  'subscription_schedule phases.items.price': 'price',
  'subscription_schedule subscription': 'subscription',
  // What older versions had; without such a version the field is not there to be expanded.
  'charge invoice': 'invoice',
  'invoice charge': 'charge',
  'invoice payment_intent': 'payment_intent',
  'invoice subscription': 'subscription',
  'invoiceitem subscription': 'subscription',
  'payment_intent invoice': 'invoice',
};

/** Expandable at Stripe and always null here. */
const always_null: ReadonlySet<string> = new Set([
  'charge application_fee',
  'charge transfer_data',
  'customer default_source',
  'customer test_clock',
  'invoice test_clock',
  'payment_intent review',
  'product tax_code',
  'subscription default_source',
  'subscription test_clock',
]);

function load(tx: Tx, account_name: string, target: Target, id: string): object {
  switch (target) {
    case 'account_transaction':
      return renderAccountTransaction(tx, tx.need('account_transaction', id));
    case 'mandate':
      return renderMandate(tx.need('mandate', id));
    case 'setup_attempt':
      return renderSetupAttempt(tx, tx.need('setup_attempt', id));
    case 'balance_transaction':
      return renderBalanceTransaction(tx.need('balance_transaction', id));
    case 'coupon':
      return renderCoupon(tx, tx.need('coupon', id));
    case 'credit_note':
      return renderCreditNote(tx, tx.need('credit_note', id));
    case 'discount':
      return renderDiscount(tx.need('discount', id));
    case 'promotion_code':
      return renderPromotionCode(tx, tx.need('promotion_code', id));
    case 'refund':
      return renderRefund(tx.need('refund', id));
    case 'setup_intent':
      return renderSetupIntent(tx, tx.need('setup_intent', id));
    case 'charge':
      return renderCharge(tx, tx.need('charge', id));
    case 'source':
      return renderSource(tx, id);
    case 'credit_grant':
      return renderCreditGrant(tx, tx.need('credit_grant', id));
    case 'customer':
      return renderAnyCustomer(tx.need('customer', id));
    case 'invoice':
      return renderInvoice(tx, tx.need('invoice', id), account_name);
    case 'payment_intent':
      return renderPaymentIntent(tx, tx.need('payment_intent', id));
    case 'payment_method':
      return renderPaymentMethod(tx.need('payment_method', id));
    case 'price':
      return renderPrice(tx.need('price', id));
    case 'product':
      return renderProduct(tx.need('product', id));
    case 'subscription':
      return renderSubscription(tx, tx.need('subscription', id));
    case 'subscription_schedule':
      return renderSchedule(tx, tx.need('subscription_schedule', id));
    case 'tax_id':
      return renderTaxId(tx.need('tax_id', id));
  }
}

/** What moved the account's balance. */
function renderSource(tx: Tx, id: string): object {
  if (id.startsWith('re_')) return renderRefund(tx.need('refund', id));
  return id.startsWith('dp_') ? renderDispute(tx, tx.need('dispute', id)) : renderCharge(tx, tx.need('charge', id));
}

/** Fields that exist only when asked for. */
function included(tx: Tx, object: JsonObject, key: string): object | null | undefined {
  const id = word(object, 'id');
  switch (`${word(object, 'object')} ${key}`) {
    case 'checkout.session line_items':
      return renderSessionLines(tx, tx.need('checkout_session', id));
    case 'customer subscriptions': {
      const own = tx.all('subscription').filter((each) => each.customer === id && each.ended_at === null);
      const rendered = own.toReversed().map((each) => renderSubscription(tx, each));
      return embeddedList(`/v1/customers/${id}/subscriptions`, rendered);
    }
    case 'customer sources':
      return embeddedList(`/v1/customers/${id}/${key}`, []);
    case 'customer tax_ids':
      return embeddedList(`/v1/customers/${id}/tax_ids`, taxIdsOf(tx, id).toReversed().map(renderTaxId));
    case 'coupon applies_to':
      return { products: tx.need('coupon', id).applies_to };
    case 'coupon currency_options':
      return renderCouponOptions(tx.need('coupon', id));
    case 'charge refunds': {
      const refunds = tx.all('refund').filter((each) => each.charge === id);
      return embeddedList(`/v1/charges/${id}/refunds`, refunds.toReversed().map(renderRefund));
    }
    case 'invoice confirmation_secret': {
      const intent = tx.need('invoice', id).payment_intent;
      if (intent === null) return null;
      return { client_secret: tx.need('payment_intent', intent).client_secret, type: 'payment_intent' };
    }
    case 'invoice payments':
      return renderPayments(tx, id);
    case 'price tiers':
      return renderTiers(tx.need('price', id));
    case 'price currency_options':
      return renderPriceCurrencies(tx.need('price', id));
    default:
      return undefined;
  }
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

interface Walk {
  tx: Tx;
  account_name: string;
  /** The whole path, for messages. */
  path: string;
  /** The API version asked for. */
  version: string;
}

function loaded(at: Walk, target: Target, id: string): JsonObject {
  return dress(at.tx, at.version, toJson(load(at.tx, at.account_name, target, id)));
}

/** Expands `keys` below `value`; `owner` is the nearest object with a type and `inner` the way from it to here. */
function walk(at: Walk, value: JsonObject, keys: string[], owner: JsonObject, inner: string): void {
  const [key, ...rest] = keys;
  if (key === undefined) return;
  const way = inner === '' ? key : `${inner}.${key}`;
  if (!Object.hasOwn(value, key) || value[key] === undefined) {
    const extra = value === owner ? included(at.tx, value, key) : undefined;
    if (extra === undefined) throw refuse(at.path);
    value[key] = extra === null ? null : dress(at.tx, at.version, JSON.parse(JSON.stringify(extra)) as Json);
  }
  const target = expandable[`${word(owner, 'object')} ${way}`];
  const found = value[key];
  if (typeof found === 'string' && target !== undefined) {
    value[key] = loaded(at, target, found);
  }
  const next = value[key];
  if (Array.isArray(next)) {
    // A list of ids becomes a list of objects.
    if (target !== undefined) {
      value[key] = next.map((each) => (typeof each === 'string' ? loaded(at, target, each) : each));
      for (const each of value[key] as Json[]) if (isObject(each)) walk(at, each, rest, each, '');
      return;
    }
    for (const each of next) {
      if (!isObject(each)) continue;
      if (typeof each['object'] === 'string') walk(at, each, rest, each, '');
      else walk(at, each, rest, owner, way);
    }
    if (next.length === 0 || rest.length > 0 || isIncluded(owner, key)) return;
  }
  if (isObject(next)) {
    if (rest.length === 0) {
      const is_plain = target === undefined && next['object'] === undefined && !isIncluded(owner, key);
      if (is_plain) throw refuse(at.path);
      return;
    }
    if (typeof next['object'] === 'string') walk(at, next, rest, next, '');
    else walk(at, next, rest, owner, way);
    return;
  }
  // A null where an object may stand expands to null; anything else is not an object at all.
  const may_be_null =
    target !== undefined || isIncluded(owner, key) || always_null.has(`${word(owner, 'object')} ${way}`);
  if (next !== null || !may_be_null) throw refuse(at.path);
}

function isIncluded(owner: JsonObject, key: string): boolean {
  const name = `${word(owner, 'object')} ${key}`;
  return [
    'invoice confirmation_secret',
    'price tiers',
    'price currency_options',
    'coupon applies_to',
    'coupon currency_options',
  ].includes(name);
}

/** Expands the paths of `expand[]` inside an answer. https://docs.stripe.com/api/expanding_objects */
export function expand(
  tx: Tx,
  account_name: string,
  answer: object,
  paths: readonly string[],
  version: string = API_VERSION,
): JsonObject {
  const json = dress(tx, version, toJson(answer));
  // Of a search, how many there are is answered when asked for, and is no object.
  const is_search = json['object'] === 'search_result';
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
    walk({ tx, account_name, path, version }, json, keys, json, '');
  }
  return json;
}
