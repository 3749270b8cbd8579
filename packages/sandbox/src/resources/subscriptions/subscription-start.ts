import { invalid } from '../../http/api-error.ts';
import type {
  CustomerRecord,
  InvoiceRecord,
  Metadata,
  PaymentMethodRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import { checkClockRoom } from '../../time/test-clock.ts';
import { boundary } from '../../time/calendar.ts';
import { type Attempt, attemptPayment, finalizeInvoice } from '../invoices/collect.ts';
import { type Context, emit, schedule } from '../context.ts';
import { redeemAll, type Wanted } from '../invoices/discounts.ts';
import { createDraft, pendingItems } from '../invoices/invoice-draft.ts';
import { priceAmount } from '../../billing/money.ts';
import { DRAFT_SECONDS } from './subscription-cycle.ts';
import { announceTrialEnd } from './pending-updates.ts';
import { findPrice } from '../catalog/prices.ts';
import { renderSubscription } from './subscription-render.ts';
import { isMetered } from '../usage/usage-lines.ts';

/** What a subscription begins with. */
export interface Start {
  customer: CustomerRecord;
  description: string | null;
  items: { price: string; quantity: number; metadata: Metadata; param: string }[];
  metadata: Metadata;
  /** Kept as the subscription's own payment method. */
  default_payment_method: string | null;
  save_default_payment_method: 'off' | 'on_subscription';
  /** What the first invoice is charged to; `null` leaves it open. */
  pay_with: PaymentMethodRecord | null;
  /** Nothing is charged in this request: the payer confirms later. */
  pay_later: boolean;
  off_session: boolean;
  /** Redeemed for the subscription. */
  discounts?: Wanted[];
  default_tax_rates?: string[];
  /** It begins with a trial until then. */
  trial_end?: number | null;
  missing_payment_method?: SubscriptionRecord['missing_payment_method'];
  /** The schedule that begins it. Its first invoice is a draft for an hour, as that of a renewal is. */
  schedule?: string;
  /** The checkout session it comes from. */
  checkout_session?: string;
  /** The payer has shown that the card is theirs. */
  authenticated: boolean;
}

const INCOMPLETE_HOURS = 23;

/** The price of every item, checked as Stripe checks them. */
function checkItems(context: Context, start: Start): void {
  const prices = start.items.map((item) => ({
    price: findPrice(context.tx, item.price, item.param),
    param: item.param,
  }));
  for (const { price, param } of prices) {
    // A schedule was promised its prices while they were active.
    if (!price.active && start.schedule === undefined) {
      throw invalid('The price specified is inactive. This field only accepts active prices.', { param });
    }
    if (price.recurring === null) {
      throw invalid(
        'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
        { param },
      );
    }
    const first = prices[0]?.price;
    const same = (field: 'interval' | 'interval_count'): boolean =>
      price.recurring?.[field] === first?.recurring?.[field];
    // Stripe's flexible mode allows mixed intervals; the sandbox does not.
    const found =
      price.currency !== first?.currency ? 'currency' : same('interval') && same('interval_count') ? null : 'interval';
    if (found !== null) {
      throw invalid(
        `Currency and interval fields must match across all plans on this subscription. Found mismatch in ${found} field.`,
        { param: 'items' },
      );
    }
  }
  const duplicate = start.items.find(
    (item, index) => start.items.findIndex((each) => each.price === item.price) !== index,
  );
  if (duplicate !== undefined) {
    throw invalid('Subscription items must have unique prices. Use quantity instead.', { param: 'items' });
  }
}

/** Writes a subscription with its first period, without an invoice yet and without an event. */
function write(context: Context, start: Start): SubscriptionRecord {
  const { tx } = context;
  const prices = start.items.map((item) => findPrice(tx, item.price, item.param));
  const first = prices[0];
  if (first?.recurring === undefined || first.recurring === null)
    throw new Error('checkItems lets only recurring prices by');
  const trial_end = start.trial_end ?? null;
  const current_period_end = trial_end ?? boundary(tx.now, first.recurring, 1);
  return tx.put('subscription', {
    id: tx.newId('sub_'),
    created: tx.now,
    billing_cycle_anchor: trial_end ?? tx.now,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation: { comment: null, feedback: null, reason: null },
    currency: first.currency,
    customer: start.customer.id,
    default_payment_method: start.default_payment_method,
    description: start.description,
    ended_at: null,
    items: start.items.map((item) => ({
      id: tx.newId('si_', 14),
      created: tx.now,
      current_period_end,
      current_period_start: tx.now,
      metadata: item.metadata,
      price: item.price,
      quantity: item.quantity,
    })),
    latest_invoice: null,
    metadata: start.metadata,
    ...(start.missing_payment_method === undefined ? {} : { missing_payment_method: start.missing_payment_method }),
    period_index: trial_end === null ? 0 : -1,
    save_default_payment_method: start.save_default_payment_method,
    schedule: start.schedule ?? null,
    status: 'incomplete',
    trial_end,
    trial_start: trial_end === null ? null : tx.now,
  });
}

/** Redeems what the subscription begins with. */
function discounted(context: Context, subscription: SubscriptionRecord, start: Start): SubscriptionRecord {
  const { tx } = context;
  const { discounts = [], default_tax_rates = [] } = start;
  if (discounts.length === 0 && default_tax_rates.length === 0) return subscription;
  const amount = subscription.items.reduce(
    (sum, item) => sum + priceAmount(tx.need('price', item.price), item.quantity),
    0,
  );
  const owner = {
    checkout_session: start.checkout_session ?? null,
    customer: subscription.customer,
    subscription: subscription.id,
  };
  const ids = redeemAll(context, discounts, owner, { currency: subscription.currency, amount, has: [] });
  return tx.put('subscription', { ...subscription, default_tax_rates, discounts: ids });
}

/** The first invoice, final but for a schedule's; `null` when there is nothing to bill yet, as usage is billed in arrears. */
function firstInvoice(context: Context, subscription: SubscriptionRecord, stays_draft: boolean): InvoiceRecord | null {
  const { tx } = context;
  const bills = subscription.items.some((item) => !isMetered(tx, item));
  if (!bills && pendingItems(context, subscription).length === 0) return null;
  const finalizes_at = stays_draft ? tx.now + DRAFT_SECONDS : null;
  const draft = createDraft(context, subscription, {
    billing_reason: 'subscription_create',
    automatically_finalizes_at: finalizes_at,
    period: { start: tx.now, end: tx.now },
  });
  if (finalizes_at === null) return finalizeInvoice(context, draft);
  schedule(context, finalizes_at, 'finalize', draft.id);
  return draft;
}

/**
 * Starts a subscription: first invoice finalized and, when it can be, paid inside the same transaction. The caller
 * decides what a failed first payment means. `customer.subscription.created` says how it stands at the end.
 */
export function startSubscription(
  context: Context,
  start: Start,
): { subscription: SubscriptionRecord; attempt: Attempt | null } {
  const { tx } = context;
  checkClockRoom(context, start.customer.id);
  checkItems(context, start);
  let subscription = discounted(context, write(context, start), start);
  const invoice = firstInvoice(context, subscription, start.schedule !== undefined);
  subscription = tx.put('subscription', {
    ...tx.need('subscription', subscription.id),
    latest_invoice: invoice?.id ?? null,
  });
  let attempt: Attempt | null = invoice?.status === 'paid' ? { outcome: 'paid', invoice } : null;
  const is_open = invoice?.status === 'open';
  if (is_open && !start.pay_later && start.pay_with !== null) {
    const method = start.authenticated ? { ...start.pay_with, authenticated: true } : start.pay_with;
    attempt = attemptPayment(context, invoice, { method, off_session: start.off_session, automatic: true });
  }
  const is_paid = !is_open || attempt?.outcome === 'paid';
  const saves = is_paid && start.save_default_payment_method === 'on_subscription' && start.pay_with !== null;
  subscription = tx.put('subscription', {
    ...subscription,
    status: is_paid ? (subscription.trial_end == null ? 'active' : 'trialing') : 'incomplete',
    default_payment_method: saves ? (start.pay_with?.id ?? null) : subscription.default_payment_method,
  });
  const end = subscription.items[0]?.current_period_end ?? tx.now;
  schedule(context, end, 'cycle', subscription.id);
  if (!is_paid) schedule(context, tx.now + INCOMPLETE_HOURS * 3_600, 'expire_incomplete', subscription.id);
  emit(context, 'customer.subscription.created', renderSubscription(tx, subscription));
  announceTrialEnd(context, subscription);
  return { subscription, attempt };
}
