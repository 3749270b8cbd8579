import { aggregations, calendarWindows, isTimeZone } from '@farebox/core';
import { z } from '@hono/zod-openapi';
import { listQuery } from '../http/list.ts';
import { groupParam, runningMinimumSchema } from '../subscriptions/schema.ts';
import { property } from './events/schema.ts';
import type { EventCursor, EventRow, RejectionRow } from './events/queries.ts';
import type { InspectedEvent } from './events/reader.ts';
import type { Projection, UsageSummary } from './read.ts';
import type { UsageSeries } from './series.ts';

const keyId = z.string().regex(/^key_\w{1,60}$/);

const customer_id = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .openapi({ description: 'Whose usage; only a secret key names it.' });
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

export const summaryQuery = z.strictObject({
  customer_id,
  group: groupParam,
});

export const seriesQuery = z.strictObject({
  customer_id,
  meter: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'A meter of the price list; the first one if left out.' }),
  window: z.enum(calendarWindows).default('day'),
  time_zone: z
    .string()
    .refine(isTimeZone, 'Must be the name of a time zone, like Europe/Berlin.')
    .optional()
    .openapi({ description: "Where days begin: a name of the IANA database. The customer's own unless said." }),
  group_by: z.string().min(1).max(40).optional().openapi({
    description: '`key_id`, `endpoint`, or a dimension the meter is kept by.',
  }),
  key_id: keyId.optional().openapi({ description: 'Of one API key.' }),
  filter: z
    .string()
    .max(1000)
    .transform((text, context) => filtersOf(text) ?? fault(context, 'Write `dimension:value`, several with commas.'))
    .optional()
    .openapi({
      type: 'string',
      description: 'Of one value of a dimension: `region:eu`; several are joined with commas.',
    }),
  from: instant.optional().openapi({ type: 'string', format: 'date-time' }),
  to: instant.optional().openapi({ type: 'string', format: 'date-time' }),
});

export const eventsQuery = listQuery.omit({ starting_after: true }).extend({
  customer_id,
  starting_after: z
    .string()
    .max(1000)
    .transform(
      (text, context): EventCursor =>
        cursorFrom(text) ?? fault(context, 'Take it from next_cursor of the page before.'),
    )
    .optional()
    .openapi({ type: 'string', description: '`next_cursor` of the page before.' }),
  type: z.string().min(1).max(100).optional(),
  key_id: keyId.optional(),
  counted: z.enum(['true', 'false']).optional().openapi({ description: 'Whether any meter counted it.' }),
  from: instant.optional().openapi({ type: 'string', format: 'date-time' }),
  to: instant.optional().openapi({ type: 'string', format: 'date-time' }),
});

export const eventQuery = z.strictObject({
  customer_id,
  type: z.string().min(1).max(100).optional(),
  source: z.string().min(1).max(200).optional(),
});

export const rejectionsQuery = listQuery.extend({ customer_id, event_id: z.string().min(1).max(200).optional() });

export const exportQuery = z.strictObject({
  customer_id,
  of: z.enum(['events', 'hours']).default('events').openapi({ description: 'Every event, or usage by the hour.' }),
  format: z.enum(['csv', 'ndjson']).default('csv'),
  from: instant.openapi({ type: 'string', format: 'date-time' }),
  to: instant.openapi({ type: 'string', format: 'date-time' }),
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
    group: z.string(),
    subscription_id: z.string(),
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
        capped_minor: z.int().openapi({ description: 'What of it is not billed, for the spend cap.' }),
        minimum_minor: z.int().openapi({ description: 'What usage of the period comes to at least.' }),
        shortfall_minor: z.int().openapi({ description: 'What usage lacks to the minimum so far, charged besides.' }),
        to_plan_minimum: z.boolean().openapi({ description: "Whether it counts towards the plan's minimum." }),
        period_start_at: z.iso.datetime(),
        period_end_at: z.iso.datetime(),
        lines: z.array(lineSchema),
      }),
    ),
    minimum: runningMinimumSchema,
    base_amount_minor: z.int(),
    cost_so_far_minor: z.int().openapi({
      description: 'As far as it is billed: what the spend cap leaves is not in it, what is lacking to a minimum is.',
    }),
    capped_minor: z.int().openapi({ description: 'What more usage would cost without the spend cap.' }),
    spend_cap: z
      .object({
        owner: z.enum(['customer', 'seller']),
        amount_minor: z.int(),
        remaining_minor: z.int(),
        month: z.string(),
      })
      .nullable()
      .openapi({ description: 'The cap over all usage of the customer, and what is left of it.' }),
    total_so_far_minor: z.int(),
    projection: z
      .object({
        method: z.literal('recent_pace').openapi({
          description:
            'What was used, and for the rest of the period the pace of the seven days before, or of the time subscribed.',
        }),
        pace_since_at: z.iso.datetime(),
        meters: z.array(z.object({ meter_id: z.string(), quantity: z.int(), amount_minor: z.int() })),
        cost_minor: z.int(),
        total_minor: z.int(),
      })
      .openapi({ description: 'What the period comes to when usage goes on as it did lately, under the spend cap.' }),
  })
  .openapi('UsageSummary');

const pointSchema = z.object({ start_at: z.iso.datetime(), quantity: z.number() });

