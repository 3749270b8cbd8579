import { hasTaxLocation } from '../automatic-tax.ts';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { embeddedList, type List } from '../../http/lists.ts';
import type { CheckoutSessionRecord, CustomFieldRecord, SessionAsks, SessionLineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderPrice } from '../catalog/prices.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';
import { isMetered } from '../usage/usage-lines.ts';
import { lineSums, sumsOf } from './checkout-sums.ts';

type RenderedSession = Wire<Stripe.Checkout.Session>;

/** What a session asks for when nothing was said. */
export const asks_nothing: SessionAsks = {
  billing_address: null,
  business_name: null,
  individual_name: null,
  phone: false,
  promotions: false,
  shipping_countries: null,
  tax_id: null,
  terms: false,
};

function paymentStatus(tx: Tx, session: CheckoutSessionRecord, total: number): RenderedSession['payment_status'] {
  if (session.mode === 'setup') return 'no_payment_required';
  if (session.status !== 'complete') return 'unpaid';
  if (total === 0) return 'no_payment_required';
  const intent = session.payment_intent == null ? undefined : tx.get('payment_intent', session.payment_intent);
  return intent?.status === 'requires_capture' ? 'unpaid' : 'paid';
}

function customerDetails(session: CheckoutSessionRecord): RenderedSession['customer_details'] {
  const { answers, customer_details: details } = session;
  const email = details?.email ?? session.customer_email;
  if (details === null && email === null) return null;
  const tax_id = answers?.tax_id ?? null;
  return {
    address: answers?.address ?? null,
    business_name: answers?.business_name ?? null,
    email,
    individual_name: answers?.individual_name ?? null,
    name: details?.name ?? null,
    phone: answers?.phone ?? null,
    tax_exempt: 'none',
    tax_ids: tax_id === null || session.status !== 'complete' ? [] : [tax_id],
  };
}

function renderField(field: CustomFieldRecord): Wire<Stripe.Checkout.Session.CustomField> {
  const { default_value, maximum_length, minimum_length, value } = field;
  return {
    key: field.key,
    label: { custom: field.label, type: 'custom' },
    optional: field.optional,
    type: field.type,
    ...(field.type === 'dropdown' ? { dropdown: { default_value, options: field.options, value } } : {}),
    ...(field.type === 'numeric' ? { numeric: { default_value, maximum_length, minimum_length, value } } : {}),
    ...(field.type === 'text' ? { text: { default_value, maximum_length, minimum_length, value } } : {}),
  };
}

function customText(session: CheckoutSessionRecord): RenderedSession['custom_text'] {
  const said = (name: keyof NonNullable<CheckoutSessionRecord['custom_text']>): { message: string } | null => {
    const message = session.custom_text?.[name];
    return message === undefined ? null : { message };
  };
  return {
    after_submit: said('after_submit'),
    shipping_address: said('shipping_address'),
    submit: said('submit'),
    terms_of_service_acceptance: said('terms_of_service_acceptance'),
  };
}

/** What was asked for besides a card, and what came of it. */
function collected(
  session: CheckoutSessionRecord,
): Pick<
  RenderedSession,
  | 'billing_address_collection'
  | 'collected_information'
  | 'consent'
  | 'consent_collection'
  | 'custom_fields'
  | 'custom_text'
  | 'name_collection'
  | 'phone_number_collection'
  | 'shipping_address_collection'
  | 'tax_id_collection'
