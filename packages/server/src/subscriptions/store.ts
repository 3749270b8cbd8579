import { type Interval, type Plan, type PricedPlan, atPrice } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';

/** Statuses in which a subscription still binds the customer; the unique index `subscription_live` names the same ones. */
export const liveStatuses = ['active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete'] as const;

/** What Stripe says of one subscription, in our words. */
export interface MirrorSubscription {
  stripe_subscription_id: string;
  plan_version_id: string;
  plan_price_id: string;
  /** Seats, or how often an add-on was bought; 1 of anything else. */
  quantity: number;
  status: string;
  billing_anchor_at: Date;
  current_period_start_at: Date;
  current_period_end_at: Date;
  cancel_at: Date | null;
  canceled_at: Date | null;
  ended_at: Date | null;
  stripe_created_at: Date;
}

export interface SubscriptionRow extends MirrorSubscription {
  id: string;
  customer_id: string;
  past_due_since_at: Date | null;
  superseded: boolean;
  created_at: Date;
}

/** Of a stored row, what came from Stripe. */
export function mirrorOf(row: SubscriptionRow): MirrorSubscription {
  return {
    stripe_subscription_id: row.stripe_subscription_id,
    plan_version_id: row.plan_version_id,
    plan_price_id: row.plan_price_id,
    quantity: row.quantity,
    status: row.status,
    billing_anchor_at: row.billing_anchor_at,
    current_period_start_at: row.current_period_start_at,
    current_period_end_at: row.current_period_end_at,
    cancel_at: row.cancel_at,
    canceled_at: row.canceled_at,
    ended_at: row.ended_at,
    stripe_created_at: row.stripe_created_at,
  };
}

export interface SubscriptionWithPlan extends SubscriptionRow {
  plan: PricedPlan;
  plan_version: number;
}

export interface CheckoutRow {
  id: string;
  customer_id: string;
  plan_version_id: string;
  plan_price_id: string;
  quantity: number;
  state: string;
  stripe_session_id: string | null;
  url: string | null;
  expires_at: Date;
  created_at: Date;
}

export async function subscriptionsOf(db: Reader, customerId: string): Promise<SubscriptionRow[]> {
  return await db
    .selectFrom('subscription')
    .selectAll()
    .where('customer_id', '=', customerId)
    .orderBy('stripe_created_at', 'asc')
    .orderBy('stripe_subscription_id', 'asc')
    .execute();
}

export async function liveSubscription(db: Reader, customerId: string): Promise<SubscriptionRow | null> {
  const row = await db
    .selectFrom('subscription')
    .selectAll()
    .where('customer_id', '=', customerId)
    .where('superseded', '=', false)
    .where('status', 'in', liveStatuses)
    .executeTakeFirst();
  return row ?? null;
}

/** A page of subscriptions with their plans, newest first; of one customer or of all. */
export async function listSubscriptions(
  db: Reader,
  page: { customer_id: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<SubscriptionWithPlan[]> {
  let query = db
    .selectFrom('subscription as s')
    .innerJoin('plan_version as p', 'p.id', 's.plan_version_id')
    .innerJoin('plan_price as r', 'r.id', 's.plan_price_id')
    .selectAll('s')
    .select(['p.version as plan_version', 'r.currency', sql<Interval>`r.interval`.as('interval')])
    .select(sql<Plan>`p.content`.as('content'))
    .orderBy('s.created_at', 'desc')
    .orderBy('s.id', 'desc')
    .limit(page.limit);
  if (page.customer_id !== null) query = query.where('s.customer_id', '=', page.customer_id);
  const after = page.after;
  if (after !== null) {
    query = query.where((eb) =>
      eb.or([
        eb('s.created_at', '<', after.created_at),
        eb.and([eb('s.created_at', '=', after.created_at), eb('s.id', '<', after.id)]),
      ]),
    );
  }
  const rows = await query.execute();
  return rows.map(({ content, currency, interval, ...row }) => ({
    ...row,
    plan: atPrice(content, { currency, interval }),
  }));
}

export async function insertSubscription(db: Reader, row: SubscriptionRow & { fetched_at: Date }): Promise<void> {
  await db.insertInto('subscription').values(row).execute();
}

/** Writes only over an older read. Answers whether it wrote. */
export async function updateSubscription(
  db: Reader,
  id: string,
  row: MirrorSubscription & { past_due_since_at: Date | null; superseded: boolean; fetched_at: Date },
): Promise<boolean> {
  const result = await db
    .updateTable('subscription')
    .set(row)
    .where('id', '=', id)
    .where('fetched_at', '<=', row.fetched_at)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Customers whose current period ended, by our clock, while the mirror still says otherwise. */
export async function customersDue(db: Reader, now: Date, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('subscription')
    .select('customer_id')
    .where('status', 'in', ['active', 'trialing', 'past_due'])
    .where('current_period_end_at', '<=', now)
    .orderBy('current_period_end_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.customer_id);
}

export async function openCheckouts(db: Reader, customerId: string): Promise<CheckoutRow[]> {
  return await db
    .selectFrom('checkout_session')
    .selectAll()
    .where('customer_id', '=', customerId)
    .where('state', '=', 'open')
    .execute();
}

export async function checkoutById(db: Reader, id: string): Promise<CheckoutRow | null> {
  const row = await db.selectFrom('checkout_session').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

/** Takes the customer's one open place. False when another checkout of the same customer holds it. */
export async function reserveCheckout(db: Reader, row: CheckoutRow): Promise<boolean> {
  const result = await db
    .insertInto('checkout_session')
    .values(row)
    .onConflict((conflict) => conflict.column('customer_id').where('state', '=', 'open').doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function recordCheckout(
  db: Reader,
  id: string,
  stripe: { stripe_session_id: string; url: string },
): Promise<void> {
  await db.updateTable('checkout_session').set(stripe).where('id', '=', id).execute();
}

/** Forward only: a checkout that is complete or expired stays so. */
export async function closeCheckout(db: Reader, id: string, state: 'complete' | 'expired'): Promise<void> {
  await db.updateTable('checkout_session').set({ state }).where('id', '=', id).where('state', '=', 'open').execute();
}

/** Customers with a checkout that is open, or ended by our clock without our hearing of it. */
export async function customersInCheckout(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('checkout_session')
    .select('customer_id')
    .where('state', '=', 'open')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.customer_id);
}

export async function stripeIdOf(db: Reader, id: string): Promise<string> {
  const row = await db
    .selectFrom('subscription')
    .select('stripe_subscription_id')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return row.stripe_subscription_id;
}
