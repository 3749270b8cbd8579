import {
  type Currency,
  type Grant,
  type GrantCategory,
  type Instant,
  type Meter,
  type UsageCharge,
  drawCredit,
  holdCredit,
  isUsable,
  unusedOf,
} from '@farebox/core';
import type { Database, Reader, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { AuditTrail } from '../db/audit-trail.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { heldMinor } from './reservations/store.ts';
import {
  type EntryRow,
  type GrantRow,
  type Place,
  insertEntry,
  insertGrant,
  ledgerOf,
  listGrants,
  lockDraws,
  lockGrant,
  lockHolds,
  lockOpenGrants,
  openGrants,
  takeFromGrant,
  voidGrant,
} from './store.ts';

export interface GrantWish {
  name: string;
  amount_minor: number;
  category: GrantCategory;
  priority: number;
  meter_ids: string[] | null;
  /** Now, unless said. */
  effective_at: Instant | null;
  expires_at: Instant | null;
}

/** What a customer's credit is worth. */
export interface CreditBalance {
  customer_id: string;
  currency: Currency;
  /** What the grants that count now were given as. */
  granted_minor: number;
  /** What is left in them. */
  balance_minor: number;
  /** Of that, what the usage so far of periods that are not billed yet will take. */
  running_minor: number;
  /** Held for work that goes on: not in the balance. */
  held_minor: number;
  grants: number;
  /** When something of it expires next, and how much. */
  expires_next: { at: Instant; amount_minor: number } | null;
}

/** A grant that was decided on. */
export type Given = Omit<GrantWish, 'effective_at'> & { currency: Currency; effective_at: Instant };

/** What a change of a balance follows from. */
type EntryOf = Pick<EntryRow, 'usage_report_id' | 'top_up_id' | 'reservation_id'>;

export type Credits = ReturnType<typeof createCredits>;

/**
 * Credit that pays for usage before a card does. It is drawn when a period of usage is closed, in the transaction that closes
 * it, by what counted in the period's last instant: a job that runs late takes what one in time would have.
 */
export function createCredits(deps: {
  db: Database;
  clock: Clock;
  currency: Currency;
  meters: readonly Meter[];
  findCustomer(id: string): Promise<{ id: string }>;
  /** What usage of periods that are not closed costs so far, by meter. */
  runningCharges(customerId: string): Promise<UsageCharge[]>;
  audit: AuditTrail;
  told(tx: Tx, grant: GrantRow): Promise<void>;
}) {
  const { db, clock, audit } = deps;

  async function grant(actor: string, customerId: string, wish: GrantWish): Promise<GrantRow> {
    const { id: customer_id } = await deps.findCustomer(customerId);
    const now = clock.now();
    const { effective_at, expires_at, ...rest } = wish;
    const from = effective_at ?? now;
    if (expires_at !== null && expires_at <= Math.max(from, now))
      throw new Problem('invalid_request', 'expires_at: Must lie after it begins, and in the future.', {
        param: 'expires_at',
      });
    const unknown = rest.meter_ids?.find((id) => !deps.meters.some((meter) => meter.id === id));
    if (unknown !== undefined)
      throw new Problem('invalid_request', `meters: There is no meter "${unknown}".`, { param: 'meters' });
    const given = { ...rest, currency: deps.currency, effective_at: from, expires_at };
    return await db.transaction((tx) => give(tx, actor, customer_id, given));
  }

  /** A grant that was decided on, in the transaction of what decided it. */
  async function give(tx: Tx, actor: string, customer_id: string, given: Given): Promise<GrantRow> {
    const now = clock.now();
    const row = await insertGrant(tx, {
      ...given,
      id: createId('cgrt', now),
      customer_id,
      effective_at: new Date(given.effective_at),
      expires_at: given.expires_at === null ? null : new Date(given.expires_at),
      created_at: new Date(now),
    });
    await enter(tx, row, { kind: 'granted', amount_minor: row.amount_minor });
    const { amount_minor, currency } = row;
    const detail = { amount_minor, currency, name: row.name };
    await audit.record(tx, { actor, action: 'credit.granted', customer_id, object_id: row.id, detail });
    await deps.told(tx, row);
    return row;
  }

  /** What is left of it is taken back; what it paid stays paid. */
  async function revoke(actor: string, customerId: string, id: string): Promise<GrantRow> {
    const now = new Date(clock.now());
    return await db.transaction(async (tx) => {
      const row = await lockGrant(tx, customerId, id);
      if (row === null) throw new Problem('not_found', 'There is no such grant.');
      if (row.voided_at !== null) throw new Problem('no_change', 'The grant was voided before.');
      const rest = row.amount_minor - row.drawn_minor;
      if (rest === 0) throw new Problem('no_change', 'The grant is used up: nothing is left to take back.');
      await voidGrant(tx, id, now);
      await enter(tx, row, { kind: 'voided', amount_minor: -rest });
      const detail = { amount_minor: rest, currency: row.currency };
      await audit.record(tx, { actor, action: 'credit.voided', customer_id: customerId, object_id: id, detail });
      return { ...row, voided_at: now };
    });
  }

  async function enter(
    tx: Tx,
    { id: grant_id, customer_id }: GrantRow,
    entry: { kind: Exclude<EntryRow['kind'], 'expired'>; amount_minor: number } & Partial<EntryOf>,
  ): Promise<void> {
    const now = clock.now();
    const of: EntryOf = { usage_report_id: null, top_up_id: null, reservation_id: null };
    const written = { ...of, ...entry, id: createId('cent', now), customer_id, grant_id };
    await insertEntry(tx, { ...written, created_at: new Date(now) });
  }

  /**
   * Takes unused credit back because its money is gone, or gives it again (negative): as much as `change` says of what is left.
   * Of a grant that was voided nothing is left to take.
   */
  async function takeBack(
    tx: Tx,
    { top_up_id, grant_id }: { top_up_id: string; grant_id: string },
    change: (remaining_minor: number) => number,
  ): Promise<number> {
    const row = await lockGrant(tx, null, grant_id);
    invariant(row !== null, 'a grant is never deleted');
    const taken = row.voided_at === null ? change(row.amount_minor - row.drawn_minor) : 0;
    if (taken === 0) return 0;
    await takeFromGrant(tx, grant_id, taken);
    await enter(tx, row, { kind: taken > 0 ? 'refunded' : 'reinstated', amount_minor: -taken, top_up_id });
    return taken;
  }

  /** Pays a report from credit, as far as there is any; answers how much. Called once for a report, in its transaction. */
  async function pay(
    tx: Tx,
    report: { id: string; customer_id: string; currency: string } & UsageCharge,
    at: Instant,
  ): Promise<number> {
    if (report.amount_minor <= 0) return 0;
    const rows = (await lockOpenGrants(tx, report.customer_id)).filter(({ currency }) => currency === report.currency);
    const draws = drawCredit(rows.map(asGrant), [report], at);
    for (const { grant_id, amount_minor } of draws) {
      const row = rows.find(({ id }) => id === grant_id);
      if (row === undefined) continue;
      await takeFromGrant(tx, grant_id, amount_minor);
      await enter(tx, row, { kind: 'drawn', amount_minor: -amount_minor, usage_report_id: report.id });
    }
    return draws.reduce((sum, { amount_minor }) => sum + amount_minor, 0);
  }

  /** Holds as much as there is, at most this much, beyond what the charges will take; answers how much. */
  async function hold(
    tx: Tx,
    reservation: { id: string; customer_id: string; currency: Currency; meter_id: string | null },
    amount_minor: number,
    charges: readonly UsageCharge[],
  ): Promise<number> {
    if (amount_minor <= 0) return 0;
    const { id, customer_id, currency, meter_id } = reservation;
    const rows = (await lockOpenGrants(tx, customer_id)).filter((row) => row.currency === currency);
    const draws = holdCredit(rows.map(asGrant), charges, { amount_minor, meter_id }, clock.now());
    for (const draw of draws) {
      const row = rows.find((each) => each.id === draw.grant_id);
      if (row === undefined) continue;
      await takeFromGrant(tx, row.id, draw.amount_minor);
      await enter(tx, row, { kind: 'held', amount_minor: -draw.amount_minor, reservation_id: id });
    }
    return draws.reduce((sum, draw) => sum + draw.amount_minor, 0);
  }

  /** Gives back what a reservation holds beyond what was used; answers what it keeps. What was voided meanwhile is gone. */
  async function release(tx: Tx, reservation: { id: string }, used_minor: number): Promise<number> {
    const held = await lockHolds(tx, reservation.id);
    for (const { grant: row, amount_minor } of unusedOf(held, used_minor)) {
      if (row.voided_at !== null) continue;
      await takeFromGrant(tx, row.id, -amount_minor);
      await enter(tx, row, { kind: 'released', amount_minor, reservation_id: reservation.id });
    }
    return Math.min(
      used_minor,
      held.reduce((sum, { amount_minor }) => sum + amount_minor, 0),
    );
  }

  async function balance(customerId: string): Promise<CreditBalance> {
    const { id: customer_id } = await deps.findCustomer(customerId);
    const now = clock.now();
    const rows = (await openGrants(db.kysely, customer_id)).filter((row) => isUsable(asGrant(row), now));
    const usable = rows.map(asGrant);
    const running = usable.length === 0 ? [] : drawCredit(usable, await deps.runningCharges(customer_id), now);
    const ends = usable.flatMap(({ expires_at }) => expires_at ?? []);
    const first = ends.length === 0 ? null : Math.min(...ends);
    const sum = (of: readonly Grant[]) => of.reduce((total, { remaining_minor }) => total + remaining_minor, 0);
    return {
      customer_id,
      currency: deps.currency,
      granted_minor: rows.reduce((total, { amount_minor }) => total + amount_minor, 0),
      balance_minor: sum(usable),
      running_minor: running.reduce((total, { amount_minor }) => total + amount_minor, 0),
      held_minor: await heldMinor(db.kysely, customer_id),
      grants: usable.length,
      expires_next:
        first === null
          ? null
          : { at: first, amount_minor: sum(usable.filter(({ expires_at }) => expires_at === first)) },
    };
  }

  /** What is left without what these charges will take, as the reader sees it. */
  async function availableIn(reader: Reader, customerId: string, charges: readonly UsageCharge[]): Promise<number> {
    const now = clock.now();
    const usable = (await openGrants(reader, customerId)).map(asGrant).filter((each) => isUsable(each, now));
    const taken = drawCredit(usable, charges, now).reduce((total, { amount_minor }) => total + amount_minor, 0);
    return usable.reduce((total, { remaining_minor }) => total + remaining_minor, -taken);
  }

  /** What credit paid of a report and is not owed any more goes back to the grants it came from, the last one first. */
  async function restore(tx: Tx, report: { id: string; customer_id: string; amount_minor: number }): Promise<void> {
    let left = report.amount_minor;
    for (const { grant: row, amount_minor: paid } of await lockDraws(tx, report.id)) {
      const amount_minor = Math.min(left, paid);
      if (amount_minor === 0) continue;
      left -= amount_minor;
      await takeFromGrant(tx, row.id, -amount_minor);
      await enter(tx, row, { kind: 'returned', amount_minor, usage_report_id: report.id });
    }
    invariant(left === 0, 'no more goes back to credit than it paid');
  }

  return {
    grant,
    give,
    takeBack,
    revoke,
    pay,
    hold,
    release,
    restore,
    balance,
    availableIn,
    runningCharges: deps.runningCharges,
    async list(customerId: string, page: { limit: number; after: Place | null }): Promise<GrantRow[]> {
      const { id: customer_id } = await deps.findCustomer(customerId);
      return await listGrants(db.kysely, { ...page, customer_id });
    },
    async ledger(customerId: string, page: { limit: number; after: Place | null }): Promise<EntryRow[]> {
      const { id: customer_id } = await deps.findCustomer(customerId);
      return await ledgerOf(db.kysely, { ...page, customer_id, now: new Date(clock.now()) });
    },
  };
}

function asGrant(row: GrantRow): Grant {
  const { id, category, priority, meter_ids } = row;
  return {
    id,
    category,
    priority,
    meter_ids,
    remaining_minor: row.amount_minor - row.drawn_minor,
    effective_at: row.effective_at.getTime(),
    expires_at: row.expires_at?.getTime() ?? null,
    created_at: row.created_at.getTime(),
  };
}
