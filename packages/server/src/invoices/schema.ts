import { formatDecimal, formatMoney } from '@farebox/core';
import { z } from '../http/router.ts';
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
  })
  .openapi('Invoice');

export function invoiceView(row: InvoiceRow, lines: readonly LineRow[]): z.infer<typeof invoiceSchema> {
  return {
    object: 'invoice',
    id: row.id,
    customer_id: row.customer_id,
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

/** `12,345 × $0.0012 = $14.81`: exact unit price, rounded once. */
function formulaOf(line: LineRow, currency: string): string | null {
  if (line.quantity === null || line.unit_price_decimal === null) return null;
  const count = line.quantity.toLocaleString('en-US');
  return `${count} × ${formatDecimal(line.unit_price_decimal, currency)} = ${formatMoney(line.amount_minor, currency)}`;
}
