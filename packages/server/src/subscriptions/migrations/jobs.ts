import { setTimeout as pause } from 'node:timers/promises';
import { type MigrationDecision, type MigrationFacts, decideMigration, isAddOn } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import type { Collected, IntentKind, Outcome } from '../../intents/kinds.ts';
import type { IntentBook } from '../../intents/service.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Log } from '../../lib/log.ts';
import type { PlanVersion } from '../../plans/store.ts';
import type { Clock, Payments } from '../../ports.ts';
import type { Queue } from '../../queue/queue.ts';
import { inStripeTerms } from '../life/change-plan.ts';
import { type Held, type HeldAddOn, type Turns, orderedAddOns, termsOf } from '../life/turns.ts';
import type { MigrationAudit } from './service.ts';
import {
  type MigrationRow,
  type MoveRow,
  finishMigration,
  holdRunning,
  markIntended,
  markTried,
  migrationById,
  moveById,
  nextMoves,
  runningMigrations,
  settleMove,
} from './store.ts';

/** Moved by one job, before it lets others in. */
const batch = 10;
/** Without an answer this often in one attempt, a subscriber of whom nothing was sent to Stripe stays where they are. */
const mostTries = 8;
/** After so many without an answer in a row it is Stripe that is away, and the job ends to come again later. */
const mostUnanswered = 3;

type Kind = 'subscription.change' | 'subscription.schedule';
type End = Parameters<typeof settleMove>[2];

/** Stripe did not answer; the queue runs the job again. */
class Unanswered extends Error {
  override name = 'Unanswered';
}

/**
 * Carries migrations out. Each subscriber is moved in its subscription's turn, so that any number of workers move it once:
 * the intent is written in one transaction with the row that names it, and whoever comes after a crash settles that intent
 * instead of making another.
 */
export function createMigrationJobs(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  queue: Pick<Queue, 'enqueue' | 'work' | 'every'>;
  turns: Turns;
  intents: Pick<IntentBook, 'record' | 'settle'>;
  payments: Pick<Payments, 'syncCustomer'>;
  audit: MigrationAudit;
  versionById(id: string): Promise<PlanVersion | null>;
  /** In the transaction that ends a migration. */
  told(tx: Tx, planId: string, migrationId: string): Promise<void>;
}) {
  const { db, clock, queue, log } = deps;

  async function run(id: string): Promise<void> {
    const migration = await migrationById(db.kysely, id);
    if (migration === null) return;
    const next = await nextMoves(db.kysely, migration, batch);
    let unanswered = 0;
    for (const subscription_id of next) {
      const [moved] = await Promise.all([move(migration, subscription_id), pause(1000 / migration.per_second)]);
      unanswered = moved ? 0 : unanswered + 1;
      if (unanswered === mostUnanswered) break;
    }
    await db.transaction(async (tx) => {
      if (await finishMigration(tx, id, new Date(clock.now()))) await deps.told(tx, migration.plan_id, id);
    });
    if (unanswered > 0) throw new Unanswered(`Of ${unanswered} subscribers of ${id} it is not known yet what became.`);
    if (next.length === batch) await goOn([id]);
  }

  /** One waiting job of a migration is enough: what it works through was written before. */
  async function goOn(ids: readonly string[]): Promise<void> {
    await db.transaction(async (tx) => {
      for (const migration_id of ids)
        await queue.enqueue(tx, { name: 'plans.migrate', data: { migration_id }, singletonKey: migration_id });
    });
  }

  /** False when it is not known what became of it. */
  async function move(migration: MigrationRow, subscription_id: string): Promise<boolean> {
    const name = { migration_id: migration.id, subscription_id };
    try {
      const wisher = { actor: migration.actor, customer_id: null, by: 'seller' } as const;
      const reason = await deps.turns.take(wisher, subscription_id, async (held) => await inTurn(migration, held));
      if (reason === null) return true;
      return await tried(name, reason);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ migration: migration.id, subscription: subscription_id, reason }, 'subscriber not moved yet');
      return await tried(name, reason);
    }
  }

  /** Null when it is settled; else why it is not. */
  async function inTurn(migration: MigrationRow, held: Held): Promise<string | null> {
    const row = await moveById(db.kysely, migration.id, held.row.id);
    if (row === null || row.state !== 'waiting') return null;
    const intent_id = row.intent_id ?? (await decide(migration, row, held));
    if (intent_id === null) return null;
    const outcome = await settle(migration, intent_id);
    if (outcome.state === 'unknown') return 'Stripe did not answer in time.';
    await deps.payments.syncCustomer(row.customer_id);
    await settleMove(db.kysely, row, endOf(migration, outcome));
    return null;
  }

  /** The intent's id; null when nothing is to be sent, or nothing any more. */
  async function decide(migration: MigrationRow, row: MoveRow, held: Held): Promise<string | null> {
    const to = await deps.versionById(migration.to_version_id);
    invariant(to !== null, 'a migration leads to a stored version');
    const { from_versions, when } = migration;
    const facts = factsOf(held, migration.plan_id);
    const target = { plan: to.content, version: to.version, from_versions, when };
    const decision = decideMigration(facts, target, held.now);
    return await db.transaction(async (tx) => {
      if (!(await holdRunning(tx, migration.id))) return null;
      if (decision.effect === 'move') return await intend(tx, migration, row, { held, to, decision });
      const state = decision.effect === 'skip' ? 'skipped' : 'failed';
      await settleMove(tx, row, { state, reason_code: decision.code, reason: decision.detail });
      return null;
    });
  }

  async function intend(
    tx: Tx,
    migration: MigrationRow,
    row: MoveRow,
    wish: { held: Held; to: PlanVersion; decision: Extract<MigrationDecision, { effect: 'move' }> },
  ): Promise<string> {
    const { terms } = wish.decision;
    const price = wish.to.prices.find((each) => each.currency === terms.currency && each.interval === terms.interval);
    invariant(price?.stripe_price_id != null, 'a migration begins when its version is at Stripe');
    const order = orderOf(wish.held, { version: wish.to, price, quantity: terms.quantity });
    const { customer_id } = row;
    const dedupe_key = `plan.migration:${row.migration_id}:${row.subscription_id}:${row.attempt}`;
    const wanted =
      migration.when === 'period_end'
        ? ({ kind: 'subscription.schedule', data: { ...order, ...inStripeTerms(terms.interval) } } as const)
        : ({
            kind: 'subscription.change',
            data: {
              ...order,
              proration_at: Math.floor(wish.held.now / 1000) * 1000,
              resets_anchor: false,
              proration_behavior: migration.proration_behavior,
              off_session: true,
            },
          } as const);
    await deps.audit.record(tx, {
      actor: migration.actor,
      action: 'subscription.migrated',
      customer_id,
      object_id: row.subscription_id,
      detail: { migration_id: migration.id, to_version: wish.to.version, ...wanted.data },
    });
    const { id } = await deps.intents.record<Kind>(tx, { ...wanted, customer_id, dedupe_key });
    await markIntended(tx, row, id);
    return id;
  }

  async function settle(migration: MigrationRow, intentId: string): Promise<Outcome<Kind>> {
    const kind: IntentKind & Kind = migration.when === 'period_end' ? 'subscription.schedule' : 'subscription.change';
    return await deps.intents.settle<Kind>(intentId, kind);
  }

  async function tried(name: { migration_id: string; subscription_id: string }, reason: string): Promise<false> {
    await markTried(db.kysely, name, reason, new Date(clock.now()));
    const row = await moveById(db.kysely, name.migration_id, name.subscription_id);
    if (row !== null && row.intent_id === null && row.tries >= mostTries)
      await settleMove(db.kysely, name, { state: 'failed', reason_code: 'stripe_unavailable', reason });
    return false;
  }

  return {
    register(): void {
      queue.work('plans.migrate', async ({ migration_id }) => await run(migration_id));
      queue.work('plans.migrate_all', async () => {
        await goOn(await runningMigrations(db.kysely));
      });
      queue.every('* * * * *', 'plans.migrate_all');
    },
  };
}

