import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { mergeMetadata, type Read } from '../../http/params.ts';
import type { CheckoutSessionRecord, SessionInvoiceData, SessionPaymentData } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { hasTaxLocation } from '../automatic-tax.ts';
import { type Context, schedule } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { newSetupIntent } from '../payments/setup-intents.ts';
import { wantedMode } from '../subscriptions/billing-mode.ts';
import { invoiceSettings } from '../subscriptions/subscription-settings.ts';
import { asksOf, customFieldsOf, customTextOf } from './checkout-asks.ts';
import { discountsFor } from './checkout-discounts.ts';
import { checkLines, lineOf, optionalOf } from './checkout-lines.ts';
import type { createTable } from './checkout-params.ts';
import { sumsOf } from './checkout-sums.ts';
import { anchoringNow, trialOf } from './checkout-start.ts';

type Params = Read<typeof createTable>;
type Mode = NonNullable<CheckoutSessionRecord['mode']>;
type SavedCards = NonNullable<CheckoutSessionRecord['saved_cards']>;

const DAY = 86_400;
const SHORTEST = 30 * 60;

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

/** What each way of showing the page needs, and what it has no use for. */
function waysOf(
  params: Params,
): Pick<CheckoutSessionRecord, 'cancel_url' | 'redirect_on_completion' | 'return_url' | 'success_url' | 'ui_mode'> {
  const ui_mode = params.ui_mode ?? 'hosted_page';
  const refuse = (name: 'cancel_url' | 'redirect_on_completion' | 'return_url' | 'success_url', why: string): void => {
    if (params[name] !== undefined) throw invalidParam(`\`${name}\` ${why}`, name);
  };
  if (ui_mode === 'hosted_page') {
    refuse('return_url', 'is only supported when `ui_mode` is not `hosted_page`. Use `success_url` instead.');
    refuse('redirect_on_completion', 'is only supported when `ui_mode` is not `hosted_page`.');
    return {
      cancel_url: params.cancel_url === undefined ? null : checkUrl(params.cancel_url, 'cancel_url'),
      success_url: checkUrl(params.success_url, 'success_url'),
      ui_mode,
    };
  }
  refuse('success_url', `can not be used with \`ui_mode: ${ui_mode}\`. Use \`return_url\` instead.`);
  refuse('cancel_url', `can not be used with \`ui_mode: ${ui_mode}\`.`);
  const redirect_on_completion = params.redirect_on_completion ?? 'always';
  if (redirect_on_completion === 'never') refuse('return_url', 'has no use when `redirect_on_completion` is `never`.');
  const return_url = redirect_on_completion === 'never' ? null : checkUrl(params.return_url, 'return_url');
  return { cancel_url: null, success_url: null, redirect_on_completion, return_url, ui_mode };
}

/** Parameters that belong to one mode. */
const by_mode: Record<string, readonly Mode[]> = {
  customer_creation: ['payment', 'setup'],
  discounts: ['payment', 'subscription'],
  allow_promotion_codes: ['payment', 'subscription'],
  invoice_creation: ['payment'],
  line_items: ['payment', 'subscription'],
  optional_items: ['payment', 'subscription'],
  payment_intent_data: ['payment'],
  payment_method_collection: ['subscription'],
  setup_intent_data: ['setup'],
  submit_type: ['payment', 'subscription'],
  subscription_data: ['subscription'],
};

function checkMode(params: Params, mode: Mode): void {
  for (const [name, modes] of Object.entries(by_mode)) {
    if (Object.hasOwn(params, name) && !modes.includes(mode)) {
      throw invalidParam(`You can not pass \`${name}\` in \`${mode}\` mode.`, name);
    }
  }
  if (params.customer === undefined && params.customer_update !== undefined) {
    throw invalidParam('`customer_update` can only be used with `customer`.', 'customer_update');
  }
  if (params.customer !== undefined) {
    for (const name of ['customer_email', 'customer_creation'] as const) {
      if (params[name] === undefined) continue;
      throw invalidParam(`You may only specify one of these parameters: customer, ${name}.`, name);
    }
  }
  if (params.excluded_payment_method_types?.includes('card') === true) {
    throw invalid('No payment method types are left for this session.', { param: 'excluded_payment_method_types' });
  }
}

