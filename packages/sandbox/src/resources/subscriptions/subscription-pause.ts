import { emptyable, integer, oneOf, shape } from '../../http/params.ts';
import { invalidParam } from '../../http/api-error.ts';
import { missingParam } from '../../contract/contract.ts';
import type { PauseCollectionRecord } from '../../store/change-records.ts';
import type { InvoiceRecord, SubscriptionRecord } from '../../store/records.ts';
import { voidInvoice } from '../invoices/collect.ts';
import { type Context, schedule, unschedule } from '../context.ts';
import { updateSubscription } from './subscription-end.ts';
import { markUncollectible } from '../invoices/uncollectible.ts';

/** `pause_collection` of an update; `''` ends the pause. */
export const pauseCollectionParam = emptyable(
  shape({
    behavior: oneOf(['keep_as_draft', 'mark_uncollectible', 'void']),
    resumes_at: integer(),
  }),
);

/** The pause a request asks for; its end goes into the queue of time. */
export function pauseCollection(
  context: Context,
  subscription: SubscriptionRecord,
  wanted: ReturnType<typeof pauseCollectionParam.read>,
): PauseCollectionRecord | null {
  unschedule(context, 'resume_collection', subscription.id);
  if (wanted === null) return null;
  if (wanted.behavior === undefined) throw missingParam('pause_collection[behavior]');
  const resumes_at = wanted.resumes_at ?? null;
  if (resumes_at !== null) {
    if (resumes_at <= context.tx.now) {
      throw invalidParam('The `resumes_at` timestamp must be in the future.', 'pause_collection[resumes_at]');
    }
    schedule(context, resumes_at, 'resume_collection', subscription.id);
  }
  return { behavior: wanted.behavior, resumes_at };
}

/** `resumes_at` has come: invoices are collected again. What was made meanwhile stays as it is. */
export function resumeCollection(context: Context, id: string): void {
  const subscription = context.tx.get('subscription', id);
  if (subscription?.pause_collection == null || subscription.ended_at !== null) return;
  updateSubscription(context, subscription, { pause_collection: null });
}

/** Gives up an invoice that became due while collection was paused; says whether it was. */
export function isGivenUp(context: Context, subscription: SubscriptionRecord | null, invoice: InvoiceRecord): boolean {
  const behavior = subscription?.pause_collection?.behavior;
  if (behavior === undefined || behavior === 'keep_as_draft' || invoice.status !== 'open') return false;
  if (behavior === 'void') voidInvoice(context, invoice);
  else markUncollectible(context, invoice.id, 'subscription_paused');
  return true;
}
