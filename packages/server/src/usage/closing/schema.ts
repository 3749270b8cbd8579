import { closingFaultCodes } from '@farebox/core';
import { z } from '../../http/router.ts';
import type { ClosingReport } from './service.ts';

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
/** In one answer. The command line has all. */
const mostPeriods = 200;

export const closingQuery = z
  .strictObject({
    customer_id: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .openapi({ description: 'Of one customer every period is shown.' }),
    from: instant.openapi({ type: 'string', format: 'date-time', description: 'Periods that ended from then on.' }),
    to: instant.openapi({ type: 'string', format: 'date-time', description: 'And before then.' }),
  })
  .refine(({ from, to }) => from < to, { path: ['from'], message: 'Must lie before `to`.' });

const periodSchema = z.object({
  usage_report_id: z.string(),
  customer_id: z.string(),
  subscription_id: z.string(),
  meter_id: z.string(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
  counter: z.int().nullable().openapi({
    description: "What the gate's counter came to; null: it was not kept, or nothing went through the gate.",
  }),
  events: z.int().nullable().openapi({ description: 'What the events come to; null: they are not kept any more.' }),
  rolled_up: z.int().openapi({ description: 'What the hours come to.' }),
  quantity: z.int().openapi({ description: 'What was billed first.' }),
  currency: z.string(),
  amount_minor: z.int().openapi({ description: 'What usage was billed at.' }),
  capped_minor: z.int().openapi({ description: 'What more it would have been without the spend cap.' }),
  credited_minor: z.int().openapi({ description: 'What credit paid.' }),
  shortfall_minor: z.int().openapi({ description: 'What usage lacked to its minimum, charged besides.' }),
  adjusted_minor: z.int().openapi({ description: 'What corrections changed.' }),
  is_sent: z.boolean(),
  invoiced_minor: z.int().openapi({ description: 'Lines of usage at Stripe.' }),
  invoiced_minimum_minor: z.int(),
  invoiced_credit_minor: z.int(),
  invoiced_corrections_minor: z.int(),
  faults: z
    .array(z.object({ code: z.enum(closingFaultCodes), detail: z.string() }))
    .openapi({ description: 'Where it does not balance; empty: it does.' }),
});

export const closingSchema = z
  .object({
    object: z.literal('closing_report'),
    customer_id: z.string().nullable(),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    checked: z.int().openapi({ description: 'Periods of usage, each of one meter.' }),
    balanced: z.int(),
    totals: z.array(
      z.object({
        currency: z.string(),
        billed_minor: z.int().openapi({ description: 'What belongs on invoices.' }),
        invoiced_minor: z.int().openapi({ description: 'What lines at Stripe come to.' }),
      }),
    ),
    periods: z.array(periodSchema).openapi({ description: 'Those that do not balance; of one customer all of them.' }),
    more: z.int().openapi({ description: 'How many are not in this answer.' }),
  })
  .openapi('ClosingReport');

export function closingView(report: ClosingReport): z.infer<typeof closingSchema> {
  const { customer_id, from, to, checked, balanced, totals } = report;
  return {
    object: 'closing_report',
    customer_id,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    checked,
    balanced,
    totals,
    periods: report.periods.slice(0, mostPeriods).map((each) => ({
      usage_report_id: each.usage_report_id,
      customer_id: each.customer_id,
      subscription_id: each.subscription_id,
      meter_id: each.meter_id,
      period_start_at: each.period_start_at.toISOString(),
      period_end_at: each.period_end_at.toISOString(),
      counter: each.counter,
      events: each.events,
      rolled_up: each.rolled_up,
      quantity: each.quantity,
      currency: each.currency,
      amount_minor: each.amount_minor,
      capped_minor: each.capped_minor,
      credited_minor: each.credited_minor,
      shortfall_minor: each.shortfall_minor,
      adjusted_minor: each.adjusted_minor,
      is_sent: each.is_sent,
      invoiced_minor: each.invoiced_minor,
      invoiced_minimum_minor: each.invoiced_minimum_minor,
      invoiced_credit_minor: each.invoiced_credit_minor,
      invoiced_corrections_minor: each.invoiced_corrections_minor,
      faults: each.faults,
    })),
    more: Math.max(0, report.periods.length - mostPeriods),
  };
}
