import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import { emptyable, flag, oneOf, refused, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CancelFeedback, SubscriptionRecord, SubscriptionStatus } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { listed } from '../../time/test-clock.ts';
import type { Context } from '../context.ts';
import { renderPaymentMethod } from '../payments/payment-methods.ts';
import { renderPaymentIntent } from '../payments/payment-intents.ts';
import { billingModeParam, isClassic, modeOf, wantedMode } from './billing-mode.ts';
import { cancelSubscription, updateSubscription } from './subscription-end.ts';
import { billPending, creditEnd, dropProrations } from './subscription-ending.ts';
import { renderItem, renderSubscription } from './subscription-render.ts';

/** Why a subscription ends, in the words of who ends it. */
export const cancellationDetails = shape({
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
  feedback_option: refused('Reasons for leaving are the five of the API.'),
});

/** A subscription by the id in the path. */
export function findSubscription(tx: Tx, id: string): SubscriptionRecord {
  const subscription = tx.get('subscription', id);
  if (subscription === undefined) throw noSuch('subscription', id);
  return subscription;
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
  'unpaid',
];

function hasStatus(subscription: SubscriptionRecord, wanted: string | undefined): boolean {
  if (wanted === undefined) return subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired';
  if (wanted === 'all') return true;
  if (wanted === 'ended') return subscription.ended_at !== null;
  return subscription.status === wanted;
}

/** From classic to flexible billing, and never back; what is made already stays as it is. */
function migrate(
  context: Context,
  params: { billing_mode?: ReturnType<typeof billingModeParam.read> | undefined },
  id: string,
): object {
  const { tx } = context;
  const old = findSubscription(tx, id);
  if (old.ended_at !== null) throw invalid('A canceled subscription can only update its cancellation_details.');
  if (params.billing_mode?.type !== 'flexible') {
    throw invalidParam('A subscription can only be migrated to `flexible`.', 'billing_mode[type]');
  }
  if (!isClassic(old)) {
    throw invalid(`The subscription ${id} has the billing mode \`${modeOf(old).type}\` already.`, {
      param: 'billing_mode[type]',
    });
  }
  const billing_mode = { ...wantedMode(params.billing_mode), updated_at: tx.now };
  return renderSubscription(tx, updateSubscription(context, old, { billing_mode }));
}

export const subscriptionRoutes = [
  route('POST /v1/subscriptions/{id}/migrate', { billing_mode: billingModeParam }, migrate),
  route('GET /v1/subscriptions/{id}', {}, ({ tx }, _params, id) => renderSubscription(tx, findSubscription(tx, id))),
  route(
    'DELETE /v1/subscriptions/{id}',
    { cancellation_details: cancellationDetails, invoice_now: flag(), prorate: flag() },
    (context, params, id) => {
      const { tx } = context;
      const subscription = findSubscription(tx, id);
      if (subscription.ended_at !== null) throw noSuch('subscription', id);
      const { comment, feedback } = params.cancellation_details ?? {};
      if (params.prorate === true) creditEnd(context, subscription);
      const canceled = cancelSubscription(context, subscription, 'cancellation_requested', {
        ...(comment === undefined ? {} : { comment }),
        ...(feedback === undefined ? {} : { feedback }),
      });
      if (params.invoice_now !== true && params.prorate !== true) dropProrations(context, canceled);
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
      plan: text(),
      price: text(),
      test_clock: text(),
      status: oneOf(statuses),
      automatic_tax: shape({ enabled: flag() }),
      collection_method: oneOf(['charge_automatically', 'send_invoice']),
    },
    ({ tx }, params) => {
      const wanted = tx.all('subscription').filter((each) => {
        if (!hasStatus(each, params.status)) return false;
        if (params.customer !== undefined && each.customer !== params.customer) return false;
        if (!listed(tx, each.customer, params)) return false;
        const taxed = each.automatic_tax?.enabled ?? false;
        if (params.automatic_tax?.enabled !== undefined && params.automatic_tax.enabled !== taxed) return false;
        const { collection_method = 'charge_automatically' } = each;
        if (params.collection_method !== undefined && params.collection_method !== collection_method) return false;
        const price = params.price ?? params.plan;
        if (price !== undefined && !each.items.some((item) => item.price === price)) return false;
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
