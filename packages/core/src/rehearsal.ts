import { monthlyMinor } from './catalog-effect.ts';
import { type VersionMisfitCode, fitVersion } from './migration.ts';
import { type Period, periodAt } from './period.ts';
import { type Currency, type Instant, type Interval, type Plan, intervals } from './plan.ts';
import { type PricedPlan, atPrice, withAddOns } from './priced-plan.ts';
import { type SpendCapFrom, capMonthOf, cappedParts, spendCapAt } from './spend-cap.ts';

/** What a subscription pays for: a plan at its price, so many seats of it, and what comes on top. */
export interface HeldTerms {
  plan: PricedPlan;
  quantity: number;
  add_ons: readonly { plan: PricedPlan; quantity: number }[];
}

/** Why a plan file changes nothing for who has a plan: it stays as it is. */
export interface KeptPlan {
  plan_id: string;
  code: 'plan_not_found' | VersionMisfitCode;
  detail: string;
}

/**
 * What a plan file makes of what somebody has, in the same currency, interval and quantity. What the file does not have, or does
 * not sell so, stays, and is said.
 */
export function rehearseTerms(
  held: HeldTerms,
  list: { plans: readonly Plan[] },
): { terms: HeldTerms; kept: KeptPlan[] } {
  const { currency, interval } = held.plan.price;
  const base = { base_plan_id: held.plan.id, group: held.plan.group ?? '' };
  const kept: KeptPlan[] = [];
  const listed = ({ plan, quantity }: { plan: PricedPlan; quantity: number }): PricedPlan => {
    const found = list.plans.find(({ id }) => id === plan.id);
    const fit =
      found === undefined
        ? { fits: false as const, code: 'plan_not_found' as const, detail: `The plan file has no "${plan.id}".` }
        : fitVersion({ ...base, terms: { currency, interval, quantity } }, found, 'The plan of the file');
    if (found !== undefined && fit.fits) return atPrice(found, { currency, interval });
    if (!fit.fits) kept.push({ plan_id: plan.id, code: fit.code, detail: fit.detail });
    return plan;
  };
  const plan = listed(held);
  const add_ons = held.add_ons.map((addOn) => ({ plan: listed(addOn), quantity: addOn.quantity }));
  return { terms: { plan, quantity: held.quantity, add_ons }, kept };
}

/** The month's share of the base prices, as in monthly recurring revenue. */
export function monthlyBase({ plan, quantity, add_ons }: HeldTerms): number {
  return [{ plan, quantity }, ...add_ons].reduce(
    (sum, part) => sum + monthlyMinor(part.plan.price.amount_minor * part.quantity, part.plan.price.interval),
    0,
  );
}

/** What may be used by it, without what is one customer's own. */
export function planOfTerms({ plan, add_ons }: HeldTerms): PricedPlan {
  return withAddOns(plan, add_ons);
}

/** Usage of one meter in one period, with what it was billed at: under the cap, with what it lacked to its minimum, corrections included. */
export interface BilledPeriod {
  start_at: Instant;
  end_at: Instant;
  quantity: number;
  billed_minor: number;
  /** What of it was charged besides usage, for the minimum: a cap does not bound it. */
  shortfall_minor: number;
}

/** The time of one meter that is rehearsed, with what was billed of it, and the periods that a plan file would bill. */
export interface RehearsalWindow {
  start_at: Instant;
  end_at: Instant;
  /** How long it is: what it costs is taken by the month. */
  interval: Interval;
  billed: readonly BilledPeriod[];
  /** `quantity` null: as it was counted in that time, which nobody has billed. */
  parts: readonly { start_at: Instant; end_at: Instant; quantity: number | null }[];
}

/**
 * The last whole period of a meter, by the longer of what it is billed by and what a plan file would bill it by. `billed` is what
 * was billed of it, oldest first; `until` when usage of the subscription was last billed. Null: no such period is over yet.
 */
