import { type Interval, type Plan, type PricedPlan, type Trial, atPrice, liveStatuses } from '@farebox/core';
import { type RawBuilder, sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import type { PhaseRow } from './phases.ts';

/** What Stripe says of one subscription, in our words. */
export interface MirrorSubscription {
  stripe_subscription_id: string;
  /** Of plans; one live subscription in each is the customer's. */
  group: string;
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
  trial_end_at: Date | null;
  paused_at: Date | null;
  cancel_reason: string | null;
  cancel_comment: string | null;
  /** A change waits for its payment until then. */
  pending_until_at: Date | null;
  discounts: Discount[];
  /** What comes on top of the plan, by price id. */
  add_ons: StoredAddOn[];
  /** What a schedule changes it to, and when; all null when nothing is arranged. */
  scheduled_price_id: string | null;
  scheduled_quantity: number | null;
  scheduled_add_ons: StoredAddOn[] | null;
  scheduled_at: Date | null;
  /** What it is paid with; null when Stripe has no card for it. */
  card: Card | null;
  stripe_created_at: Date;
}

/** So many of an add-on's price. */
export interface StoredAddOn {
  plan_price_id: string;
  quantity: number;
}

/** A card as Stripe shows it. */
export interface Card {
  stripe_payment_method_id: string;
  brand: string;
  last4: string;
  exp_month: number;
  exp_year: number;
}

/** A reduction on a subscription: either `percent_off_decimal` or `amount_off_minor` is set. */
export interface Discount {
  stripe_promotion_code_id: string | null;
  name: string;
  percent_off_decimal: string | null;
  amount_off_minor: number | null;
  ends_at: string | null;
}

export interface SubscriptionRow extends MirrorSubscription {
  id: string;
  customer_id: string;
  past_due_since_at: Date | null;
  superseded: boolean;
  /** When its usage is to be billed next; null when there is none to bill. */
  usage_due_at: Date | null;
  created_at: Date;
}

export interface SubscriptionWithPlan extends SubscriptionRow {
  plan: PricedPlan;
  plan_version: number;
  held_add_ons: PricedAddOn[];
  /** The plan it is to become at `scheduled_at`. */
  scheduled_plan: PricedPlan | null;
  scheduled_held_add_ons: PricedAddOn[];
}

/** An add-on with what it is. */
export interface PricedAddOn {
  plan: PricedPlan;
  plan_version: number;
  quantity: number;
}

const columns = [
  's.id',
  's.customer_id',
  's.stripe_subscription_id',
  's.group',
  's.plan_version_id',
  's.plan_price_id',
  's.quantity',
  's.status',
  's.billing_anchor_at',
  's.current_period_start_at',
  's.current_period_end_at',
  's.cancel_at',
  's.canceled_at',
  's.ended_at',
  's.trial_end_at',
  's.paused_at',
  's.cancel_reason',
  's.cancel_comment',
  's.pending_until_at',
  's.scheduled_price_id',
  's.scheduled_quantity',
  's.scheduled_at',
  's.past_due_since_at',
  's.superseded',
  's.usage_due_at',
  's.stripe_created_at',
  's.created_at',
] as const;

/** Discounts, add-ons and the card are written by the mirror only, which is what lets them be read as such. */
function rows(db: Reader) {
  return db
    .selectFrom('subscription as s')
    .select(columns)
    .select([sql<Discount[]>`s.discounts`.as('discounts'), sql<Card | null>`s.card`.as('card')])
    .select(sql<StoredAddOn[]>`s.add_ons`.as('add_ons'))
    .select(sql<StoredAddOn[] | null>`s.scheduled_add_ons`.as('scheduled_add_ons'));
}

export async function subscriptionsOf(db: Reader, customerId: string): Promise<SubscriptionRow[]> {
  return await rows(db)
    .where('s.customer_id', '=', customerId)
    .orderBy('s.stripe_created_at', 'asc')
    .orderBy('s.stripe_subscription_id', 'asc')
    .execute();
}

export async function subscriptionById(db: Reader, id: string): Promise<SubscriptionRow | null> {
  return (await rows(db).where('s.id', '=', id).executeTakeFirst()) ?? null;
}

/** One in each group at most, the oldest first. */
export async function liveSubscriptions(db: Reader, customerId: string): Promise<SubscriptionRow[]> {
  return await live(db, [customerId]).execute();
}

export async function liveSubscription(db: Reader, customerId: string, group: string): Promise<SubscriptionRow | null> {
  return (await live(db, [customerId]).where('s.group', '=', group).executeTakeFirst()) ?? null;
}

function live(db: Reader, customerIds: readonly string[]) {
  return (
    rows(db)
      .where('s.customer_id', 'in', customerIds)
      .where('s.superseded', '=', false)
      .where('s.status', 'in', liveStatuses)
      .orderBy('s.stripe_created_at', 'asc')
      // Stripe counts whole seconds.
      .orderBy('s.created_at', 'asc')
      .orderBy('s.id', 'asc')
  );
}

/** The plan's trial, unless the customer ever began one in its group: there is one per customer and group. */
export async function trialLeft(
  db: Reader,
  customerId: string,
  { trial, group }: Pick<Plan, 'trial' | 'group'>,
): Promise<Trial | null> {
  if (trial === null || group === null) return null;
  const had = await db
    .selectFrom('subscription')
    .select('id')
    .where('customer_id', '=', customerId)
    .where('group', '=', group)
    .where('trial_end_at', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  return had === undefined ? trial : null;
}

/** A page of subscriptions with their plans, newest first; of one customer or of all. */
export async function listSubscriptions(
  db: Reader,
  page: { customer_id: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<SubscriptionWithPlan[]> {
  let query = withPlans(db).orderBy('s.created_at', 'desc').orderBy('s.id', 'desc').limit(page.limit);
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
  return (await query.execute()).map(pricedRow);
}

export async function subscriptionWithPlan(db: Reader, id: string): Promise<SubscriptionWithPlan | null> {
  const row = await withPlans(db).where('s.id', '=', id).executeTakeFirst();
  return row === undefined ? null : pricedRow(row);
}

/** As `liveSubscriptions`, with their plans. */
export async function liveWithPlans(db: Reader, customerId: string): Promise<SubscriptionWithPlan[]> {
  return await liveWithPlansOf(db, [customerId]);
}

/** The same of several customers; of each in its order. */
export async function liveWithPlansOf(db: Reader, customerIds: readonly string[]): Promise<SubscriptionWithPlan[]> {
  if (customerIds.length === 0) return [];
  const ids = (await live(db, customerIds).execute()).map(({ id }) => id);
  const plans = await subscriptionsByIds(db, ids);
  return ids.flatMap((id) => plans.get(id) ?? []);
}

/** Those of these ids that there are, by their ids. */
export async function subscriptionsByIds(
  db: Reader,
  ids: readonly string[],
): Promise<Map<string, SubscriptionWithPlan>> {
  if (ids.length === 0) return new Map();
  const found = await withPlans(db).where('s.id', 'in', ids).execute();
  return new Map(found.map((row) => [row.id, pricedRow(row)]));
}

function withPlans(db: Reader) {
  return rows(db)
    .innerJoin('plan_version as p', 'p.id', 's.plan_version_id')
    .innerJoin('plan_price as r', 'r.id', 's.plan_price_id')
    .leftJoin('plan_price as n', 'n.id', 's.scheduled_price_id')
    .leftJoin('plan_version as m', 'm.id', 'n.plan_version_id')
    .select(['p.version as plan_version', 'r.currency', sql<Interval>`r.interval`.as('interval')])
    .select(sql<Plan>`p.content`.as('content'))
    .select(['n.currency as next_currency', sql<Interval | null>`n.interval`.as('next_interval')])
    .select(sql<Plan | null>`m.content`.as('next_content'))
    .select(
      sql<AddOnRow[]>`(
        select coalesce(json_agg(row_to_json(a) order by a.plan_id), '[]')
        from subscription_add_on a where a.subscription_id = s.id
      )`.as('add_on_rows'),
    );
}

/** As the view `subscription_add_on` has it. */
interface AddOnRow {
  scheduled: boolean;
  quantity: number;
  currency: string;
  interval: Interval;
  version: number;
  content: Plan;
}

/** Priced, by plan id: those it has, or those it is to have. */
function pricedAddOns(rows: readonly AddOnRow[], scheduled: boolean): PricedAddOn[] {
  return rows
    .filter((row) => row.scheduled === scheduled)
    .map(({ content, version, quantity, ...at }) => ({ plan: atPrice(content, at), plan_version: version, quantity }));
}

type JoinedRow = Awaited<ReturnType<ReturnType<typeof withPlans>['executeTakeFirstOrThrow']>>;

function pricedRow(joined: JoinedRow): SubscriptionWithPlan {
  const { content, currency, interval, next_content, next_currency, next_interval, add_on_rows, ...row } = joined;
  const next =
    next_content === null || next_currency === null || next_interval === null
      ? null
      : atPrice(next_content, { currency: next_currency, interval: next_interval });
  return {
    ...row,
    plan: atPrice(content, { currency, interval }),
    held_add_ons: pricedAddOns(add_on_rows, false),
    scheduled_plan: next,
    scheduled_held_add_ons: pricedAddOns(add_on_rows, true),
  };
}

function asJson(row: MirrorSubscription) {
  const textOf = (value: object | null) => (value === null ? null : JSON.stringify(value));
  return {
    discounts: JSON.stringify(row.discounts),
    card: textOf(row.card),
    add_ons: JSON.stringify(row.add_ons),
    scheduled_add_ons: textOf(row.scheduled_add_ons),
  };
}

export async function insertSubscription(
  db: Reader,
  row: Omit<SubscriptionRow, 'usage_due_at'> & { fetched_at: Date },
): Promise<void> {
  await db
    .insertInto('subscription')
    .values({ ...row, ...asJson(row) })
    .execute();
}

/** Writes only over an older read. Answers whether it wrote. */
export async function updateSubscription(
  db: Reader,
  id: string,
  row: MirrorSubscription & { past_due_since_at: Date | null; superseded: boolean; fetched_at: Date },
): Promise<boolean> {
  const result = await db
    .updateTable('subscription')
    .set({ ...row, ...asJson(row) })
    .where('id', '=', id)
    .where('fetched_at', '<=', row.fetched_at)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/**
 * Customers whose current period ended, by our clock, while the mirror still says otherwise; and those with usage to be
 * billed within it.
 */
export async function customersDue(db: Reader, now: Date, limit: number): Promise<string[]> {
  const ended = await db
    .selectFrom('subscription')
    .select('customer_id')
    .where('status', 'in', ['active', 'trialing', 'past_due'])
    .where('current_period_end_at', '<=', now)
    .orderBy('current_period_end_at')
    .limit(limit)
    .execute();
  const used = await db
    .selectFrom('subscription')
    .select('customer_id')
    .where('usage_due_at', '<=', now)
    .orderBy('usage_due_at')
    .limit(limit)
    .execute();
  return [...ended, ...used].map((row) => row.customer_id);
}

/** Notes when usage of a subscription is to be billed next, other than at the end of its period. */
export async function markUsageDue(db: Reader, id: string, usage_due_at: Date | null): Promise<void> {
  await db
    .updateTable('subscription')
    .set({ usage_due_at })
    .where('id', '=', id)
    .where('usage_due_at', 'is distinct from', usage_due_at)
    .execute();
}

export async function phasesOf(db: Reader, subscriptionId: string): Promise<PhaseRow[]> {
  return await db
    .selectFrom('subscription_phase')
    .select(['from_at', 'plan_price_id', 'billing_anchor_at', sql<StoredAddOn[]>`add_ons`.as('add_ons')])
    .where('subscription_id', '=', subscriptionId)
    .orderBy('from_at')
    .execute();
}

/** Every subscription, as it is compared with Stripe. */
export async function subscriptionsOfAll(db: Reader) {
  return await db
    .selectFrom('subscription as s')
    .innerJoin('plan_price as r', 'r.id', 's.plan_price_id')
    .leftJoin('plan_price as n', 'n.id', 's.scheduled_price_id')
    .select([
      's.customer_id',
      's.stripe_subscription_id',
      's.status',
      's.superseded',
      's.quantity',
      's.current_period_end_at',
      's.cancel_at',
      's.trial_end_at',
      's.scheduled_at',
      'r.stripe_price_id',
      'r.currency',
    ])
    .select([sql<Discount[]>`s.discounts`.as('discounts'), sql<Card | null>`s.card`.as('card')])
    .select([itemsOf('now').as('add_ons'), itemsOf('scheduled').as('scheduled_items')])
    .execute();
}

/** `price_…*2`, sorted and joined by `+`: the add-ons as they are, or what a schedule changes everything to. */
function itemsOf(when: 'now' | 'scheduled'): RawBuilder<string> {
  const isScheduled = when === 'scheduled';
  const base = isScheduled
    ? sql`union all select n.stripe_price_id || '*' || s.scheduled_quantity where n.stripe_price_id is not null`
    : sql``;
  return sql<string>`(
    select coalesce(string_agg(x.name, '+' order by x.name collate "C"), '')
    from (
      select p.stripe_price_id || '*' || a.quantity as name
      from subscription_add_on a
      join plan_price p on p.id = a.plan_price_id
      where a.subscription_id = s.id and a.scheduled = ${isScheduled}
      ${base}
    ) x
  )`;
}
