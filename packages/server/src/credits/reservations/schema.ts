import { listQuery } from '../../http/list.ts';
import { z } from '../../http/router.ts';
import type { ReservationWish } from './service.ts';
import type { ReservationRow } from './store.ts';

const mostAmount = 100_000_000_00;

export const reserveBody = z.object({
  customer_id: z.string().min(1).max(64),
  amount_minor: z.int().min(1).max(mostAmount).openapi({
    description: "The most the work may cost, in the price list's currency.",
  }),
  meter: z.string().max(64).optional().openapi({
    description: 'What the work is measured by: credit for that meter alone may pay it too.',
  }),
  description: z.string().trim().min(1).max(200).optional(),
  expires_in_s: z.int().min(1).max(604_800).default(3600).openapi({
    description: 'What is not settled by then is given back by itself.',
  }),
});

export const settleBody = z.object({
  amount_minor: z.int().min(0).max(mostAmount).openapi({
    description: 'What the work really cost. 0 gives all of it back.',
  }),
});

const states = ['held', 'settled', 'expired'] as const;

export const listReservationsQuery = listQuery.extend({
  state: z.enum(states).optional().openapi({ description: 'Unless said: in any state.' }),
});

export const reservationSchema = z
  .object({
    object: z.literal('reservation'),
    id: z.string(),
    customer_id: z.string(),
    state: z.enum(states),
    held_minor: z.int(),
    currency: z.string(),
    meter: z.string().nullable(),
    description: z.string().nullable(),
    settled_minor: z.int().nullable().openapi({ description: 'What was really used.' }),
    paid_minor: z.int().nullable().openapi({ description: 'Of that, what credit paid.' }),
    short_minor: z.int().nullable().openapi({
      description: 'Of that, what no credit was left for. Nobody owes it: hold more, or top up, before the next work.',
    }),
    expires_at: z.iso.datetime(),
    created_at: z.iso.datetime(),
    ended_at: z.iso.datetime().nullable(),
  })
  .openapi('Reservation');

export function wishOf({ meter, description, ...rest }: z.infer<typeof reserveBody>): ReservationWish {
  return { ...rest, meter_id: meter ?? null, description: description ?? null };
}

export function reservationView(row: ReservationRow): z.infer<typeof reservationSchema> {
  const { meter_id: meter, expires_at, created_at, ended_at, settled_minor, paid_minor, ...rest } = row;
  return {
    object: 'reservation',
    ...rest,
    meter,
    settled_minor,
    paid_minor,
    short_minor: settled_minor === null || paid_minor === null ? null : settled_minor - paid_minor,
    expires_at: expires_at.toISOString(),
    created_at: created_at.toISOString(),
    ended_at: ended_at?.toISOString() ?? null,
  };
}
