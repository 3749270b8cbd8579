import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { oneOf, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { ConfirmationTokenRecord, GivenCard, ShippingRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { givenTable, methodOfGiven, readGiven } from './given-cards.ts';
import { renderPaymentMethod, resolvePaymentMethod } from './payment-methods.ts';
import { shippingParam } from './shipping.ts';

/** How long a confirmation token can be used. */
const TOKEN_SECONDS = 12 * 3_600;

function preview(tx: Tx, token: ConfirmationTokenRecord): Wire<Stripe.ConfirmationToken.PaymentMethodPreview> {
  const saved = token.payment_method === null ? undefined : tx.get('payment_method', token.payment_method);
  const shown = renderPaymentMethod(
    saved ?? {
      id: '',
      created: token.created,
      allow_redisplay: token.card.allow_redisplay,
      authenticated: false,
      billing_details: token.card.billing_details,
      card_number: token.card.number,
      customer: null,
      exp_month: token.card.exp_month ?? 12,
      exp_year: token.card.exp_year ?? 2_034,
      metadata: {},
    },
  );
  const { allow_redisplay, billing_details, card, customer } = shown;
  return {
    ...(allow_redisplay === undefined ? {} : { allow_redisplay }),
    billing_details,
    ...(card === undefined ? {} : { card }),
    customer: typeof customer === 'string' ? customer : null,
    customer_account: null,
    type: 'card',
  };
}

function render(tx: Tx, token: ConfirmationTokenRecord): Wire<Stripe.ConfirmationToken> {
  const { address, name, phone } = token.shipping ?? { address: null, name: null, phone: null };
  return {
    id: token.id,
    object: 'confirmation_token',
    created: token.created,
    expires_at: token.created + TOKEN_SECONDS,
    livemode: false,
    mandate_data: null,
    metadata: token.card.metadata,
    payment_intent: token.payment_intent,
    payment_method_options: { card: { cvc_token: null } },
    payment_method_preview: preview(tx, token),
    return_url: token.return_url,
    setup_future_usage: token.setup_future_usage,
    setup_intent: token.setup_intent,
    shipping: address === null || name === null ? null : { address, name, phone },
    use_stripe_sdk: false,
  };
}

interface Tokened {
  confirmation_token?: string | undefined;
  payment_method?: string | undefined;
  payment_method_data?: object | undefined;
  return_url?: string | undefined;
  setup_future_usage?: 'off_session' | 'on_session' | null | undefined;
  shipping?: ShippingRecord | null | undefined;
}

/** A request with what its confirmation token stands for in its place. The token is used up, for this intent. */
export function withToken<P extends Tokened>(context: Context, params: P, intent: string): P {
  const { tx } = context;
  const { confirmation_token: id } = params;
  if (id === undefined) return params;
  if (params.payment_method !== undefined || params.payment_method_data !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: confirmation_token, payment_method, payment_method_data.',
      'confirmation_token',
    );
  }
  const token = tx.get('confirmation_token', id);
  if (token === undefined) throw noSuch('confirmation token', id, 'confirmation_token');
  const used = token.payment_intent ?? token.setup_intent;
  if (used !== null && used !== intent) {
    throw invalid(`The confirmation token ${id} was used by ${used} already.`, { param: 'confirmation_token' });
  }
  if (tx.wall > token.created + TOKEN_SECONDS) {
    throw invalid(`The confirmation token ${id} has expired.`, { param: 'confirmation_token' });
  }
  const method = token.payment_method ?? methodOfGiven(context, token.card).id;
  tx.put('confirmation_token', {
    ...token,
    payment_method: method,
    ...(intent.startsWith('pi_') ? { payment_intent: intent } : { setup_intent: intent }),
  });
  return {
    ...params,
    payment_method: method,
    return_url: params.return_url ?? token.return_url ?? undefined,
    ...(params.setup_future_usage === undefined && token.setup_future_usage !== null
      ? { setup_future_usage: token.setup_future_usage }
      : {}),
    ...(params.shipping === undefined && token.shipping !== null ? { shipping: token.shipping } : {}),
  };
}

const blank: GivenCard = {
  allow_redisplay: 'unspecified',
  billing_details: { address: null, email: null, name: null, phone: null },
  exp_month: null,
  exp_year: null,
  metadata: {},
  number: '4242424242424242',
};

export const confirmationTokenRoutes = [
  route('GET /v1/confirmation_tokens/{id}', {}, ({ tx }, _params, id) => {
    const token = tx.get('confirmation_token', id);
    if (token === undefined) throw noSuch('confirmation token', id);
    return render(tx, token);
  }),
  // A browser makes confirmation tokens with Stripe.js; Stripe gives tests this way.
  route(
    'POST /v1/test_helpers/confirmation_tokens',
    {
      payment_method: text(),
      payment_method_data: shape(givenTable),
      return_url: text(),
      setup_future_usage: oneOf(['off_session', 'on_session']),
      shipping: shippingParam,
    },
    (context, params) => {
      const { tx } = context;
      const saved =
        params.payment_method === undefined
          ? null
          : resolvePaymentMethod(context, params.payment_method, 'payment_method');
      const card =
        params.payment_method_data === undefined
          ? blank
          : readGiven(context, params.payment_method_data, 'payment_method_data');
      const token = tx.put('confirmation_token', {
        id: tx.newId('ctoken_'),
        created: tx.wall,
        card,
        payment_intent: null,
        payment_method: saved?.id ?? null,
        return_url: params.return_url ?? null,
        setup_future_usage: params.setup_future_usage ?? null,
        setup_intent: null,
        shipping: params.shipping ?? null,
      });
      return render(tx, token);
    },
  ),
];
