import { ApiError } from '../../http/api-error.ts';
import { type Context, emit } from '../context.ts';
import { periodEnd } from '../subscriptions/billing-mode.ts';
import { previewNext } from './invoice-preview.ts';

/** Tells of the next invoice of a subscription that goes on, as its preview: it is not made yet. */
export function tellUpcoming(context: Context, subscription_id: string): void {
  const subscription = context.tx.get('subscription', subscription_id);
  if (subscription === undefined || !['active', 'past_due', 'trialing'].includes(subscription.status)) return;
  if (subscription.cancel_at !== null && subscription.cancel_at <= periodEnd(subscription)) return;
  try {
    emit(context, 'invoice.upcoming', previewNext(context, subscription_id));
  } catch (error) {
    // Nothing will be billed: there is nothing to tell.
    if (!(error instanceof ApiError)) throw error;
  }
}
