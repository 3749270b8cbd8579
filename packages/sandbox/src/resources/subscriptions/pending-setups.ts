import type { SetupIntentRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { updateSubscription } from './subscription-end.ts';

/**
 * The card that a trial waited for is there. It becomes the subscription's own where `save_default_payment_method` asks
 * for that; else it is one of its customer's.
 */
export function finishPendingSetup(context: Context, setup: SetupIntentRecord): void {
  const waiting = context.tx.all('subscription').find((each) => each.pending_setup_intent === setup.id);
  if (waiting === undefined || waiting.ended_at !== null) return;
  updateSubscription(context, waiting, {
    default_payment_method:
      waiting.save_default_payment_method === 'on_subscription' ? setup.payment_method : waiting.default_payment_method,
    pending_setup_intent: null,
  });
}
