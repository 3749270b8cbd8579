import type { Instant } from './plan.ts';
import { usageAlertTypes } from './usage-alert.ts';

/** What a webhook endpoint can be told: what happened to which kind of object, in the past tense. */
export const webhookEventTypes = [
  'customer.created',
  'customer.updated',
  'customer.deleted',
  'customer.state_changed',
  'subscription.created',
  'subscription.activated',
  'subscription.trial_ending',
  'subscription.trial_ended',
  'subscription.change_scheduled',
  'subscription.changed',
  'subscription.renewed',
  'subscription.past_due',
  'subscription.recovered',
  'subscription.paused',
  'subscription.resumed',
  'subscription.cancel_scheduled',
  'subscription.cancel_undone',
  'subscription.canceled',
  'invoice.upcoming',
  'invoice.finalized',
  'invoice.paid',
  'invoice.payment_failed',
  'invoice.action_required',
  'invoice.voided',
  'payment_method.attached',
  'payment_method.updated',
  'payment_method.expiring',
  'refund.created',
  'dispute.opened',
  'api_key.created',
  'api_key.updated',
  'api_key.rotated',
  'api_key.expiring',
  'api_key.expired',
  'api_key.revoked',
  'api_key.leaked',
  'usage.corrected',
  ...usageAlertTypes,
  'rate_limit.exceeded',
  'credits.granted',
  'credits.expired',
  'top_up.succeeded',
  'top_up.failed',
  'entitlement.granted',
  'entitlement.changed',
  'entitlement.revoked',
  'plan.published',
  'plan.archived',
  'migration.completed',
  'reconciliation.drift_found',
  'webhook_endpoint.test',
  'webhook_endpoint.disabled',
] as const;

export type WebhookEventType = (typeof webhookEventTypes)[number];

/** In an endpoint's list of types: all of them, those of later versions too. */
export const everyEventType = '*';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** How long after each failed attempt the next one follows; together a little more than five days. */
const waits = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
  24 * hour,
  24 * hour,
] as const;

/** Attempts of one delivery, the first included. */
export const mostWebhookAttempts = waits.length + 1;

/** Of each wait, at most this part is added, so that what failed together does not come back together. */
const mostJitter = 0.1;

/**
 * When a delivery is tried again after its `attempts`-th try failed at `now`; null when it is given up. `chance` lies in
 * [0, 1) and spreads the retries.
 */
export function webhookRetryAt(attempts: number, chance: number, now: Instant): Instant | null {
  const wait = waits[attempts - 1];
  return wait === undefined ? null : now + Math.round(wait * (1 + mostJitter * chance));
}

/** An endpoint that took nothing for so long is switched off. */
export const webhookPatienceMs = 5 * 24 * hour;

/** Whether an endpoint that has taken nothing since `failing_since` is to be switched off. */
export function isWebhookGivenUp(failing_since: Instant, now: Instant): boolean {
  return now - failing_since >= webhookPatienceMs;
}