> {
  const { answers } = session;
  const asks = session.asks ?? asks_nothing;
  const consents = asks.promotions || asks.terms || asks.reuse != null;
  const names = {
    ...(asks.business_name === null ? {} : { business: nameOf(asks.business_name) }),
    ...(asks.individual_name === null ? {} : { individual: nameOf(asks.individual_name) }),
  };
  return {
    billing_address_collection: asks.billing_address,
    collected_information:
      answers == null
        ? null
        : {
            business_name: answers.business_name,
            individual_name: answers.individual_name,
            shipping_details:
              answers.shipping === null ? null : { address: answers.shipping.address, name: answers.shipping.name },
          },
    consent: !consents
      ? null
      : { promotions: answers?.promotions ?? null, terms_of_service: answers?.terms === true ? 'accepted' : null },
    consent_collection: !consents
      ? null
      : {
          payment_method_reuse_agreement: asks.reuse == null ? null : { position: asks.reuse },
          promotions: asks.promotions ? 'auto' : 'none',
          terms_of_service: asks.terms ? 'required' : 'none',
        },
    custom_fields: (session.custom_fields ?? []).map(renderField),
    custom_text: customText(session),
    ...(Object.keys(names).length === 0 ? {} : { name_collection: names }),
    phone_number_collection: { enabled: asks.phone },
    shipping_address_collection:
      asks.shipping_countries === null ? null : { allowed_countries: asks.shipping_countries },
    tax_id_collection: { enabled: asks.tax_id !== null, required: asks.tax_id ?? 'never' },
  };
}

function nameOf(asked: 'optional' | 'required'): { enabled: boolean; optional: boolean } {
  return { enabled: true, optional: asked === 'optional' };
}

function recovery(session: CheckoutSessionRecord): RenderedSession['after_expiration'] {
  if (session.recovery == null) return null;
  const { allow_promotion_codes, expires_at, token } = session.recovery;
  return {
    recovery: {
      allow_promotion_codes,
      enabled: true,
      expires_at,
      url: token === null ? null : `sandbox:/c/r/${token}`,
    },
  };
}

function invoiceCreation(session: CheckoutSessionRecord): RenderedSession['invoice_creation'] {
  if (session.mode !== 'payment') return null;
  const data = session.invoice_data ?? null;
  return {
    enabled: data !== null,
    invoice_data: {
      account_tax_ids: null,
      custom_fields: data === null || data.custom_fields?.length === 0 ? null : data.custom_fields,
      description: data?.description ?? null,
      footer: data?.footer ?? null,
      issuer: null,
      metadata: data?.metadata ?? {},
      rendering_options: null,
    },
  };
}

function savedOptions(session: CheckoutSessionRecord): RenderedSession['saved_payment_method_options'] {
  const { saved_cards: saved = null } = session;
  if (saved === null) return null;
  return {
    allow_redisplay_filters: saved.filters,
    payment_method_remove: saved.remove ? 'enabled' : saved.remove_given ? 'disabled' : null,
    payment_method_save: saved.save ? 'enabled' : saved.save_given ? 'disabled' : null,
  };
}

/** What no session of the sandbox has. */
const absent = {
  adaptive_pricing: { enabled: false },
  currency_conversion: null,
  customer_account: null,
  livemode: false,
  managed_payments: null,
  payment_method_configuration_details: null,
  payment_method_types: ['card'],
  permissions: null,
  shipping_cost: null,
  shipping_options: [],
  wallet_options: null,
} satisfies Partial<RenderedSession>;

/** Found out once the page has an address. */
function automaticTaxOf(tx: Tx, session: CheckoutSessionRecord): RenderedSession['automatic_tax'] {
  if (session.automatic_tax !== true) return { enabled: false, liability: null, provider: null, status: null };
  const located =
    session.status === 'complete' ||
    (session.customer !== null && hasTaxLocation(tx.need('customer', session.customer)));
  return {
    enabled: true,
    liability: { type: 'self' },
    provider: 'stripe',
    status: located ? 'complete' : 'requires_location_inputs',
  };
}

