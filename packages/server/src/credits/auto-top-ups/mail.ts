import { formatMoney } from '@farebox/core';
import type { MailData } from '@farebox/emails';
import type { FailedAttempt } from './outcome.ts';

/** What a customer is told of an automatic top-up that brought nothing. */
export function topUpFailedMail(
  { top_up, failure, retry_at }: FailedAttempt,
  { name, dashboard_url }: { name: string; dashboard_url: string },
): MailData['top_up_failed'] {
  return {
    name,
    amount: formatMoney(top_up.amount_minor, top_up.currency),
    reason: top_up.failure_reason ?? 'the card was declined.',
    next: nextOf(failure, retry_at),
    dashboard_url,
  };
}

function nextOf(failure: FailedAttempt['failure'], retry_at: Date | null): string {
  if (retry_at !== null)
    return `It is tried again by itself on ${retry_at.toISOString().slice(0, 16).replace('T', ' at ')} (UTC).`;
  const paused = 'Automatic top-ups are paused until you turn them on again.';
  return failure === 'authentication_required'
    ? `${paused} Top up once yourself: your bank asks you on the payment page.`
    : paused;
}
