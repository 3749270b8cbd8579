import { renderAutomaticTax } from '../automatic-tax.ts';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { embeddedList } from '../../http/lists.ts';
import type { BillingScheduleRecord, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { modeOf } from './billing-mode.ts';
import { renderTaxRate } from '../catalog/tax-rates.ts';
import { renderPlan, renderPrice } from '../catalog/prices.ts';

/** Renders a subscription item with its price inside. */
export function renderItem(
  tx: Tx,
  item: SubscriptionItemRecord,
  subscription_id: string,
): Wire<Stripe.SubscriptionItem> {
  const price = tx.need('price', item.price);
  return {
    id: item.id,
    object: 'subscription_item',
    ...(item.billed_until === undefined ? {} : { billed_until: item.billed_until }),
    billing_thresholds: item.billing_thresholds ?? null,
    created: item.created,
    current_period_end: item.current_period_end,
    current_period_start: item.current_period_start,
    current_trial: item.current_trial ?? null,
    discounts: item.discounts ?? [],
    metadata: item.metadata,
    plan: renderPlan(price),
    price: renderPrice(price),
    ...(price.recurring?.meter === undefined ? { quantity: item.quantity } : {}),
    subscription: subscription_id,
    tax_rates: (item.tax_rates ?? []).map((id) => renderTaxRate(tx.need('tax_rate', id))),
  };
}

function pausedDetails(subscription: SubscriptionRecord): Pick<Wire<Stripe.Subscription>, 'status_details'> {
  const { paused } = subscription;
  if (paused == null) return {};
  const { at: transitioned_at, reason } = paused;
  return { status_details: { paused: { subscription: { type: reason }, transitioned_at, type: 'subscription' } } };
}

/** A change that waits for its payment, with the items it would set. */
function pendingUpdate(tx: Tx, subscription: SubscriptionRecord): Wire<Stripe.Subscription>['pending_update'] {
  const { pending_update: pending } = subscription;
  if (pending == null) return null;
  const { change } = pending;
  const moves = change.billing_cycle_anchor !== subscription.billing_cycle_anchor;
  return {
    billing_cycle_anchor: moves ? change.billing_cycle_anchor : null,
    cancel_at_period_end: null,
    discount: null,
    discounts: null,
    expires_at: pending.expires_at,
    metadata: null,
    subscription_items: change.items.map((item) => renderItem(tx, item, subscription.id)),
    trial_end: change.trial_end === (subscription.trial_end ?? null) ? null : change.trial_end,
    trial_from_plan: null,
  };
}

export function renderMode(
  subscription: Pick<SubscriptionRecord, 'billing_mode'>,
): Wire<Stripe.Subscription>['billing_mode'] {
  const { type, proration_discounts, updated_at } = modeOf(subscription);
  return {
    flexible: type === 'flexible' ? { proration_discounts } : null,
    type,
    ...(updated_at === null ? {} : { updated_at }),
  };
}

function renderSchedule(schedule: BillingScheduleRecord): Wire<Stripe.Subscription>['billing_schedules'][number] {
  const { applies_to, bill_until, key } = schedule;
  return {
    applies_to: applies_to?.map((price) => ({ price, type: 'price' as const })) ?? null,
    bill_until,
    key,
  };
}

/** Renders a subscription; periods stand on the items. */
export function renderSubscription(tx: Tx, subscription: SubscriptionRecord): Wire<Stripe.Subscription> {
  const items = subscription.items.map((item) => renderItem(tx, item, subscription.id));
  return {
    id: subscription.id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: renderAutomaticTax(subscription.automatic_tax),
    billing_cycle_anchor: subscription.billing_cycle_anchor,
    billing_cycle_anchor_config: subscription.anchor_config ?? null,
    billing_mode: renderMode(subscription),
    billing_schedules: (subscription.billing_schedules ?? []).map(renderSchedule),
    billing_thresholds: subscription.billing_thresholds ?? null,
    cancel_at: subscription.cancel_at,
    cancel_at_period_end: subscription.cancel_at_period_end,
    canceled_at: subscription.canceled_at,
    cancellation_details: { ...subscription.cancellation, feedback_option: null },
    collection_method: subscription.collection_method ?? 'charge_automatically',
    created: subscription.created,
    currency: subscription.currency,
    customer: subscription.customer,
    customer_account: null,
    days_until_due: subscription.days_until_due ?? null,
    default_payment_method: subscription.default_payment_method,
    default_source: null,
    default_tax_rates: (subscription.default_tax_rates ?? []).map((id) => renderTaxRate(tx.need('tax_rate', id))),
    description: subscription.description,
    discounts: subscription.discounts ?? [],
    ended_at: subscription.ended_at,
    invoice_settings: {
      ...(subscription.invoice_settings ?? {
        account_tax_ids: null,
        custom_fields: null,
        description: null,
        footer: null,
      }),
      issuer: { type: 'self' },
    },
    items: embeddedList(`/v1/subscription_items?subscription=${subscription.id}`, items, 20),
    latest_invoice: subscription.latest_invoice,
    livemode: false,
    managed_payments: null,
    metadata: subscription.metadata,
    next_pending_invoice_item_invoice: subscription.next_pending_invoice_item_invoice ?? null,
    on_behalf_of: null,
    pause_collection: subscription.pause_collection ?? null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: subscription.save_default_payment_method,
    },
    pending_invoice_item_interval: subscription.pending_invoice_item_interval ?? null,
    pending_setup_intent: subscription.pending_setup_intent ?? null,
    pending_update: pendingUpdate(tx, subscription),
    schedule: subscription.schedule ?? null,
    start_date: subscription.start_date ?? subscription.created,
    status: subscription.status,
    ...pausedDetails(subscription),
    test_clock: tx.get('customer', subscription.customer)?.test_clock ?? null,
    transfer_data: null,
    trial_end: subscription.trial_end ?? null,
    trial_settings: {
      end_behavior: {
        billing_cycle_anchor: subscription.trial_anchor ?? null,
        missing_payment_method: subscription.missing_payment_method ?? 'create_invoice',
      },
    },
    trial_start: subscription.trial_start ?? null,
  };
}
