import type Stripe from 'stripe';
import { missingParam } from '../../contract/contract.ts';
import type { Wire } from '../../contract/wire.ts';
import { invalid } from '../../http/api-error.ts';
import {
  currencyCode,
  emptyable,
  flag,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import { checkTaxLocation } from '../automatic-tax.ts';
import { type Context, orderEvents } from '../context.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { findCustomer } from '../customers/customers.ts';
import { discountsParam } from '../invoices/discounts.ts';
import { cardError, noMethod, resolvePaymentMethod } from '../payments/payment-methods.ts';
import { addInvoiceItemsParam } from './add-invoice-items.ts';
import { billingModeParam, wantedMode } from './billing-mode.ts';
import { anchoringOf, anchorParams } from './subscription-anchors.ts';
import { applyEnding, cancelAtParam } from './subscription-ending.ts';
import { newItemOf, newItemsParam } from './subscription-items-params.ts';
import { renderSubscription } from './subscription-render.ts';
import { customerAccount, settingsOf, settingsParams } from './subscription-settings.ts';
import { needsAction } from './subscription-change.ts';
import { startSubscription } from './subscription-start.ts';
import { missingMethodOf, trialAnchorOf, trialEndOf, trialParams } from './subscription-trials.ts';

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

const createTable = {
  ...anchorParams,
  ...settingsParams,
  ...trialParams,
  add_invoice_items: addInvoiceItemsParam,
  billing_mode: billingModeParam,
  cancel_at: cancelAtParam,
  cancel_at_period_end: flag(),
  currency: currencyCode(),
  customer: text(),
  customer_account: customerAccount,
  default_payment_method: text(),
  default_tax_rates: emptyable(list(text(), 5)),
  description: text(500),
  discounts: discountsParam,
  items: newItemsParam,
  metadata: metadata(),
  off_session: flag(),
  payment_behavior: oneOf(['allow_incomplete', 'default_incomplete', 'error_if_incomplete', 'pending_if_incomplete']),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
};

/** A payment method of the customer, for a subscription of theirs. */
export function ownMethod(context: Context, customer: string, id: string): string {
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
  if (behavior === 'pending_if_incomplete') {
    throw invalid('`pending_if_incomplete` is only for updates: there is nothing yet that could wait.', {
      param: 'payment_behavior',
    });
  }
  checkTaxLocation(tx, params.automatic_tax, customer.id);
  const settings = settingsOf(context, params, {});
  const pay_later = behavior === 'default_incomplete';
  const trial_end = trialEndOf(tx, params);
  const sends = settings.collection_method === 'send_invoice';
  if (method_id === null && !pay_later && trial_end === null && !sends) throw noMethod();
  const items = params.items.map((item, index) => newItemOf(context, item, `items[${index}]`));
  checkCurrency(context, params.currency, items);
  const started = startSubscription(context, {
    customer,
    description: params.description ?? null,
    items,
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
    anchoring: anchoringOf(tx, params, items, trial_end),
    add_invoice_items: params.add_invoice_items ?? [],
    settings: {
      ...settings,
      billing_mode: wantedMode(params.billing_mode),
      trial_anchor: trialAnchorOf(params.trial_settings),
    },
    ...(params.proration_behavior === undefined ? {} : { proration_behavior: params.proration_behavior }),
  });
  const { attempt } = started;
  if (behavior === 'error_if_incomplete') {
    if (attempt?.outcome === 'needs_action') throw cardError(needsAction, {}, 'undone');
    if (attempt?.outcome === 'failed' && attempt.failure !== null) throw cardError(attempt.failure, {}, 'undone');
  }
  const subscription = applyEnding(context, started.subscription, params);
  orderEvents(context, CREATE_ORDER);
  return renderSubscription(tx, subscription);
}

/** A price is charged in its own currency; naming another cannot change that. */
function checkCurrency(context: Context, currency: string | undefined, items: readonly { price: string }[]): void {
  if (currency === undefined) return;
  for (const [index, item] of items.entries()) {
    const price = context.tx.need('price', item.price);
    if (price.currency === currency) continue;
    throw invalid(
      `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${currency}\`.`,
      { param: `items[${index}][price]` },
    );
  }
}

export const subscriptionCreateRoutes = [route('POST /v1/subscriptions', createTable, create)];
