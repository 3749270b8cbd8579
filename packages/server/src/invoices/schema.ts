import { formatDecimal, formatMoney } from '@farebox/core';
import { customerSchema } from '../customers/schema.ts';
import { z } from '../http/router.ts';
import { creditReasons } from '../intents/kinds.ts';
import type { CreditNote } from '../ports.ts';
import { invoicePreviewSchema } from '../subscriptions/life/schema.ts';
import { subscriptionSchema } from '../subscriptions/schema.ts';
import type { RunningUsage } from './service.ts';
import type { InvoiceRow, LineRow } from './store.ts';

const kinds = ['base', 'proration', 'overage', 'other'] as const;

const lineSchema = z.object({
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

export function invoiceView(row: InvoiceRow, lines: readonly LineRow[]): z.infer<typeof invoiceSchema> {
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
        kind: kinds.find((kind) => kind === line.kind) ?? 'other',
        description: line.description,
        quantity: line.quantity,
        amount_minor: line.amount_minor,
        period_start_at: line.period_start_at.toISOString(),
        period_end_at: line.period_end_at.toISOString(),
        formula: formulaOf(line, row.currency),
      })),
  };
}

function stateOf(state: string): 'none' | 'action_required' | 'declined' {
  return state === 'action_required' || state === 'declined' ? state : 'none';
}

function formulaOf(line: LineRow, currency: string): string | null {
  const { quantity, unit_price_decimal, amount_minor } = line;
  return quantity === null || unit_price_decimal === null
    ? null
    : formulaText({ quantity, unit_price_decimal, amount_minor }, currency);
}

/** `12,345 × $0.0012 = $14.81`: exact unit price, rounded once; of packages each whole one is paid. */
function formulaText(
  line: { quantity: number; unit_price_decimal: string; amount_minor: number; package_size?: number },
  currency: string,
): string {
  const count = line.quantity.toLocaleString('en-US');
  const size = line.package_size;
  const price = formatDecimal(line.unit_price_decimal, currency);
  const sum =
    size === undefined
      ? `${count} × ${price}`
      : `${count}, in ${Math.ceil(line.quantity / size).toLocaleString('en-US')} × ${size.toLocaleString('en-US')} at ${price}`;
  return `${sum} = ${formatMoney(line.amount_minor, currency)}`;
}

/** What usage of the running period adds so far. */
const runningUsageSchema = z.object({
  meter_id: z.string(),
  name: z.string(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
  lines: z.array(z.object({ quantity: z.int(), amount_minor: z.int(), formula: z.string() })),
});

export const upcomingSchema = z
  .object({
    object: z.literal('upcoming_invoice'),
    customer_id: z.string(),
    subscription_id: z.string(),
    invoice: invoicePreviewSchema.openapi({ description: 'What Stripe would bill: plan, prorations, discounts, tax.' }),
    usage: z.array(runningUsageSchema).openapi({ description: 'Past the included amounts, so far.' }),
    usage_minor: z.int(),
    estimated_total_minor: z
      .int()
      .openapi({ description: 'Both together; discounts and tax on the usage are not in it.' }),
  })
  .openapi('UpcomingInvoice');

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

export function runningUsageView(usage: RunningUsage, currency: string): z.infer<typeof runningUsageSchema> {
  return {
    meter_id: usage.meter_id,
    name: usage.name,
    period_start_at: new Date(usage.period_start_at).toISOString(),
    period_end_at: new Date(usage.period_end_at).toISOString(),
    lines: usage.lines.map((line) => ({
      quantity: line.quantity,
      amount_minor: line.amount_minor,
      formula: formulaText(line, currency),
    })),
  };
}
