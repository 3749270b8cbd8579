import { autoTopUpPauses } from '@farebox/core';
import { z } from '../../http/router.ts';
import type { AutoTopUp } from './service.ts';

export const autoTopUpBody = z.object({
  threshold_minor: z.int().min(1).openapi({ description: 'Credit is bought when less than this is left.' }),
  amount_minor: z.int().min(1).openapi({ description: 'How much is bought; at least the threshold.' }),
  monthly_limit_minor: z.int().min(1).max(100_000_000_00).openapi({
    description: 'The most that is bought so in a calendar month (UTC); at least the amount.',
  }),
});

const states = ['off', 'on', 'buying', 'waiting', 'limit_reached', 'paused'] as const;

export const autoTopUpSchema = z
  .object({
    object: z.literal('auto_top_up'),
    customer_id: z.string(),
    currency: z.string(),
    state: z.enum(states).openapi({
      description:
        '`buying`: a payment is under way; `waiting`: one failed, and is tried again at `retry_at`; `limit_reached`: until next month; `paused`: until it is set again.',
    }),
    threshold_minor: z.int().nullable(),
    amount_minor: z.int().nullable(),
    monthly_limit_minor: z.int().nullable(),
    month_minor: z.int().openapi({ description: 'Bought so this month (UTC).' }),
    failures: z.int().openapi({ description: 'Attempts in a row that brought nothing.' }),
    retry_at: z.iso.datetime().nullable(),
    pause_reason: z.enum(autoTopUpPauses).nullable().openapi({
      description: '`payment_returned`: credit that was bought was refunded, credited or disputed.',
    }),
    paused_at: z.iso.datetime().nullable(),
  })
  .openapi('AutoTopUp');

function stateOf({ decision, setting }: AutoTopUp): (typeof states)[number] {
  if (setting === null || decision === null) return 'off';
  if (decision === 'open' || decision === 'buy') return 'buying';
  return decision === 'enough' ? 'on' : decision;
}

export function autoTopUpView(found: AutoTopUp): z.infer<typeof autoTopUpSchema> {
  const { customer_id, currency, setting, month_minor } = found;
  return {
    object: 'auto_top_up',
    customer_id,
    currency,
    state: stateOf(found),
    threshold_minor: setting?.threshold_minor ?? null,
    amount_minor: setting?.amount_minor ?? null,
    monthly_limit_minor: setting?.monthly_limit_minor ?? null,
    month_minor,
    failures: setting?.failures ?? 0,
    retry_at: setting?.retry_at?.toISOString() ?? null,
    pause_reason: setting?.pause_reason ?? null,
    paused_at: setting?.paused_at?.toISOString() ?? null,
  };
}
