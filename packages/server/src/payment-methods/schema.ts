import { cardState } from '@farebox/core';
import { z } from '../http/router.ts';
import type { PaymentMethod } from '../ports.ts';

export const paymentMethodSchema = z
  .object({
    object: z.literal('payment_method'),
    id: z.string(),
    type: z.string().openapi({ description: "Stripe's type: card, sepa_debit, link …" }),
    brand: z.string().nullable(),
    last4: z.string().nullable(),
    exp_month: z.int().nullable(),
    exp_year: z.int().nullable(),
    state: z
      .enum(['valid', 'expiring', 'expired'])
      .openapi({ description: '`expiring`: no longer good when the next payment is due.' }),
    is_default: z.boolean().openapi({ description: 'What the next payment is made with.' }),
  })
  .openapi('PaymentMethod');

/** The card that a subscription is paid with, by when that is next. */
export function cardView(
  card: { stripe_payment_method_id: string; brand: string; last4: string; exp_month: number; exp_year: number },
  now: number,
  next_payment_at: number,
): z.infer<typeof paymentMethodSchema> {
  const { stripe_payment_method_id: id, ...shown } = card;
  const state = cardState(card, now, next_payment_at > now ? next_payment_at : null);
  return { object: 'payment_method', id, type: 'card', ...shown, state, is_default: true };
}

export const setupSchema = z
  .object({
    object: z.literal('setup_session'),
    url: z.string().openapi({ description: 'A page of Stripe where a card is added; nothing is charged.' }),
  })
  .openapi('SetupSession');

export const portalSchema = z
  .object({
    object: z.literal('portal_session'),
    provider: z.enum(['farebox', 'stripe']),
    url: z.string().openapi({ description: 'Lets in whoever has it, for a few minutes; the dashboard only once.' }),
    expires_at: z
      .string()
      .nullable()
      .openapi({ description: "Until when it may be opened; null: Stripe's to decide." }),
  })
  .openapi('PortalSession');

export const portalBody = z.strictObject({
  provider: z
    .enum(['farebox', 'stripe'])
    .default('farebox')
    .openapi({ description: "`farebox`: the dashboard, without signing in. `stripe`: Stripe's own pages." }),
  return_url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional()
    .openapi({ description: 'Where the person goes back to; the dashboard if nothing is said.' }),
});

export const balanceSchema = z
  .object({
    object: z.literal('balance'),
    customer_id: z.string(),
    currency: z.string().nullable().openapi({ description: 'Null while nothing was ever billed.' }),
    credit_minor: z.int().openapi({ description: 'What the next invoices cost less; negative: more.' }),
  })
  .openapi('Balance');

export function paymentMethodView(
  method: PaymentMethod,
  now: number,
  next_payment_at: number | null,
): z.infer<typeof paymentMethodSchema> {
  const { exp_month, exp_year } = method;
  const hasExpiry = exp_month !== null && exp_year !== null;
  const state = hasExpiry ? cardState({ exp_month, exp_year }, now, next_payment_at) : 'valid';
  return { object: 'payment_method', ...method, state };
}
