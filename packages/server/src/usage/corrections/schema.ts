import { z } from '../../http/router.ts';
import { mostQuantity } from '../events/event.ts';
import { propertiesFault } from '../events/read-event.ts';
import type { Correction, NamedEvent, RightContent } from './service.ts';

const reason = z
  .string()
  .trim()
  .min(3)
  .max(200)
  .openapi({ description: 'Why. It is kept with who did it, and stands on the invoice where money changes.' });
const property = z.union([z.string(), z.number(), z.boolean()]);
const properties = z
  .record(z.string(), property)
  .superRefine((value, context) => {
    const fault = propertiesFault(value);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .openapi({ description: 'All of them, as they should have been. Those it came with stay unless said.' });

const named = {
  customer_id: z.string().min(1).max(64),
  type: z.string().min(1).max(100).optional().openapi({ description: 'Where several events have the id.' }),
  source: z.string().max(200).optional(),
};

export const voidBody = z.object({ ...named, reason });

export const correctionBody = z.object({
  ...named,
  event_id: z.string().min(1).max(200),
  quantity: z.int().min(0).max(mostQuantity).optional().openapi({ description: 'As it should have been.' }),
  properties: properties.optional(),
  reason,
});

const contentSchema = z.object({
  quantity: z.int(),
  properties: z.record(z.string(), property),
  counted: z.record(z.string(), z.string()).openapi({ description: 'By meter the amount; empty: it counts nowhere.' }),
});

export const correctionSchema = z
  .object({
    object: z.literal('usage_correction'),
    id: z.string(),
    customer_id: z.string(),
    event_id: z.string(),
    event_type: z.string(),
    event_source: z.string(),
    kind: z.enum(['void', 'correct']),
    reason: z.string(),
    actor: z.string().openapi({ description: 'Who did it, as in the audit log.' }),
    before: contentSchema,
    after: contentSchema,
    adjustments: z
      .array(
        z.object({
          id: z.string(),
          usage_report_id: z.string(),
          meter_id: z.string(),
          period_start_at: z.iso.datetime(),
          period_end_at: z.iso.datetime(),
          quantity: z.int().openapi({ description: 'What the period comes to with it.' }),
          amount_minor: z.int().openapi({ description: 'What usage of the period costs more; negative: less.' }),
          line_minor: z.int().openapi({ description: 'Of it as a line of the next invoice.' }),
          credited_minor: z.int().openapi({ description: 'Of it back to the credit that had paid it.' }),
          currency: z.string(),
          state: z.enum(['pending', 'sent']),
        }),
      )
      .openapi({ description: 'What it changed of periods that were billed; empty: it cost nothing to put right.' }),
    created_at: z.iso.datetime(),
  })
  .openapi('UsageCorrection');

export function eventNamed({
  event_id,
  body,
}: {
  event_id: string;
  body: Pick<z.infer<typeof voidBody>, 'customer_id' | 'type' | 'source'>;
}): NamedEvent {
  const { customer_id, type, source } = body;
  return { customer_id, event_id, type, source };
}

export function rightContent({
  quantity,
  properties: given,
}: z.infer<typeof correctionBody>): NonNullable<RightContent> {
  return { quantity, properties: given };
}

export function correctionView(correction: Correction): z.infer<typeof correctionSchema> {
  const { created_at, adjustments, ...rest } = correction;
  return {
    object: 'usage_correction',
    ...rest,
    adjustments: adjustments.map((each) => ({
      id: each.id,
      usage_report_id: each.usage_report_id,
      meter_id: each.meter_id,
      period_start_at: each.period_start_at.toISOString(),
      period_end_at: each.period_end_at.toISOString(),
      quantity: each.quantity,
      amount_minor: each.amount_minor,
      line_minor: each.line_minor,
      credited_minor: each.credited_minor,
      currency: each.currency,
      state: each.state === 'sent' ? 'sent' : 'pending',
    })),
    created_at: created_at.toISOString(),
  };
}
