import { rehearsedDifference } from '@farebox/core';
import { z } from '../../http/router.ts';
import type { Rehearsal } from './service.ts';

export const rehearsalQuery = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(100)
    .openapi({ description: 'How many customers at most, those with the largest differences.' }),
});

const monthly = z
  .object({
    base_minor: z.int().openapi({ description: "The month's share of base prices: recurring revenue." }),
    usage_minor: z.int().openapi({ description: "Usage of the last period, as the month's share." }),
  })
  .openapi({ description: 'What is paid a month.' });

export const rehearsalSchema = z
  .object({
    object: z.literal('rehearsal'),
    changes: z.boolean().openapi({ description: 'Whether anybody would pay something else.' }),
    customers: z.int().openapi({ description: 'How many pay for a plan now.' }),
    totals: z.array(
      z.object({
        currency: z.string(),
        customers: z.int(),
        now: monthly,
        rehearsed: monthly,
        more: z.int().openapi({ description: 'Would pay more.' }),
        much_more: z.int().openapi({ description: 'Of those, more than a fifth more.' }),
        less: z.int(),
      }),
    ),
    kept: z
      .array(
        z.object({
          plan_id: z.string(),
          code: z.enum([
            'plan_not_found',
            'group_mismatch',
            'price_not_found',
            'add_on_not_available',
            'seats_out_of_range',
          ]),
          detail: z.string(),
          customers: z.int(),
        }),
      )
      .openapi({ description: 'Plans that stay as they are for who has them.' }),
    without_period: z
      .int()
      .openapi({ description: 'Customers with no period of usage behind them: the base price alone is compared.' }),
    uncounted: z
      .array(z.object({ meter_id: z.string(), type: z.enum(['new', 'changed']) }))
      .openapi({ description: 'Meters the list prices that count nothing yet, or will count otherwise.' }),
    changed: z.array(
      z.object({
        customer_id: z.string(),
        name: z.string(),
        currency: z.string(),
        plans: z.array(z.object({ plan_id: z.string(), version: z.int() })),
        now: monthly,
        rehearsed: monthly,
        difference_minor: z.int().openapi({ description: 'A month; below nothing: less.' }),
        periods: z.array(
          z.object({
            subscription_id: z.string(),
            meter_id: z.string(),
            period_start_at: z.iso.datetime(),
            period_end_at: z.iso.datetime(),
            quantity: z.int(),
            billed_minor: z.int().openapi({ description: 'What it was billed at, corrections included.' }),
            rehearsed_minor: z.int().openapi({ description: 'What it would have been.' }),
          }),
        ),
      }),
    ),
    more: z.int().openapi({ description: 'How many that would pay something else are not in this answer.' }),
  })
  .openapi('Rehearsal');

export function rehearsalView(rehearsal: Rehearsal, limit: number): z.infer<typeof rehearsalSchema> {
  const { changed, ...rest } = rehearsal;
  return {
    object: 'rehearsal',
    ...rest,
    changed: changed.slice(0, limit).map((customer) => ({
      ...customer,
      difference_minor: rehearsedDifference(customer),
      periods: customer.periods.map((period) => ({
        ...period,
        period_start_at: period.period_start_at.toISOString(),
        period_end_at: period.period_end_at.toISOString(),
      })),
    })),
    more: Math.max(0, changed.length - limit),
  };
}
