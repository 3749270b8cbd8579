import { type Currency, type Interval, type MigrationCounts, type MigrationFacts, liveStatuses } from '@farebox/core';
import { type SqlBool, sql } from 'kysely';
import type { Reader } from '../../db/database.ts';

export type MigrationWhen = 'now' | 'period_end';
export type ProrationBehavior = 'none' | 'create_prorations' | 'always_invoice';
export type MigrationState = 'running' | 'done' | 'canceled';
export type MoveState = 'waiting' | 'done' | 'scheduled' | 'failed' | 'skipped';

export interface MigrationRow {
  /** pmig_… */
  id: string;
  plan_id: string;
  from_versions: number[];
  to_version_id: string;
  when: MigrationWhen;
  proration_behavior: ProrationBehavior;
  /** Subscribers moved in a second, at most. */
  per_second: number;
  state: MigrationState;
  actor: string;
  created_at: Date;
  ended_at: Date | null;
}

/** A migration with how far it is. */
export interface MigrationProgress extends MigrationRow, MigrationCounts {
  to_version: number;
}

export interface MoveRow {
  migration_id: string;
  subscription_id: string;
  customer_id: string;
  state: MoveState;
  attempt: number;
  intent_id: string | null;
  tries: number;
  reason_code: string | null;
  reason: string | null;
}

/** Whom a migration is for, of all who have the plan. What is left out is no condition. */
export interface MigrationFilter {
  customer_ids?: readonly string[] | undefined;
  currency?: Currency | undefined;
  interval?: Interval | undefined;
}

interface Selection extends MigrationFilter {
  plan_id: string;
  from_versions: readonly number[];
}

/** Who may be moved, as the mirror has them. */
export interface Candidate {
  subscription_id: string;
  customer_id: string;
  facts: MigrationFacts;
}

/** By subscription id, after `after`. */
export async function candidates(
  db: Reader,
  selection: Selection,
  page: { after: string; limit: number },
): Promise<Candidate[]> {
  const rows = await selected(db, selection)
    .select(['s.id', 's.customer_id', 's.group', 's.status', 's.current_period_end_at', 's.trial_end_at'])
    .select(['s.cancel_at', 's.ended_at', 's.scheduled_at', 'r.amount_minor', 'r.currency'])
    .select(sql<number>`u.quantity`.as('quantity'))
    .select([sql<Interval>`r.interval`.as('interval'), 'p.version', 'p.plan_id', 'b.plan_id as base_plan_id'])
    .where('s.id', '>', page.after)
    .orderBy('s.id')
    .limit(page.limit)
    .execute();
  return rows.map((row) => {
    const { plan_id, currency, interval, amount_minor, quantity } = row;
    const facts = {
      status: row.status,
      plan_version: row.version,
      base_plan_id: row.base_plan_id,
      group: row.group,
      terms: { plan_id, currency, interval, amount_minor, quantity },
      current_period_end_at: row.current_period_end_at.getTime(),
      trial_end_at: row.trial_end_at?.getTime() ?? null,
      cancel_at: row.cancel_at?.getTime() ?? null,
      ended_at: row.ended_at?.getTime() ?? null,
      has_schedule: row.scheduled_at !== null,
    };
    return { subscription_id: row.id, customer_id: row.customer_id, facts };
  });
}

function selected(db: Reader, { plan_id, from_versions, customer_ids, currency, interval }: Selection) {
  let query = db
    .selectFrom('plan_subscriber as u')
    .innerJoin('subscription as s', 's.id', 'u.subscription_id')
    .innerJoin('plan_version as b', 'b.id', 's.plan_version_id')
    .innerJoin('plan_price as r', 'r.id', 'u.plan_price_id')
    .innerJoin('plan_version as p', 'p.id', 'r.plan_version_id')
    .where('s.status', 'in', liveStatuses)
    .where('p.plan_id', '=', plan_id)
    .where(sql<SqlBool>`p.version = any(${[...from_versions]}::integer[])`);
  if (customer_ids !== undefined) query = query.where(sql<SqlBool>`s.customer_id = any(${[...customer_ids]}::text[])`);
  if (currency !== undefined) query = query.where('r.currency', '=', currency);
  if (interval !== undefined) query = query.where('r.interval', '=', interval);
  return query;
}

