import { type MigrationDecision, type MigrationMrr, decideMigration, migrationMrr } from '@farebox/core';
import type { Database, Tx } from '../../db/database.ts';
import type { Json } from '../../db/tables.ts';
import { createId } from '../../lib/id.ts';
import { type PlanVersion, versionsOf } from '../../plans/store.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Queue } from '../../queue/queue.ts';
import {
  type Candidate,
  type MigrationFilter,
  type MigrationProgress,
  type MigrationWhen,
  type MoveRow,
  type MoveState,
  type ProrationBehavior,
  cancelMigration,
  candidates,
  insertMigration,
  insertMoves,
  listMigrations,
  listMoves,
  migrationProgress,
  otherRuns,
  resumeMigration,
  retryMoves,
} from './store.ts';

/** What somebody wants to be moved. Left out: every older version, to the newest one on sale. */
export interface MigrationWish extends MigrationFilter {
  from_versions?: readonly number[] | undefined;
  to_version?: number | undefined;
  when: MigrationWhen;
  proration_behavior: ProrationBehavior;
  per_second: number;
}

/** What a migration would do with everybody, from the mirror; Stripe is not asked. */
export interface MigrationPreview {
  plan_id: string;
  from_versions: number[];
  to_version: number;
  total: number;
  /** How many would be moved. */
  moves: number;
  mrr: MigrationMrr[];
  /** The first of them all. */
  customers: (Candidate & { decision: MigrationDecision })[];
}

export interface MigrationAudit {
  record(
    tx: Tx,
    entry: {
      actor: string;
      action: string;
      customer_id: string | null;
      object_id: string;
      detail: Record<string, Json>;
    },
  ): Promise<void>;
}

export type Migrations = ReturnType<typeof createMigrations>;

const previewShown = 100;
const readAtOnce = 1000;

