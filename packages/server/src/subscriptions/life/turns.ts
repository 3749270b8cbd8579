import type { AddOnRefusal, Instant, LifecycleRefusal, SubscriptionFacts, Terms, WishedBy } from '@farebox/core';
import type { Database } from '../../db/database.ts';
import type { IntentKind, Intents, OrderedAddOn } from '../../intents/kinds.ts';
import type { Earlier, Orders } from '../../intents/orders.ts';
import { invariant } from '../../lib/invariant.ts';
import { type PlanVersion, type StoredPrice, storedPrice, versionOfPrice } from '../../plans/store.ts';
import type { Clock, Payments } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { type StoredAddOn, type SubscriptionRow, subscriptionById } from '../store.ts';

/** Who wishes: the name for the audit log, whose subscriptions they may touch (null: everybody's), and on whose side they are. */
export interface Wisher {
  actor: string;
  customer_id: string | null;
  by: WishedBy;
}

/** One subscription as it stands, read in one go, with what a decision needs. */
export interface Held {
  row: SubscriptionRow;
  version: PlanVersion;
  price: StoredPrice;
  /** What comes on top of the plan. */
  add_ons: HeldAddOn[];
  /** What it is to be at the period's end; null when nothing is arranged. */
  scheduled: { price: StoredPrice; quantity: number; add_ons: HeldAddOn[] } | null;
  facts: SubscriptionFacts;
  /** Null once the customer was deleted at Stripe: then the subscription has ended. */
  stripe_customer_id: string | null;
  now: Instant;
}

/** So many of an add-on, on the version that was bought. */
export interface HeldAddOn {
  version: PlanVersion;
  price: StoredPrice;
  quantity: number;
}

export type Turns = ReturnType<typeof createTurns>;

/**
 * The way of every verb: one wish of a subscription at a time, decided on what Stripe says now, written down before Stripe
 * hears of it, and mirrored before the answer. A double click waits its turn and then finds nothing left to do.
 */
export function createTurns(deps: {
  db: Database;
  clock: Clock;
  payments: Pick<Payments, 'syncCustomer'>;
  order: Orders;
  settleEarlier: Earlier;
  versionById(id: string): Promise<PlanVersion | null>;
  stripeIdOf(customerId: string): Promise<string | null>;
}) {
  const { db, clock, payments } = deps;

  /** Reads without waiting for a turn: a preview, or a look. */
  async function look(wisher: Wisher, id: string): Promise<Held> {
    const row = await find(wisher, id);
    await payments.syncCustomer(row.customer_id);
    return await gather(id);
  }

  async function take<T>(wisher: Wisher, id: string, work: (held: Held) => Promise<T>): Promise<T> {
    const row = await find(wisher, id);
    return await db.withLock(`subscription:${row.id}`, async () => {
      await deps.settleEarlier(row.customer_id, 'subscription.');
      await payments.syncCustomer(row.customer_id);
      return await work(await gather(row.id));
    });
  }

  /** A foreign subscription answers as one that does not exist. */
  async function find(wisher: Wisher, id: string): Promise<SubscriptionRow> {
    const row = await subscriptionById(db.kysely, id);
    if (row === null || (wisher.customer_id !== null && row.customer_id !== wisher.customer_id))
      throw new Problem('not_found', 'There is no such subscription.');
    return row;
  }

  async function gather(id: string): Promise<Held> {
    const row = await subscriptionById(db.kysely, id);
    invariant(row !== null, 'a subscription is never deleted');
    const version = await deps.versionById(row.plan_version_id);
    invariant(version !== null, 'a subscription is on a stored plan version');
    const stripe_customer_id = await deps.stripeIdOf(row.customer_id);
    const price = storedPrice(version, row.plan_price_id);
    return {
      row,
      version,
      price,
      add_ons: await heldAddOns(row.add_ons),
      scheduled: await scheduledOf(row),
      facts: factsOf(row, termsOf(version, price, row.quantity)),
      stripe_customer_id,
      now: clock.now(),
    };
  }

  async function heldAddOns(stored: readonly StoredAddOn[]): Promise<HeldAddOn[]> {
    const held: HeldAddOn[] = [];
    for (const { plan_price_id, quantity } of stored)
      held.push({ ...(await versionOfPrice(db.kysely, plan_price_id)), quantity });
    return held;
  }

  async function scheduledOf(row: SubscriptionRow): Promise<Held['scheduled']> {
    const { scheduled_price_id, scheduled_quantity, scheduled_add_ons } = row;
    if (scheduled_price_id === null) return null;
    const { price } = await versionOfPrice(db.kysely, scheduled_price_id);
    return { price, quantity: scheduled_quantity ?? 1, add_ons: await heldAddOns(scheduled_add_ons ?? []) };
  }

  function carryOut<K extends IntentKind>(
    wisher: Wisher,
    held: Held,
    intent: { kind: K; action: string; data: Intents[K]['data'] },
  ): Promise<Intents[K]['result']> {
    const { customer_id, id } = held.row;
    return deps.order({ ...intent, actor: wisher.actor, customer_id, object_id: id });
  }

  return { look, take, carryOut };
}

function factsOf(row: SubscriptionRow, terms: Terms): SubscriptionFacts {
  return {
    status: row.status,
    terms,
    current_period_end_at: row.current_period_end_at.getTime(),
    trial_end_at: row.trial_end_at?.getTime() ?? null,
    cancel_at: row.cancel_at?.getTime() ?? null,
    ended_at: row.ended_at?.getTime() ?? null,
    has_schedule: row.scheduled_at !== null,
  };
}

export function termsOf(version: Pick<PlanVersion, 'plan_id'>, price: StoredPrice, quantity: number): Terms {
  const { interval, currency, amount_minor } = price;
  return { plan_id: version.plan_id, interval, currency, amount_minor, quantity };
}

/** A refusal of the rules, as we promise it. */
export function refused(refusal: { code: LifecycleRefusal | AddOnRefusal; detail: string }): Problem {
  return new Problem(refusal.code, refusal.detail);
}

/** Of these add-ons so many, as Stripe is told. */
export function orderedAddOns(addOns: readonly HeldAddOn[]): OrderedAddOn[] {
  return addOns.map(({ price, quantity }) => {
    invariant(price.stripe_price_id !== null, 'what was bought is at Stripe');
    return { stripe_price_id: price.stripe_price_id, quantity };
  });
}

/** What add-ons cost per period. */
export function addOnsMinor(addOns: readonly HeldAddOn[]): number {
  return addOns.reduce((sum, { price, quantity }) => sum + price.amount_minor * quantity, 0);
}

/** Of add-ons as they are to be, those that it does not have: only they begin, however many there are of one. */
export function beginning(held: Held, wanted: readonly HeldAddOn[]): HeldAddOn[] {
  return wanted.filter(({ version }) => !held.add_ons.some((each) => each.version.plan_id === version.plan_id));
}

/** What add-ons that begin cost once. */
export function setupFeeMinor(begun: readonly HeldAddOn[]): number {
  return begun.reduce((sum, { price }) => sum + price.setup_fee_minor, 0);
}
