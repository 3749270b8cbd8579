import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { adviceFields } from '../../billing/declines.ts';
import { matchSecret } from '../../http/client-secret.ts';
import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PaymentIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { renderPaymentMethod } from './payment-methods.ts';

type RenderedIntent = Wire<Stripe.PaymentIntent>;

function lastError(tx: Tx, failure: PaymentIntentRecord['last_failure']): RenderedIntent['last_payment_error'] {
  if (failure === null) return null;
  const method = tx.get('payment_method', failure.payment_method);
  return {
    type: failure.code === 'payment_intent_authentication_failure' ? 'invalid_request_error' : 'card_error',
    code: failure.code,
    message: failure.message,
    doc_url: `https://stripe.com/docs/error-codes/${failure.code.replaceAll('_', '-')}`,
    ...adviceFields(failure),
    ...(failure.decline_code === null ? {} : { decline_code: failure.decline_code }),
    ...(failure.charge === null ? {} : { charge: failure.charge }),
    ...(method === undefined ? {} : { payment_method: renderPaymentMethod(method) }),
  };
}

/** Which payment methods an intent takes by itself. */
export function automatic(redirects: 'always' | 'never' | null): RenderedIntent['automatic_payment_methods'] {
  return redirects === null ? null : { allow_redirects: redirects, enabled: true };
}

/** Where the holder of the card confirms: the bank's page when there is a way back, Stripe.js otherwise. */
export function nextAction(intent: { id: string; client_secret: string; return_url?: string | null }): {
  type: string;
  redirect_to_url?: { return_url: string; url: string };
  use_stripe_sdk?: Record<string, never>;
} {
  const { id, client_secret, return_url = null } = intent;
  if (return_url === null) return { type: 'use_stripe_sdk', use_stripe_sdk: {} };
  const url = `sandbox:/3ds/${id}/${client_secret.slice(id.length + '_secret_'.length)}`;
  return { type: 'redirect_to_url', redirect_to_url: { return_url, url } };
}

/** Renders a payment intent. */
export function renderPaymentIntent(tx: Tx, intent: PaymentIntentRecord): RenderedIntent {
  return {
    id: intent.id,
    object: 'payment_intent',
    allowed_payment_method_types: intent.direct?.allowed_types ?? null,
    amount: intent.amount,
    amount_capturable: intent.direct?.amount_capturable ?? 0,
    amount_details: { tip: {} },
    amount_received: intent.amount_received,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: automatic(intent.direct?.automatic ?? null),
    canceled_at: intent.canceled_at,
    cancellation_reason: intent.cancellation_reason,
    capture_method: intent.direct?.capture_method ?? 'automatic',
    client_secret: intent.client_secret,
    confirmation_method: intent.direct?.confirmation_method ?? 'automatic',
    created: intent.created,
    currency: intent.currency,
    customer: intent.customer,
    customer_account: null,
    description: intent.description,
    excluded_payment_method_types: intent.direct?.excluded_types ?? null,
    last_payment_error: lastError(tx, intent.last_failure),
    latest_charge: intent.latest_charge,
    livemode: false,
    managed_payments: null,
    metadata: intent.metadata,
    next_action: intent.status === 'requires_action' ? nextAction(intent) : null,
    on_behalf_of: null,
    payment_method: intent.payment_method,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: {
        installments: null,
        mandate_options: null,
        network: null,
        ...(intent.direct?.multicapture === true ? { request_multicapture: 'if_available' as const } : {}),
        request_three_d_secure: intent.direct?.request_three_d_secure ?? 'automatic',
      },
    },
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: intent.direct?.receipt_email ?? null,
    review: null,
    setup_future_usage: intent.direct === undefined ? 'off_session' : intent.direct.setup_future_usage,
    shipping: intent.direct?.shipping ?? null,
    source: null,
    statement_descriptor: intent.direct?.statement_descriptor ?? null,
    statement_descriptor_suffix: intent.direct?.statement_descriptor_suffix ?? null,
    status: intent.status,
    transfer_data: null,
    transfer_group: intent.direct?.transfer_group ?? null,
  };
}

export const paymentIntentRoutes = [
  route('GET /v1/payment_intents/{id}', { client_secret: text() }, ({ tx }, params, id) => {
    const intent = tx.get('payment_intent', id);
    if (intent === undefined) throw noSuch('payment_intent', id);
    matchSecret(intent, params.client_secret);
    return renderPaymentIntent(tx, intent);
  }),
  route('GET /v1/payment_intents', { ...pageParams, created: range(), customer: text() }, ({ tx }, params) => {
    const wanted = tx
      .all('payment_intent')
      .filter(
        (each) =>
          (params.customer === undefined || each.customer === params.customer) && within(each.created, params.created),
      );
    return page('/v1/payment_intents', wanted, params, 'payment_intent', (each) => renderPaymentIntent(tx, each));
  }),
];
