import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { ApiError, invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { emptyable, inert, integer, mergeMetadata, metadata, oneOf, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { BillingDetails, PaymentFailure, PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { updateCustomer } from '../customers/customer-record.ts';
import { updateSubscription } from '../subscriptions/subscription-end.ts';
import { cardByLiteral, cardByNumber, liveCard, type TestCard } from './test-cards.ts';

const no_details: BillingDetails = { address: null, email: null, name: null, phone: null };
const no_address = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };

/** The billing details of a payment method or a charge. */
export function renderBillingDetails(details: BillingDetails): Wire<Stripe.PaymentMethod.BillingDetails> {
  return { ...details, address: details.address ?? no_address, tax_id: null };
}

/** The card behind a payment method. */
export function cardOf(method: PaymentMethodRecord): TestCard {
  const card = cardByNumber(method.card_number);
  if (card === null) throw new Error(`${method.id} has a card that is no test card.`);
  return card;
}

/** The same number has the same fingerprint everywhere. */
export function fingerprintOf(number: string): string {
  return createHash('sha256').update(`fingerprint:${number}`).digest('base64url').replaceAll(/[-_]/g, 'x').slice(0, 16);
}

/** Renders a payment method. */
export function renderPaymentMethod(method: PaymentMethodRecord): Wire<Stripe.PaymentMethod> {
  const card = cardOf(method);
  return {
    id: method.id,
    object: 'payment_method',
    allow_redisplay: method.allow_redisplay,
    billing_details: renderBillingDetails(method.billing_details),
    card: {
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      display_brand: card.brand,
      exp_month: method.exp_month,
      exp_year: method.exp_year,
      fingerprint: fingerprintOf(card.number),
      funding: 'credit',
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: method.created,
    customer: method.customer,
    customer_account: null,
    livemode: false,
    metadata: method.metadata,
    type: 'card',
  };
}

/** The 402 of a card that was refused; what was written before it stays, unless said otherwise. */
export function cardError(
  failure: PaymentFailure,
  fields: Record<string, object | string> = {},
  effects: 'kept' | 'undone' = 'kept',
): ApiError {
  return new ApiError(402, 'card_error', failure.message, {
    code: failure.code,
    keeps_effects: effects === 'kept',
    fields: {
      ...(failure.decline_code === null ? {} : { decline_code: failure.decline_code }),
      ...(JSON.parse(JSON.stringify(fields)) as Record<string, string>),
    },
  });
}

interface NewCard {
  card: TestCard;
  exp_month?: number;
  exp_year?: number;
  billing_details?: Partial<BillingDetails>;
  customer?: string | null;
  authenticated?: boolean;
}

/** Writes a new payment method. Attaching is said by the caller. */
export function createPaymentMethod(context: Context, facts: NewCard): PaymentMethodRecord {
  const { tx } = context;
  return tx.put('payment_method', {
    id: tx.newId('pm_'),
    created: tx.now,
    allow_redisplay: 'unspecified',
    billing_details: { ...no_details, ...facts.billing_details },
    card_number: facts.card.number,
    exp_month: facts.exp_month ?? new Date(tx.now_ms).getUTCMonth() + 1,
    exp_year: facts.exp_year ?? new Date(tx.now_ms).getUTCFullYear() + 1,
    customer: facts.customer ?? null,
    metadata: {},
    authenticated: facts.authenticated ?? false,
  });
}

/** A payment method by id; `pm_card_visa` and its like are templates and become a new one. */
export function resolvePaymentMethod(context: Context, id: string, param: string): PaymentMethodRecord {
  const card = cardByLiteral(id);
  if (card !== null) return createPaymentMethod(context, { card });
  const method = context.tx.get('payment_method', id);
  if (method === undefined) throw noSuch('PaymentMethod', id, param);
  return method;
}

/** Gives a payment method to a customer. A card that fails when saved fails here. */
export function attachForCustomer(context: Context, id: string, customer: string, param: string): PaymentMethodRecord {
  const method = resolvePaymentMethod(context, id, param);
  if (method.customer === customer) return method;
  if (method.customer !== null) {
    throw invalid('The payment method you provided has already been attached to a customer.', {
      code: 'payment_method_unexpected_state',
    });
  }
  const card = cardOf(method);
  if (!card.attaches && card.charge !== null) throw cardError(card.charge);
  const attached = context.tx.put('payment_method', { ...method, customer });
  emit(context, 'payment_method.attached', renderPaymentMethod(attached));
  return attached;
}

function find(tx: Tx, id: string): PaymentMethodRecord {
  const method = tx.get('payment_method', id);
  if (method === undefined) throw noSuch('PaymentMethod', id);
  return method;
}

const cardTable = shape({
  number: text(),
  exp_month: integer(1, 12),
  exp_year: integer(2000, 2100),
  cvc: text(4),
  token: text(),
});

function cardFrom(given: { number?: string | undefined; token?: string | undefined }): TestCard {
  if (given.token !== undefined) {
    const card = cardByLiteral(given.token.replace(/^tok_/, 'pm_card_'));
    if (card === null) throw noSuch('token', given.token, 'card[token]');
    return card;
  }
  if (given.number === undefined) throw missingParam('card[number]');
  const card = cardByNumber(given.number);
  if (card === null) throw cardError(liveCard);
  return card;
}

const details = shape({
  email: emptyable(text()),
  name: emptyable(text()),
  phone: emptyable(text()),
});

function mergeDetails(
  old: BillingDetails,
  given: { email?: string | null | undefined; name?: string | null | undefined; phone?: string | null | undefined },
): BillingDetails {
  return {
    ...old,
    email: given.email === undefined ? old.email : given.email,
    name: given.name === undefined ? old.name : given.name,
    phone: given.phone === undefined ? old.phone : given.phone,
  };
}

const redisplay = oneOf(['always', 'limited', 'unspecified']);

function listOf(tx: Tx, customer: string | undefined): PaymentMethodRecord[] {
  return tx.all('payment_method').filter((each) => each.customer !== null && each.customer === customer);
}

export const paymentMethodRoutes = [
  route(
    'POST /v1/payment_methods',
    {
      type: oneOf(['card'], ['link', 'sepa_debit', 'us_bank_account', 'paypal']),
      card: cardTable,
      billing_details: details,
      metadata: metadata(),
      allow_redisplay: redisplay,
      // Fraud signals; the sandbox has no Radar.
      radar_options: inert(),
    },
    (context, params) => {
      if (params.type === undefined) throw missingParam('type');
      const given = params.card;
      if (given === undefined) throw missingParam('card');
      const method = createPaymentMethod(context, {
        card: cardFrom(given),
        ...(given.exp_month === undefined ? {} : { exp_month: given.exp_month }),
        ...(given.exp_year === undefined ? {} : { exp_year: given.exp_year }),
        billing_details: mergeDetails(no_details, params.billing_details ?? {}),
      });
      return renderPaymentMethod(
        context.tx.put('payment_method', {
          ...method,
          allow_redisplay: params.allow_redisplay ?? 'unspecified',
          metadata: mergeMetadata({}, params.metadata),
        }),
      );
    },
  ),
  route('GET /v1/payment_methods/{id}', {}, ({ tx }, _params, id) => renderPaymentMethod(find(tx, id))),
  route(
    'POST /v1/payment_methods/{id}',
    {
      billing_details: details,
      metadata: metadata(),
      allow_redisplay: redisplay,
      card: shape({ exp_month: integer(1, 12), exp_year: integer(2000, 2100) }),
    },
    (context, params, id) => {
      const old = find(context.tx, id);
      const method = context.tx.put('payment_method', {
        ...old,
        allow_redisplay: params.allow_redisplay ?? old.allow_redisplay,
        billing_details: mergeDetails(old.billing_details, params.billing_details ?? {}),
        exp_month: params.card?.exp_month ?? old.exp_month,
        exp_year: params.card?.exp_year ?? old.exp_year,
        metadata: mergeMetadata(old.metadata, params.metadata),
      });
      emitUpdate(context, 'payment_method.updated', renderPaymentMethod(old), renderPaymentMethod(method));
      return renderPaymentMethod(method);
    },
  ),
  route(
    'GET /v1/payment_methods',
    { ...pageParams, customer: text(), type: oneOf(['card']), allow_redisplay: redisplay },
    ({ tx }, params) => {
      if (params.customer !== undefined && tx.get('customer', params.customer) === undefined) {
        throw noSuch('customer', params.customer, 'customer');
      }
      const wanted = listOf(tx, params.customer).filter(
        (each) => params.allow_redisplay === undefined || each.allow_redisplay === params.allow_redisplay,
      );
      return page('/v1/payment_methods', wanted, params, 'PaymentMethod', renderPaymentMethod);
    },
  ),
  route(
    'GET /v1/customers/{id}/payment_methods',
    { ...pageParams, type: oneOf(['card']), allow_redisplay: redisplay },
    ({ tx }, params, id) => {
      if (tx.get('customer', id) === undefined) throw noSuch('customer', id);
      const url = `/v1/customers/${id}/payment_methods`;
      return page(url, listOf(tx, id), params, 'PaymentMethod', renderPaymentMethod);
    },
  ),
  route('POST /v1/payment_methods/{id}/attach', { customer: text() }, (context, params, id) => {
    if (params.customer === undefined) throw missingParam('customer');
    const customer = context.tx.get('customer', params.customer);
    if (customer === undefined || customer.deleted) throw noSuch('customer', params.customer, 'customer');
    return renderPaymentMethod(attachForCustomer(context, id, customer.id, 'id'));
  }),
  route('POST /v1/payment_methods/{id}/detach', {}, (context, _params, id) => {
    const { tx } = context;
    const method = find(tx, id);
    const customer = method.customer === null ? undefined : tx.get('customer', method.customer);
    if (customer === undefined) {
      throw invalid('The payment method you provided is not attached to a customer so detachment is impossible.', {
        code: 'payment_method_unexpected_state',
      });
    }
    if (customer.default_payment_method === id) updateCustomer(context, customer, { default_payment_method: null });
    for (const subscription of tx.all('subscription')) {
      if (subscription.default_payment_method === id && subscription.ended_at === null) {
        updateSubscription(context, subscription, { default_payment_method: null });
      }
    }
    const detached = tx.put('payment_method', { ...method, customer: null });
    emitUpdate(context, 'payment_method.detached', renderPaymentMethod(method), renderPaymentMethod(detached));
    return renderPaymentMethod(detached);
  }),
];

/** There is nothing to charge. */
export function noMethod(): Error {
  return invalid(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.',
    { code: 'resource_missing' },
  );
}
