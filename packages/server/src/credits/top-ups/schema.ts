import { z } from '../../http/router.ts';
import type { TopUpRow } from './store.ts';

export const topUpBody = z.object({
  amount_minor: z.int().min(1).openapi({
    description: "Credit to buy, in the price list's currency, within its `top_ups`. Taxes come on top.",
  }),
});

export const topUpSchema = z
  .object({
    object: z.literal('top_up'),
    id: z.string(),
    customer_id: z.string(),
    kind: z.enum(['checkout', 'automatic']),
    state: z.enum(['open', 'paid', 'failed', 'expired']),
    amount_minor: z.int(),
    currency: z.string(),
    url: z.string().nullable().openapi({ description: "Stripe's page, while it can be paid there." }),
    expires_at: z.iso.datetime().nullable().openapi({ description: 'Until then it can be paid.' }),
    failure_reason: z.string().nullable(),
    grant_id: z.string().nullable().openapi({ description: 'The credit it brought.' }),
    taken_back_minor: z.int().openapi({
      description: 'Unused credit that was taken back because the payment was refunded, credited or disputed.',
    }),
    stripe_invoice_id: z.string().nullable().openapi({ description: 'The invoice of it, which is the receipt.' }),
    created_at: z.iso.datetime(),
    settled_at: z.iso.datetime().nullable(),
  })
  .openapi('TopUp');

export function topUpView(row: TopUpRow): z.infer<typeof topUpSchema> {
  const { id, customer_id, kind, state, amount_minor, currency, failure_reason, grant_id, stripe_invoice_id } = row;
  return {
    object: 'top_up',
    id,
    customer_id,
    kind,
    state,
    amount_minor,
    currency,
    url: state === 'open' ? row.url : null,
    expires_at: row.expires_at?.toISOString() ?? null,
    failure_reason,
    grant_id,
    taken_back_minor: row.taken_back_minor,
    stripe_invoice_id,
    created_at: row.created_at.toISOString(),
    settled_at: row.settled_at?.toISOString() ?? null,
  };
}
