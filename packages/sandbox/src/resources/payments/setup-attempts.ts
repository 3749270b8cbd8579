import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { SetupAttemptRecord, SetupIntentRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { renderCardFacts, renderPaymentMethod } from './payment-methods.ts';

/** Renders an attempt. */
export function renderSetupAttempt(tx: Tx, attempt: SetupAttemptRecord): Wire<Stripe.SetupAttempt> {
  const { failure } = attempt;
  const method = tx.need('payment_method', attempt.payment_method);
  const { regulated_status: _regulated, ...facts } = renderCardFacts(method);
  const passed = attempt.three_d_secure && attempt.status === 'succeeded';
  return {
    id: attempt.id,
    object: 'setup_attempt',
    application: null,
    created: attempt.created,
    customer: attempt.customer,
    customer_account: null,
    flow_directions: null,
    livemode: false,
    on_behalf_of: null,
    payment_method: attempt.payment_method,
    payment_method_details: {
      type: 'card',
      card: {
        ...facts,
        network: facts.brand,
        three_d_secure: passed
          ? {
              authentication_flow: 'challenge',
              electronic_commerce_indicator: '05',
              result: 'authenticated',
              result_reason: null,
              transaction_id: null,
              version: '2.2.0',
            }
          : null,
        wallet: null,
      },
    },
    setup_error:
      failure === null
        ? null
        : {
            type: failure.code === 'setup_intent_authentication_failure' ? 'invalid_request_error' : 'card_error',
            code: failure.code,
            ...(failure.decline_code === null ? {} : { decline_code: failure.decline_code }),
            message: failure.message,
            payment_method: renderPaymentMethod(method),
          },
    setup_intent: attempt.setup_intent,
    status: attempt.status,
    usage: attempt.usage,
  };
}

/** Notes that a setup was confirmed, and answers the setup with its attempt. */
export function beginAttempt(context: Context, setup: SetupIntentRecord, asks: boolean): SetupIntentRecord {
  const { tx } = context;
  const attempt = tx.put('setup_attempt', {
    id: tx.newId('setatt_'),
    created: tx.wall,
    customer: setup.customer,
    failure: null,
    payment_method: setup.payment_method ?? '',
    setup_intent: setup.id,
    status: 'requires_action',
    three_d_secure: asks,
    usage: setup.usage,
  });
  return tx.put('setup_intent', { ...setup, latest_attempt: attempt.id });
}

/** Notes how the attempt that is under way ended. */
export function endAttempt(
  context: Context,
  setup: SetupIntentRecord,
  how: Pick<SetupAttemptRecord, 'failure' | 'status'>,
): void {
  const attempt = setup.latest_attempt == null ? undefined : context.tx.get('setup_attempt', setup.latest_attempt);
  if (attempt?.status === 'requires_action') context.tx.put('setup_attempt', { ...attempt, ...how });
}

export const setupAttemptRoutes = [
  route('GET /v1/setup_attempts', { ...pageParams, created: range(), setup_intent: text() }, ({ tx }, params) => {
    if (params.setup_intent === undefined) throw missingParam('setup_intent');
    if (tx.get('setup_intent', params.setup_intent) === undefined) {
      throw noSuch('setupintent', params.setup_intent, 'setup_intent');
    }
    const wanted = tx
      .all('setup_attempt')
      .filter((each) => each.setup_intent === params.setup_intent && within(each.created, params.created));
    return page('/v1/setup_attempts', wanted, params, 'setup_attempt', (each) => renderSetupAttempt(tx, each));
  }),
];
