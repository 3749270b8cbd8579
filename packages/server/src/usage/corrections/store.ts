import type { Currency, Instant, PricedUsage } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader, Tx } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Properties, StoredEvent } from '../events/event.ts';
import { hourMs } from '../rollup.ts';

/** What of an event a correction can change. */
export interface EventContent {
  quantity: number;
  properties: Properties;
  /** By meter the amount; empty: it counts nowhere. */
  counted: Record<string, string>;
}

export type CorrectionKind = 'void' | 'correct';

export interface CorrectionRow {
  id: string;
  customer_id: string;
  event_id: string;
  event_type: string;
  event_source: string;
  kind: CorrectionKind;
  reason: string;
  actor: string;
  before: EventContent;
  after: EventContent;
  created_at: Date;
}

/** What a correction changed of usage that was billed. */
export interface UsageAdjustment {
  id: string;
  customer_id: string;
  subscription_id: string;
  usage_report_id: string;
  correction_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  quantity: number;
  amount_minor: number;
  line_minor: number;
  credited_minor: number;
  currency: Currency;
  reason: string;
  state: string;
  created_at: Date;
}

/** An event as it is stored, locked. */
export interface LockedEvent extends StoredEvent {
  received_at: Date;
}

type EventRow = Omit<LockedEvent, 'occurred_at' | 'counted_at' | 'is_dated'> & { occurred_at: Date; counted_at: Date };

const eventColumns = sql`
  customer_id, id, type, source, quantity, occurred_at, counted_at, received_at, key_id, endpoint, properties, counted
`;

/** Those that may be meant, at most two: more than one is too many. Locked until the transaction ends. */
export async function lockEvents(
  tx: Tx,
  customerId: string,
  id: string,
  { type, source }: { type?: string | undefined; source?: string | undefined },
): Promise<LockedEvent[]> {
  invariant(customerId !== '', 'an event is corrected of one customer');
  const { rows } = await sql<EventRow>`
    select ${eventColumns} from usage_event
    where customer_id = ${customerId} and id = ${id}
      and (${type ?? null}::text is null or type = ${type ?? null}) and (${source ?? null}::text is null or source = ${source ?? null})
    order by received_at desc limit 2 for update
  `.execute(tx);
  return rows.map(eventOf);
}

export async function rewriteEvent(tx: Tx, event: LockedEvent, after: EventContent): Promise<void> {
  const { customer_id, id, type, source, received_at } = event;
  await sql`
    update usage_event set quantity = ${after.quantity}, properties = ${JSON.stringify(after.properties)}::jsonb,
      counted = ${JSON.stringify(after.counted)}::jsonb
    where customer_id = ${customer_id} and id = ${id} and type = ${type} and source = ${source} and received_at = ${received_at}
  `.execute(tx);
}

/** Empties an hour of a meter and answers the events that count in it: what it is made from anew. */
export async function emptyHour(tx: Tx, customerId: string, meterId: string, hour_at: Instant): Promise<StoredEvent[]> {
  invariant(customerId !== '' && meterId !== '', 'an hour is of one customer and one meter');
  const [from, to] = [new Date(hour_at), new Date(hour_at + hourMs)];
  for (const table of ['usage_hour', 'usage_unique'])
    await sql`
      delete from ${sql.table(table)} where customer_id = ${customerId} and meter_id = ${meterId} and hour_at = ${from}
    `.execute(tx);
  const { rows } = await sql<EventRow>`
    select ${eventColumns} from usage_event
    where customer_id = ${customerId} and counted ? ${meterId} and counted_at >= ${from} and counted_at < ${to}
  `.execute(tx);
  return rows.map(eventOf);
}

function eventOf({ occurred_at, counted_at, ...row }: EventRow): LockedEvent {
  return { ...row, occurred_at: occurred_at.getTime(), counted_at: counted_at.getTime(), is_dated: true };
}

/** A bill that an event counts in, with what corrections changed of it so far. */
export interface CorrectedReport {
  id: string;
  subscription_id: string;
  meter_id: string;
  period_start_at: Date;
  period_end_at: Date;
  /** By what it was rated; null of one from before that was kept. */
  priced: PricedUsage | null;
  currency: Currency;
  /** With what it lacked to its minimum. */
  amount_minor: number;
  credited_minor: number;
  minimum_minor: number;
}

export async function reportsCounting(
  tx: Tx,
  customerId: string,
  meterIds: readonly string[],
  at: Instant,
): Promise<CorrectedReport[]> {
  const { rows } = await sql<CorrectedReport>`
    select r.id, r.subscription_id, r.meter_id, r.period_start_at, r.period_end_at, r.priced, r.currency, r.minimum_minor,
      (r.amount_minor + r.shortfall_minor + coalesce(sum(a.amount_minor), 0))::bigint as amount_minor,
      (r.credited_minor + coalesce(sum(a.credited_minor), 0))::bigint as credited_minor
    from usage_report r left join usage_adjustment a on a.usage_report_id = r.id
    where r.customer_id = ${customerId} and r.meter_id = any(${[...meterIds]}::text[])
      and r.period_start_at <= ${new Date(at)} and r.period_end_at > ${new Date(at)}
    group by r.id
    order by r.id
  `.execute(tx);
  return rows;
}