function paymentDataOf(params: Params): SessionPaymentData {
  const given = params.payment_intent_data;
  const options = params.payment_method_options?.card;
  return {
    capture_method: given?.capture_method ?? 'automatic_async',
    description: given?.description ?? null,
    metadata: mergeMetadata({}, given?.metadata),
    receipt_email: given?.receipt_email ?? null,
    request_three_d_secure: options?.request_three_d_secure ?? 'automatic',
    setup_future_usage: options?.setup_future_usage ?? given?.setup_future_usage ?? null,
    shipping: given?.shipping ?? null,
    statement_descriptor: given?.statement_descriptor ?? null,
    statement_descriptor_suffix: given?.statement_descriptor_suffix ?? null,
    transfer_group: given?.transfer_group ?? null,
  };
}

function savedOf(params: Params): SavedCards | null {
  const given = params.saved_payment_method_options;
  if (given === undefined && params.customer === undefined) return null;
  return {
    filters: given?.allow_redisplay_filters ?? ['always'],
    remove: given?.payment_method_remove === 'enabled',
    remove_given: given?.payment_method_remove !== undefined,
    save: given?.payment_method_save === 'enabled',
    save_given: given?.payment_method_save !== undefined,
  };
}

function customerFacts(
  tx: Tx,
  params: Params,
  mode: Mode,
): Pick<
  CheckoutSessionRecord,
  'customer' | 'customer_creation' | 'customer_details' | 'customer_email' | 'customer_update'
> {
  const customer = params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer');
  const update = params.customer_update;
  const creation = mode === 'subscription' ? 'always' : (params.customer_creation ?? 'if_required');
  return {
    customer: customer?.id ?? null,
    customer_creation: customer === null && mode !== 'setup' ? creation : (params.customer_creation ?? null),
    customer_details: customer === null ? null : { email: customer.email, name: customer.name },
    customer_email: params.customer_email ?? null,
    customer_update: {
      address: update?.address === 'auto',
      name: update?.name === 'auto',
      shipping: update?.shipping === 'auto',
    },
  };
}

/** Taxes follow from an address: the customer has one, or the page asks for one that they then have. */
function checkTaxAddress(tx: Tx, params: Params): void {
  if (params.automatic_tax !== true || params.customer === undefined) return;
  const { address, shipping } = params.customer_update ?? {};
  if (address === 'auto' || shipping === 'auto') return;
  if (hasTaxLocation(findCustomer(tx, params.customer, 'customer'))) return;
  throw invalid(
    "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' to save the address entered in Checkout to the Customer.",
    { code: 'customer_tax_location_invalid' },
  );
}

function invoiceDataOf(params: Params): SessionInvoiceData | null {
  if (params.invoice_creation?.enabled !== true) return null;
  const given = params.invoice_creation.invoice_data;
  return {
    custom_fields: (given?.custom_fields ?? []).map(({ name = '', value = '' }) => ({ name, value })),
    description: given?.description ?? null,
    footer: given?.footer ?? null,
    metadata: mergeMetadata({}, given?.metadata),
  };
}

/** What is sold: lines, what may be added, discounts, a trial. */
/** What a session says of the subscription that it will begin. */
function subscriptionData(
  context: Context,
  sent: Partial<NonNullable<Params['subscription_data']>>,
): CheckoutSessionRecord['subscription_data'] {
  const { tx } = context;
  const { billing_cycle_anchor: anchor, billing_cycle_anchor_config: config } = sent;
  const { interval, interval_count = 1 } = sent.pending_invoice_item_interval ?? {};
  if (anchor !== undefined && anchor <= tx.now) {
    throw invalidParam(
      'The `billing_cycle_anchor` timestamp must be in the future.',
      'subscription_data[billing_cycle_anchor]',
    );
  }
  if (sent.proration_behavior !== undefined && anchor === undefined && config === undefined) {
    throw invalidParam(
      '`proration_behavior` is only for a subscription with a `billing_cycle_anchor`.',
      'subscription_data[proration_behavior]',
    );
  }
  return {
    ...(anchor === undefined ? {} : { billing_cycle_anchor: anchor }),
    ...(config === undefined ? {} : { billing_cycle_anchor_config: config }),
    billing_mode: wantedMode(sent.billing_mode),
    default_tax_rates: findTaxRates(tx, sent.default_tax_rates ?? [], 'subscription_data[default_tax_rates]'),
    description: sent.description ?? null,
    metadata: mergeMetadata({}, sent.metadata),
    ...(sent.invoice_settings === undefined
      ? {}
      : {
          invoice_settings: invoiceSettings(
            context,
            sent.invoice_settings,
            null,
            'subscription_data[invoice_settings]',
          ),
        }),
    ...(interval === undefined ? {} : { pending_invoice_item_interval: { interval, interval_count } }),
    ...(sent.proration_behavior === undefined ? {} : { proration_behavior: sent.proration_behavior }),
  };
}

