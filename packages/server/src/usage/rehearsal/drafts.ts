import {
  type Currency,
  type HeldTerms,
  type Instant,
  type KeptPlan,
  type OverridesFrom,
  type PriceList,
  type PricedMinimum,
  type PricedPlan,
  type PricedUsage,
  type RehearsalWindow,
  type SpendCapFrom,
  countsToMinimum,
  monthlyBase,
  overridesAt,
  planOfTerms,
  rehearsalWindow,
  rehearseTerms,
  termsAt,
  withOverrides,
} from '@farebox/core';
import { overridesOf } from '../../customers/overrides/store.ts';
import type { Reader } from '../../db/database.ts';
import { planOfPrice } from '../../plans/store.ts';
import type { PhaseRow } from '../../subscriptions/phases.ts';
import { type SubscriptionWithPlan, subscriptionsByIds } from '../../subscriptions/store.ts';
import { spendCapsOf } from '../caps/store.ts';
import { type BilledReport, type Payer, billedReports, phasesOfAll } from './store.ts';

/** A customer with everything that a plan file is held against; usage that nobody billed is not measured yet. */
export interface DraftCustomer {
  customer_id: string;
  name: string;
  caps: readonly SpendCapFrom[];
  /** Of each subscription its base prices a month. */
  bases: {
    currency: Currency;
    plans: { plan_id: string; version: number }[];
    now_minor: number;
    rehearsed_minor: number;
  }[];
  meters: DraftMeter[];
  kept: KeptPlan[];
  /** Whether a period of usage is over; true where nothing is measured. */
  has_period: boolean;
}

/** The last period of one meter, with what it would be priced by; null: the plan file does not price it. */
export interface DraftMeter {
  subscription_id: string;
  meter_id: string;
  currency: Currency;
  billing_anchor_at: Instant;
  window: RehearsalWindow;
  usage: PricedUsage | null;
  /** What the whole plan comes to at least by the file, where this usage counts towards it; null: nothing. */
  plan_minimum: PricedMinimum | null;
}

/** Terms of a subscription from an instant on. */
interface PaidPhase extends Omit<PhaseRow, 'from_at' | 'billing_anchor_at'> {
  from_at: Instant;
  billing_anchor_at: Instant;
}

/** What was read of one subscription. */
interface Facts {
  row: SubscriptionWithPlan;
  phases: readonly PaidPhase[];
  reports: readonly BilledReport[];
  overrides: readonly OverridesFrom[];
  /** Meters that another subscription of the customer bills. */
  elsewhere: ReadonlySet<string>;
}

