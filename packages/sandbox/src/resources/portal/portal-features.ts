import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, oneOf, type Read, shape, text } from '../../http/params.ts';
import type { CancelFeedback, PortalFeatures, PortalProduct } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';

/** The reasons a customer may give for canceling. */
const reasons: readonly CancelFeedback[] = [
  'too_expensive',
  'missing_features',
  'switched_service',
  'unused',
  'customer_service',
  'too_complex',
  'low_quality',
  'other',
];

/** What a configuration enables that says nothing. */
export const nothing: PortalFeatures = {
  customer_update: { enabled: false, allowed_updates: [] },
  invoice_history: { enabled: false },
  payment_method_update: { enabled: false },
  subscription_cancel: {
    enabled: false,
    mode: 'at_period_end',
    proration_behavior: 'none',
    reasons: { enabled: false, options: [] },
  },
  subscription_pause: { enabled: false, type: 'indefinite', options: [] },
  subscription_update: {
    enabled: false,
    allowed: [],
    products: [],
    proration_behavior: 'none',
    billing_cycle_anchor: null,
    conditions: [],
    trial_update_behavior: 'end_trial',
  },
};

/** What the default configuration enables: everything that needs no list of products. */
export const everything: PortalFeatures = {
  ...nothing,
  customer_update: { enabled: true, allowed_updates: ['name', 'email', 'address', 'phone', 'tax_id'] },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true },
  subscription_cancel: {
    ...nothing.subscription_cancel,
    enabled: true,
    reasons: { enabled: true, options: reasons.filter((each) => each !== 'unused') },
  },
};

/** Stripe takes ten products. https://docs.stripe.com/api/customer_portal/configurations */
const MOST_PRODUCTS = 10;

const proration = oneOf(['always_invoice', 'create_prorations', 'none']);

const productTable = shape({
  adjustable_quantity: shape({ enabled: flag(), maximum: integer(1, 999_999), minimum: integer(0, 999_999) }),
  prices: list(text()),
  product: text(),
});

export const featuresTable = shape({
  customer_update: shape({
    enabled: flag(),
    allowed_updates: emptyable(list(oneOf(['address', 'email', 'name', 'phone', 'tax_id'], ['shipping']))),
  }),
  invoice_history: shape({ enabled: flag() }),
  payment_method_update: shape({ enabled: flag() }),
  subscription_cancel: shape({
    enabled: flag(),
    mode: oneOf(['at_period_end', 'immediately']),
    proration_behavior: proration,
    cancellation_reason: shape({ enabled: flag(), options: emptyable(list(oneOf(reasons))) }),
  }),
  subscription_pause: shape({
    enabled: flag(),
    duration: shape({
      interval_options: emptyable(
        list(shape({ interval: oneOf(['day', 'month', 'week', 'year']), interval_count: integer(1, 1_000) }), 10),
      ),
      type: oneOf(['indefinite', 'interval_options']),
    }),
  }),
  subscription_update: shape({
    billing_cycle_anchor: oneOf(['now', 'unchanged']),
    default_allowed_updates: emptyable(list(oneOf(['price', 'promotion_code', 'quantity']))),
    enabled: flag(),
    products: emptyable(list(productTable, MOST_PRODUCTS)),
    proration_behavior: proration,
    schedule_at_period_end: shape({
      conditions: emptyable(list(shape({ type: oneOf(['decreasing_item_amount', 'shortening_interval']) }))),
    }),
    trial_update_behavior: oneOf(['continue_trial', 'end_trial']),
  }),
});

type Sent = NonNullable<Read<{ features: typeof featuresTable }>['features']>;

function quantityOf(
  sent: NonNullable<NonNullable<Sent['subscription_update']>['products']>[number]['adjustable_quantity'],
  path: string,
): PortalProduct['adjustable_quantity'] {
  const { enabled = false, maximum = null, minimum = 1 } = sent ?? {};
  if (maximum !== null && maximum < minimum) {
    throw invalidParam('The maximum must not be smaller than the minimum.', `${path}[maximum]`);
  }
  return { enabled, maximum, minimum };
}

