import type { Currency, Meter } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Credits } from '../service.ts';
import type { Place } from '../store.ts';
import {
  type ReservationRow,
  dueReservations,
  endReservation,
  insertReservation,
  listReservations,
  lockReservation,
  reservationById,
} from './store.ts';

export interface ReservationWish {
  customer_id: string;
  amount_minor: number;
  meter_id: string | null;
  description: string | null;
  expires_in_s: number;
}

export type Reservations = ReturnType<typeof createReservations>;

/** Of those whose time is over, so many at once. */
const page = 500;

/**
 * Credit held before work begins and settled with what the work really used. A hold is taken from the grants at once, under
 * their locks, so that two at the same time never hold the same cent; what was not used goes back where it came from.
 */
export function createReservations(deps: {
  db: Database;
  clock: Clock;
  currency: Currency;
  meters: readonly Meter[];
  credits: Pick<Credits, 'hold' | 'release' | 'runningCharges'>;
  findCustomer(id: string): Promise<{ id: string }>;
  /** After the commit: less is left than before. */
  taken(customerId: string): void;
}) {
  const { db, clock, credits, currency } = deps;

  async function reserve(wish: ReservationWish): Promise<ReservationRow> {
    const { amount_minor, meter_id, description } = wish;
    const { id: customer_id } = await deps.findCustomer(wish.customer_id);
    if (meter_id !== null && !deps.meters.some(({ id }) => id === meter_id))
      throw new Problem('invalid_request', `meter: There is no meter "${meter_id}".`, { param: 'meter' });
    await expireDue(customer_id);
    const charges = await credits.runningCharges(customer_id);
    const now = clock.now();
    const row: ReservationRow = {
      id: createId('resv', now),
      customer_id,
      state: 'held',
      held_minor: amount_minor,
      currency,
      meter_id,
      description,
      settled_minor: null,
      paid_minor: null,
      expires_at: new Date(now + wish.expires_in_s * 1000),
      created_at: new Date(now),
      ended_at: null,
    };
    await db.transaction(async (tx) => {
      await insertReservation(tx, row);
      const held = await credits.hold(tx, row, amount_minor, charges);
      if (held < amount_minor)
        throw new Problem('credit_insufficient', `Of ${amount_minor} (minor units) ${held} are left. Top up first.`, {
          param: 'amount_minor',
        });
    });
    deps.taken(customer_id);
    return row;
  }

  /**
   * Ends it with what was used: less gives the rest back, more is paid as far as there is credit and no further. The same again
   * answers the same. One that ran out is paid from what is there now.
   */
  async function settle(id: string, used_minor: number): Promise<ReservationRow> {
    const found = await reservationById(db.kysely, id);
    const charges = found === null ? [] : await credits.runningCharges(found.customer_id);
    const settled = await db.transaction(async (tx) => {
      const row = await lockReservation(tx, id);
      if (row === null) throw new Problem('not_found', 'There is no such reservation.');
      if (row.state === 'settled') {
        if (row.settled_minor === used_minor) return row;
        throw new Problem('reservation_settled', `It was settled with ${row.settled_minor} (minor units) before.`);
      }
      const kept = row.state === 'held' ? await credits.release(tx, row, used_minor) : 0;
      const more = await credits.hold(tx, row, used_minor - kept, charges);
      const ended_at = new Date(clock.now());
      const change = { state: 'settled' as const, settled_minor: used_minor, paid_minor: kept + more, ended_at };
      await endReservation(tx, id, change);
      return { ...row, ...change };
    });
    deps.taken(settled.customer_id);
    return settled;
  }

  async function expire(tx: Tx, id: string): Promise<void> {
    const row = await lockReservation(tx, id);
    const now = clock.now();
    if (row === null || row.state !== 'held' || row.expires_at.getTime() > now) return;
    const kept = await credits.release(tx, row, 0);
    invariant(kept === 0, 'what ran out keeps nothing');
    await endReservation(tx, id, { state: 'expired', settled_minor: null, paid_minor: null, ended_at: new Date(now) });
  }

  /** Null: everybody's. */
  async function expireDue(customer_id: string | null): Promise<void> {
    const due = await dueReservations(db.kysely, { now: new Date(clock.now()), customer_id, limit: page });
    for (const id of due) await db.transaction((tx) => expire(tx, id));
  }

  return {
    reserve,
    settle,
    expireDue,
    async list(
      customerId: string,
      page: { state: ReservationRow['state'] | null; limit: number; after: Place | null },
    ): Promise<ReservationRow[]> {
      const { id: customer_id } = await deps.findCustomer(customerId);
      await expireDue(customer_id);
      return await listReservations(db.kysely, { ...page, customer_id });
    },
    async read(id: string): Promise<ReservationRow> {
      const row = await reservationById(db.kysely, id);
      if (row === null) throw new Problem('not_found', 'There is no such reservation.');
      return row;
    },
  };
}
