import { invalidParam } from '../../http/api-error.ts';
import type { Read } from '../../http/params.ts';
import type { CheckoutSessionRecord, PaymentFailure, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { missingMethodOf, trialEndOf, type trialParams } from '../subscriptions/subscription-trials.ts';
import type { TestCard } from '../payments/test-cards.ts';

const SHORTEST = 48 * 3_600;
const DAY = 86_400;

type SessionTrial = NonNullable<CheckoutSessionRecord['trial']>;

/** The trial a session is opened with; `null` without one. */
export function trialOf(tx: Tx, params: Partial<Read<typeof trialParams>>): SessionTrial | null {
  const end = trialEndOf(tx, params);
  const missing_payment_method = missingMethodOf(params.trial_settings) ?? 'create_invoice';
  if (end === null) return null;
  if (params.trial_period_days !== undefined)
    return { days: params.trial_period_days, end: null, missing_payment_method };
  if (end < tx.now + SHORTEST) {
    throw invalidParam('The `trial_end` date has to be at least 2 days in the future.', 'subscription_data[trial_end]');
  }
  return { days: null, end, missing_payment_method };
}

/** When the trial of a session that is completed now ends. */
export function trialEndNow(session: CheckoutSessionRecord, now: Seconds): Seconds | null {
  const { trial } = session;
  if (trial == null) return null;
  return trial.end ?? now + (trial.days ?? 0) * DAY;
}

/** Why a card is refused when it is only saved: what cannot be saved fails as it would when charged. */
export function savingFailure(card: TestCard): PaymentFailure | null {
  return card.attaches ? null : card.charge;
}

/** `14 days free`, for people. */
export function trialText(session: CheckoutSessionRecord, now: Seconds): string | null {
  const end = trialEndNow(session, now);
  if (end === null) return null;
  const days = Math.floor((end - now) / DAY);
  return days === 1 ? '1 day free' : `${days} days free`;
}
