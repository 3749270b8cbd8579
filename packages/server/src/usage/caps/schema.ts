import { z } from '../../http/router.ts';
import type { CustomerCaps } from './service.ts';

const mostAmount = 100_000_000_00;

export const spendCapBody = z.object({
  amount_minor: z.int().min(0).max(mostAmount).nullable().openapi({
    description: 'The most that usage may cost in a month; 0: nothing beyond what is included; null: no cap.',
  }),
});

export const spendCapSchema = z
  .object({
    object: z.literal('spend_cap'),
    customer_id: z.string(),
    currency: z.string(),
    customer_minor: z.int().nullable().openapi({ description: 'As the customer set it.' }),
    seller_minor: z.int().nullable().openapi({ description: 'As the seller set it.' }),
    in_force: z
      .object({ owner: z.enum(['customer', 'seller']), amount_minor: z.int() })
      .nullable()
      .openapi({ description: 'The lower of both.' }),
    months: z.array(z.object({ month: z.string(), spent_minor: z.int(), remaining_minor: z.int() })).openapi({
      description:
        'By the month (UTC) in which periods of usage that run now end: what usage comes to, and what is left.',
    }),
  })
  .openapi('SpendCap');

export function spendCapView(caps: CustomerCaps): z.infer<typeof spendCapSchema> {
  const { customer_id, currency, by_owner, in_force, months } = caps;
  return {
    object: 'spend_cap',
    customer_id,
    currency,
    customer_minor: by_owner.customer,
    seller_minor: by_owner.seller,
    in_force: in_force === null ? null : { owner: in_force.owner, amount_minor: in_force.amount_minor },
    months,
  };
}
