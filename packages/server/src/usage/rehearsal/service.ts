import {
  type Currency,
  type KeptPlan,
  type Meter,
  type MonthlyCost,
  type PriceList,
  type RehearsalTotal,
  type RehearsedCost,
  billedUnits,
  diffMeters,
  minimumFor,
  monthlyMinor,
  partOfMinimum,
  periodAt,
  rateUsage,
  rehearsalTotals,
  rehearsedDifference,
  shortfallOf,
  underCaps,
} from '@farebox/core';
import type { Reader } from '../../db/database.ts';
import { storedPriceList } from '../../plans/store.ts';
import { measureScopes } from '../queries.ts';
import { type DraftCustomer, type DraftMeter, createDrafts } from './drafts.ts';
import { countPayers, payersAfter, spentInMonthsOf } from './store.ts';

/** One customer by what it pays, and by what it would pay by a plan file. */
export interface RehearsedCustomer extends RehearsedCost {
  customer_id: string;
  name: string;
  plans: { plan_id: string; version: number }[];
  periods: RehearsedMeter[];
}

/** The last period of one meter: what it was billed at, and what it would have been. */
export interface RehearsedMeter {
  subscription_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  quantity: number;
  billed_minor: number;
  rehearsed_minor: number;
}

/** What a plan file would make of what everybody pays. */
export interface Rehearsal {
  /** Whether anybody would pay something else. */
  changes: boolean;
  /** How many pay; each is in the totals of its currency. */
  customers: number;
  totals: RehearsalTotal[];
  /** Plans that stay as they are for who has them, and why. */
  kept: (KeptPlan & { customers: number })[];
  /** Customers with no period of usage behind them: of those the base price alone is compared. */
  without_period: number;
  /** Meters the file prices that count nothing yet, or will count otherwise. */
  uncounted: { meter_id: string; type: 'new' | 'changed' }[];
  /** Who would pay something else, the largest difference first. */
  changed: RehearsedCustomer[];
}

export type Rehearse = (
  list: Pick<PriceList, 'plans' | 'meters'>,
  onProgress?: (done: number, of: number) => void,
) => Promise<Rehearsal>;

const page = 200;

/**
 * The rehearsal of a plan file: the last period of usage of every customer who pays, and what it pays for, by the prices of the
 * file in the place of those it has, by the rating that bills are made by. Reads only.
 */
export function createRehearsal(db: Reader): Rehearse {
  return async (list, onProgress = () => {}) => {
    const stored = (await storedPriceList(db))?.meters ?? [];
    const draftsOf = createDrafts(db, list);
    const of = await countPayers(db);
    const costs: RehearsedCost[] = [];
    const changed: RehearsedCustomer[] = [];
    const kept = new Map<string, KeptPlan & { customers: number }>();
    const result = { customers: 0, without_period: 0 };
    for (let after = ''; ;) {
      const payers = await payersAfter(db, after, page);
      const drafts = await draftsOf(payers);
      const measured = await measure(db, stored, drafts);
      for (const draft of drafts) {
        for (const each of draft.kept) keep(kept, each);
        if (!draft.has_period) result.without_period += 1;
        for (const customer of await rated(db, draft, measured)) {
          costs.push({ currency: customer.currency, now: customer.now, rehearsed: customer.rehearsed });
          if (rehearsedDifference(customer) !== 0) changed.push(customer);
        }
      }
      result.customers += payers.length;
      const last = payers.at(-1);
      if (last === undefined) break;
      onProgress(result.customers, Math.max(of, result.customers));
      after = last.customer_id;
    }
    return {
      ...result,
      changes: changed.length > 0,
      totals: rehearsalTotals(costs),
      kept: [...kept.values()].toSorted((a, b) => b.customers - a.customers),
      uncounted: uncounted(stored, list),
      changed: changed.toSorted((a, b) => Math.abs(rehearsedDifference(b)) - Math.abs(rehearsedDifference(a))),
    };
  };
}

function keep(kept: Map<string, KeptPlan & { customers: number }>, each: KeptPlan): void {
  const name = `${each.plan_id} ${each.detail}`;
  const known = kept.get(name);
  if (known === undefined) kept.set(name, { ...each, customers: 1 });
  else known.customers += 1;
}

function uncounted(
  stored: readonly Meter[],
  list: Pick<PriceList, 'plans' | 'meters'>,
): { meter_id: string; type: 'new' | 'changed' }[] {
  const priced = new Set(list.plans.flatMap(({ usage }) => usage.map(({ meter_id }) => meter_id)));
  return diffMeters(stored, list.meters).flatMap(({ meter_id, type }) =>
    (type === 'new' || type === 'changed') && priced.has(meter_id) ? [{ meter_id, type }] : [],
  );
}

type Measured = ReadonlyMap<DraftMeter, number[]>;

/** The units of every part of every meter: as they were billed, or as they are counted. */
async function measure(db: Reader, meters: readonly Meter[], drafts: readonly DraftCustomer[]): Promise<Measured> {
  const asked = drafts.flatMap(({ customer_id, meters: own }) =>
    own.flatMap((meter) =>
      meter.window.parts.flatMap((part, index) =>
        part.quantity === null ? [{ customer_id, meter, part, index }] : [],
      ),
    ),
  );
  const { measured } = await measureScopes(
    db,
    asked.map(({ customer_id, meter: { meter_id }, part: { start_at, end_at } }) => ({
      customer_id,
      meter_id,
      start_at,
      end_at,
      aggregation: meters.find(({ id }) => id === meter_id)?.aggregation ?? 'count',
    })),
  );
  const all = drafts.flatMap((draft) => draft.meters);
  const units = new Map(all.map((meter) => [meter, meter.window.parts.map(({ quantity }) => quantity ?? 0)]));
  for (const [at, { meter, index }] of asked.entries()) {
    const own = units.get(meter);
    if (own !== undefined) own[index] = billedUnits(measured[at] ?? '0');
  }
  return units;
}