export function rehearsalWindow(of: {
  billed: readonly BilledPeriod[];
  before: Interval | null;
  after: Interval | null;
  billing_anchor_at: Instant;
  begun_at: Instant;
  until: Instant;
}): RehearsalWindow | null {
  const { billed, before, after, billing_anchor_at: anchor } = of;
  const last = billed.at(-1);
  if (last !== undefined && before !== null && (after === null || !isLonger(after, before))) {
    const { start_at, end_at, quantity } = last;
    const parts =
      after === null
        ? []
        : after === before
          ? [{ start_at, end_at, quantity }]
          : tiles(anchor, after, { start_at, end_at }).map((tile) => ({ ...tile, quantity: null }));
    return { start_at, end_at, interval: before, billed: [last], parts };
  }
  if (after === null) return null;
  const until = last?.end_at ?? of.until;
  let whole = periodAt(anchor, after, until - 1);
  if (whole.end_at > until) whole = periodAt(anchor, after, whole.start_at - 1);
  const start_at = Math.max(whole.start_at, of.begun_at);
  const { end_at } = whole;
  if (start_at >= end_at) return null;
  return {
    start_at,
    end_at,
    interval: after,
    billed: billed.filter((each) => each.end_at > start_at && each.end_at <= end_at),
    parts: [{ start_at, end_at, quantity: null }],
  };
}

function isLonger(a: Interval, b: Interval): boolean {
  return intervals.indexOf(a) > intervals.indexOf(b);
}

/** The periods of an interval that a time is made of, the first and the last cut where it begins and ends. */
function tiles(
  anchor: Instant,
  interval: Interval,
  { start_at, end_at }: Pick<Period, 'start_at' | 'end_at'>,
): Pick<Period, 'start_at' | 'end_at'>[] {
  const found: Pick<Period, 'start_at' | 'end_at'>[] = [];
  for (let at = start_at; at < end_at;) {
    const period = periodAt(anchor, interval, at);
    const end = Math.min(period.end_at, end_at);
    found.push({ start_at: at, end_at: end });
    at = end;
  }
  return found;
}

/** What a period's usage would cost, before the spend cap. */
export interface RehearsedCharge {
  end_at: Instant;
  amount_minor: number;
}

/**
 * What of each charge would be billed, in their order: under the cap that was in force when its period ended. `spent` is what
 * all other usage of a month was billed at.
 */
export function underCaps(
  charges: readonly RehearsedCharge[],
  of: { currency: Currency; caps: readonly SpendCapFrom[]; spent: Readonly<Record<string, number>> },
): number[] {
  const spent = { ...of.spent };
  const billed = charges.map(() => 0);
  for (const { charge, index } of charges
    .map((each, at) => ({ charge: each, index: at }))
    .toSorted((a, b) => a.charge.end_at - b.charge.end_at)) {
    const month = capMonthOf(charge.end_at);
    const cap = spendCapAt(of.caps, charge.end_at - 1);
    const [left = 0] = cappedParts([{ month, amount_minor: charge.amount_minor, currency: of.currency }], cap, spent);
    billed[index] = charge.amount_minor - left;
    spent[month] = (spent[month] ?? 0) + charge.amount_minor - left;
  }
  return billed;
}

/** What somebody pays a month: base prices, and usage of the last period. */
export interface MonthlyCost {
  base_minor: number;
  usage_minor: number;
}

/** One customer by what it pays and by what it would pay by a plan file. */
export interface RehearsedCost {
  currency: Currency;
  now: MonthlyCost;
  rehearsed: MonthlyCost;
}

/** All customers of one currency. */
export interface RehearsalTotal extends RehearsedCost {
  customers: number;
  /** Would pay more; of those, more than a fifth more, or anything where they paid nothing. */
  more: number;
  much_more: number;
  less: number;
}

/** What a customer would pay more (or, below nothing, less) a month. */
export function rehearsedDifference({ now, rehearsed }: Pick<RehearsedCost, 'now' | 'rehearsed'>): number {
  return rehearsed.base_minor + rehearsed.usage_minor - now.base_minor - now.usage_minor;
}

/** By currency, in the order of their names. */
export function rehearsalTotals(customers: Iterable<RehearsedCost>): RehearsalTotal[] {
  const totals = new Map<Currency, RehearsalTotal>();
  for (const customer of customers) {
    const { currency, now, rehearsed } = customer;
    const none = () => ({ base_minor: 0, usage_minor: 0 });
    const total = totals.get(currency) ?? {
      currency,
      now: none(),
      rehearsed: none(),
      customers: 0,
      more: 0,
      much_more: 0,
      less: 0,
    };
    totals.set(currency, total);
    total.customers += 1;
    for (const part of ['base_minor', 'usage_minor'] as const) {
      total.now[part] += now[part];
      total.rehearsed[part] += rehearsed[part];
    }
    const difference = rehearsedDifference(customer);
    if (difference > 0) total.more += 1;
    if (difference * 5 > now.base_minor + now.usage_minor && difference > 0) total.much_more += 1;
    if (difference < 0) total.less += 1;
  }
  return [...totals.values()].toSorted((a, b) => (a.currency < b.currency ? -1 : 1));
}
