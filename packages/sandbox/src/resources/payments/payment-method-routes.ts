import { missingParam } from '../../contract/contract.ts';
import { invalid, noSuch } from '../../http/api-error.ts';
import { page, pageParams } from '../../http/lists.ts';
import { integer, mergeMetadata, metadata, oneOf, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PaymentMethodRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emitUpdate } from '../context.ts';
import { updateCustomer } from '../customers/customer-record.ts';
import { updateSubscription } from '../subscriptions/subscription-end.ts';
import { detailsParam, givenTable, mergeDetails, methodOfGiven, readGiven, redisplayParam } from './given-cards.ts';
import { endMandates } from './mandates.ts';
import { attachForCustomer, renderPaymentMethod } from './payment-methods.ts';

function find(tx: Tx, id: string): PaymentMethodRecord {
  const method = tx.get('payment_method', id);
  if (method === undefined) throw noSuch('PaymentMethod', id);
  return method;
}

/** There are cards only; a list of another type is empty. */
const methodType = oneOf(['card', 'link', 'paypal', 'sepa_debit', 'us_bank_account']);

function listOf(
  tx: Tx,
  wanted: { customer?: string | undefined; type?: string | undefined; allow_redisplay?: string | undefined },
): PaymentMethodRecord[] {
  return tx.all('payment_method').filter((each) => {
    if (each.customer === null || each.customer !== wanted.customer) return false;
    if (wanted.type !== undefined && wanted.type !== 'card') return false;
    return wanted.allow_redisplay === undefined || each.allow_redisplay === wanted.allow_redisplay;
  });
}

/** Takes a card from its customer; what it was the default of is told so. */
export function detachMethod(context: Context, method: PaymentMethodRecord): PaymentMethodRecord {
  const { tx } = context;
  const { id } = method;
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
  endMandates(context, id);
  emitUpdate(context, 'payment_method.detached', renderPaymentMethod(method), renderPaymentMethod(detached));
  return detached;
}

export const paymentMethodRoutes = [
  route('POST /v1/payment_methods', givenTable, (context, params) =>
    renderPaymentMethod(methodOfGiven(context, readGiven(context, params))),
  ),
  route('GET /v1/payment_methods/{id}', {}, ({ tx }, _params, id) => renderPaymentMethod(find(tx, id))),
  route(
    'POST /v1/payment_methods/{id}',
    {
      billing_details: detailsParam,
      metadata: metadata(),
      allow_redisplay: redisplayParam,
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
    { ...pageParams, customer: text(), type: methodType, allow_redisplay: redisplayParam },
    ({ tx }, params) => {
      if (params.customer !== undefined && tx.get('customer', params.customer) === undefined) {
        throw noSuch('customer', params.customer, 'customer');
      }
      return page('/v1/payment_methods', listOf(tx, params), params, 'PaymentMethod', renderPaymentMethod);
    },
  ),
  route(
    'GET /v1/customers/{id}/payment_methods',
    { ...pageParams, type: methodType, allow_redisplay: redisplayParam },
    ({ tx }, params, id) => {
      if (tx.get('customer', id) === undefined) throw noSuch('customer', id);
      const url = `/v1/customers/${id}/payment_methods`;
      return page(url, listOf(tx, { ...params, customer: id }), params, 'PaymentMethod', renderPaymentMethod);
    },
  ),
  route('GET /v1/customers/{id}/payment_methods/{id}', {}, ({ tx }, _params, ids) => {
    const [customer = '', id = ''] = ids.split('/');
    if (tx.get('customer', customer) === undefined) throw noSuch('customer', customer);
    const method = find(tx, id);
    if (method.customer !== customer) throw noSuch('PaymentMethod', id);
    return renderPaymentMethod(method);
  }),
  route('POST /v1/payment_methods/{id}/attach', { customer: text() }, (context, params, id) => {
    if (params.customer === undefined) throw missingParam('customer');
    const customer = context.tx.get('customer', params.customer);
    if (customer === undefined || customer.deleted) throw noSuch('customer', params.customer, 'customer');
    return renderPaymentMethod(attachForCustomer(context, id, customer.id, 'id'));
  }),
  route('POST /v1/payment_methods/{id}/detach', {}, (context, _params, id) =>
    renderPaymentMethod(detachMethod(context, find(context.tx, id))),
  ),
];