/** Reads what is rehearsed of some customers. A plan is read once, however many have it. */
export function createDrafts(
  db: Reader,
  list: Pick<PriceList, 'plans'>,
): (payers: readonly Payer[]) => Promise<DraftCustomer[]> {
  const plans = new Map<string, Promise<PricedPlan>>();

  async function priced(planPriceId: string): Promise<PricedPlan> {
    const known = plans.get(planPriceId) ?? planOfPrice(db, planPriceId);
    plans.set(planPriceId, known);
    return await known;
  }

  async function heldIn({ plan_price_id, add_ons }: PaidPhase): Promise<HeldTerms> {
    const held: { plan: PricedPlan; quantity: number }[] = [];
    for (const addOn of add_ons) held.push({ plan: await priced(addOn.plan_price_id), quantity: addOn.quantity });
    return { plan: await priced(plan_price_id), quantity: 1, add_ons: held };
  }

  /** The last period of a meter, by what was in force when it ended; null: none is over. */
  async function lastPeriod({ row, ...facts }: Facts, meter_id: string): Promise<DraftMeter | null> {
    const billed = facts.reports.filter((report) => report.meter_id === meter_id);
    const until = facts.reports.at(-1)?.end_at ?? row.current_period_start_at.getTime();
    const last = (billed.at(-1)?.end_at ?? until) - 1;
    const [first] = facts.phases;
    if (first === undefined) return null;
    const phase = termsAt(facts.phases, last);
    const held = await heldIn(phase);
    const own = overridesAt(facts.overrides, last);
    const planOf = (terms: HeldTerms) => withOverrides(planOfTerms(terms), own);
    const rehearsed = planOf(rehearseTerms(held, list).terms);
    const usageOf = (plan: PricedPlan) => plan.usage.find((usage) => usage.meter_id === meter_id) ?? null;
    const [before, usage] = [usageOf(planOf(held)), usageOf(rehearsed)];
    // What is measured and was never billed has no period that is over.
    if (billed.length === 0 && before !== null) return null;
    const window = rehearsalWindow({
      billed,
      before: before?.interval ?? (billed.length === 0 ? null : held.plan.price.interval),
      after: usage?.interval ?? null,
      billing_anchor_at: phase.billing_anchor_at,
      begun_at: Math.max(first.from_at, first.billing_anchor_at),
      until,
    });
    if (window === null) return null;
    const { billing_anchor_at } = phase;
    const { currency } = row.plan.price;
    const counts = usage !== null && countsToMinimum(rehearsed, usage);
    const plan_minimum = counts ? (rehearsed.minimum ?? null) : null;
    return { subscription_id: row.id, meter_id, currency, billing_anchor_at, window, usage, plan_minimum };
  }

  async function addSubscription(draft: DraftCustomer, facts: Facts): Promise<{ is_measured: boolean }> {
    const { row, reports, elsewhere } = facts;
    const held = { plan: row.plan, quantity: row.quantity, add_ons: row.held_add_ons };
    const { terms, kept } = rehearseTerms(held, list);
    draft.kept.push(...kept);
    draft.bases.push({
      currency: row.plan.price.currency,
      plans: [row, ...row.held_add_ons].map(({ plan, plan_version }) => ({ plan_id: plan.id, version: plan_version })),
      now_minor: monthlyBase(held),
      rehearsed_minor: monthlyBase(terms),
    });
    const listed = planOfTerms(terms).usage.map(({ meter_id }) => meter_id);
    const billed = new Set(reports.map(({ meter_id }) => meter_id));
    const fresh = listed.filter((meter_id) => !billed.has(meter_id) && !elsewhere.has(meter_id));
    for (const meter_id of [...billed, ...fresh]) {
      const meter = await lastPeriod(facts, meter_id);
      if (meter !== null) draft.meters.push(meter);
    }
    return { is_measured: listed.length > 0 || row.plan.usage.length > 0 };
  }

  return async (payers) => {
    const ids = payers.flatMap(({ subscription_ids }) => subscription_ids);
    const rows = await subscriptionsByIds(db, ids);
    const phases = await phasesOfAll(db, ids);
    const reports = Map.groupBy(await billedReports(db, ids), ({ subscription_id }) => subscription_id);
    const drafts: DraftCustomer[] = [];
    for (const { customer_id, name, subscription_ids, has_overrides, has_caps } of payers) {
      const overrides = has_overrides ? await overridesOf(db, customer_id) : [];
      const caps = has_caps ? await spendCapsOf(db, customer_id) : [];
      const draft: DraftCustomer = { customer_id, name, caps, bases: [], meters: [], kept: [], has_period: true };
      let measures = false;
      for (const id of subscription_ids) {
        const row = rows.get(id);
        if (row === undefined) continue;
        const others = subscription_ids.filter((other) => other !== id).flatMap((other) => reports.get(other) ?? []);
        const { is_measured } = await addSubscription(draft, {
          row,
          overrides,
          phases: (phases.get(id) ?? []).map(({ from_at, billing_anchor_at, ...phase }) => ({
            ...phase,
            from_at: from_at.getTime(),
            billing_anchor_at: billing_anchor_at.getTime(),
          })),
          reports: reports.get(id) ?? [],
          elsewhere: new Set(others.map(({ meter_id }) => meter_id)),
        });
        measures ||= is_measured;
      }
      draft.has_period = !measures || draft.meters.length > 0;
      drafts.push(draft);
    }
    return drafts;
  };
}
