import { formulaOf, intervals } from '@farebox/core';
import { customerSchema } from '../customers/schema.ts';
import { z } from '../http/router.ts';
import { creditReasons } from '../intents/kinds.ts';
import type { CreditNote } from '../ports.ts';
import { invoicePreviewSchema, invoicePreviewView } from '../subscriptions/life/schema.ts';
import { groupParam, runningMinimumSchema, subscriptionSchema } from '../subscriptions/schema.ts';
import type { ExplainedLine, Shares } from './explain.ts';
import type { RunningUsage, UpcomingInvoice } from './service.ts';
import type { InvoiceRow, LineRow } from './store.ts';

const kinds = ['base', 'proration', 'overage', 'minimum', 'credit', 'correction', 'cap', 'other'] as const;

const lineSchema = z.object({
  id: z.string().openapi({ description: "Stripe's id of the line; to have it explained." }),
  kind: z.enum(kinds),
  description: z.string(),
  quantity: z.int().nullable(),
  amount_minor: z.int(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
  formula: z.string().nullable().openapi({ description: 'How the amount comes about, where units are priced.' }),
});

export const invoiceSchema = z
  .object({
    object: z.literal('invoice'),
    id: z.string(),
    customer_id: z.string(),
    subscription_id: z.string().nullable(),
    number: z.string().nullable().openapi({ description: 'Given when Stripe finalizes it.' }),
    status: z.string().openapi({ description: 'draft, open, paid, void or uncollectible.' }),
    billing_reason: z.string().nullable(),
    currency: z.string(),
    subtotal_minor: z.int(),
    total_minor: z.int(),
    amount_due_minor: z.int(),
    amount_paid_minor: z.int(),
    discount_minor: z.int(),
    tax_minor: z.int(),
    credited_minor: z.int().openapi({ description: 'Given back by credit notes.' }),
    payment_state: z
      .enum(['none', 'action_required', 'declined'])
      .openapi({ description: 'What stands in the way of an open invoice.' }),
    failure_reason: z.string().nullable(),
    next_attempt_at: z.iso.datetime().nullable(),
    period_start_at: z.iso.datetime(),
    period_end_at: z.iso.datetime(),
    created_at: z.iso.datetime(),
    paid_at: z.iso.datetime().nullable(),
    hosted_url: z.string().nullable(),
    has_pdf: z.boolean(),
    lines: z.array(lineSchema),
    customer: customerSchema.optional().openapi({ description: 'With `expand[]=customer`.' }),
    subscription: subscriptionSchema.optional().openapi({ description: 'With `expand[]=subscription`.' }),
  })
  .openapi('Invoice');

/** `sizes`: of lines that bill packages, how many units one has. */
export function invoiceView(
  row: InvoiceRow,
  lines: readonly LineRow[],
  sizes: ReadonlyMap<string, number>,
): z.infer<typeof invoiceSchema> {
  return {
    object: 'invoice',
    id: row.id,
    customer_id: row.customer_id,
    subscription_id: row.subscription_id,
    number: row.number,
    status: row.status,
    billing_reason: row.billing_reason,
    currency: row.currency,
    subtotal_minor: row.subtotal_minor,
    total_minor: row.total_minor,
    amount_due_minor: row.amount_due_minor,
    amount_paid_minor: row.amount_paid_minor,
    discount_minor: row.discount_minor,
    tax_minor: row.tax_minor,
    credited_minor: row.credited_minor,
    payment_state: stateOf(row.payment_state),
    failure_reason: row.failure_reason,
    next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
    period_start_at: row.period_start_at.toISOString(),
    period_end_at: row.period_end_at.toISOString(),
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    hosted_url: row.hosted_url,
    has_pdf: row.pdf_url !== null,
    lines: lines
      .filter((line) => line.invoice_id === row.id)
      .map((line) => ({
        id: line.stripe_line_id,
        kind: kinds.find((kind) => kind === line.kind) ?? 'other',
        description: line.description,
        quantity: line.quantity,
        amount_minor: line.amount_minor,
        period_start_at: line.period_start_at.toISOString(),
        period_end_at: line.period_end_at.toISOString(),
        formula: formulaOfLine(line, row.currency, sizes),
      })),
  };
}

function stateOf(state: string): 'none' | 'action_required' | 'declined' {
  return state === 'action_required' || state === 'declined' ? state : 'none';
}

function formulaOfLine(line: LineRow, currency: string, sizes: ReadonlyMap<string, number>): string | null {
  const { quantity, unit_price_decimal, amount_minor } = line;
  if (quantity === null || unit_price_decimal === null) return null;
  const package_size = sizes.get(line.stripe_line_id);
  const size = package_size === undefined ? {} : { package_size };
  return formulaOf({ quantity, unit_price_decimal, amount_minor, ...size }, currency);
}

/** What usage of the running period adds so far. */
const runningUsageSchema = z.object({
  meter_id: z.string(),
  name: z.string(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
  lines: z.array(z.object({ quantity: z.int(), amount_minor: z.int(), formula: z.string() })),
  capped_minor: z.int().openapi({ description: 'What of the lines is not billed, for the spend cap.' }),
  minimum_minor: z.int().openapi({ description: 'What usage of the period comes to at least.' }),
  shortfall_minor: z.int().openapi({ description: 'What the lines lack to it so far, charged besides.' }),
});

export const upcomingQuery = z.strictObject({
  customer_id: z.string().max(64).optional(),
  group: groupParam,
});

export const upcomingSchema = z
  .object({
    object: z.literal('upcoming_invoice'),
    customer_id: z.string(),
    subscription_id: z.string(),
    group: z.string(),
    invoice: invoicePreviewSchema.openapi({ description: 'What Stripe would bill: plan, prorations, discounts, tax.' }),
    usage: z.array(runningUsageSchema).openapi({ description: 'Past the included amounts, so far.' }),
    minimum: runningMinimumSchema,
    usage_minor: z.int(),
    estimated_total_minor: z
      .int()
      .openapi({ description: 'Both together; discounts and tax on the usage are not in it.' }),
  })
  .openapi('UpcomingInvoice');

export function upcomingView(upcoming: UpcomingInvoice): z.infer<typeof upcomingSchema> {
  const { subscription, preview, usage, minimum, usage_minor } = upcoming;
  return {
    object: 'upcoming_invoice',
    customer_id: subscription.customer_id,
    subscription_id: subscription.id,
    group: subscription.group,
    invoice: invoicePreviewView(preview),
    usage: usage.map((each) => runningUsageView(each, preview.currency)),
    minimum,
    usage_minor,
    estimated_total_minor: preview.total_minor + usage_minor,
  };
}

/** What became of a payment that was asked for. */
export const paidSchema = z
  .object({
    object: z.literal('invoice_payment'),
    payment: z
      .object({ state: z.literal('action_required'), url: z.string().nullable() })
      .nullable()
      .openapi({ description: "Where the customer's bank asks; null: it is paid." }),
    invoice: invoiceSchema,
  })
  .openapi('InvoicePayment');

const whyCredited = {
  reason: z.enum(creditReasons).optional(),
  memo: z.string().trim().min(1).max(500).optional().openapi({ description: 'Printed on the credit note.' }),
};
const amount = z.int().min(1).max(99_999_999_999);

export const refundBody = z.object({
  amount_minor: amount.optional().openapi({ description: 'All that is left, unless said.' }),
  to: z.enum(['card', 'balance']).default('card'),
  ...whyCredited,
});

export const creditBody = z.object({ amount_minor: amount, ...whyCredited });

export const creditNoteSchema = z
  .object({
    object: z.literal('credit_note'),
    stripe_credit_note_id: z.string(),
    invoice_id: z.string(),
    number: z.string(),
    status: z.string(),
    currency: z.string(),
    amount_minor: z.int(),
    refunded_minor: z.int().openapi({ description: 'Of it, given back to the card.' }),
    balance_minor: z.int().openapi({ description: 'Of it, kept for the next invoices.' }),
    reason: z.string().nullable(),
    memo: z.string().nullable(),
    pdf_url: z.string().nullable(),
    created_at: z.iso.datetime(),
  })
  .openapi('CreditNote');

export function creditNoteView(note: CreditNote, invoice_id: string): z.infer<typeof creditNoteSchema> {
  const { created_at, ...rest } = note;
  return { object: 'credit_note', invoice_id, ...rest, created_at: new Date(created_at).toISOString() };
}

function runningUsageView(usage: RunningUsage, currency: string): z.infer<typeof runningUsageSchema> {
  return {
    meter_id: usage.meter_id,
    name: usage.name,
    period_start_at: new Date(usage.period_start_at).toISOString(),
    period_end_at: new Date(usage.period_end_at).toISOString(),
    lines: usage.lines.map((line) => ({
      quantity: line.quantity,
      amount_minor: line.amount_minor,
      formula: formulaOf(line, currency),
    })),
    capped_minor: usage.capped_minor,
    minimum_minor: usage.minimum_minor,
    shortfall_minor: usage.shortfall_minor,
  };
}

const partSchema = z.object({
  label: z.string(),
  quantity: z.int().nullable(),
  unit_price_decimal: z
    .string()
    .nullable()
    .openapi({ description: 'Minor units, exact; of packages the price of one.' }),
  package_size: z.int().nullable(),
  amount_minor: z.int(),
});

const tierSchema = z.object({
  quantity: z.int(),
  unit_price_decimal: z.string(),
  package_size: z.int().nullable(),
  from: z.int().openapi({ description: 'First unit beyond the included amount, from 1.' }),
  to: z.int(),
  amount_minor: z.int(),
  is_this_line: z.boolean(),
});

const sharesSchema = z.object({
  shares: z.array(
    z.object({
      source: z.string().nullable().openapi({ description: 'A key’s id, or an endpoint; null: not known.' }),
      quantity: z.int(),
    }),
  ),
  others: z.int().openapi({ description: 'What all that are not named come to.' }),
});

export const explanationSchema = z
  .object({
    object: z.literal('invoice_line_explanation'),
    invoice_id: z.string(),
    line_id: z.string(),
    kind: z.enum(kinds),
    description: z.string(),
    currency: z.string(),
    amount_minor: z.int(),
    period_start_at: z.iso.datetime(),
    period_end_at: z.iso.datetime(),
    words: z.string().openapi({
      description: 'In one sentence: `120,000 requests: 100,000 included, 20,000 × $0.002 = $40.00`.',
    }),
    parts: z.array(partSchema).openapi({ description: 'Step by step; they sum to the amount, to the cent.' }),
    usage: z
      .object({
        meter_id: z.string(),
        name: z.string(),
        unit: z.string(),
        quantity: z.int().openapi({ description: 'All of the period.' }),
        included: z.int(),
        tiers: z.array(tierSchema),
        by_key: sharesSchema,
        by_endpoint: sharesSchema,
      })
      .nullable(),
    plan: z
      .object({
        plan_id: z.string(),
        plan_name: z.string(),
        amount_minor: z.int().openapi({ description: 'Of one, for a whole interval.' }),
        interval: z.enum(intervals),
        period_start_at: z.iso.datetime().nullable(),
        period_end_at: z.iso.datetime().nullable().openapi({ description: 'Of a proration: the whole period.' }),
      })
      .nullable(),
  })
  .openapi('InvoiceLineExplanation');

export function explanationView(explained: ExplainedLine): z.infer<typeof explanationSchema> {
  const { invoice, line, words, parts, usage, plan } = explained;
  return {
    object: 'invoice_line_explanation',
    invoice_id: invoice.id,
    line_id: line.stripe_line_id,
    kind: kinds.find((kind) => kind === line.kind) ?? 'other',
    description: line.description,
    currency: invoice.currency,
    amount_minor: line.amount_minor,
    period_start_at: line.period_start_at.toISOString(),
    period_end_at: line.period_end_at.toISOString(),
    words,
    parts,
    usage: usage === null ? null : usageView(usage),
    plan: plan === null ? null : planView(plan),
  };
}

function usageView({ meter, report, tier, by_key, by_endpoint }: NonNullable<ExplainedLine['usage']>) {
  const overage = report.lines.reduce((sum, each) => sum + each.quantity, 0);
  return {
    meter_id: meter.id,
    name: meter.name,
    unit: meter.unit,
    quantity: report.quantity,
    included: report.quantity - overage,
    tiers: report.lines.map(({ package_size = null, ...each }) => ({
      ...each,
      package_size,
      is_this_line: each.from === tier.from,
    })),
    by_key: sharesView(by_key),
    by_endpoint: sharesView(by_endpoint),
  };
}

function planView({ period, ...plan }: NonNullable<ExplainedLine['plan']>) {
  return {
    ...plan,
    period_start_at: period === null ? null : new Date(period.start_at).toISOString(),
    period_end_at: period === null ? null : new Date(period.end_at).toISOString(),
  };
}

function sharesView({ shares, others }: Shares) {
  return {
    shares: shares.map(({ source, quantity }) => ({ source: source === '' ? null : source, quantity })),
    others,
  };
}