/** Renders a session; `line_items` come only by expansion. */
export function renderSession(tx: Tx, session: CheckoutSessionRecord): RenderedSession {
  const sums = session.sums ?? sumsOf(tx, session);
  const is_setup = session.mode === 'setup';
  const is_hosted = (session.ui_mode ?? 'hosted_page') === 'hosted_page';
  const optional = session.optional_items ?? [];
  return {
    ...absent,
    ...collected(session),
    automatic_tax: automaticTaxOf(tx, session),
    id: session.id,
    object: 'checkout.session',
    after_expiration: recovery(session),
    allow_promotion_codes: session.allow_promotion_codes ?? null,
    allowed_payment_method_types: session.allowed_types ?? null,
    ...(session.excluded_types === undefined ? {} : { excluded_payment_method_types: session.excluded_types }),
    amount_subtotal: is_setup ? null : sums.subtotal,
    amount_total: is_setup ? null : sums.total,
    cancel_url: session.cancel_url,
    client_reference_id: session.client_reference_id,
    client_secret: session.status === 'open' ? (session.client_secret ?? null) : null,
    created: session.created,
    currency: session.currency,
    customer: session.customer,
    customer_creation: session.customer_creation ?? (session.customer === null ? 'always' : null),
    customer_details: customerDetails(session),
    customer_email: session.customer_email,
    discounts: (session.discounts ?? []).map((each) =>
      each.promotion_code === null
        ? { coupon: each.coupon, promotion_code: null }
        : { coupon: null, promotion_code: each.promotion_code },
    ),
    expires_at: session.expires_at,
    integration_identifier: session.integration_identifier ?? null,
    invoice: session.invoice,
    invoice_creation: invoiceCreation(session),
    locale: session.locale,
    metadata: session.metadata,
    mode: session.mode ?? 'subscription',
    ...(optional.length === 0
      ? {}
      : {
          optional_items: optional.map((each) => ({
            adjustable_quantity: each.adjustable === null ? null : { enabled: true, ...each.adjustable },
            price: each.price,
            quantity: each.quantity,
          })),
        }),
    origin_context: session.origin_context ?? null,
    payment_intent: session.payment_intent ?? null,
    payment_link: session.payment_link ?? null,
    payment_method_collection: session.payment_method_collection ?? 'always',
    payment_method_options: {
      card: { request_three_d_secure: session.payment_data?.request_three_d_secure ?? 'automatic' },
    },
    payment_status: paymentStatus(tx, session, sums.total),
    recovered_from: session.recovered_from ?? null,
    ...(is_hosted ? {} : { redirect_on_completion: session.redirect_on_completion ?? 'always' }),
    ...(session.return_url == null ? {} : { return_url: session.return_url }),
    saved_payment_method_options: savedOptions(session),
    setup_intent: session.setup_intent ?? null,
    status: session.status,
    submit_type: session.submit_type ?? null,
    subscription: session.subscription,
    success_url: session.success_url,
    total_details: is_setup ? null : { amount_discount: sums.discount, amount_shipping: 0, amount_tax: sums.tax },
    ui_mode: session.ui_mode ?? 'hosted_page',
    url: session.status === 'open' && is_hosted ? `sandbox:/c/pay/${session.id}` : null,
  };
}

/** One line of a session. */
export function renderSessionLine(
  tx: Tx,
  session: CheckoutSessionRecord,
  item: SessionLineRecord,
): Wire<Stripe.LineItem> {
  const price = tx.need('price', item.price);
  const sums = lineSums(tx, session)[session.line_items.indexOf(item)];
  const { subtotal = 0, discount = 0, taxes = [], total = 0 } = sums ?? {};
  return {
    id: item.id,
    object: 'item',
    adjustable_quantity: item.adjustable == null ? null : { enabled: true, ...item.adjustable },
    amount_discount: discount,
    amount_subtotal: subtotal,
    amount_tax: taxes.reduce((sum, tax) => sum + tax.amount, 0),
    amount_total: total,
    currency: price.currency,
    description: tx.get('product', price.product)?.name ?? null,
    metadata: item.metadata,
    price: renderPrice(price),
    quantity: isMetered(tx, item) ? null : item.quantity,
    ...(taxes.length === 0
      ? {}
      : {
          taxes: taxes.map((tax) => ({
            amount: tax.amount,
            rate: renderTaxRate(tx.need('tax_rate', tax.tax_rate)),
            taxability_reason: tax.reason,
            taxable_amount: tax.taxable_amount,
          })),
        }),
  };
}

/** The lines of a session, a list answered only when expanded. */
export function renderSessionLines(tx: Tx, session: CheckoutSessionRecord): List<Wire<Stripe.LineItem>> {
  const lines = session.line_items.map((item) => renderSessionLine(tx, session, item));
  return embeddedList(`/v1/checkout/sessions/${session.id}/line_items`, lines);
}
