import { z } from '../http/router.ts';
import type { CreditBalance, GrantWish } from './service.ts';
import type { EntryRow, GrantRow } from './store.ts';

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const mostAmount = 100_000_000_00;

export const grantBody = z.object({
  name: z.string().trim().min(1).max(100).openapi({ description: 'As the customer reads it on invoices.' }),
  amount_minor: z.int().min(1).max(mostAmount).openapi({ description: "In the price list's currency." }),
  category: z
    .enum(['paid', 'promotional'])
    .default('promotional')
    .openapi({ description: 'Whether it was bought. Of equals what was given is used first.' }),
  priority: z.int().min(0).max(100).default(50).openapi({ description: 'The lowest is used first.' }),
  meters: z
    .array(z.string().max(64))
    .min(1)
    .max(50)
    .optional()
    .openapi({ description: 'For usage of these meters only; of all unless said.' }),
  effective_at: instant.optional().openapi({ type: 'string', format: 'date-time', description: 'Now, unless said.' }),
  expires_at: instant
    .optional()
    .openapi({ type: 'string', format: 'date-time', description: 'Of no use from then on; never, unless said.' }),
});

const states = ['scheduled', 'active', 'used_up', 'expired', 'voided'] as const;

export const grantSchema = z
  .object({
    object: z.literal('credit_grant'),
    id: z.string(),
    customer_id: z.string(),
    name: z.string(),
    state: z.enum(states),
    amount_minor: z.int(),
    remaining_minor: z.int().openapi({ description: 'What it can still pay.' }),
    expired_minor: z.int().openapi({ description: 'What was left when it ended.' }),
    currency: z.string(),
    category: z.enum(['paid', 'promotional']),
    priority: z.int(),
    meters: z.array(z.string()).nullable(),
    effective_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    voided_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .openapi('CreditGrant');

export const entrySchema = z
  .object({
    object: z.literal('credit_entry'),
    id: z.string().openapi({ description: 'Of what expired, its grant.' }),
    grant_id: z.string(),
    grant_name: z.string(),
    kind: z
      .enum(['granted', 'drawn', 'returned', 'voided', 'refunded', 'reinstated', 'held', 'released', 'expired'])
      .openapi({
        description:
          '`drawn` paid for usage, `returned` came back when that was corrected; `refunded` was taken back because the money of a top-up is gone, `reinstated` because it came again; `held` for a reservation, `released` what of that was not used.',
      }),
    amount_minor: z.int().openapi({ description: 'Negative: taken.' }),
    currency: z.string(),
    usage_report_id: z.string().nullable().openapi({ description: 'What it paid: usage of one meter in one period.' }),
    top_up_id: z.string().nullable().openapi({ description: 'Whose money went, or came again.' }),
    reservation_id: z.string().nullable().openapi({ description: 'What it is held for.' }),
    created_at: z.iso.datetime(),
  })
  .openapi('CreditEntry');

export const creditBalanceSchema = z
  .object({
    object: z.literal('credit_balance'),
    customer_id: z.string(),
    currency: z.string(),
    granted_minor: z.int().openapi({ description: 'What the grants that count now were given as.' }),
    balance_minor: z.int().openapi({ description: 'In grants that count now.' }),
    running_minor: z
      .int()
      .openapi({ description: 'Of that, what usage so far of periods that are not billed yet will take.' }),
    available_minor: z.int().openapi({ description: 'The balance without that.' }),
    held_minor: z
      .int()
      .openapi({ description: 'Held for work that goes on; not in the balance, and back where it is not used.' }),
    grants: z.int().openapi({ description: 'How many count now.' }),
    expires_next: z
      .object({ at: z.iso.datetime(), amount_minor: z.int() })
      .nullable()
      .openapi({ description: 'What of it expires first.' }),
  })
  .openapi('CreditBalance');

export function wishOf(body: z.infer<typeof grantBody>): GrantWish {
  const { meters = null, effective_at = null, expires_at = null, ...rest } = body;
  return { ...rest, meter_ids: meters, effective_at, expires_at };
}

function stateOf(row: GrantRow, now: number): (typeof states)[number] {
  if (row.voided_at !== null) return 'voided';
  if (row.drawn_minor === row.amount_minor) return 'used_up';
  if (row.expires_at !== null && row.expires_at.getTime() <= now) return 'expired';
  return row.effective_at.getTime() > now ? 'scheduled' : 'active';
}

export function grantView(row: GrantRow, now: number): z.infer<typeof grantSchema> {
  const { id, customer_id, name, amount_minor, currency, category, priority } = row;
  const state = stateOf(row, now);
  const left = amount_minor - row.drawn_minor;
  const isOver = state === 'voided' || state === 'expired';
  return {
    object: 'credit_grant',
    id,
    customer_id,
    name,
    state,
    amount_minor,
    remaining_minor: isOver ? 0 : left,
    expired_minor: state === 'expired' ? left : 0,
    currency,
    category,
    priority,
    meters: row.meter_ids,
    effective_at: row.effective_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    voided_at: row.voided_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}

export function entryView(row: EntryRow): z.infer<typeof entrySchema> {
  const { place: _place, created_at, ...entry } = row;
  return { object: 'credit_entry', ...entry, created_at: created_at.toISOString() };
}

export function balanceView(balance: CreditBalance): z.infer<typeof creditBalanceSchema> {
  const { expires_next, ...rest } = balance;
  return {
    object: 'credit_balance',
    ...rest,
    available_minor: balance.balance_minor - balance.running_minor,
    expires_next: expires_next === null ? null : { ...expires_next, at: new Date(expires_next.at).toISOString() },
  };
}