export async function insertCorrection(tx: Tx, row: CorrectionRow): Promise<void> {
  const { before, after, ...rest } = row;
  await tx
    .insertInto('usage_correction')
    .values({ ...rest, before: JSON.stringify(before), after: JSON.stringify(after) })
    .execute();
}

export async function insertAdjustment(
  tx: Tx,
  row: Pick<
    UsageAdjustment,
    | 'id'
    | 'customer_id'
    | 'usage_report_id'
    | 'correction_id'
    | 'quantity'
    | 'amount_minor'
    | 'line_minor'
    | 'credited_minor'
    | 'created_at'
  >,
): Promise<void> {
  // What only goes back to credit has nothing to say to Stripe.
  const isDone = row.line_minor === 0;
  await tx
    .insertInto('usage_adjustment')
    .values({ ...row, state: isDone ? 'sent' : 'pending', sent_at: isDone ? row.created_at : null })
    .execute();
}

function corrections(db: Reader) {
  return db
    .selectFrom('usage_correction')
    .select(['id', 'customer_id', 'event_id', 'event_type', 'event_source', 'reason', 'actor', 'created_at'])
    .select([
      sql<CorrectionKind>`kind`.as('kind'),
      sql<EventContent>`before`.as('before'),
      sql<EventContent>`after`.as('after'),
    ]);
}

/** A page, the newest first; of everybody where no customer is named. */
export async function listCorrections(
  db: Reader,
  query: { customer_id: string | null; limit: number; after: { created_at: Date; id: string } | null },
): Promise<CorrectionRow[]> {
  const { customer_id, after } = query;
  return await corrections(db)
    .$if(customer_id !== null, (select) => select.where('customer_id', '=', customer_id ?? ''))
    .$if(after !== null, (select) =>
      select.where(sql<boolean>`(created_at, id) < (${after?.created_at}, ${after?.id})`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit)
    .execute();
}

/** What was done to these events, the newest first. */
export async function correctionsOfEvents(
  db: Reader,
  customerId: string,
  eventIds: readonly string[],
): Promise<CorrectionRow[]> {
  if (eventIds.length === 0) return [];
  return await corrections(db)
    .where('customer_id', '=', customerId)
    .where('event_id', 'in', eventIds)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

function adjustments(db: Reader) {
  return db
    .selectFrom('usage_adjustment as a')
    .innerJoin('usage_report as r', 'r.id', 'a.usage_report_id')
    .innerJoin('usage_correction as c', 'c.id', 'a.correction_id')
    .select([
      'a.id',
      'a.customer_id',
      'r.subscription_id',
      'a.usage_report_id',
      'a.correction_id',
      'r.meter_id',
      'r.period_start_at',
      'r.period_end_at',
      'a.quantity',
      'a.amount_minor',
      'a.line_minor',
      'a.credited_minor',
      'c.reason',
      'a.state',
      'a.created_at',
    ])
    .select(sql<Currency>`r.currency`.as('currency'));
}

export async function adjustmentById(db: Reader, id: string): Promise<UsageAdjustment | null> {
  return (await adjustments(db).where('a.id', '=', id).executeTakeFirst()) ?? null;
}

export async function adjustmentsOf(db: Reader, correctionIds: readonly string[]): Promise<UsageAdjustment[]> {
  if (correctionIds.length === 0) return [];
  return await adjustments(db).where('a.correction_id', 'in', correctionIds).orderBy('a.id').execute();
}

export async function pendingAdjustments(db: Reader, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('usage_adjustment')
    .select('id')
    .where('state', '=', 'pending')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

export async function markAdjustmentSent(db: Reader, id: string, at: Date): Promise<void> {
  await db
    .updateTable('usage_adjustment')
    .set({ state: 'sent', sent_at: at })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

/** Those that were put on an invoice since, as they are compared with Stripe. */
export async function sentAdjustments(
  db: Reader,
  since: Date,
): Promise<{ id: string; customer_id: string; amount_minor: number }[]> {
  return await db
    .selectFrom('usage_adjustment')
    .select(['id', 'customer_id', 'line_minor as amount_minor'])
    .where('state', '=', 'sent')
    .where('line_minor', '<>', 0)
    .where('sent_at', '>', since)
    .execute();
}

/** Of these adjustments the reports that they correct. */
export async function reportsOfAdjustments(db: Reader, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('usage_adjustment')
    .select(['id', 'usage_report_id'])
    .where('id', 'in', ids)
    .execute();
  return new Map(rows.map(({ id, usage_report_id }) => [id, usage_report_id]));
}

/** To be put on an invoice again: its line at Stripe was deleted. */
export async function reopenAdjustment(db: Reader, id: string): Promise<void> {
  await db.updateTable('usage_adjustment').set({ state: 'pending', sent_at: null }).where('id', '=', id).execute();
}
