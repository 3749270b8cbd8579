import {
  type Currency,
  type Instant,
  type SpendCap,
  type SpendCapFrom,
  capMonthOf,
  cappedParts,
  roomUnder,
  spendCapAt,
} from '@farebox/core';
import type { Reader } from '../../db/database.ts';
import { spendCapsOf, spentIn } from './store.ts';

/** What is left for a period that ends at `end_at`, by what is in force in its last instant; null: no cap is over it. */
export async function roomOfPeriod(
  db: Reader,
  history: readonly SpendCapFrom[],
  of: { customer_id: string; currency: Currency; end_at: Instant; but?: string },
): Promise<number | null> {
  const cap = spendCapAt(history, of.end_at - 1);
  if (cap === null) return null;
  const month = capMonthOf(of.end_at);
  const spent = await spentIn(db, { ...of, months: [month] });
  return roomUnder(cap, spent[month] ?? 0, of.currency);
}

/** Usage of a period that runs, as it costs without a cap. */
export interface RunningCharge {
  subscription_id: string;
  meter_id: string;
  end_at: Instant;
  amount_minor: number;
  currency: Currency;
}

/** What a cap makes of the periods that run: of each charge what will not be billed, and what each month has spent by then. */
export interface CappedCharges {
  cap: SpendCap;
  capped: number[];
  months: { month: string; spent_minor: number; remaining_minor: number }[];
}

/** By the cap in force at `now`; null: there is none. */
export async function capRunning(
  db: Reader,
  customer_id: string,
  charges: readonly RunningCharge[],
  now: Instant,
): Promise<CappedCharges | null> {
  const cap = spendCapAt(await spendCapsOf(db, customer_id), now);
  if (cap === null) return null;
  const running = charges.map((charge) => ({ ...charge, month: capMonthOf(charge.end_at) }));
  const months = [...new Set(running.map(({ month }) => month))].toSorted();
  const billed = await spentIn(db, { customer_id, currency: cap.currency, months });
  const capped = cappedParts(running, cap, billed);
  return {
    cap,
    capped,
    months: months.map((month) => {
      const own = running.map((charge, index) =>
        charge.month === month ? charge.amount_minor - (capped[index] ?? 0) : 0,
      );
      const spent_minor = own.reduce((sum, amount) => sum + amount, billed[month] ?? 0);
      return { month, spent_minor, remaining_minor: Math.max(0, cap.amount_minor - spent_minor) };
    }),
  };
}
