import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { embeddedList, type List, page, pageParams, range, within } from '../../http/lists.ts';
import {
  flag,
  inert,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CheckoutSessionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, schedule, unschedule } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { priceAmount } from '../../billing/money.ts';
import { discountsFor, sessionDiscounts, sessionSubtotal, sessionTotal } from './checkout-discounts.ts';
import { discountsParam } from '../invoices/discounts.ts';
import { findPrice, renderPrice } from '../catalog/prices.ts';
import { trialOf } from './checkout-trials.ts';
import { trialParams } from '../subscriptions/subscription-trials.ts';
import { isMetered, quantityOf } from '../usage/usage-lines.ts';

type RenderedSession = Wire<Stripe.Checkout.Session>;

const DAY = 86_400;
const SHORTEST = 30 * 60;

function paymentStatus(tx: Tx, session: CheckoutSessionRecord): RenderedSession['payment_status'] {
  if (session.status !== 'complete') return 'unpaid';
  return sessionTotal(tx, session) === 0 ? 'no_payment_required' : 'paid';
}

function customerDetails(session: CheckoutSessionRecord): RenderedSession['customer_details'] {
  const { customer_details: details } = session;
  if (details === null) return null;
  return {
    address: null,
    business_name: null,
    email: details.email,
    individual_name: null,
    name: details.name,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
  };
}

const no_text = { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null };

