import { z } from '../http/router.ts';
import type { InvoiceRow, LineRow } from './store.ts';

const lineSchema = z.object({
  kind: z.enum(['base', 'overage', 'other']),
  description: z.string(),
  quantity: z.int().nullable(),
  amount_minor: z.int(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
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
    period_start_at: row.period_start_at.toISOString(),
    period_end_at: row.period_end_at.toISOString(),
    created_at: row.created_at.toISOString(),
    paid_at: row.paid_at?.toISOString() ?? null,
    hosted_url: row.hosted_url,
    has_pdf: row.pdf_url !== null,
    lines: lines
      .filter((line) => line.invoice_id === row.id)
      .map((line) => ({
        kind: line.kind === 'base' || line.kind === 'overage' ? line.kind : 'other',
        description: line.description,
        quantity: line.quantity,
        amount_minor: line.amount_minor,
        period_start_at: line.period_start_at.toISOString(),
        period_end_at: line.period_end_at.toISOString(),
      })),
  };
}
