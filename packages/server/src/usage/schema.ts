import { z } from '@hono/zod-openapi';
import type { UsageSeries, UsageSummary } from './read.ts';

const customer_id = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .openapi({ description: 'Whose usage; only a secret key names it.' });
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const summaryQuery = z.strictObject({ customer_id });

export const seriesQuery = z.strictObject({
  customer_id,
  meter: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'A meter of the price list; the first one if left out.' }),
  window: z.enum(['hour', 'day']).default('day').openapi({ description: 'Hours and days are cut in UTC.' }),
  from: instant.optional().openapi({ type: 'string', format: 'date-time' }),
  to: instant.optional().openapi({ type: 'string', format: 'date-time' }),
});

const lineSchema = z.object({
  quantity: z.int(),
  unit_price_decimal: z.string().openapi({ description: 'Minor units, exact: `0.08` of a cent.' }),
  amount_minor: z.int(),
  from: z.int(),
  to: z.int(),
});

export const summarySchema = z
  .object({
    object: z.literal('usage_summary'),
    period: z.object({ start_at: z.iso.datetime(), end_at: z.iso.datetime() }),
    currency: z.string(),
    meters: z.array(
      z.object({
        meter_id: z.string(),
        name: z.string(),
        unit: z.string(),
        quantity: z.int(),
        included: z.int(),
        quota: z.enum(['soft', 'hard']),
        remaining: z.int(),
        overage: z.int(),
        amount_minor: z.int(),
        lines: z.array(lineSchema),
      }),
    ),
    base_amount_minor: z.int(),
    cost_so_far_minor: z.int(),
    total_so_far_minor: z.int(),
  })
  .openapi('UsageSummary');

export const seriesSchema = z
  .object({
    object: z.literal('usage_series'),
    meter_id: z.string(),
    window: z.enum(['hour', 'day']),
    data: z.array(z.object({ start_at: z.iso.datetime(), quantity: z.int() })),
  })
  .openapi('UsageSeries');

export function viewOfSummary({ period, ...summary }: UsageSummary): z.infer<typeof summarySchema> {
  return {
    object: 'usage_summary',
    ...summary,
    period: { start_at: iso(period.start_at), end_at: iso(period.end_at) },
  };
}

export function viewOfSeries({ data, ...series }: UsageSeries): z.infer<typeof seriesSchema> {
  return {
    object: 'usage_series',
    ...series,
    data: data.map((point) => ({ ...point, start_at: iso(point.start_at) })),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