function productsOf(tx: Tx, sent: NonNullable<NonNullable<Sent['subscription_update']>['products']>): PortalProduct[] {
  return sent.map((each, index) => {
    const path = `features[subscription_update][products][${index}]`;
    if (each.product === undefined) throw missingParam(`${path}[product]`);
    if (tx.get('product', each.product) === undefined) throw noSuch('product', each.product, `${path}[product]`);
    const prices = each.prices ?? [];
    if (prices.length === 0) throw missingParam(`${path}[prices]`);
    for (const [at, id] of prices.entries()) {
      const price = tx.get('price', id);
      const param = `${path}[prices][${at}]`;
      if (price === undefined) throw noSuch('price', id, param);
      if (price.product !== each.product) throw invalid(`The price ${id} belongs to another product.`, { param });
      if (price.recurring === null) {
        throw invalid(
          'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
          { param },
        );
      }
    }
    return {
      product: each.product,
      prices,
      adjustable_quantity: quantityOf(each.adjustable_quantity, `${path}[adjustable_quantity]`),
    };
  });
}

function updates(
  tx: Tx,
  old: PortalFeatures['subscription_update'],
  sent: Sent['subscription_update'],
): PortalFeatures['subscription_update'] {
  const conditions = sent?.schedule_at_period_end?.conditions;
  const merged = {
    enabled: sent?.enabled ?? old.enabled,
    allowed: sent?.default_allowed_updates === undefined ? old.allowed : (sent.default_allowed_updates ?? []),
    products: sent?.products === undefined ? old.products : productsOf(tx, sent.products ?? []),
    proration_behavior: sent?.proration_behavior ?? old.proration_behavior,
    billing_cycle_anchor: sent?.billing_cycle_anchor ?? old.billing_cycle_anchor,
    conditions:
      conditions === undefined
        ? old.conditions
        : (conditions ?? []).flatMap(({ type }) => (type === undefined ? [] : [type])),
    trial_update_behavior: sent?.trial_update_behavior ?? old.trial_update_behavior,
  };
  if (merged.enabled && merged.products.length === 0) throw missingParam('features[subscription_update][products]');
  if (merged.enabled && merged.allowed.length === 0) {
    throw missingParam('features[subscription_update][default_allowed_updates]');
  }
  return merged;
}

function pauses(
  old: PortalFeatures['subscription_pause'],
  sent: Sent['subscription_pause'],
): PortalFeatures['subscription_pause'] {
  const options = sent?.duration?.interval_options;
  const merged = {
    enabled: sent?.enabled ?? old.enabled,
    type: sent?.duration?.type ?? old.type,
    options:
      options === undefined
        ? old.options
        : (options ?? []).map(({ interval, interval_count = 1 }, index) => {
            if (interval === undefined) {
              throw missingParam(`features[subscription_pause][duration][interval_options][${index}][interval]`);
            }
            return { interval, interval_count };
          }),
  };
  if (merged.type === 'interval_options' && merged.options.length === 0) {
    throw missingParam('features[subscription_pause][duration][interval_options]');
  }
  return merged;
}

/** Features as sent, over those there were. */
export function mergeFeatures(tx: Tx, old: PortalFeatures, sent: Sent): PortalFeatures {
  const { customer_update, invoice_history, payment_method_update, subscription_cancel } = sent;
  const allowed = customer_update?.allowed_updates;
  const why = subscription_cancel?.cancellation_reason;
  return {
    customer_update: {
      enabled: customer_update?.enabled ?? old.customer_update.enabled,
      allowed_updates: allowed === undefined ? old.customer_update.allowed_updates : (allowed ?? []),
    },
    invoice_history: { enabled: invoice_history?.enabled ?? old.invoice_history.enabled },
    payment_method_update: { enabled: payment_method_update?.enabled ?? old.payment_method_update.enabled },
    subscription_cancel: {
      enabled: subscription_cancel?.enabled ?? old.subscription_cancel.enabled,
      mode: subscription_cancel?.mode ?? old.subscription_cancel.mode,
      proration_behavior: subscription_cancel?.proration_behavior ?? old.subscription_cancel.proration_behavior,
      reasons: {
        enabled: why?.enabled ?? old.subscription_cancel.reasons.enabled,
        options: why?.options === undefined ? old.subscription_cancel.reasons.options : (why.options ?? []),
      },
    },
    subscription_pause: pauses(old.subscription_pause, sent.subscription_pause),
    subscription_update: updates(tx, old.subscription_update, sent.subscription_update),
  };
}
