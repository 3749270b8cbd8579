import { type CardExpiry, cardExpiresAt, cardState } from './card.ts';
import type { Access } from './entitlement.ts';
import { bestAccess } from './group.ts';
import type { Instant } from './plan.ts';

/** What a customer has used of a meter in the quota's period, and how much of it is left. */
export interface QuotaUse {
  meter_id: string;
  kind: 'soft' | 'hard';
  included: number;
  used: number;
  remaining: number;
  reset_at: Instant;
}

/** What one feature is for one customer now. */
export interface FeatureState {
  enabled: boolean;
  /** Of a metered feature. */
  quota: QuotaUse | null;
}

export const featureCodes = [
  'ALLOWED',
  'SUBSCRIPTION_INACTIVE',
  'PAYMENT_PAST_DUE',
  'FEATURE_OFF',
  'QUOTA_EXCEEDED',
] as const;
export type FeatureCode = (typeof featureCodes)[number];

/**
 * Whether so many units of a feature may be used. Nothing is taken: it is a question, and the gate's answer to a request counts. A
 * soft quota lets more through, which is billed; a hard one all of what is asked for, or none.
 */
export function decideFeature(access: Access, feature: FeatureState, quantity: number): FeatureCode {
  if (access === 'inactive') return 'SUBSCRIPTION_INACTIVE';
  if (access === 'past_due') return 'PAYMENT_PAST_DUE';
  if (!feature.enabled) return 'FEATURE_OFF';
  const { quota } = feature;
  return quota !== null && quota.kind === 'hard' && quantity > quota.remaining ? 'QUOTA_EXCEEDED' : 'ALLOWED';
}

/**
 * The same for a customer with several subscriptions: those whose plan has the feature decide, the best of them first. Where none
 * has it, it says whether the customer has access at all.
 */
export function decideFeatureAmong(
  held: readonly { access: Access; feature: FeatureState }[],
  quantity: number,
): FeatureCode {
  const having = held.filter(({ feature }) => feature.enabled);
  const asked = having.length === 0 ? held : having;
  const best = bestAccess(asked.map(({ access }) => access));
  const decisive = asked.find(({ access }) => access === best);
  return decisive === undefined ? 'SUBSCRIPTION_INACTIVE' : decideFeature(best, decisive.feature, quantity);
}

export const alertCodes = [
  'payment_past_due',
  'payment_action_required',
  'cancellation_scheduled',
  'trial_ending',
  'card_expiring',
  'quota_near',
  'quota_reached',
] as const;
export type AlertCode = (typeof alertCodes)[number];

/** What somebody should know about a customer today. `at`: when it comes to pass, where that is known. */
export interface Alert {
  code: AlertCode;
  at: Instant | null;
  /** Of a quota. */
  meter_id: string | null;
}

/** From here on a quota is nearly used up, in percent; and a trial nearly over. */
const nearPercent = 80;
const trialNoticeMs = 3 * 86_400_000;

/** The state of a customer's subscription in a few facts: the most urgent first. */
export function alertsOf(
  facts: {
    past_due_since_at: Instant | null;
    blocked_at: Instant | null;
    action_required: boolean;
    cancel_at: Instant | null;
    trial_end_at: Instant | null;
    card: CardExpiry | null;
    next_payment_at: Instant | null;
    quotas: readonly QuotaUse[];
  },
  now: Instant,
): Alert[] {
  const alerts: Alert[] = [];
  const add = (code: AlertCode, at: Instant | null, meter_id: string | null = null) =>
    void alerts.push({ code, at, meter_id });
  if (facts.past_due_since_at !== null) add('payment_past_due', facts.blocked_at);
  if (facts.action_required) add('payment_action_required', null);
  for (const { meter_id, included, used, reset_at } of facts.quotas) {
    if (used > 0 && used >= included) add('quota_reached', reset_at, meter_id);
    else if (used > 0 && used * 100 >= included * nearPercent) add('quota_near', reset_at, meter_id);
  }
  if (facts.cancel_at !== null) add('cancellation_scheduled', facts.cancel_at);
  const { trial_end_at, card, next_payment_at } = facts;
  if (trial_end_at !== null && now < trial_end_at && trial_end_at <= now + trialNoticeMs)
    add('trial_ending', trial_end_at);
  if (card !== null && cardState(card, now, next_payment_at) !== 'valid') add('card_expiring', cardExpiresAt(card));
  return alerts;
}