/** Renders a session; `line_items` come only by expansion. */
export function renderSession(tx: Tx, session: CheckoutSessionRecord): RenderedSession {
  const total = sessionTotal(tx, session);
  const subtotal = session.trial == null ? sessionSubtotal(tx, session) : 0;
  return {
    id: session.id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: session.allow_promotion_codes ?? null,
    allowed_payment_method_types: null,
    amount_subtotal: subtotal,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: session.cancel_url,
    client_reference_id: session.client_reference_id,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: session.created,
    currency: session.currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: no_text,
    customer: session.customer,
    customer_account: null,
    customer_creation: session.customer === null ? 'always' : null,
    customer_details: customerDetails(session),
    customer_email: session.customer_email,
    discounts: (session.discounts ?? []).map((each) =>
      each.promotion_code === null
        ? { coupon: each.coupon, promotion_code: null }
        : { coupon: null, promotion_code: each.promotion_code },
    ),
    expires_at: session.expires_at,
    integration_identifier: null,
    invoice: session.invoice,
    invoice_creation: null,
    livemode: false,
    locale: session.locale as RenderedSession['locale'],
    managed_payments: null,
    metadata: session.metadata,
    mode: 'subscription',
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: 'always',
    payment_method_configuration_details: null,
    payment_method_options: { card: { request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    payment_status: paymentStatus(tx, session),
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: session.status,
    submit_type: null,
    subscription: session.subscription,
    success_url: session.success_url,
    total_details: { amount_discount: subtotal - total, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: session.status === 'open' ? `sandbox:/c/pay/${session.id}` : null,
    wallet_options: null,
  };
}

/** One line of a session. */
function renderSessionLine(
  tx: Tx,
  session: CheckoutSessionRecord,
  item: CheckoutSessionRecord['line_items'][number],
): Wire<Stripe.LineItem> {
  const price = tx.need('price', item.price);
  const amount = priceAmount(price, item.quantity);
  const off = sessionDiscounts(tx, session)[session.line_items.indexOf(item)] ?? 0;
  return {
    id: item.id,
    object: 'item',
    adjustable_quantity: null,
    amount_discount: off,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount - off,
    currency: price.currency,
    description: tx.get('product', price.product)?.name ?? null,
    metadata: item.metadata,
    price: renderPrice(price),
    quantity: isMetered(tx, item) ? null : item.quantity,
  };
}

/** The lines of a session, a list answered only when expanded. */
export function renderSessionLines(tx: Tx, session: CheckoutSessionRecord): List<Wire<Stripe.LineItem>> {
  const lines = session.line_items.map((item) => renderSessionLine(tx, session, item));
  return embeddedList(`/v1/checkout/sessions/${session.id}/line_items`, lines);
}

/** A session by the id in the path. */
function findSession(tx: Tx, id: string): CheckoutSessionRecord {
  const session = tx.get('checkout_session', id);
  if (session === undefined) throw noSuch('checkout.session', id);
  return session;
}

const createTable = {
  mode: oneOf(['subscription'], ['payment', 'setup']),
  ui_mode: oneOf(['hosted_page'], ['embedded_page', 'elements', 'form']),
  success_url: text(),
  cancel_url: text(),
  client_reference_id: text(200),
  customer: text(),
  customer_email: text(512),
  currency: text(3),
  expires_at: integer(),
  line_items: list(shape({ price: text(), quantity: integer(1, 999_999), metadata: metadata() }), 20),
  locale: text(10),
  metadata: metadata(),
  payment_method_collection: oneOf(['always', 'if_required']),
  subscription_data: shape({
    description: text(500),
    metadata: metadata(),
    billing_mode: shape({ type: oneOf(['flexible'], ['classic']) }),
    ...trialParams,
  }),
  // Each asks for nothing on the page, or for what the page has anyway.
  allow_promotion_codes: flag(),
  discounts: discountsParam,
  billing_address_collection: oneOf(['auto'], ['required']),
  allowed_payment_method_types: list(oneOf(['card'])),
  automatic_tax: shape({ enabled: oneOf(['false'], ['true']) }),
  tax_id_collection: shape({ enabled: oneOf(['false'], ['true']) }),
  adaptive_pricing: shape({ enabled: flag() }),
  customer_update: inert(),
  saved_payment_method_options: inert(),
};

function checkUrl(url: string | undefined, name: string): string {
  if (url === undefined) throw missingParam(name);
  const filled = url.replaceAll('{CHECKOUT_SESSION_ID}', 'cs');
  if (!URL.canParse(filled) || !/^https?:$/.test(new URL(filled).protocol)) {
    throw invalidParam('Not a valid URL', name, 'url_invalid');
  }
  return url;
}

function checkExpiry(now: number, given: number | undefined): number {
  if (given === undefined) return now + DAY;
  if (given < now + SHORTEST) {
    throw invalidParam(
      'The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.',
      'expires_at',
    );
  }
  if (given > now + DAY) {
    throw invalidParam(
      'The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.',
      'expires_at',
    );
  }
  return given;
}

function create(context: Context, params: Read<typeof createTable>): RenderedSession {
  const { tx } = context;
  if (params.mode === undefined) throw missingParam('mode');
  const success_url = checkUrl(params.success_url, 'success_url');
  if (params.line_items === undefined || params.line_items.length === 0) throw missingParam('line_items');
  if (params.customer !== undefined && params.customer_email !== undefined) {
    throw invalidParam('You may only specify one of these parameters: customer, customer_email.', 'customer_email');
  }
  const customer = params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer');
  const line_items = params.line_items.map((item, index) => {
    const param = `line_items[${index}][price]`;
    if (item.price === undefined) throw missingParam(param);
    const price = findPrice(tx, item.price, param);
    const quantity_param = `line_items[${index}][quantity]`;
    if (item.quantity === undefined && !isMetered(tx, { price: price.id })) throw missingParam(quantity_param);
    if (!price.active) {
      throw invalid('The price specified is inactive. This field only accepts active prices.', { param });
    }
    return {
      id: tx.newId('li_'),
      price: price.id,
      quantity: quantityOf(tx, price.id, item.quantity, quantity_param),
      metadata: mergeMetadata({}, item.metadata),
    };
  });
  const prices = line_items.map((item) => tx.need('price', item.price));
  if (prices.every((price) => price.recurring === null)) {
    throw invalid('You must provide at least one recurring price in `subscription` mode when using prices.');
  }
  if (prices.some((price) => price.recurring === null))
    throw invalid(
      'The sandbox takes only recurring prices in a subscription session; Stripe takes one-time ones too.',
      { code: 'unsupported', param: 'line_items' },
    );
  const session = tx.put('checkout_session', {
    id: tx.newId('cs_test_', 58),
    created: tx.now,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    discounts: discountsFor(tx, params, sessionSubtotal(tx, { line_items }), prices[0]?.currency ?? 'usd'),
    authenticating: null,
    cancel_url: params.cancel_url === undefined ? null : checkUrl(params.cancel_url, 'cancel_url'),
    client_reference_id: params.client_reference_id ?? null,
    currency: prices[0]?.currency ?? 'usd',
    customer: customer?.id ?? null,
    customer_details: customer === null ? null : { email: customer.email, name: customer.name },
    customer_email: params.customer_email ?? null,
    expires_at: checkExpiry(tx.now, params.expires_at),
    invoice: null,
    last_failure: null,
    line_items,
    locale: params.locale ?? null,
    metadata: mergeMetadata({}, params.metadata),
    status: 'open',
    subscription: null,
    subscription_data: {
      description: params.subscription_data?.description ?? null,
      metadata: mergeMetadata({}, params.subscription_data?.metadata),
    },
    success_url,
    trial: trialOf(tx, params.subscription_data ?? {}),
  });
  schedule(context, session.expires_at, 'expire_session', session.id);
  return renderSession(tx, session);
}

/** Closes an open session: nobody can pay it any more. */
export function expireSession(context: Context, id: string): void {
  const { tx } = context;
  const session = tx.get('checkout_session', id);
  if (session?.status !== 'open') return;
  unschedule(context, 'expire_session', id);
  const expired = tx.put('checkout_session', { ...session, authenticating: null, status: 'expired' });
  emit(context, 'checkout.session.expired', renderSession(tx, expired));
}

export const checkoutSessionRoutes = [
  route('POST /v1/checkout/sessions', createTable, create),
  route('GET /v1/checkout/sessions/{id}', {}, ({ tx }, _params, id) => renderSession(tx, findSession(tx, id))),
  route(
    'GET /v1/checkout/sessions',
    {
      ...pageParams,
      created: range(),
      customer: text(),
      subscription: text(),
      status: oneOf(['open', 'complete', 'expired']),
    },
    ({ tx }, params) => {
      const wanted = tx.all('checkout_session').filter((session) => {
        if (params.customer !== undefined && session.customer !== params.customer) return false;
        if (params.subscription !== undefined && session.subscription !== params.subscription) return false;
        if (params.status !== undefined && session.status !== params.status) return false;
        return within(session.created, params.created);
      });
      return page('/v1/checkout/sessions', wanted, params, 'checkout.session', (each) => renderSession(tx, each));
    },
  ),
  route('POST /v1/checkout/sessions/{id}/expire', {}, (context, _params, id) => {
    const session = findSession(context.tx, id);
    if (session.status !== 'open') {
      throw invalid(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${session.status}.`,
      );
    }
    expireSession(context, id);
    return renderSession(context.tx, context.tx.need('checkout_session', id));
  }),
  route('GET /v1/checkout/sessions/{id}/line_items', pageParams, ({ tx }, params, id) => {
    const session = findSession(tx, id);
    const url = `/v1/checkout/sessions/${id}/line_items`;
    return page(url, session.line_items.toReversed(), params, 'item', (item) => renderSessionLine(tx, session, item));
  }),
];