function goodsOf(
  context: Context,
  params: Params,
  mode: Mode,
): Pick<
  CheckoutSessionRecord,
  'currency' | 'discounts' | 'line_items' | 'optional_items' | 'subscription_data' | 'trial'
> {
  const { tx } = context;
  const subscription_data = subscriptionData(context, params.subscription_data ?? {});
  if (mode === 'setup') {
    if (params.currency === undefined) throw missingParam('currency');
    return { currency: params.currency, line_items: [], subscription_data, trial: null };
  }
  if (params.line_items === undefined || params.line_items.length === 0) throw missingParam('line_items');
  const line_items = params.line_items.map((item, index) => lineOf(context, item, `line_items[${index}]`, null));
  const currency = checkLines(tx, mode, line_items);
  if (params.currency !== undefined && params.currency !== currency) {
    throw invalidParam(`The prices of this session are in ${currency}.`, 'currency');
  }
  const trial = trialOf(tx, params.subscription_data ?? {});
  // Refuses an anchor that cannot be.
  anchoringNow(tx, { line_items, subscription_data, trial }, 'subscription_data');
  const goods = { currency, customer: params.customer ?? null, line_items, subscription_data, trial: null };
  return {
    currency,
    discounts: discountsFor(tx, params, sumsOf(tx, goods).subtotal, currency),
    line_items,
    optional_items: optionalOf(tx, params.optional_items ?? [], { currency, mode }),
    subscription_data,
    trial,
  };
}

/** Opens a session. */
export function createSession(context: Context, params: Params): CheckoutSessionRecord {
  const { tx } = context;
  const { mode } = params;
  if (mode === undefined) throw missingParam('mode');
  checkMode(params, mode);
  const ways = waysOf(params);
  const goods = goodsOf(context, params, mode);
  const id = tx.newId('cs_test_', 58);
  const owner = customerFacts(tx, params, mode);
  checkTaxAddress(tx, params);
  const recovery = params.after_expiration?.recovery;
  const session: CheckoutSessionRecord = {
    ...owner,
    ...goods,
    ...ways,
    id,
    created: tx.now,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    allow_redisplay: params.payment_method_data?.allow_redisplay ?? null,
    ...(params.allowed_payment_method_types === undefined
      ? {}
      : { allowed_types: params.allowed_payment_method_types }),
    ...(params.excluded_payment_method_types === undefined
      ? {}
      : { excluded_types: params.excluded_payment_method_types }),
    asks: asksOf(params, params.automatic_tax === true),
    ...(params.automatic_tax === true ? { automatic_tax: true } : {}),
    authenticating: null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: ways.ui_mode === 'hosted_page' ? null : tx.newId(`${id}_secret_`, 48),
    custom_fields: customFieldsOf(params.custom_fields ?? []),
    custom_text: customTextOf(params.custom_text ?? {}),
    display_name: params.branding_settings?.display_name ?? null,
    expires_at: checkExpiry(tx.now, params.expires_at),
    integration_identifier: params.integration_identifier ?? null,
    invoice: null,
    invoice_data: invoiceDataOf(params),
    last_failure: null,
    locale: params.locale ?? null,
    metadata: mergeMetadata({}, params.metadata),
    mode,
    origin_context: params.origin_context ?? null,
    payment_data: paymentDataOf(params),
    payment_method_collection: params.payment_method_collection ?? 'always',
    recovery:
      recovery?.enabled === true
        ? { allow_promotion_codes: recovery.allow_promotion_codes ?? false, expires_at: null, token: null }
        : null,
    saved_cards: savedOf(params),
    setup_intent:
      mode === 'setup'
        ? newSetupIntent(context, {
            customer: owner.customer,
            description: params.setup_intent_data?.description ?? null,
            metadata: mergeMetadata({}, params.setup_intent_data?.metadata),
          }).id
        : null,
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
  };
  schedule(context, session.expires_at, 'expire_session', session.id);
  return tx.put('checkout_session', session);
}

/** A session that goes on where an expired one ended. */
export function recoverSession(context: Context, old: CheckoutSessionRecord): CheckoutSessionRecord {
  const { tx } = context;
  const id = tx.newId('cs_test_', 58);
  const expires_at = tx.now + DAY;
  schedule(context, expires_at, 'expire_session', id);
  return tx.put('checkout_session', {
    ...old,
    id,
    created: tx.now,
    allow_promotion_codes: old.recovery?.allow_promotion_codes === true ? true : (old.allow_promotion_codes ?? null),
    attempt: null,
    expires_at,
    last_failure: null,
    recovered_from: old.id,
    recovery: null,
    status: 'open',
  });
}
