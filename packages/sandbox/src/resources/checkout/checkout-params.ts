import {
  currencyCode,
  emptyable,
  flag,
  inert,
  integer,
  list,
  metadata,
  oneOf,
  shape,
  text,
} from '../../http/params.ts';
import type { IntervalUnit } from '../../store/records.ts';
import { addressParam } from '../customers/address.ts';
import { discountsParam } from '../invoices/discounts.ts';
import { shippingParam } from '../payments/shipping.ts';
import { automaticTax } from '../automatic-tax.ts';
import { connectOnly } from '../refusals.ts';
import { anchorParams } from '../subscriptions/subscription-anchors.ts';
import { billingModeParam } from '../subscriptions/billing-mode.ts';
import { invoiceSettingsFields } from '../subscriptions/subscription-settings.ts';
import { trialParams } from '../subscriptions/subscription-trials.ts';
import { lineTable, optionalTable } from './checkout-lines.ts';

const message = emptyable(shape({ message: text(1_200) }));
const optionalName = shape({ enabled: flag(), optional: flag() });
const invoiceFields = emptyable(list(shape({ name: text(40), value: text(140) }), 4));

const customField = shape({
  dropdown: shape({
    default_value: text(100),
    options: list(shape({ label: text(100), value: text(100) }), 200),
  }),
  key: text(200),
  label: shape({ custom: text(50), type: oneOf(['custom']) }),
  numeric: shape({ default_value: text(), maximum_length: integer(1, 255), minimum_length: integer(0, 255) }),
  optional: flag(),
  text: shape({ default_value: text(), maximum_length: integer(1, 255), minimum_length: integer(0, 255) }),
  type: oneOf(['dropdown', 'numeric', 'text']),
});

const { backdate_start_date: _past, ...anchors } = anchorParams;

const subscriptionData = shape({
  ...anchors,
  ...trialParams,
  application_fee_percent: connectOnly,
  billing_mode: billingModeParam,
  default_tax_rates: list(text(), 5),
  description: text(500),
  invoice_settings: shape(invoiceSettingsFields),
  metadata: metadata(),
  on_behalf_of: connectOnly,
  pending_invoice_item_interval: shape({
    interval: oneOf<IntervalUnit>(['day', 'week', 'month', 'year']),
    interval_count: integer(1, 365),
  }),
  proration_behavior: oneOf(['create_prorations', 'none']),
  transfer_data: connectOnly,
});

const paymentData = shape({
  capture_method: oneOf(['automatic', 'automatic_async', 'manual']),
  description: text(1_000),
  metadata: metadata(),
  receipt_email: text(512),
  setup_future_usage: oneOf(['off_session', 'on_session']),
  shipping: shippingParam,
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
  transfer_group: text(),
});

/** What asks the payer for something, on sessions and payment links alike. */
export const askTable = {
  billing_address_collection: oneOf(['auto', 'required']),
  consent_collection: shape({
    payment_method_reuse_agreement: shape({ position: oneOf(['auto', 'hidden']) }),
    promotions: oneOf(['auto', 'none']),
    terms_of_service: oneOf(['none', 'required']),
  }),
  custom_fields: emptyable(list(customField, 3)),
  custom_text: shape({
    after_submit: message,
    shipping_address: message,
    submit: message,
    terms_of_service_acceptance: message,
  }),
  name_collection: shape({ business: optionalName, individual: optionalName }),
  phone_number_collection: shape({ enabled: flag() }),
  shipping_address_collection: emptyable(shape({ allowed_countries: list(text(2), 250) })),
  tax_id_collection: shape({ enabled: flag(), required: oneOf(['if_supported', 'never']) }),
};

/** What opening a session takes. */
export const createTable = {
  ...askTable,
  mode: oneOf(['payment', 'setup', 'subscription']),
  ui_mode: oneOf(['elements', 'embedded_page', 'form', 'hosted_page']),
  // Presents prices in the payer's own currency; the page knows one.
  adaptive_pricing: inert('The page knows one currency.'),
  after_expiration: shape({ recovery: shape({ allow_promotion_codes: flag(), enabled: flag() }) }),
  allow_promotion_codes: flag(),
  allowed_payment_method_types: list(oneOf(['card'])),
  automatic_tax: automaticTax,
  branding_settings: shape({ display_name: text(255) }),
  cancel_url: text(),
  client_reference_id: text(200),
  currency: currencyCode(),
  customer: text(),
  customer_creation: oneOf(['always', 'if_required']),
  customer_email: text(512),
  customer_update: shape({
    address: oneOf(['auto', 'never']),
    name: oneOf(['auto', 'never']),
    shipping: oneOf(['auto', 'never']),
  }),
  discounts: discountsParam,
  excluded_payment_method_types: list(text()),
  expires_at: integer(),
  integration_identifier: text(200),
  invoice_creation: shape({
    enabled: flag(),
    invoice_data: shape({
      custom_fields: invoiceFields,
      description: text(1_500),
      footer: text(5_000),
      metadata: metadata(),
    }),
  }),
  line_items: list(shape(lineTable), 100),
  locale: text(10),
  managed_payments: shape({ enabled: oneOf(['false'], ['true']) }),
  metadata: metadata(),
  optional_items: list(shape(optionalTable), 10),
  origin_context: oneOf(['mobile_app', 'web']),
  payment_intent_data: paymentData,
  payment_method_collection: oneOf(['always', 'if_required']),
  payment_method_data: shape({ allow_redisplay: oneOf(['always', 'limited', 'unspecified']) }),
  payment_method_options: shape({
    card: shape({
      request_three_d_secure: oneOf(['any', 'automatic', 'challenge']),
      setup_future_usage: oneOf(['off_session', 'on_session']),
    }),
  }),
  redirect_on_completion: oneOf(['always', 'if_required', 'never']),
  return_url: text(),
  saved_payment_method_options: shape({
    allow_redisplay_filters: list(oneOf(['always', 'limited', 'unspecified']), 3),
    payment_method_remove: oneOf(['disabled', 'enabled']),
    payment_method_save: oneOf(['disabled', 'enabled']),
  }),
  setup_intent_data: shape({ description: text(1_000), metadata: metadata() }),
  submit_type: oneOf(['auto', 'book', 'donate', 'pay', 'subscribe']),
  subscription_data: subscriptionData,
  success_url: text(),
  // Link is not offered; there is nothing to hide.
  wallet_options: inert('Link is not offered.'),
};

/** What changing an open session takes. */
export const updateTable = {
  collected_information: shape({ shipping_details: shape({ address: addressParam, name: text() }) }),
  line_items: list(shape({ ...lineTable, id: text() }), 100),
  metadata: metadata(),
  payment_intent_data: shape({
    description: emptyable(text(1_000)),
    metadata: metadata(),
    setup_future_usage: emptyable(oneOf(['off_session', 'on_session'])),
    statement_descriptor: emptyable(text(22)),
    statement_descriptor_suffix: emptyable(text(22)),
  }),
};
