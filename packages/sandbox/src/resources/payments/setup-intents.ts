import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { adviceFields } from '../../billing/declines.ts';
import type { SetupIntentRecord } from '../../store/payment-records.ts';
import type { PaymentFailure, PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { createMandate } from './mandates.ts';
import { automatic, nextAction } from './payment-intents.ts';
import { attachForCustomer, renderPaymentMethod } from './payment-methods.ts';
import { endAttempt } from './setup-attempts.ts';
import { finishPendingSetup } from '../subscriptions/pending-setups.ts';
import { authenticationFailed } from './test-cards.ts';

type RenderedSetup = Wire<Stripe.SetupIntent>;

/** What a setup says after a failed authentication. */
const setupFailed: PaymentFailure = { ...authenticationFailed, code: 'setup_intent_authentication_failure' };

function lastError(tx: Tx, failure: SetupIntentRecord['last_failure']): RenderedSetup['last_setup_error'] {
  if (failure === null) return null;
  const method = tx.get('payment_method', failure.payment_method);
  return {
    type: failure === null || failure.code === setupFailed.code ? 'invalid_request_error' : 'card_error',
    code: failure.code,
    doc_url: `https://stripe.com/docs/error-codes/${failure.code.replaceAll('_', '-')}`,
    message: failure.message,
    ...adviceFields(failure),
    ...(failure.decline_code === null ? {} : { decline_code: failure.decline_code }),
    ...(method === undefined ? {} : { payment_method: renderPaymentMethod(method) }),
  };
}

/** Renders a setup intent. */
export function renderSetupIntent(tx: Tx, setup: SetupIntentRecord): RenderedSetup {
  return {
    id: setup.id,
    object: 'setup_intent',
    allowed_payment_method_types: setup.allowed_types ?? null,
    application: null,
    automatic_payment_methods: automatic(setup.automatic),
    cancellation_reason: setup.cancellation_reason,
    client_secret: setup.client_secret,
    created: setup.created,
    customer: setup.customer,
    customer_account: null,
    description: setup.description,
    excluded_payment_method_types: setup.excluded_types ?? null,
    flow_directions: null,
    last_setup_error: lastError(tx, setup.last_failure),
    latest_attempt: setup.latest_attempt ?? null,
    livemode: false,
    mandate: setup.single_use == null ? (setup.mandate ?? null) : null,
    metadata: setup.metadata,
    next_action: setup.status === 'requires_action' ? nextAction(setup) : null,
    on_behalf_of: null,
    payment_method: setup.payment_method,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: {
        mandate_options: null,
        network: null,
        request_three_d_secure: setup.request_three_d_secure ?? 'automatic',
      },
    },
    payment_method_types: ['card'],
    single_use_mandate: setup.single_use == null ? null : (setup.mandate ?? null),
    status: setup.status,
    usage: setup.usage,
  };
}

/** Writes a setup. */
export function newSetupIntent(
  context: Context,
  facts: Partial<SetupIntentRecord> & Pick<SetupIntentRecord, 'customer' | 'description' | 'metadata'>,
): SetupIntentRecord {
  const { tx } = context;
  const id = tx.newId('seti_');
  const payment_method = facts.payment_method ?? null;
  const setup = tx.put('setup_intent', {
    automatic: 'always',
    cancellation_reason: null,
    last_failure: null,
    return_url: null,
    usage: 'off_session',
    ...facts,
    id,
    created: tx.wall,
    client_secret: tx.newId(`${id}_secret_`, 25),
    payment_method,
    status: payment_method === null ? 'requires_payment_method' : 'requires_confirmation',
  });
  emit(context, 'setup_intent.created', renderSetupIntent(tx, setup));
  return setup;
}

/** A setup that failed waits for another card. */
export function failSetup(
  context: Context,
  setup: SetupIntentRecord,
  method: PaymentMethodRecord,
  failure: PaymentFailure,
): void {
  const { tx } = context;
  endAttempt(context, setup, { status: 'failed', failure });
  const failed = tx.put('setup_intent', {
    ...setup,
    last_failure: { ...failure, payment_method: method.id },
    payment_method: null,
    status: 'requires_payment_method',
  });
  emit(context, 'setup_intent.setup_failed', renderSetupIntent(tx, failed));
}

/** A setup intent that somebody else needs of a customer: of a card for later charges. */
export function openSetup(context: Context, customer: string): SetupIntentRecord {
  const { tx } = context;
  const id = tx.newId('seti_');
  const setup = tx.put('setup_intent', {
    id,
    created: tx.wall,
    automatic: null,
    cancellation_reason: null,
    client_secret: tx.newId(`${id}_secret_`, 25),
    customer,
    description: null,
    last_failure: null,
    metadata: {},
    payment_method: null,
    return_url: null,
    status: 'requires_payment_method',
    usage: 'off_session',
  });
  emit(context, 'setup_intent.created', renderSetupIntent(tx, setup));
  return setup;
}

/** A setup that succeeded has its card kept for its customer. */
export function succeedSetup(context: Context, setup: SetupIntentRecord, method: PaymentMethodRecord): void {
  const { tx } = context;
  const ready = tx.put('payment_method', { ...method, authenticated: setup.usage === 'off_session' });
  if (setup.customer !== null) attachForCustomer(context, ready.id, setup.customer, 'payment_method');
  endAttempt(context, setup, { status: 'succeeded', failure: null });
  const { mandate_data: acceptance = null, single_use = null } = setup;
  const mandate =
    acceptance === null ? null : createMandate(context, { acceptance, payment_method: ready.id, single_use }).id;
  const done = tx.put('setup_intent', {
    ...setup,
    last_failure: null,
    mandate,
    payment_method: ready.id,
    status: 'succeeded',
  });
  emit(context, 'setup_intent.succeeded', renderSetupIntent(tx, done));
  finishPendingSetup(context, done);
}

/** The holder of the card came back from the bank's page. */
export function finishSetupIntent(context: Context, setup: SetupIntentRecord, passed: boolean): void {
  const method = context.tx.need('payment_method', setup.payment_method ?? '');
  if (passed) succeedSetup(context, setup, method);
  else failSetup(context, setup, method, setupFailed);
}
