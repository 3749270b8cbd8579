import { moved } from '../../billing/states.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, unschedule } from '../context.ts';
import { updateCustomer } from '../customers/customers.ts';
import { hardDeclines } from '../payments/test-cards.ts';
import { applyPendingUpdate } from '../subscriptions/pending-updates.ts';
import { applyResumption } from '../subscriptions/resumptions.ts';
import { updateInvoice, updateSubscription } from '../subscriptions/subscription-end.ts';
import { type Attempt, attemptPayment, methodFor, subscriptionOf } from './collect.ts';
import { exhaust, planRetry } from './dunning.ts';
import { isOnTrial } from './invoice-draft.ts';

/** Whether a subscription still owes something that its status waits for, besides an invoice that is settled now. */
function owes(tx: Tx, subscription: SubscriptionRecord, settled: InvoiceRecord): boolean {
  return tx.all('invoice').some((each) => {
    if (each.subscription !== subscription.id || each.status !== 'open' || each.id === settled.id) return false;
    // What is given up goes on with the latest invoice; older ones stay owed.
    return subscription.status !== 'unpaid' || each.created > settled.created;
  });
}

function settle(context: Context, subscription: SubscriptionRecord, invoice: InvoiceRecord): SubscriptionRecord {
  const { tx } = context;
  const { status } = subscription;
  if (status === 'active' || status === 'trialing' || status === 'paused') return subscription;
  if (status !== 'incomplete' && owes(tx, subscription, invoice)) return subscription;
  unschedule(context, 'expire_incomplete', subscription.id);
  if (isOnTrial(subscription, tx.now)) {
    return updateSubscription(context, subscription, { status: moved(status, 'trial_begins') });
  }
  const by = status === 'incomplete' ? 'first_invoice_settled' : 'debts_settled';
  return updateSubscription(context, subscription, { status: moved(status, by) });
}

/** Moves the subscription as the collection of its invoice went. */
export function followPayment(
  context: Context,
  subscription: SubscriptionRecord | null,
  attempt: Attempt,
): SubscriptionRecord | null {
  const { tx } = context;
  if (subscription === null || subscription.ended_at !== null) return subscription;
  if (attempt.outcome === 'paid') {
    const applied = applyPendingUpdate(context, attempt.invoice) ?? applyResumption(context, attempt.invoice);
    return settle(context, applied ?? subscription, attempt.invoice);
  }
  // The change that an unpaid invoice was for has not happened: the subscription is as good as before.
  if (subscription.pending_update?.invoice === attempt.invoice.id) return subscription;
  if (['incomplete', 'trialing', 'paused', 'unpaid'].includes(subscription.status)) return subscription;
  const customer = tx.need('customer', subscription.customer);
  if (!customer.delinquent) updateCustomer(context, customer, { delinquent: true });
  if (attempt.outcome === 'failed' && attempt.invoice.next_payment_attempt === null && attempt.invoice.auto_advance) {
    return exhaust(context, subscription, attempt.invoice);
  }
  return updateSubscription(context, subscription, { status: moved(subscription.status, 'payment_fails') });
}

/**
 * A failed renewal is tried again. After a hard decline the date is kept and counted, but the card is asked again only
 * when there is another one. https://docs.stripe.com/billing/revenue-recovery/smart-retries
 */
export function retry(context: Context, invoice_id: string): void {
  const { tx } = context;
  const invoice = tx.get('invoice', invoice_id);
  if (invoice?.status !== 'open' || !invoice.auto_advance) return;
  const subscription = subscriptionOf(tx, invoice);
  const method = methodFor(context, invoice);
  const last = tx.get('payment_intent', invoice.payment_intent ?? '')?.last_failure ?? null;
  const is_barred =
    last !== null && hardDeclines.has(last.decline_code ?? last.code) && last.payment_method === method?.id;
  if (!is_barred) {
    followPayment(
      context,
      subscription,
      attemptPayment(context, invoice, { method, off_session: true, automatic: true }),
    );
    return;
  }
  const counted = updateInvoice(context, invoice, planRetry(context, invoice, true));
  followPayment(context, subscription, { outcome: 'failed', invoice: counted, failure: last, method });
}
