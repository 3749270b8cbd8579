import { invalidParam } from '../../http/api-error.ts';
import type { Read } from '../../http/params.ts';
import { priceAmount } from '../../billing/money.ts';
import { periodFrom } from '../../billing/periods.ts';
import { prorate } from '../../billing/proration.ts';
import type { CheckoutSessionRecord, PaymentFailure, Seconds, SessionLineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { intervalOf } from '../subscriptions/billing-mode.ts';
import { type Anchoring, anchoringOf } from '../subscriptions/subscription-anchors.ts';
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
export function trialEndNow(session: Pick<CheckoutSessionRecord, 'trial'>, now: Seconds): Seconds | null {
  const { trial } = session;
  if (trial == null) return null;
  return trial.end ?? now + (trial.days ?? 0) * DAY;
}

type Starting = Pick<CheckoutSessionRecord, 'line_items' | 'subscription_data' | 'trial'>;

/** From when the periods of a session's subscription would be counted, were it completed now; `null` is from its start. */
export function anchoringNow(tx: Tx, session: Starting, path = ''): Anchoring | null {
  const { billing_cycle_anchor, billing_cycle_anchor_config: config } = session.subscription_data;
  if (config === undefined && (billing_cycle_anchor === undefined || billing_cycle_anchor <= tx.now)) return null;
  const { day_of_month, hour, minute, month, second } = config ?? {};
  const asked = {
    ...(billing_cycle_anchor === undefined ? {} : { billing_cycle_anchor }),
    ...(config === undefined ? {} : { billing_cycle_anchor_config: { day_of_month, hour, minute, month, second } }),
  };
  const recurring = session.line_items.filter((item) => tx.need('price', item.price).recurring !== null);
  return anchoringOf(tx, asked, recurring, trialEndNow(session, tx.now), path);
}

/** What a recurring line costs now: nothing in a trial, before a fixed anchor its share of the seconds. */
export function firstAmount(tx: Tx, session: Starting, item: SessionLineRecord): number {
  if (session.trial != null) return 0;
  const full = priceAmount(tx.need('price', item.price), item.quantity);
  const anchoring = anchoringNow(tx, session);
  if (anchoring === null || anchoring.anchor === null) return full;
  if (session.subscription_data.proration_behavior === 'none') return 0;
  const cycle = { anchor: anchoring.anchor, day: anchoring.config?.day_of_month ?? null };
  const { span, whole } = periodFrom(cycle, intervalOf(tx, item), tx.now);
  return prorate('charge', full, span, whole).amount;
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
