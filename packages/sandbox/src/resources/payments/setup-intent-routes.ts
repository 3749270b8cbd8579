import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { matchSecret } from '../../http/client-secret.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  currencyCode,
  emptyable,
  flag,
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
import type { SetupIntentRecord } from '../../store/payment-records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { withToken } from './confirmation-tokens.ts';
import { givenTable } from './given-cards.ts';
import { instrument, ownMethod } from './instruments.ts';
import { acceptanceOf, mandateDataParam } from './mandates.ts';
import { cardError, cardOf, renderPaymentMethod } from './payment-methods.ts';
import { beginAttempt, endAttempt } from './setup-attempts.ts';
import { failSetup, newSetupIntent, renderSetupIntent, succeedSetup } from './setup-intents.ts';

const sharedTable = {
  allowed_payment_method_types: list(oneOf(['card'])),
  excluded_payment_method_types: emptyable(list(text())),
  payment_method_data: shape(givenTable),
  payment_method_options: shape({ card: shape({ request_three_d_secure: oneOf(['any', 'automatic', 'challenge']) }) }),
};

const confirmTable = {
  ...sharedTable,
  confirmation_token: text(),
  mandate_data: mandateDataParam,
  payment_method: text(),
  return_url: text(),
  use_stripe_sdk: flag(),
};

const createTable = {
  ...confirmTable,
  automatic_payment_methods: shape({ allow_redirects: oneOf(['always', 'never']), enabled: flag() }),
  confirm: flag(),
  customer: text(),
  description: text(1_000),
  metadata: metadata(),
  single_use: shape({ amount: integer(1), currency: currencyCode() }),
  usage: oneOf(['off_session', 'on_session']),
};

function find(tx: Tx, id: string): SetupIntentRecord {
  const setup = tx.get('setup_intent', id);
  if (setup === undefined) throw noSuch('setupintent', id);
  return setup;
}

/** What may be asked of a setup at any time before it is done. */
function askedOf(params: Partial<Read<typeof sharedTable>>): Partial<SetupIntentRecord> {
  const wish = params.payment_method_options?.card?.request_three_d_secure;
  return {
    ...(params.allowed_payment_method_types === undefined
      ? {}
      : { allowed_types: params.allowed_payment_method_types }),
    ...(params.excluded_payment_method_types === undefined
      ? {}
      : { excluded_types: params.excluded_payment_method_types }),
    ...(wish === undefined ? {} : { request_three_d_secure: wish }),
  };
}

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx } = context;
  if (params.confirm !== true && params.return_url !== undefined) {
    throw invalidParam('`return_url` may only be passed when `confirm` is true.', 'return_url');
  }
  const customer = params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer').id;
  const method = instrument(context, params, customer);
  const wanted = params.automatic_payment_methods;
  const setup = newSetupIntent(context, {
    automatic: wanted?.enabled === false ? null : (wanted?.allow_redirects ?? 'always'),
    customer,
    description: params.description ?? null,
    metadata: mergeMetadata({}, params.metadata),
    payment_method: method?.id ?? null,
    single_use:
      params.single_use === undefined
        ? null
        : { amount: params.single_use.amount ?? 0, currency: params.single_use.currency ?? '' },
    ...askedOf(params),
    usage: params.usage ?? 'off_session',
  });
  if (params.confirm !== true) return renderSetupIntent(tx, setup);
  const { payment_method: _method, payment_method_data: _data, ...rest } = params;
  return confirm(context, setup, rest);
}

