import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { mergeMetadata, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CheckoutSessionRecord, SessionAnswers, SessionPaymentData } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, unschedule } from '../context.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { createSession } from './checkout-create.ts';
import { checkLines, lineOf } from './checkout-lines.ts';
import { createTable, updateTable } from './checkout-params.ts';
import { renderSession, renderSessionLine } from './checkout-render.ts';

/** How long an expired session can be recovered. */
const RECOVERY_SECONDS = 30 * 86_400;

/** A session by the id in the path. */
function findSession(tx: Tx, id: string): CheckoutSessionRecord {
  const session = tx.get('checkout_session', id);
  if (session === undefined) throw noSuch('checkout.session', id);
  return session;
}

/** What refused cards left behind is given up with the session. */
export function dropAttempt(context: Context, session: CheckoutSessionRecord): void {
  const { tx } = context;
  const intent = session.attempt == null ? undefined : tx.get('payment_intent', session.attempt);
  if (intent === undefined || intent.status === 'succeeded' || intent.status === 'canceled') return;
  const canceled = tx.put('payment_intent', {
    ...intent,
    canceled_at: tx.wall,
    cancellation_reason: 'abandoned',
    status: 'canceled',
  });
  emit(context, 'payment_intent.canceled', renderPaymentIntent(tx, canceled));
}

/** Closes an open session: nobody can pay it any more. */
export function expireSession(context: Context, id: string): void {
  const { tx } = context;
  const session = tx.get('checkout_session', id);
  if (session?.status !== 'open') return;
  unschedule(context, 'expire_session', id);
  dropAttempt(context, session);
  const recovery =
    session.recovery == null
      ? null
      : { ...session.recovery, expires_at: tx.now + RECOVERY_SECONDS, token: tx.newId('', 40) };
  const expired = tx.put('checkout_session', { ...session, authenticating: null, recovery, status: 'expired' });
  emit(context, 'checkout.session.expired', renderSession(tx, expired));
}

/** What a payer has answered when nothing was. */
const no_answers: SessionAnswers = {
  address: null,
  business_name: null,
  individual_name: null,
  phone: null,
  promotions: null,
  save: false,
  shipping: null,
  tax_id: null,
  terms: false,
};

function changedLines(
  context: Context,
  old: CheckoutSessionRecord,
  given: NonNullable<Read<typeof updateTable>['line_items']>,
): Pick<CheckoutSessionRecord, 'line_items'> {
  const { tx } = context;
  const line_items = given.map((item, index) => {
    const path = `line_items[${index}]`;
    const { id, ...rest } = item;
    const line = id === undefined ? null : old.line_items.find((each) => each.id === id);
    if (line === undefined) throw noSuch('line item', id ?? '', `${path}[id]`);
    return lineOf(context, rest, path, line);
  });
  const currency = checkLines(tx, old.mode ?? 'subscription', line_items);
  if (currency !== old.currency) {
    throw invalid(`The currency of an open session stays ${old.currency}.`, { param: 'line_items' });
  }
  return { line_items };
}

function changedPayment(
  old: CheckoutSessionRecord,
  given: NonNullable<Read<typeof updateTable>['payment_intent_data']>,
): { payment_data?: SessionPaymentData } {
  const data = old.payment_data;
  if (old.mode !== 'payment' || data === undefined) {
    throw invalidParam('You can only pass `payment_intent_data` in `payment` mode.', 'payment_intent_data');
  }
  const or = <T>(value: T | undefined, kept: T): T => (value === undefined ? kept : value);
  return {
    payment_data: {
      ...data,
      description: or(given.description, data.description),
      metadata: mergeMetadata(data.metadata, given.metadata),
      setup_future_usage: or(given.setup_future_usage, data.setup_future_usage),
      statement_descriptor: or(given.statement_descriptor, data.statement_descriptor),
      statement_descriptor_suffix: or(given.statement_descriptor_suffix, data.statement_descriptor_suffix),
    },
  };
}

function update(context: Context, params: Read<typeof updateTable>, id: string): object {
  const { tx } = context;
  const old = findSession(tx, id);
  const more = Object.keys(params).filter((name) => name !== 'metadata');
  if (old.status !== 'open' && more.length > 0) {
    throw invalid(`Only the metadata of a session with a status of ${old.status} can be updated.`, {
      param: more[0] ?? 'metadata',
    });
  }
  const where = params.collected_information?.shipping_details;
  const shipping =
    where?.address === undefined
      ? null
      : { address: where.address, carrier: null, name: where.name ?? '', phone: null, tracking_number: null };
  const session = tx.put('checkout_session', {
    ...old,
    ...(params.line_items === undefined ? {} : changedLines(context, old, params.line_items)),
    ...(params.payment_intent_data === undefined ? {} : changedPayment(old, params.payment_intent_data)),
    ...(shipping === null ? {} : { answers: { ...(old.answers ?? no_answers), shipping } }),
    metadata: mergeMetadata(old.metadata, params.metadata),
  });
  return renderSession(tx, session);
}

const listTable = {
  ...pageParams,
  created: range(),
  customer: text(),
  customer_details: shape({ email: text(512) }),
  payment_intent: text(),
  payment_link: text(),
  status: oneOf(['open', 'complete', 'expired']),
  subscription: text(),
};

export const checkoutSessionRoutes = [
  route('POST /v1/checkout/sessions', createTable, (context, params) =>
    renderSession(context.tx, createSession(context, params)),
  ),
  route('GET /v1/checkout/sessions/{id}', {}, ({ tx }, _params, id) => renderSession(tx, findSession(tx, id))),
  route('POST /v1/checkout/sessions/{id}', updateTable, update),
  route('GET /v1/checkout/sessions', listTable, ({ tx }, params) => {
    const email = params.customer_details?.email?.toLowerCase();
    const wanted = tx.all('checkout_session').filter((session) => {
      if (params.customer !== undefined && session.customer !== params.customer) return false;
      if (params.subscription !== undefined && session.subscription !== params.subscription) return false;
      if (params.payment_intent !== undefined && session.payment_intent !== params.payment_intent) return false;
      if (params.payment_link !== undefined && session.payment_link !== params.payment_link) return false;
      if (params.status !== undefined && session.status !== params.status) return false;
      if (email !== undefined && session.customer_details?.email?.toLowerCase() !== email) return false;
      return within(session.created, params.created);
    });
    return page('/v1/checkout/sessions', wanted, params, 'checkout.session', (each) => renderSession(tx, each));
  }),
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
