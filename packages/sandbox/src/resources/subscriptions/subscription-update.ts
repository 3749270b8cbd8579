import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalid } from '../../http/api-error.ts';
import { emptyable, flag, list, mergeMetadata, metadata, oneOf, type Read, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import { checkTaxLocation } from '../automatic-tax.ts';
import type { Context } from '../context.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { discountsParam, endDiscounts, redeemAll } from '../invoices/discounts.ts';
import { refuseManagedEnding } from '../schedules/schedule-end.ts';
import { addInvoiceItems, addInvoiceItemsParam } from './add-invoice-items.ts';
import { changesBilling, type Wish } from './change-plan.ts';
import { changeSubscription } from './subscription-change.ts';
import { ownMethod } from './subscription-create.ts';
import { applyEnding, cancelAtParam } from './subscription-ending.ts';
import { updateSubscription } from './subscription-end.ts';
import { changeParams, itemsParam } from './subscription-items-params.ts';
import { pauseCollection, pauseCollectionParam } from './subscription-pause.ts';
import { renderSubscription } from './subscription-render.ts';
import { settingsOf, settingsParams } from './subscription-settings.ts';
import {
  missingMethodOf,
  trialAnchorOf,
  trialEndParam,
  trialParams,
  trialSettingsParam,
} from './subscription-trials.ts';
import { cancellationDetails, findSubscription } from './subscriptions.ts';

/** What a change that may have to wait can carry. https://docs.stripe.com/billing/subscriptions/pending-updates-reference */
const parkable = [
  'items',
  'add_invoice_items',
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
  cancel_at: emptyable(cancelAtParam),
  cancel_at_period_end: flag(),
  cancellation_details: cancellationDetails,
  default_payment_method: emptyable(text()),
  default_tax_rates: emptyable(list(text(), 5)),
  discounts: discountsParam,
  description: emptyable(text(500)),
  off_session: flag(),
  ...settingsParams,
  add_invoice_items: addInvoiceItemsParam,
  ...changeParams,
  billing_cycle_anchor: shape({ type: oneOf(['now', 'unchanged']) }),
  items: itemsParam,
  pause_collection: pauseCollectionParam,
  trial_end: trialEndParam,
  trial_from_plan: trialParams.trial_from_plan,
  trial_settings: trialSettingsParam,
};

function update(context: Context, params: Read<typeof updateTable>, id: string): Wire<Stripe.Subscription> {
  const { tx } = context;
  const old = findSubscription(tx, id);
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
  checkTaxLocation(tx, params.automatic_tax, old.customer);
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
      ...(params.default_tax_rates === undefined
        ? {}
        : { default_tax_rates: findTaxRates(tx, params.default_tax_rates ?? [], 'default_tax_rates') }),
      ...(params.discounts === undefined ? {} : { discounts }),
      description: params.description === undefined ? old.description : params.description,
      metadata: mergeMetadata(old.metadata, params.metadata),
      missing_payment_method: missingMethodOf(params.trial_settings) ?? old.missing_payment_method ?? 'create_invoice',
      pause_collection:
        params.pause_collection === undefined
          ? (old.pause_collection ?? null)
          : pauseCollection(context, old, params.pause_collection),
      ...settingsOf(context, params, old),
      ...(params.trial_settings?.end_behavior?.billing_cycle_anchor === undefined
        ? {}
        : { trial_anchor: trialAnchorOf(params.trial_settings) }),
    },
    params,
  );
  endDiscounts(
    context,
    has.filter((each) => !discounts.includes(each)),
  );
  const wish: Wish = { ...params, resets_anchor: params.billing_cycle_anchor?.type === 'now' };
  if (!changesBilling(wish)) addInvoiceItems(context, changed, params.add_invoice_items ?? []);
  if (changesBilling(wish)) return renderSubscription(tx, changeSubscription(context, old, changed, wish));
  return renderSubscription(tx, updateSubscription(context, old, changed));
}

export const subscriptionUpdateRoutes = [route('POST /v1/subscriptions/{id}', updateTable, update)];