/** What the subscriber has of the plan that is migrated: the plan of the subscription, or what is on top of it. */
function factsOf(held: Held, planId: string): MigrationFacts {
  const { version: on, row } = held;
  const base = { ...held.facts, plan_version: on.version, base_plan_id: on.plan_id, group: row.group };
  const addOn = held.add_ons.find(({ version }) => version.plan_id === planId);
  if (addOn === undefined) return base;
  const { version, price, quantity } = addOn;
  return { ...base, plan_version: version.version, terms: termsOf(version, price, quantity) };
}

/** What Stripe is told of: the other price of the plan, or that of the add-on among those that stay as they are. */
function orderOf(held: Held, moved: HeldAddOn) {
  const { stripe_subscription_id } = held.row;
  const isOnTop = isAddOn(moved.version.content);
  const base = isOnTop ? { price: held.price, quantity: held.row.quantity } : moved;
  invariant(base.price.stripe_price_id !== null, 'what was bought is at Stripe');
  const order = { stripe_subscription_id, stripe_price_id: base.price.stripe_price_id, quantity: base.quantity };
  if (!isOnTop) return order;
  const kept = held.add_ons.filter(({ version }) => version.plan_id !== moved.version.plan_id);
  return { ...order, add_ons: orderedAddOns([...kept, moved]) };
}

/** What became of an intent, as the subscriber's row says it. */
function endOf(migration: MigrationRow, outcome: Exclude<Outcome<Kind>, { state: 'unknown' }>): End {
  if (outcome.state === 'refused')
    return { state: 'failed', reason_code: 'stripe_refused', reason: outcome.refusal.message };
  const collected: Collected = outcome.result;
  if (collected.state === 'declined')
    return { state: 'failed', reason_code: 'payment_failed', reason: collected.reason };
  if (collected.state === 'action_required')
    return { state: 'failed', reason_code: 'payment_failed', reason: "The customer's bank wants to ask them." };
  const state = migration.when === 'period_end' ? 'scheduled' : 'done';
  return { state, reason_code: null, reason: null };
}
