import type { Instant, PropertyValue } from '@farebox/core';
import { sql } from 'kysely';
import type { Reader } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';

export interface EventRow {
  customer_id: string;
  id: string;
  type: string;
  source: string;
  quantity: number;
  occurred_at: Date;
  counted_at: Date;
  received_at: Date;
  key_id: string | null;
  endpoint: string;
  properties: Record<string, PropertyValue>;
  counted: Record<string, string>;
}

/** Where a page ends: equal times are told apart by what names an event, so that no page leaves one out. */
export interface EventCursor {
  counted_at: Instant;
  id: string;
  type: string;
  source: string;
}

export interface EventFilter {
  /** One customer's: an empty name is nobody's. */
  customer_id: string;
  from?: Instant | undefined;
  to?: Instant | undefined;
  type?: string | undefined;
  key_id?: string | undefined;
  /** Whether any meter counted it. */
  counted?: boolean | undefined;
  limit: number;
  after: EventCursor | null;
  /** `desc` unless said. */
  order?: 'asc' | 'desc';
}

const columns = sql`
  customer_id, id, type, source, quantity, occurred_at, counted_at, received_at, key_id, endpoint, properties, counted
`;

/** One more than `limit`, by the time they count at. */
export async function listEvents(db: Reader, filter: EventFilter): Promise<EventRow[]> {
  const { customer_id, from, to, type, key_id, counted, after, order = 'desc' } = filter;
  invariant(customer_id !== '', 'events are listed of one customer');
  const conditions = [sql`customer_id = ${customer_id}`];
  if (from !== undefined) conditions.push(sql`counted_at >= ${new Date(from)}`);
  if (to !== undefined) conditions.push(sql`counted_at < ${new Date(to)}`);
  if (type !== undefined) conditions.push(sql`type = ${type}`);
  if (key_id !== undefined) conditions.push(sql`key_id = ${key_id}`);
  if (counted !== undefined) conditions.push(counted ? sql`counted <> '{}'` : sql`counted = '{}'`);
  if (after !== null) {
    const at = new Date(after.counted_at);
    const place = sql`(${at}::timestamptz, ${after.id}::text, ${after.type}::text, ${after.source}::text)`;
    // The time alone first: it is what the index has.
    if (order === 'desc') conditions.push(sql`counted_at <= ${at}`, sql`(counted_at, id, type, source) < ${place}`);
    else conditions.push(sql`counted_at >= ${at}`, sql`(counted_at, id, type, source) > ${place}`);
  }
  const by =
    order === 'desc' ? sql`counted_at desc, id desc, type desc, source desc` : sql`counted_at, id, type, source`;
  const { rows } = await sql<EventRow>`
    select ${columns} from usage_event where ${sql.join(conditions, sql` and `)} order by ${by} limit ${filter.limit + 1}
  `.execute(db);
  return rows;
}

/** Events of one customer with this id, newest first. */
export async function eventsNamed(
  db: Reader,
  customerId: string,
  id: string,
  { type, source }: { type?: string; source?: string },
): Promise<EventRow[]> {
  invariant(customerId !== '', 'an event is looked up of one customer');
  const { rows } = await sql<EventRow>`
    select ${columns} from usage_event
    where customer_id = ${customerId} and id = ${id}
      and (${type ?? null}::text is null or type = ${type ?? null}) and (${source ?? null}::text is null or source = ${source ?? null})
    order by received_at desc, type limit 10
  `.execute(db);
  return rows;
}

export interface RejectionRow {
  id: string;
  customer_id: string | null;
  named: string | null;
  event_id: string | null;
  code: string;
  reason: string;
  event: unknown;
  received_at: Date;
}

export interface RejectionFilter {
  /** Null: everybody's, and those of whom nobody knows whose they are. */
  customer_id: string | null;
  event_id?: string | undefined;
  limit: number;
  after: { created_at: Date; id: string } | null;
}

/** One more than `limit`, newest first. */
export async function listRejections(db: Reader, filter: RejectionFilter): Promise<RejectionRow[]> {
  const { customer_id, event_id, after } = filter;
  return await db
    .selectFrom('usage_rejection')
    .select(['id', 'customer_id', 'named', 'event_id', 'code', 'reason', 'received_at'])
    .select(sql<unknown>`event`.as('event'))
    .$if(customer_id !== null, (select) => select.where('customer_id', '=', customer_id))
    .$if(event_id !== undefined, (select) => select.where('event_id', '=', event_id ?? ''))
    .$if(after !== null, (select) =>
      select.where(sql<boolean>`(received_at, id) < (${after?.created_at}, ${after?.id})`),
    )
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit + 1)
    .execute();
}

export async function customerIdsAfter(db: Reader, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('customer')
    .select('id')
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Usage of one hour, as it is carried away. */
export interface HourExport {
  customer_id: string;
  meter_id: string;
  hour_at: Date;
  key_id: string;
  endpoint: string;
  dimensions: Record<string, string>;
  /** Decimal string. */
  quantity: string;
  events: number;
}

/** The next hours with usage, in the order of their key. A meter of different values has how many there were. */
export async function hoursAfter(
  db: Reader,
  scope: { customer_id: string; from: Instant; to: Instant; limit: number; after: HourExport | null },
): Promise<HourExport[]> {
  const { customer_id, after } = scope;
  invariant(customer_id !== '', 'hours are listed of one customer');
  const place =
    after === null
      ? sql`true`
      : sql`(meter_id, hour_at, key_id, endpoint, dimensions) > (
          ${after.meter_id}, ${after.hour_at}::timestamptz, ${after.key_id}, ${after.endpoint}, ${JSON.stringify(after.dimensions)}::jsonb)`;
  const part = (table: string, quantity: ReturnType<typeof sql>) => sql`
    select customer_id, meter_id, hour_at, key_id, endpoint, dimensions, ${quantity}
    from ${sql.table(table)}
    where customer_id = ${customer_id} and hour_at >= ${new Date(scope.from)} and hour_at < ${new Date(scope.to)} and ${place}
  `;
  const { rows } = await sql<HourExport>`
    select * from (
      ${part('usage_hour', sql`quantity::text as quantity, events`)}
      union all
      ${part('usage_unique', sql`count(*)::text as quantity, count(*)::bigint as events`)}
      group by 1, 2, 3, 4, 5, 6
    ) as hours
    order by meter_id, hour_at, key_id, endpoint, dimensions
    limit ${scope.limit}
  `.execute(db);
  return rows;
}
