import { intervals } from '@farebox/core';
import { z } from '../../http/router.ts';
import { cancelReasons } from '../../intents/kinds.ts';
import type { InvoicePreview } from '../../ports.ts';
import { priceSchema, subscriptionSchema } from '../schema.ts';
import type { ChangePreview } from './change-plan.ts';

const previewLine = z.object({
  kind: z.enum(['base', 'proration', 'overage', 'minimum', 'credit', 'correction', 'cap', 'other']),
  description: z.string(),
  quantity: z.int().nullable(),
  amount_minor: z.int(),
  period_start_at: z.iso.datetime(),
  period_end_at: z.iso.datetime(),
});

/** An invoice that does not exist yet. */
export const invoicePreviewSchema = z
  .object({
    object: z.literal('invoice_preview'),
    currency: z.string(),
    subtotal_minor: z.int(),
    discount_minor: z.int(),
    tax_minor: z.int(),
    total_minor: z.int(),
    balance_used_minor: z.int().openapi({ description: "Taken from the customer's balance; negative: added to it." }),
    amount_due_minor: z.int(),
    due_at: z.iso.datetime().nullable().openapi({ description: 'When it is collected; null: at once.' }),
    lines: z.array(previewLine),
  })
  .openapi('InvoicePreview');

export const changeBody = z.object({
  plan_id: z.string().min(1).max(64).optional().openapi({ description: 'The plan it has, unless said.' }),
  interval: z.enum(intervals).optional(),
  seats: z.int().min(1).max(1_000_000).optional(),
  when: z
    .enum(['now', 'period_end'])
    .optional()
    .openapi({ description: 'Unless said: an upgrade now, a downgrade at the end of the period.' }),
  proration_at: z.iso
    .datetime()
    .optional()
    .openapi({ description: 'From a preview, up to half an hour old: the change then costs what the preview said.' }),
});

export const changePreviewSchema = z
  .object({
    object: z.literal('change_preview'),
    effect: z.enum(['now', 'period_end']),
    direction: z.enum(['upgrade', 'downgrade', 'same']),
    effective_at: z.iso.datetime(),
    proration_at: z.iso.datetime().nullable(),
    resets_anchor: z.boolean().openapi({ description: 'A new period begins today and is charged whole.' }),
    plan_id: z.string(),
    plan_name: z.string(),
    price: priceSchema,
    quantity: z.int(),
    setup_fee_minor: z
      .int()
      .openapi({ description: 'Charged once with it, before discounts and tax: of add-ons that begin.' }),
    recurring_minor: z.int().openapi({ description: 'A period from then on, without usage, discounts and tax.' }),
    proration: z
      .object({ credit_minor: z.int(), charge_minor: z.int(), net_minor: z.int() })
      .nullable()
      .openapi({ description: 'The difference for the rest of the period, before discounts and tax.' }),
    invoice: invoicePreviewSchema.nullable().openapi({ description: 'What is billed at once.' }),
  })
  .openapi('ChangePreview');

/** A change that was asked for, and what is left to do about its payment. */
export const changedSchema = z
  .object({
    object: z.literal('subscription_change'),
    effect: z.enum(['now', 'period_end']),
    payment: z
      .object({
        state: z.literal('action_required'),
        url: z
          .string()
          .nullable()
          .openapi({ description: "Where the customer's bank asks; the old plan stays until then." }),
      })
      .nullable(),
    subscription: subscriptionSchema,
  })
  .openapi('SubscriptionChange');

export const cancelBody = z.object({
  at: z.enum(['now', 'period_end']).default('period_end'),
  reason: z.enum(cancelReasons).optional(),
  comment: z.string().trim().max(1000).optional(),
  gives_back: z
    .boolean()
    .default(false)
    .openapi({ description: 'Seller only: what is paid for and unused becomes balance.' }),
});

export const addOnBody = z.object({
  plan_id: z.string().min(1).max(64).openapi({ description: 'The add-on, as the price list calls it.' }),
  quantity: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1)
    .openapi({ description: 'How many there are to be; 0 removes it.' }),
  when: z
    .enum(['now', 'period_end'])
    .optional()
    .openapi({ description: 'Unless said: more now, less at the end of the period.' }),
  proration_at: changeBody.shape.proration_at,
});

export const addOnParams = z.strictObject({ id: z.string().min(1).max(64), plan_id: z.string().min(1).max(64) });

export const trialBody = z.object({
  end_at: z
    .union([z.literal('now'), z.iso.datetime()])
    .openapi({ description: '`now` ends it; later is the seller’s.' }),
});

export const couponBody = z.object({ code: z.string().trim().min(1).max(100) });
export const seatsBody = z.object({
  seats: z.int().min(1).max(1_000_000),
  proration_at: changeBody.shape.proration_at,
});

export function invoicePreviewView(preview: InvoicePreview): z.infer<typeof invoicePreviewSchema> {
  return {
    object: 'invoice_preview',
    ...preview,
    due_at: preview.due_at === null ? null : iso(preview.due_at),
    lines: preview.lines.map((line) => ({
      ...line,
      period_start_at: iso(line.period_start_at),
      period_end_at: iso(line.period_end_at),
    })),
  };
}

export function changePreviewView(preview: ChangePreview): z.infer<typeof changePreviewSchema> {
  const { plan_id, interval, currency, amount_minor, quantity } = preview.terms;
  return {
    object: 'change_preview',
    effect: preview.effect,
    direction: preview.direction,
    effective_at: iso(preview.effective_at),
    proration_at: preview.proration_at === null ? null : iso(preview.proration_at),
    resets_anchor: preview.resets_anchor,
    plan_id,
    plan_name: preview.plan_name,
    price: { amount_minor, currency, interval },
    quantity,
    setup_fee_minor: preview.setup_fee_minor,
    recurring_minor: preview.recurring_minor,
    proration: preview.proration,
    invoice: preview.invoice === null ? null : invoicePreviewView(preview.invoice),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
