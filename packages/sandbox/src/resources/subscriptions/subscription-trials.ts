import { moved } from '../../billing/states.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam } from '../../http/api-error.ts';
import { flag, integer, oneOf, type Param, type Read, shape } from '../../http/params.ts';
import type { Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate, unschedule } from '../context.ts';
import { cancelSubscription } from './subscription-end.ts';
import { renderSubscription } from './subscription-render.ts';

const DAY = 86_400;
const LONGEST_DAYS = 730;

/** `trial_end`: a time, or `now`. */
export const trialEndParam: Param<Seconds | 'now'> = {
  read: (value, path) => (value === 'now' ? 'now' : integer(0).read(value, path)),
};

/** What happens at the end of a trial: without a payment method, and to the anchor. */
export const trialSettingsParam = shape({
  end_behavior: shape({
    billing_cycle_anchor: oneOf(['now', 'unchanged']),
    missing_payment_method: oneOf(['cancel', 'create_invoice', 'pause']),
  }),
});

/** How a new subscription says that it begins with a trial. */
export const trialParams = {
  trial_end: trialEndParam,
  // Prices of this API version have no trial of their own to be taken over.
  trial_from_plan: flag(),
  trial_period_days: integer(1, LONGEST_DAYS),
  trial_settings: trialSettingsParam,
};

/** The end of the trial a new subscription begins with; `null` without one. */
export function trialEndOf(
  tx: Tx,
  params: Partial<Pick<Read<typeof trialParams>, 'trial_end' | 'trial_from_plan' | 'trial_period_days'>>,
): Seconds | null {
  const { trial_end, trial_period_days } = params;
  if (trial_end !== undefined && trial_period_days !== undefined) {
    throw invalid('You may only specify one of these parameters: trial_end, trial_period_days.', {
      param: 'trial_end',
    });
  }
  if (params.trial_from_plan === true && trial_end !== undefined) {
    throw invalid('You may only specify one of these parameters: trial_end, trial_from_plan.', {
      param: 'trial_from_plan',
    });
  }
  if (trial_period_days !== undefined) return tx.now + trial_period_days * DAY;
  if (trial_end === undefined || trial_end === 'now') return null;
  if (trial_end <= tx.now) {
    throw invalidParam('Invalid timestamp: must be an integer Unix timestamp in the future.', 'trial_end');
  }
  if (trial_end > tx.now + (LONGEST_DAYS + 1) * DAY) {
    throw invalidParam('Invalid timestamp: can be no more than two years in the future.', 'trial_end');
  }
  return trial_end;
}

/** What a request says should happen at the trial's end; `undefined` when it says nothing. */
export function missingMethodOf(
  settings: Read<typeof trialParams>['trial_settings'],
): SubscriptionRecord['missing_payment_method'] {
  if (settings === undefined) return undefined;
  if (settings.end_behavior === undefined) throw missingParam('trial_settings[end_behavior]');
  return settings.end_behavior.missing_payment_method;
}

/** What a request says should happen to the anchor at the trial's end. */
export function trialAnchorOf(settings: Read<typeof trialParams>['trial_settings']): 'now' | 'unchanged' | null {
  return settings?.end_behavior?.billing_cycle_anchor ?? null;
}

/**
 * A trial ends with nothing to charge: the subscription is canceled or paused, when it is meant to be. Says whether
 * that was so; otherwise it goes on and its invoice will not be paid.
 */
export function endsWithoutMethod(context: Context, old: SubscriptionRecord): boolean {
  const { tx } = context;
  const behavior = old.missing_payment_method ?? 'create_invoice';
  const method = old.default_payment_method ?? tx.need('customer', old.customer).default_payment_method;
  if (method !== null || behavior === 'create_invoice') return false;
  unschedule(context, 'trial_will_end', old.id);
  if (behavior === 'cancel') {
    cancelSubscription(context, old, 'cancellation_requested');
    return true;
  }
  const paused = tx.put('subscription', {
    ...old,
    paused: { at: tx.now, reason: 'trial_end_without_payment_method' },
    status: moved(old.status, 'trial_ends_without_method'),
  });
  unschedule(context, 'cycle', old.id);
  emitUpdate(context, 'customer.subscription.updated', renderSubscription(tx, old), renderSubscription(tx, paused));
  emit(context, 'customer.subscription.paused', renderSubscription(tx, paused));
  return true;
}