/** Moves subscribers between versions of a plan. Here it is decided and written down; a job carries it out. */
export function createMigrations(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  audit: MigrationAudit;
}) {
  const { db, clock, queue } = deps;

  async function preview(planId: string, wish: MigrationWish): Promise<MigrationPreview> {
    const { to, from_versions } = await versionsFor(planId, wish);
    const mrr = new Map<string, MigrationMrr>();
    const customers: MigrationPreview['customers'] = [];
    let total = 0;
    let moves = 0;
    let after = '';
    for (;;) {
      const selection = { ...filterOf(wish), plan_id: planId, from_versions };
      const page = await candidates(db.kysely, selection, { after, limit: readAtOnce });
      for (const candidate of page) {
        const target = { plan: to.content, version: to.version, from_versions, when: wish.when };
        const decision = decideMigration(candidate.facts, target, clock.now());
        total += 1;
        if (decision.effect === 'move') moves += 1;
        addTo(mrr, migrationMrr(candidate.facts, decision));
        if (customers.length < previewShown) customers.push({ ...candidate, decision });
      }
      const last = page.at(-1);
      if (last === undefined || page.length < readAtOnce) break;
      after = last.subscription_id;
    }
    const sums = [...mrr.values()].toSorted((a, b) => (a.currency < b.currency ? -1 : 1));
    return { plan_id: planId, from_versions, to_version: to.version, total, moves, mrr: sums, customers };
  }

  async function start(actor: string, planId: string, wish: MigrationWish): Promise<MigrationProgress> {
    const { to, from_versions } = await versionsFor(planId, wish);
    if (to.prices.some((price) => price.stripe_price_id === null))
      throw new Problem('plan_not_pushed', `Version ${to.version} has not reached Stripe yet. Try again in a moment.`, {
        param: 'to_version',
      });
    const now = clock.now();
    const id = createId('pmig', now);
    const { when, proration_behavior, per_second } = wish;
    await inLine(planId, async (tx) => {
      const row = { plan_id: planId, from_versions, to_version_id: to.id, when, proration_behavior, per_second, actor };
      const at = { created_at: new Date(now), ended_at: null };
      if (!(await insertMigration(tx, { id, ...row, ...at, state: 'running' }))) throw running(planId);
      const total = await insertMoves(tx, id, { ...filterOf(wish), plan_id: planId, from_versions });
      if (total === 0)
        throw new Problem('no_change', 'Nobody who fits has one of these versions. Nothing is to be done.');
      const detail = { plan_id: planId, from_versions, to_version: to.version, when, proration_behavior, total };
      await record(tx, actor, 'started', id, detail);
      await queue.enqueue(tx, { name: 'plans.migrate', data: { migration_id: id } });
    });
    return await progress(planId, id);
  }

  /** Nobody else is moved. What is under way at Stripe is brought to its end; who was moved stays moved. */
  async function cancel(actor: string, planId: string, id: string): Promise<MigrationProgress> {
    await progress(planId, id);
    await db.transaction(async (tx) => {
      if (!(await cancelMigration(tx, id, new Date(clock.now()))))
        throw new Problem('no_change', 'The migration does not run any more.');
      await record(tx, actor, 'canceled', id, {});
      await queue.enqueue(tx, { name: 'plans.migrate', data: { migration_id: id } });
    });
    return await progress(planId, id);
  }

  /** Tries again with everybody who failed; of a canceled one, goes on with who is left too. */
  async function retry(actor: string, planId: string, id: string): Promise<MigrationProgress> {
    const before = await progress(planId, id);
    if (before.failed + before.remaining === 0) throw new Problem('no_change', 'Nobody is left to try again.');
    await inLine(planId, async (tx) => {
      if (await otherRuns(tx, planId, id)) throw running(planId);
      const failed = await retryMoves(tx, id);
      await resumeMigration(tx, id);
      await record(tx, actor, 'retried', id, { failed });
      await queue.enqueue(tx, { name: 'plans.migrate', data: { migration_id: id } });
    });
    return await progress(planId, id);
  }

  async function progress(planId: string, id: string): Promise<MigrationProgress> {
    const found = await migrationProgress(db.kysely, planId, id);
    if (found === null) throw new Problem('not_found', `The plan has no migration ${JSON.stringify(id)}.`);
    return found;
  }

  /** One at a time for a plan, so that two wishes do not both find none running. */
  async function inLine(planId: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    await db.withLock(`plan.migrations:${planId}`, async () => await db.transaction(work));
  }

  async function record(tx: Tx, actor: string, what: string, object_id: string, detail: Record<string, Json>) {
    await deps.audit.record(tx, { actor, action: `plan_migration.${what}`, customer_id: null, object_id, detail });
  }

  async function versionsFor(
    planId: string,
    wish: MigrationWish,
  ): Promise<{ to: PlanVersion; from_versions: number[] }> {
    const versions = await versionsOf(db.kysely, planId);
    if (versions.length === 0)
      throw new Problem('plan_not_found', `There is no plan ${JSON.stringify(planId)}.`, { param: 'id' });
    const known = versions.map(({ version }) => version);
    const to =
      wish.to_version === undefined
        ? (versions.find(({ archived_at }) => archived_at === null) ?? versions[0])
        : versions.find(({ version }) => version === wish.to_version);
    if (to === undefined) throw unknownVersion(planId, known, 'to_version');
    const from_versions = [...new Set(wish.from_versions ?? known.filter((version) => version !== to.version))];
    if (from_versions.some((version) => !known.includes(version))) throw unknownVersion(planId, known, 'from_versions');
    if (from_versions.includes(to.version))
      throw new Problem('invalid_request', `from_versions: Version ${to.version} is where they are to go.`, {
        param: 'from_versions',
      });
    return { to, from_versions: from_versions.toSorted((a, b) => a - b) };
  }

  return {
    preview,
    start,
    cancel,
    retry,
    progress,
    list: (planId: string, page: Parameters<typeof listMigrations>[2]) => listMigrations(db.kysely, planId, page),
    async moves(
      planId: string,
      id: string,
      page: { state: MoveState | null; limit: number; after: string | null },
    ): Promise<{ migration: MigrationProgress; rows: MoveRow[] }> {
      const migration = await progress(planId, id);
      return { migration, rows: await listMoves(db.kysely, id, page) };
    },
  };
}

function filterOf({ customer_ids, currency, interval }: MigrationFilter): MigrationFilter {
  return { customer_ids, currency, interval };
}

function addTo(sums: Map<string, MigrationMrr>, { currency, now_minor, moved_minor }: MigrationMrr): void {
  const sum = sums.get(currency) ?? { currency, now_minor: 0, moved_minor: 0 };
  sums.set(currency, {
    currency,
    now_minor: sum.now_minor + now_minor,
    moved_minor: sum.moved_minor + moved_minor,
  });
}

function running(planId: string): Problem {
  return new Problem(
    'migration_running',
    `Another migration of the plan "${planId}" runs. Wait for its end, or cancel it.`,
  );
}

function unknownVersion(planId: string, known: readonly number[], param: 'to_version' | 'from_versions'): Problem {
  return new Problem('invalid_request', `${param}: The plan "${planId}" has the versions ${known.join(', ')}.`, {
    param,
  });
}