/** By currency what a customer pays and would pay. */
async function rated(db: Reader, draft: DraftCustomer, measured: Measured): Promise<RehearsedCustomer[]> {
  const customers: RehearsedCustomer[] = [];
  for (const currency of new Set(draft.bases.map((base) => base.currency))) {
    const bases = draft.bases.filter((base) => base.currency === currency);
    const meters = draft.meters.filter((meter) => meter.currency === currency);
    const periods = await ratedMeters(db, draft, { currency, meters }, measured);
    const usage = (minor: (period: RehearsedMeter) => number) =>
      meters.reduce((sum, { window }, index) => {
        const period = periods[index];
        return period === undefined ? sum : sum + monthlyMinor(minor(period), window.interval);
      }, 0);
    const cost = (part: 'now_minor' | 'rehearsed_minor', minor: (period: RehearsedMeter) => number): MonthlyCost => ({
      base_minor: bases.reduce((sum, base) => sum + base[part], 0),
      usage_minor: usage(minor),
    });
    customers.push({
      customer_id: draft.customer_id,
      name: draft.name,
      currency,
      plans: bases.flatMap(({ plans }) => plans),
      now: cost('now_minor', ({ billed_minor }) => billed_minor),
      rehearsed: cost('rehearsed_minor', ({ rehearsed_minor }) => rehearsed_minor),
      periods,
    });
  }
  return customers;
}

/** Each meter's period by the plan file, under the spend caps of then, and at least its minimum. */
async function ratedMeters(
  db: Reader,
  draft: DraftCustomer,
  of: { currency: Currency; meters: readonly DraftMeter[] },
  measured: Measured,
): Promise<RehearsedMeter[]> {
  const charges = of.meters.flatMap((meter) =>
    meter.window.parts.map((part, index) => {
      const { usage, billing_anchor_at: anchor } = meter;
      const quantity = measured.get(meter)?.[index] ?? 0;
      const amount_minor = usage === null ? 0 : rateUsage(usage, quantity).amount_minor;
      const minimum_minor =
        usage === null ? 0 : minimumFor(usage, part, periodAt(anchor, usage.interval, part.end_at - 1));
      return { meter, start_at: part.start_at, end_at: part.end_at, quantity, amount_minor, minimum_minor };
    }),
  );
  const spent = draft.caps.length === 0 ? {} : await spentElsewhere(db, draft.customer_id, of, charges);
  const amounts = underCaps(charges, { currency: of.currency, caps: draft.caps, spent });
  const lacking = lackingTogether(charges.map((charge, index) => ({ ...charge, amount_minor: amounts[index] ?? 0 })));
  return of.meters.map((meter) => {
    const { subscription_id, meter_id, window } = meter;
    const own = charges.flatMap(({ meter: of_meter, quantity, minimum_minor }, index) => {
      const amount = amounts[index] ?? 0;
      const shortfall = shortfallOf(minimum_minor, amount) + (lacking[index] ?? 0);
      return of_meter === meter ? [{ quantity, amount_minor: amount + shortfall }] : [];
    });
    const billed = window.billed.reduce((sum, { quantity }) => sum + quantity, 0);
    return {
      subscription_id,
      meter_id,
      period_start_at: new Date(window.start_at),
      period_end_at: new Date(window.end_at),
      quantity: own.length === 0 ? billed : own.reduce((sum, { quantity }) => sum + quantity, 0),
      billed_minor: window.billed.reduce((sum, { billed_minor }) => sum + billed_minor, 0),
      rehearsed_minor: own.reduce((sum, { amount_minor }) => sum + amount_minor, 0),
    };
  });
}

/** What the usage of a subscription lacks in each period to the minimum of its plan: with the first charge that counts. */
function lackingTogether(
  charges: readonly { meter: DraftMeter; start_at: number; end_at: number; amount_minor: number }[],
): number[] {
  const counting = charges.filter(({ meter }) => meter.plan_minimum !== null);
  const periods = Map.groupBy(counting, ({ meter, end_at }) => `${meter.subscription_id} ${end_at}`);
  return charges.map((charge) => {
    const { meter, end_at } = charge;
    const together = periods.get(`${meter.subscription_id} ${end_at}`);
    if (together?.[0] !== charge || meter.plan_minimum === null) return 0;
    const { interval, amount_minor } = meter.plan_minimum;
    const start_at = Math.min(...together.map((each) => each.start_at));
    const whole = periodAt(meter.billing_anchor_at, interval, end_at - 1);
    const least = partOfMinimum(amount_minor, { start_at, end_at }, whole);
    return shortfallOf(
      least,
      together.reduce((sum, each) => sum + each.amount_minor, 0),
    );
  });
}

/** What usage of these months was billed at, without what is rehearsed. */
async function spentElsewhere(
  db: Reader,
  customer_id: string,
  { currency, meters }: { currency: Currency; meters: readonly DraftMeter[] },
  charges: readonly { end_at: number }[],
): Promise<Record<string, number>> {
  const billed = meters.flatMap(({ window }) => window.billed);
  return await spentInMonthsOf(db, { customer_id, currency, ends: charges.map(({ end_at }) => end_at), but: billed });
}
