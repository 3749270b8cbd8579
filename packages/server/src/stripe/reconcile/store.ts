import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';
import type { Reconciliation } from './service.ts';

/** One comparison that repaired what it could. */
export interface ReconciliationRun extends Reconciliation {
  id: string;
  started_at: Date;
  finished_at: Date;
}

/** A year of nights. Older runs tell nothing that the log does not. */
const mostRuns = 400;

export async function insertRun(db: Reader, run: ReconciliationRun): Promise<void> {
  await db
    .insertInto('reconciliation_run')
    .values({ ...run, found: JSON.stringify(run.found) })
    .execute();
  await sql`
    delete from reconciliation_run where id in (
      select id from reconciliation_run order by started_at desc, id desc offset ${mostRuns}
    )
  `.execute(db);
}

/** When all was compared last and repaired; before the first time, when this installation began. */
export async function lastComparedAt(db: Reader): Promise<Date> {
  const run = db.selectFrom('reconciliation_run').select((eb) => eb.fn.max('started_at').as('at'));
  const { at } = await db
    .selectFrom('installation')
    .select((eb) => eb.fn.coalesce(run, 'created_at').as('at'))
    .executeTakeFirstOrThrow();
  return at;
}

/** All that were deleted at Stripe, with whose they were. */
export async function allGone(db: Reader): Promise<{ stripe_customer_id: string; customer_id: string }[]> {
  return await db.selectFrom('stripe_gone').select(['stripe_customer_id', 'customer_id']).execute();
}

/** A page of runs, newest first. */
export async function listRuns(
  db: Reader,
  page: { limit: number; after: { created_at: Date; id: string } | null },
): Promise<ReconciliationRun[]> {
  const { after } = page;
  return await db
    .selectFrom('reconciliation_run')
    .select(['id', 'started_at', 'finished_at', 'checked'])
    .select(sql<Reconciliation['found']>`found`.as('found'))
    .$if(after !== null, (select) =>
      select.where(sql<boolean>`(started_at, id) < (${after?.created_at}, ${after?.id})`),
    )
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
}