export const seriesSchema = z
  .object({
    object: z.literal('usage_series'),
    meter_id: z.string(),
    name: z.string(),
    unit: z.string(),
    aggregation: z.enum(aggregations),
    window: z.enum(calendarWindows),
    time_zone: z.string(),
    end_at: z.iso.datetime().openapi({ description: 'When the last window ends.' }),
    quantity: z.number().openapi({ description: 'Over the whole time.' }),
    data: z.array(pointSchema),
    group_by: z.string().nullable(),
    groups: z
      .array(z.object({ value: z.string(), quantity: z.number(), data: z.array(pointSchema) }))
      .openapi({ description: 'The largest first; an empty value is usage that does not say.' }),
    more_groups: z.int().openapi({ description: 'How many more there are.' }),
  })
  .openapi('UsageSeries');

export const eventSchema = z
  .object({
    object: z.literal('usage_event'),
    id: z.string(),
    type: z.string(),
    source: z.string(),
    customer_id: z.string(),
    key_id: z.string().nullable(),
    endpoint: z.string(),
    quantity: z.int(),
    properties: z.record(z.string(), property),
    occurred_at: z.iso.datetime(),
    counted_at: z.iso.datetime().openapi({
      description: 'Where it counts: when it came, if the period it occurred in was billed by then.',
    }),
    received_at: z.iso.datetime(),
    meters: z
      .array(z.object({ meter_id: z.string(), amount: z.string().nullable(), reason: z.string().nullable() }))
      .openapi({ description: 'What each meter made of it; without an amount, why it did not count it.' }),
    corrections: z
      .array(
        z.object({
          id: z.string(),
          kind: z.enum(['void', 'correct']),
          reason: z.string(),
          actor: z.string(),
          created_at: z.iso.datetime(),
        }),
      )
      .openapi({ description: 'What was put right of it, the newest first.' }),
  })
  .openapi('UsageEvent');

export const rejectionSchema = z
  .object({
    object: z.literal('usage_rejection'),
    id: z.string(),
    customer_id: z.string().nullable(),
    named: z.string().nullable().openapi({ description: 'Whom it named.' }),
    event_id: z.string().nullable(),
    code: z.string(),
    reason: z.string(),
    event: z.unknown().openapi({ description: 'As it came; null when that was no JSON or too large to keep.' }),
    received_at: z.iso.datetime(),
  })
  .openapi('UsageRejection');

export function viewOfSummary({
  period,
  projection,
  alert_percents: _percents,
  ...summary
}: UsageSummary & { projection: Projection }): z.infer<typeof summarySchema> {
  return {
    object: 'usage_summary',
    ...summary,
    meters: summary.meters.map((meter) => ({
      ...meter,
      period_start_at: iso(meter.period_start_at),
      period_end_at: iso(meter.period_end_at),
    })),
    period: { start_at: iso(period.start_at), end_at: iso(period.end_at) },
    projection: { ...projection, pace_since_at: iso(projection.pace_since_at) },
  };
}

export function viewOfSeries(series: UsageSeries): z.infer<typeof seriesSchema> {
  const points = (data: UsageSeries['data']) => data.map((point) => ({ ...point, start_at: iso(point.start_at) }));
  return {
    object: 'usage_series',
    ...series,
    end_at: iso(series.end_at),
    data: points(series.data),
    groups: series.groups.map((group) => ({ ...group, data: points(group.data) })),
  };
}

export function viewOfEvent(event: InspectedEvent): z.infer<typeof eventSchema> {
  const { counted: _, verdicts: meters, corrections, occurred_at, counted_at, received_at, ...rest } = event;
  return {
    object: 'usage_event',
    ...rest,
    occurred_at: occurred_at.toISOString(),
    counted_at: counted_at.toISOString(),
    received_at: received_at.toISOString(),
    meters,
    corrections: corrections.map(({ id, kind, reason, actor, created_at }) => ({
      id,
      kind,
      reason,
      actor,
      created_at: created_at.toISOString(),
    })),
  };
}

export function viewOfRejection({ received_at, ...row }: RejectionRow): z.infer<typeof rejectionSchema> {
  return { object: 'usage_rejection', ...row, event: row.event ?? null, received_at: received_at.toISOString() };
}

/** Where a page of events ends: with what tells equal times apart. */
export function textOfCursor({ counted_at, id, type, source }: EventRow): string {
  return Buffer.from(JSON.stringify([counted_at.getTime(), id, type, source])).toString('base64url');
}

const cursorParts = z.tuple([z.int().min(0).max(8.64e15), z.string(), z.string(), z.string()]);

function cursorFrom(text: string): EventCursor | null {
  try {
    const parsed = cursorParts.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    if (!parsed.success || parsed.data.some((part) => String(part).includes('\u0000'))) return null;
    const [counted_at, id, type, source] = parsed.data;
    return { counted_at, id, type, source };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Null for what is not `dimension:value`, or says a dimension twice. */
function filtersOf(text: string): Record<string, string> | null {
  const pairs = text.split(',').map((pair) => /^([A-Za-z_][\w.-]{0,39}):(.{0,500})$/.exec(pair.trim()));
  const filters: Record<string, string> = {};
  for (const pair of pairs) {
    const [, name, value] = pair ?? [];
    if (name === undefined || value === undefined || Object.hasOwn(filters, name)) return null;
    filters[name] = value;
  }
  return filters;
}

function fault(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