/** False when another migration of the plan runs. */
export async function insertMigration(db: Reader, row: MigrationRow): Promise<boolean> {
  const inserted = await db
    .insertInto('plan_migration')
    .values(row)
    .onConflict((conflict) => conflict.column('plan_id').where('state', '=', sql.lit('running')).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Writes down everybody who is to be moved; answers how many. */
export async function insertMoves(db: Reader, migrationId: string, selection: Selection): Promise<number> {
  const result = await db
    .insertInto('plan_migration_move')
    .columns(['migration_id', 'subscription_id', 'customer_id', 'state'])
    .expression(
      selected(db, selection).select([
        sql<string>`${migrationId}`.as('migration_id'),
        's.id as subscription_id',
        's.customer_id',
        sql<string>`'waiting'`.as('state'),
      ]),
    )
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0n);
}

export async function migrationById(db: Reader, id: string): Promise<MigrationRow | null> {
  return (await migrations(db).where('m.id', '=', id).executeTakeFirst()) ?? null;
}

export async function runningMigrations(db: Reader): Promise<string[]> {
  const rows = await db
    .selectFrom('plan_migration as m')
    .select('m.id')
    .where((eb) =>
      eb.or([
        eb('m.state', '=', 'running'),
        eb.exists(
          eb
            .selectFrom('plan_migration_move as v')
            .select('v.subscription_id')
            .whereRef('v.migration_id', '=', 'm.id')
            .where('v.state', '=', 'waiting')
            .where('v.intent_id', 'is not', null),
        ),
      ]),
    )
    .execute();
  return rows.map((row) => row.id);
}

/** Migrations of a plan with their progress, newest first. */
export async function listMigrations(
  db: Reader,
  planId: string,
  page: { limit: number; after: { created_at: Date; id: string } | null },
): Promise<MigrationProgress[]> {
  let query = withProgress(db).where('m.plan_id', '=', planId);
  const after = page.after;
  if (after !== null)
    query = query.where((eb) =>
      eb.or([
        eb('m.created_at', '<', after.created_at),
        eb.and([eb('m.created_at', '=', after.created_at), eb('m.id', '<', after.id)]),
      ]),
    );
  return await query.orderBy('m.created_at', 'desc').orderBy('m.id', 'desc').limit(page.limit).execute();
}

export async function migrationProgress(db: Reader, planId: string, id: string): Promise<MigrationProgress | null> {
  const row = await withProgress(db).where('m.plan_id', '=', planId).where('m.id', '=', id).executeTakeFirst();
  return row ?? null;
}

function migrations(db: Reader) {
  return db
    .selectFrom('plan_migration as m')
    .select(['m.id', 'm.plan_id', 'm.from_versions', 'm.to_version_id', 'm.per_second', 'm.actor'])
    .select(['m.created_at', 'm.ended_at', sql<MigrationWhen>`m."when"`.as('when')])
    .select(sql<ProrationBehavior>`m.proration_behavior`.as('proration_behavior'))
    .select(sql<MigrationState>`m.state`.as('state'));
}

function withProgress(db: Reader) {
  const count = <K extends keyof MigrationCounts>(name: K) => sql<number>`${sql.ref(`c.${name}`)}`.as(name);
  return migrations(db)
    .innerJoin('plan_version as p', 'p.id', 'm.to_version_id')
    .innerJoin('plan_migration_progress as c', 'c.migration_id', 'm.id')
    .select(['p.version as to_version', count('total'), count('done'), count('scheduled')])
    .select([count('failed'), count('skipped'), count('remaining')]);
}

/** The next to be looked at: who was not tried before who was. Of a canceled migration only what is under way at Stripe. */
export async function nextMoves(db: Reader, migration: MigrationRow, limit: number): Promise<string[]> {
  let query = db
    .selectFrom('plan_migration_move')
    .select('subscription_id')
    .where('migration_id', '=', migration.id)
    .where('state', '=', 'waiting');
  if (migration.state !== 'running') query = query.where('intent_id', 'is not', null);
  const rows = await query
    .orderBy(sql`tried_at asc nulls first`)
    .orderBy('subscription_id')
    .limit(limit)
    .execute();
  return rows.map((row) => row.subscription_id);
}

export async function moveById(db: Reader, migrationId: string, subscriptionId: string): Promise<MoveRow | null> {
  const row = await moves(db)
    .where('migration_id', '=', migrationId)
    .where('subscription_id', '=', subscriptionId)
    .executeTakeFirst();
  return row ?? null;
}

/** By subscription id, the newest first. */
export async function listMoves(
  db: Reader,
  migrationId: string,
  page: { state: MoveState | null; limit: number; after: string | null },
): Promise<MoveRow[]> {
  let query = moves(db).where('migration_id', '=', migrationId);
  if (page.state !== null) query = query.where('state', '=', page.state);
  if (page.after !== null) query = query.where('subscription_id', '<', page.after);
  return await query.orderBy('subscription_id', 'desc').limit(page.limit).execute();
}

function moves(db: Reader) {
  return db
    .selectFrom('plan_migration_move')
    .select(['migration_id', 'subscription_id', 'customer_id', 'attempt', 'intent_id', 'tries'])
    .select(['reason_code', 'reason', sql<MoveState>`state`.as('state')]);
}

interface MoveName {
  migration_id: string;
  subscription_id: string;
}

/** In the transaction that writes the intent. */
export async function markIntended(db: Reader, move: MoveName, intent_id: string): Promise<void> {
  await waiting(db, move).set({ intent_id }).execute();
}

/** Forward only: who was moved, or not, stays so in this attempt. */
export async function settleMove(
  db: Reader,
  move: MoveName,
  end: { state: Exclude<MoveState, 'waiting'>; reason_code: string | null; reason: string | null },
): Promise<void> {
  await waiting(db, move).set(end).execute();
}

export async function markTried(db: Reader, move: MoveName, reason: string, at: Date): Promise<void> {
  await waiting(db, move)
    .set((eb) => ({ tries: eb('tries', '+', 1), tried_at: at, reason }))
    .execute();
}

function waiting(db: Reader, { migration_id, subscription_id }: MoveName) {
  return db
    .updateTable('plan_migration_move')
    .where('migration_id', '=', migration_id)
    .where('subscription_id', '=', subscription_id)
    .where('state', '=', 'waiting');
}

/** Ends a running migration of which nobody is left. */
/** Whether that was the end of it. */
export async function finishMigration(db: Reader, id: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('plan_migration')
    .set({ state: 'done', ended_at: at })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('plan_migration_move')
            .select('subscription_id')
            .where('migration_id', '=', id)
            .where('state', '=', 'waiting'),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** False when it does not run any more. */
export async function cancelMigration(db: Reader, id: string, at: Date): Promise<boolean> {
  const result = await db
    .updateTable('plan_migration')
    .set({ state: 'canceled', ended_at: at })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Whether it still runs, until the transaction ends: nobody cancels it meanwhile. */
export async function holdRunning(db: Reader, id: string): Promise<boolean> {
  const row = await db.selectFrom('plan_migration').select('state').where('id', '=', id).forShare().executeTakeFirst();
  return row?.state === 'running';
}

/** Those that failed wait again, each for another attempt. Answers how many. */
export async function retryMoves(db: Reader, migrationId: string): Promise<number> {
  const result = await db
    .updateTable('plan_migration_move')
    .set((eb) => ({
      state: 'waiting',
      attempt: eb('attempt', '+', 1),
      intent_id: null,
      tries: 0,
      tried_at: null,
      reason_code: null,
      reason: null,
    }))
    .where('migration_id', '=', migrationId)
    .where('state', '=', 'failed')
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

/** Sets an ended migration going again. Throws what the database says when another of the plan runs. */
export async function resumeMigration(db: Reader, id: string): Promise<void> {
  await db.updateTable('plan_migration').set({ state: 'running', ended_at: null }).where('id', '=', id).execute();
}

/** Whether a migration of the plan runs, other than this one. */
export async function otherRuns(db: Reader, planId: string, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('plan_migration')
    .select('id')
    .where('plan_id', '=', planId)
    .where('id', '!=', id)
    .where('state', '=', 'running')
    .executeTakeFirst();
  return row !== undefined;
}
