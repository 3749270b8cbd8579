import type { Instant } from '@farebox/core';
import type { Reader } from '../db/database.ts';

const day_ms = 86_400_000;

export interface Overview {
  customers: number;
  live_subscriptions: number;
  mrr: { currency: string; mrr_minor: number; subscriptions: number }[];
  requests_24h: number;
  stripe_events: { received: number; done: number; ignored: number; parked: number };
  plans: { plan_id: string; plan_name: string; subscriptions: number }[];
}

export interface Revenue {
  currencies: {
    currency: string;
    mrr_minor: number;
    arr_minor: number;
    subscriptions: number;
    plans: { plan_id: string; plan_name: string; subscriptions: number; mrr_minor: number }[];
  }[];
}

export type Analytics = ReturnType<typeof createAnalytics>;

/** The seller's numbers, from views. Writes nothing. */
export function createAnalytics(deps: { db: { kysely: Reader }; clock: { now(): Instant } }) {
  const db = deps.db.kysely;

  return {
    async overview(): Promise<Overview> {
      const [customers, mrr, requests_24h, stripe_events, plans] = await Promise.all([
        customerCount(db),
        revenueByCurrency(db),
        requestsSince(db, new Date(deps.clock.now() - day_ms)),
        eventsByState(db),
        revenueByPlan(db),
      ]);
      const live_subscriptions = plans.reduce((sum, plan) => sum + plan.subscriptions, 0);
      return { customers, live_subscriptions, mrr, requests_24h, stripe_events, plans: plansWithSubscribers(plans) };
    },

    /** Recurring revenue as it stands. A year's is twelve months of it. */
    async revenue(): Promise<Revenue> {
      const [totals, plans] = await Promise.all([revenueByCurrency(db), revenueByPlan(db)]);
      return {
        currencies: totals.map((total) => ({
          ...total,
          arr_minor: total.mrr_minor * 12,
          plans: plans
            .filter((plan) => plan.currency === total.currency)
            .map(({ plan_id, plan_name, subscriptions, mrr_minor }) => ({
              plan_id,
              plan_name,
              subscriptions,
              mrr_minor,
            })),
        })),
      };
    },
  };
}

async function customerCount(db: Reader): Promise<number> {
  return (await db.selectFrom('customer_count').selectAll().executeTakeFirstOrThrow()).customers ?? 0;
}

async function revenueByCurrency(db: Reader) {
  const rows = await db.selectFrom('recurring_revenue').selectAll().orderBy('currency').execute();
  return rows.map((row) => ({
    currency: row.currency ?? '',
    mrr_minor: row.mrr_minor ?? 0,
    subscriptions: row.subscriptions ?? 0,
  }));
}

async function revenueByPlan(db: Reader) {
  const rows = await db
    .selectFrom('plan_revenue')
    .selectAll()
    .orderBy('subscriptions', 'desc')
    .orderBy('plan_id')
    .execute();
  return rows.map((row) => ({
    plan_id: row.plan_id ?? '',
    plan_name: row.plan_name ?? row.plan_id ?? '',
    currency: row.currency ?? '',
    subscriptions: row.subscriptions ?? 0,
    mrr_minor: row.mrr_minor ?? 0,
  }));
}

/** A plan sold in two currencies is one line. */
function plansWithSubscribers(rows: { plan_id: string; plan_name: string; subscriptions: number }[]) {
  const plans = new Map<string, { plan_id: string; plan_name: string; subscriptions: number }>();
  for (const { plan_id, plan_name, subscriptions } of rows) {
    const known = plans.get(plan_id);
    if (known === undefined) plans.set(plan_id, { plan_id, plan_name, subscriptions });
    else known.subscriptions += subscriptions;
  }
  return [...plans.values()];
}

/** Whole hours: the hour in which `since` lies counts. */
async function requestsSince(db: Reader, since: Date): Promise<number> {
  const hour = new Date(since.getTime() - (since.getTime() % 3_600_000));
  const rows = await db.selectFrom('usage_total_hour').select('quantity').where('hour_at', '>=', hour).execute();
  return rows.reduce((sum, row) => sum + (row.quantity ?? 0), 0);
}

async function eventsByState(db: Reader): Promise<Overview['stripe_events']> {
  const counts = { received: 0, done: 0, ignored: 0, parked: 0 };
  for (const { state, events } of await db.selectFrom('stripe_event_count').selectAll().execute()) {
    if (state === 'received' || state === 'done' || state === 'ignored' || state === 'parked')
      counts[state] = events ?? 0;
  }
  return counts;
}
