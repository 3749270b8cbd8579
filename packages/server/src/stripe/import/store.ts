import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';

export interface ImportRow {
  id: string;
  dry_run: boolean;
  choices: Record<string, string>;
  actor: string;
  state: string;
  failure: string | null;
  cursor: string | null;
  created_at: Date;
  ended_at: Date | null;
}

export interface ImportItem {
  import_id: string;
  object_id: string;
  outcome: string;
  customer_id: string | null;
  reason: string | null;
  created_at: Date;
}

/** How many customers and subscriptions came to what. */
export type ImportCounts = Record<'customers' | 'subscriptions', Record<string, number>>;

function rows(db: Reader) {
  return db
    .selectFrom('stripe_import')
    .select(['id', 'dry_run', 'actor', 'state', 'failure', 'cursor', 'created_at', 'ended_at'])
    .select(sql<Record<string, string>>`choices`.as('choices'));
}

/** False while another one runs. */
export async function insertImport(
  db: Reader,
  row: Pick<ImportRow, 'id' | 'dry_run' | 'choices' | 'actor' | 'created_at'>,
): Promise<boolean> {
  const result = await db
    .insertInto('stripe_import')
    .values({ ...row, choices: JSON.stringify(row.choices), state: 'running', touched_at: row.created_at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function importById(db: Reader, id: string): Promise<ImportRow | null> {
  return (await rows(db).where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function runningImport(db: Reader): Promise<ImportRow | null> {
  return (await rows(db).where('state', '=', 'running').executeTakeFirst()) ?? null;
}

/** An import whose process went away. */
export async function stalledImports(db: Reader, before: Date): Promise<string[]> {
  const found = await rows(db).where('state', '=', 'running').where('touched_at', '<', before).execute();
  return found.map((row) => row.id);
}

export async function listImports(
  db: Reader,
  page: { limit: number; after: { created_at: Date; id: string } | null },
): Promise<ImportRow[]> {
  let query = rows(db).orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit);
  const after = page.after;
  if (after !== null) query = query.where(sql<boolean>`(created_at, id) < (${after.created_at}, ${after.id})`);
  return await query.execute();
}

/** A page is done: the next one begins after its last customer, or anew. */
export async function moveImport(db: Reader, id: string, cursor: string | null, at: Date): Promise<void> {
  await db.updateTable('stripe_import').set({ cursor, touched_at: at }).where('id', '=', id).execute();
}

export async function endImport(db: Reader, id: string, failure: string | null, at: Date): Promise<void> {
  await db
    .updateTable('stripe_import')
    .set({ state: failure === null ? 'done' : 'failed', failure, ended_at: at, touched_at: at })
    .where('id', '=', id)
    .where('state', '=', 'running')
    .execute();
}

/** What came of one object; what was made before a stop is not unsaid by looking again. */
export async function recordItem(db: Reader, item: ImportItem): Promise<void> {
  await db
    .insertInto('stripe_import_item')
    .values(item)
    .onConflict((conflict) =>
      conflict.columns(['import_id', 'object_id']).doUpdateSet((eb) => ({
        outcome: sql<string>`case when excluded.outcome = 'known' then stripe_import_item.outcome else excluded.outcome end`,
        customer_id: eb.ref('excluded.customer_id'),
        reason: eb.ref('excluded.reason'),
      })),
    )
    .execute();
}

export async function listItems(
  db: Reader,
  page: { import_id: string; outcome: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<ImportItem[]> {
  let query = db
    .selectFrom('stripe_import_item')
    .selectAll()
    .where('import_id', '=', page.import_id)
    .orderBy('created_at', 'desc')
    .orderBy('object_id', 'desc')
    .limit(page.limit);
  if (page.outcome !== null) query = query.where('outcome', '=', page.outcome);
  const after = page.after;
  if (after !== null) query = query.where(sql<boolean>`(created_at, object_id) < (${after.created_at}, ${after.id})`);
  return await query.execute();
}

export async function countItems(db: Reader, importId: string): Promise<ImportCounts> {
  const found = await db
    .selectFrom('stripe_import_item')
    .select((eb) => [sql<string>`left(object_id, 4)`.as('kind'), 'outcome', eb.fn.countAll<number>().as('count')])
    .where('import_id', '=', importId)
    .groupBy(['kind', 'outcome'])
    .execute();
  const of = (kind: string) =>
    Object.fromEntries(found.filter((row) => row.kind === kind).map(({ outcome, count }) => [outcome, count]));
  return { customers: of('cus_'), subscriptions: of('sub_') };
}
