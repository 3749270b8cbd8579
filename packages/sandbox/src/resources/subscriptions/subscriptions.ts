import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  emptyable,
  flag,
  inert,
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
import type { CancelFeedback, SubscriptionRecord, SubscriptionStatus } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import { type Context, orderEvents, schedule, unschedule } from '../context.ts';
import { findCustomer } from '../customers/customers.ts';
import { discountsParam, endDiscounts, redeemAll } from '../invoices/discounts.ts';
import { cardError, noMethod, renderPaymentMethod, resolvePaymentMethod } from '../payments/payment-methods.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { refuseManagedEnding } from '../schedules/schedule-end.ts';
import { billPending } from './subscription-cycle.ts';
import { cancelSubscription, updateSubscription } from './subscription-end.ts';
import { renderItem, renderSubscription } from './subscription-render.ts';
import { changeSubscription, changesBilling, creditEnd, type Wish } from './subscription-change.ts';
import { changeParams, itemsParam } from './subscription-items-params.ts';
import { pauseCollection, pauseCollectionParam } from './subscription-pause.ts';
import { startSubscription } from './subscription-start.ts';
import { missingMethodOf, trialEndOf, trialEndParam, trialParams, trialSettingsParam } from './subscription-trials.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { quantityOf } from '../usage/usage-lines.ts';

const CREATE_ORDER = [
  'invoice.created',
  'invoice.finalized',
  'payment_intent.created',
  'charge.succeeded',
  'charge.failed',
  'payment_intent.succeeded',
  'payment_intent.payment_failed',
  'invoice.paid',
  'invoice.payment_succeeded',
  'invoice.payment_failed',
  'customer.subscription.created',
  'invoice_payment.paid',
];

const cancellationDetails = shape({
  comment: emptyable(text()),
  feedback: emptyable(
    oneOf<CancelFeedback>([
      'customer_service',
      'low_quality',
      'missing_features',
      'other',
      'switched_service',
      'too_complex',
      'too_expensive',
      'unused',
    ]),
  ),
});

const createTable = {
  customer: text(),
  items: list(shape({ price: text(), quantity: integer(0, 999_999), metadata: metadata() }), 20),
  metadata: metadata(),
  default_payment_method: text(),
  default_tax_rates: emptyable(list(text(), 5)),
  description: text(500),
  discounts: discountsParam,
  payment_behavior: oneOf(['allow_incomplete', 'default_incomplete', 'error_if_incomplete'], ['pending_if_incomplete']),
  payment_settings: shape({
    save_default_payment_method: oneOf(['off', 'on_subscription']),
    // The sandbox knows cards only.
    payment_method_types: inert(),
  }),
  off_session: flag(),
  collection_method: oneOf(['charge_automatically'], ['send_invoice']),
  currency: text(3),
  cancel_at: integer(),
  cancel_at_period_end: flag(),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  ...trialParams,
  billing_mode: shape({ type: oneOf(['flexible'], ['classic']) }),
};

function find(tx: Tx, id: string): SubscriptionRecord {
  const subscription = tx.get('subscription', id);
  if (subscription === undefined) throw noSuch('subscription', id);
  return subscription;
}