function confirm(context: Context, found: SetupIntentRecord, given: Partial<Read<typeof confirmTable>>): object {
  const { tx } = context;
  if (found.status === 'succeeded' || found.status === 'canceled') {
    throw invalid(`You cannot confirm this SetupIntent because it has a status of ${found.status}.`, {
      code: 'setup_intent_unexpected_state',
    });
  }
  const params = withToken(context, given, found.id);
  const method = instrument(context, params, found.customer) ?? ownMethod(context, found);
  if (method === null) {
    throw invalid("You cannot confirm this SetupIntent because it's missing a payment method.", {
      code: 'setup_intent_unexpected_state',
    });
  }
  const card = cardOf(method);
  const asked = { ...found, ...askedOf(params) };
  const wish = asked.request_three_d_secure ?? 'automatic';
  const asks =
    card.authentication === 'once' ||
    card.authentication === 'always' ||
    (card.authentication === 'optional' && wish !== 'automatic');
  const setup = beginAttempt(
    context,
    {
      ...asked,
      mandate_data: acceptanceOf(params.mandate_data) ?? found.mandate_data ?? null,
      payment_method: method.id,
      return_url: params.return_url ?? found.return_url,
    },
    asks,
  );
  if (!card.attaches && card.charge !== null) {
    failSetup(context, setup, method, card.charge);
    throw cardError(card.charge, {
      payment_method: renderPaymentMethod(method),
      setup_intent: renderSetupIntent(tx, tx.need('setup_intent', setup.id)),
    });
  }
  if (asks) {
    const waiting = tx.put('setup_intent', { ...setup, status: 'requires_action' });
    emit(context, 'setup_intent.requires_action', renderSetupIntent(tx, waiting));
  } else {
    succeedSetup(context, setup, method);
  }
  return renderSetupIntent(tx, tx.need('setup_intent', setup.id));
}

const updateTable = {
  ...sharedTable,
  customer: text(),
  description: text(1_000),
  metadata: metadata(),
  payment_method: emptyable(text()),
};

function update(context: Context, params: Read<typeof updateTable>, id: string): object {
  const { tx } = context;
  const old = find(tx, id);
  const others = Object.keys(params).filter((name) => name !== 'metadata' && name !== 'description');
  if ((old.status === 'succeeded' || old.status === 'canceled') && others.length > 0) {
    throw invalid(`You cannot update this SetupIntent because it has a status of ${old.status}.`, {
      code: 'setup_intent_unexpected_state',
    });
  }
  const customer = params.customer === undefined ? old.customer : findCustomer(tx, params.customer, 'customer').id;
  const { payment_method: wanted, ...rest } = params;
  const given = instrument(context, { ...rest, payment_method: wanted ?? undefined }, customer);
  const changes = wanted === null || given !== null;
  const method = changes ? (given?.id ?? null) : old.payment_method;
  const open = method === null ? 'requires_payment_method' : 'requires_confirmation';
  const setup = tx.put('setup_intent', {
    ...old,
    ...askedOf(params),
    customer,
    description: params.description ?? old.description,
    metadata: mergeMetadata(old.metadata, params.metadata),
    payment_method: method,
    status: changes ? open : old.status,
  });
  return renderSetupIntent(tx, setup);
}

export const setupIntentRoutes = [
  route('POST /v1/setup_intents', createTable, create),
  route('GET /v1/setup_intents/{id}', { client_secret: text() }, ({ tx }, params, id) => {
    const setup = find(tx, id);
    matchSecret(setup, params.client_secret);
    return renderSetupIntent(tx, setup);
  }),
  route('POST /v1/setup_intents/{id}', updateTable, update),
  route('POST /v1/setup_intents/{id}/confirm', confirmTable, (context, params, id) =>
    confirm(context, find(context.tx, id), params),
  ),
  route(
    'POST /v1/setup_intents/{id}/cancel',
    { cancellation_reason: oneOf(['abandoned', 'duplicate', 'requested_by_customer']) },
    (context, params, id) => {
      const { tx } = context;
      const old = find(tx, id);
      if (old.status === 'succeeded' || old.status === 'canceled') {
        throw invalid(`You cannot cancel this SetupIntent because it has a status of ${old.status}.`, {
          code: 'setup_intent_unexpected_state',
        });
      }
      endAttempt(context, old, { status: 'abandoned', failure: null });
      const cancellation_reason = params.cancellation_reason ?? null;
      const setup = tx.put('setup_intent', { ...old, cancellation_reason, status: 'canceled' });
      emit(context, 'setup_intent.canceled', renderSetupIntent(tx, setup));
      return renderSetupIntent(tx, setup);
    },
  ),
  route(
    'GET /v1/setup_intents',
    { ...pageParams, created: range(), customer: text(), payment_method: text() },
    ({ tx }, params) => {
      const wanted = tx.all('setup_intent').filter((setup) => {
        if (params.customer !== undefined && setup.customer !== params.customer) return false;
        if (params.payment_method !== undefined && setup.payment_method !== params.payment_method) return false;
        return within(setup.created, params.created);
      });
      return page('/v1/setup_intents', wanted, params, 'setupintent', (each) => renderSetupIntent(tx, each));
    },
  ),
];