function ownMethod(context: Context, customer: string, id: string): string {
  const method = resolvePaymentMethod(context, id, 'default_payment_method');
  if (method.customer !== customer) {
    throw invalid(
      `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
      { code: 'resource_missing', param: 'default_payment_method' },
    );
  }
  return method.id;
}

function create(context: Context, params: Read<typeof createTable>): Wire<Stripe.Subscription> {
  const { tx } = context;
  if (params.customer === undefined) throw missingParam('customer');
  if (params.items === undefined) throw missingParam('items');
  const customer = findCustomer(tx, params.customer, 'customer');
  const own =
    params.default_payment_method === undefined ? null : ownMethod(context, customer.id, params.default_payment_method);
  const method_id = own ?? customer.default_payment_method;
  const behavior = params.payment_behavior ?? 'allow_incomplete';
  const pay_later = behavior === 'default_incomplete';
  const trial_end = trialEndOf(tx, params);
  if (method_id === null && !pay_later && trial_end === null) {
    throw noMethod();
  }
  const started = startSubscription(context, {
    customer,
    description: params.description ?? null,
    items: params.items.map((item, index) => {
      if (item.price === undefined) throw missingParam(`items[${index}][price]`);
      const own_metadata = mergeMetadata({}, item.metadata);
      return {
        price: item.price,
        quantity: quantityOf(tx, item.price, item.quantity, `items[${index}][quantity]`),
        metadata: own_metadata,
        param: `items[${index}][price]`,
      };
    }),
    metadata: mergeMetadata({}, params.metadata),
    discounts: params.discounts ?? [],
    default_tax_rates: findTaxRates(tx, params.default_tax_rates ?? [], 'default_tax_rates'),
    default_payment_method: own,
    missing_payment_method: missingMethodOf(params.trial_settings) ?? 'create_invoice',
    trial_end,
    save_default_payment_method: params.payment_settings?.save_default_payment_method ?? 'off',
    pay_with: method_id === null ? null : tx.need('payment_method', method_id),
    pay_later,
    off_session: params.off_session ?? false,
    authenticated: false,
  });
  const { attempt } = started;
  if (behavior === 'error_if_incomplete' && attempt?.outcome === 'failed' && attempt.failure !== null) {
    throw cardError(attempt.failure, {}, 'undone');
  }
  const subscription = applyEnding(context, started.subscription, params);
  orderEvents(context, CREATE_ORDER);
  return renderSubscription(tx, subscription);
}

/** Applies `cancel_at` and `cancel_at_period_end`, which are two names of one date. */
function applyEnding(
  context: Context,
  subscription: SubscriptionRecord,
  params: { cancel_at?: number | null | undefined; cancel_at_period_end?: boolean | undefined },
): SubscriptionRecord {
  const { tx } = context;
  if (params.cancel_at === undefined && params.cancel_at_period_end === undefined) return subscription;
  if (params.cancel_at !== undefined && params.cancel_at_period_end === true) {
    throw invalid('You may only specify one of these parameters: cancel_at, cancel_at_period_end.', {
      param: 'cancel_at',
    });
  }
  const period_end = subscription.items[0]?.current_period_end ?? tx.now;
  const wanted = params.cancel_at_period_end === true ? period_end : (params.cancel_at ?? null);
  if (wanted !== null && wanted <= tx.now) {
    throw invalidParam('The `cancel_at` timestamp must be in the future.', 'cancel_at');
  }
  unschedule(context, 'cancel', subscription.id);
  if (wanted !== null) schedule(context, wanted, 'cancel', subscription.id);
  return tx.put('subscription', {
    ...subscription,
    cancel_at: wanted,
    cancel_at_period_end: params.cancel_at_period_end ?? false,
    canceled_at: wanted === null ? null : tx.now,
    cancellation: { ...subscription.cancellation, reason: wanted === null ? null : 'cancellation_requested' },
  });
}

/** What a change that may have to wait can carry. https://docs.stripe.com/billing/subscriptions/pending-updates-reference */
const parkable = [
  'items',
  'billing_cycle_anchor',
  'payment_behavior',
  'proration_behavior',
  'proration_date',
  'trial_end',
  'off_session',
];

function checkParkable(params: { payment_behavior?: string | undefined }): void {
  if (params.payment_behavior !== 'pending_if_incomplete') return;
  const other = Object.keys(params).find((name) => !parkable.includes(name));
  if (other === undefined) return;
  throw invalid(`You cannot pass \`${other}\` together with \`payment_behavior\` set to \`pending_if_incomplete\`.`, {
    param: other,
  });
}

const updateTable = {
  metadata: metadata(),
  cancel_at: emptyable(integer()),
  cancel_at_period_end: flag(),
  cancellation_details: cancellationDetails,
  default_payment_method: emptyable(text()),
  default_tax_rates: createTable.default_tax_rates,
  discounts: discountsParam,
  description: emptyable(text(500)),
  payment_settings: createTable.payment_settings,
  collection_method: createTable.collection_method,
  off_session: flag(),
  ...changeParams,
  billing_cycle_anchor: shape({ type: oneOf(['now', 'unchanged']) }),
  items: itemsParam,
  pause_collection: pauseCollectionParam,
  trial_end: trialEndParam,
  trial_settings: trialSettingsParam,
};

function update(context: Context, params: Read<typeof updateTable>, id: string): Wire<Stripe.Subscription> {
  const { tx } = context;
  const old = find(tx, id);
  if (old.status === 'canceled' || old.status === 'incomplete_expired') {
    const others = Object.keys(params).filter((name) => name !== 'metadata' && name !== 'cancellation_details');
    if (others.length > 0) {
      throw invalid(
        old.status === 'canceled'
          ? 'A canceled subscription can only update its cancellation_details.'
          : 'You cannot update a subscription that is `canceled` or `incomplete_expired`.',
      );
    }
  }
  checkParkable(params);
  refuseManagedEnding(tx, old, params);
  const method = params.default_payment_method;
  const has = old.discounts ?? [];
  const discounts =
    params.discounts === undefined
      ? has
      : redeemAll(
          context,
          params.discounts ?? [],
          { customer: old.customer, subscription: id },
          {
            currency: old.currency,
            amount: null,
            has,
          },
        );
  const { comment, feedback } = params.cancellation_details ?? {};
  const changed = applyEnding(
    context,
    {
      ...old,
      cancellation: {
        ...old.cancellation,
        comment: comment === undefined ? old.cancellation.comment : comment,
        feedback: feedback === undefined ? old.cancellation.feedback : feedback,
      },
      default_payment_method:
        method === undefined ? old.default_payment_method : method && ownMethod(context, old.customer, method),
      default_tax_rates:
        params.default_tax_rates === undefined
          ? (old.default_tax_rates ?? [])
          : findTaxRates(tx, params.default_tax_rates ?? [], 'default_tax_rates'),
      discounts,
      description: params.description === undefined ? old.description : params.description,
      metadata: mergeMetadata(old.metadata, params.metadata),
      missing_payment_method: missingMethodOf(params.trial_settings) ?? old.missing_payment_method ?? 'create_invoice',
      pause_collection:
        params.pause_collection === undefined
          ? (old.pause_collection ?? null)
          : pauseCollection(context, old, params.pause_collection),
      save_default_payment_method:
        params.payment_settings?.save_default_payment_method ?? old.save_default_payment_method,
    },
    params,
  );
  endDiscounts(
    context,
    has.filter((each) => !discounts.includes(each)),
  );
  const wish: Wish = { ...params, resets_anchor: params.billing_cycle_anchor?.type === 'now' };
  if (changesBilling(wish)) return renderSubscription(tx, changeSubscription(context, old, changed, wish));
  return renderSubscription(tx, updateSubscription(context, old, changed));
}

const statuses: readonly (SubscriptionStatus | 'all' | 'ended')[] = [
  'active',
  'all',
  'canceled',
  'ended',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
];

function hasStatus(subscription: SubscriptionRecord, wanted: string | undefined): boolean {
  if (wanted === undefined) return subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired';
  if (wanted === 'all') return true;
  if (wanted === 'ended') return subscription.ended_at !== null;
  return subscription.status === wanted;
}

export const subscriptionRoutes = [
  route('POST /v1/subscriptions', createTable, create),
  route('GET /v1/subscriptions/{id}', {}, ({ tx }, _params, id) => renderSubscription(tx, find(tx, id))),
  route('POST /v1/subscriptions/{id}', updateTable, update),
  route(
    'DELETE /v1/subscriptions/{id}',
    { cancellation_details: cancellationDetails, invoice_now: flag(), prorate: flag() },
    (context, params, id) => {
      const { tx } = context;
      const subscription = find(tx, id);
      if (subscription.ended_at !== null) throw noSuch('subscription', id);
      const { comment, feedback } = params.cancellation_details ?? {};
      if (params.prorate === true) creditEnd(context, subscription);
      const canceled = cancelSubscription(context, subscription, 'cancellation_requested', {
        ...(comment === undefined ? {} : { comment }),
        ...(feedback === undefined ? {} : { feedback }),
      });
      return renderSubscription(tx, params.invoice_now === true ? billPending(context, canceled) : canceled);
    },
  ),
  route(
    'GET /v1/subscriptions',
    {
      ...pageParams,
      created: range(),
      current_period_end: range(),
      current_period_start: range(),
      customer: text(),
      price: text(),
      test_clock: text(),
      status: oneOf(statuses, ['unpaid']),
      collection_method: createTable.collection_method,
    },
    ({ tx }, params) => {
      const wanted = tx.all('subscription').filter((each) => {
        if (!hasStatus(each, params.status)) return false;
        if (params.customer !== undefined && each.customer !== params.customer) return false;
        if (!listed(tx, each.customer, params)) return false;
        if (params.price !== undefined && !each.items.some((item) => item.price === params.price)) return false;
        const [item] = each.items;
        return (
          within(each.created, params.created) &&
          within(item?.current_period_end ?? 0, params.current_period_end) &&
          within(item?.current_period_start ?? 0, params.current_period_start)
        );
      });
      return page('/v1/subscriptions', wanted, params, 'subscription', (each) => renderSubscription(tx, each));
    },
  ),
  route('GET /v1/subscription_items', { ...pageParams, subscription: text() }, ({ tx }, params) => {
    const id = params.subscription ?? '';
    const subscription = tx.get('subscription', id);
    if (subscription === undefined) throw noSuch('subscription', id, 'subscription');
    const items = subscription.items.toReversed();
    return page('/v1/subscription_items', items, params, 'subscription_item', (item) => renderItem(tx, item, id));
  }),
  route('GET /v1/subscription_items/{id}', {}, ({ tx }, _params, id) => {
    const subscription = tx.all('subscription').find((each) => each.items.some((item) => item.id === id));
    const item = subscription?.items.find((each) => each.id === id);
    if (subscription === undefined || item === undefined) throw noSuch('subscription_item', id);
    return renderItem(tx, item, subscription.id);
  }),
];

/** What a card error on an invoice carries besides its code. */
export function failureFields(tx: Tx, intent_id: string | null): Record<string, object | string> {
  const intent = intent_id === null ? undefined : tx.get('payment_intent', intent_id);
  if (intent === undefined) return {};
  const method = tx.get('payment_method', intent.last_failure?.payment_method ?? '');
  return {
    payment_intent: renderPaymentIntent(tx, intent),
    ...(intent.last_failure?.charge ? { charge: intent.last_failure.charge } : {}),
    ...(method === undefined ? {} : { payment_method: renderPaymentMethod(method) }),
  };
}
