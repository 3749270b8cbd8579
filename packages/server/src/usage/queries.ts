import type { Aggregation, Instant } from '@farebox/core';
import { type RawBuilder, sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import { invariant } from '../lib/invariant.ts';
import { hourMs } from './rollup.ts';

/** Half-open, as every period. */
export interface UsageScope {
  customer_id: string;
  meter_id: string;
  aggregation: Aggregation;
  start_at: Instant;
  end_at: Instant;
  /** Of one key only; all of the customer's unless said. */
  key_id?: string;
}

/** An event counts at most so long after it came, so what counts from an instant on did not come long before. */
const aheadMs = 10 * 60_000;

/**
 * What each scope's meter comes to, in order, exact to the millisecond: whole hours from the roll-up, the hours a scope begins
 * and ends in from the events. Decimal strings; '0' where nothing was counted. A scope names its customer and meter; an empty
 * name is a fault of the program, not "everybody".
 */
export async function measureScopes(
  db: Reader,
  scopes: readonly UsageScope[],
): Promise<{ measured: string[]; seen: Snapshot }> {
  if (scopes.length === 0) return { measured: [], seen: snapshotOf('1:1:') };
  for (const { customer_id, meter_id } of scopes) requireNamed(customer_id, meter_id);
  const bounds = scopes.map(wholeHours);
  const edge = (from: RawBuilder<unknown>, to: RawBuilder<unknown>) => sql`
    e.customer_id = scope.customer_id and e.counted ? scope.meter_id and (scope.key_id is null or e.key_id = scope.key_id)
    and e.counted_at >= ${from} and e.counted_at < ${to} and e.received_at >= ${from} - ${aheadMs} * interval '1 ms'
  `;
  // Said only where it is asked for: what reads no events and no values takes a fraction of the time to plan.
  const isCut = scopes.some(
    ({ start_at, end_at }, index) => start_at !== bounds[index]?.from || end_at !== bounds[index].to,
  );
  const isUnique = scopes.some(({ aggregation }) => aggregation === 'unique');
  const edges = (columns: RawBuilder<unknown>, where: RawBuilder<unknown>) =>
    !isCut
      ? sql``
      : sql`
    union all
    select ${columns} from usage_event as e where ${where} and ${edge(sql`scope.start_at`, sql`scope.whole_from`)}
    union all
    select ${columns} from usage_event as e where ${where} and ${edge(sql`scope.whole_to`, sql`scope.end_at`)}
  `;
  const inHours = (table: RawBuilder<unknown>) => sql`
    ${table}.customer_id = scope.customer_id and ${table}.meter_id = scope.meter_id
    and (scope.key_id is null or ${table}.key_id = scope.key_id)
    and ${table}.hour_at >= scope.whole_from and ${table}.hour_at < scope.whole_to
  `;
  const values = sql`
    cross join lateral (
      select count(distinct v.value)::numeric as many
      from (
        select u.value from usage_unique as u where scope.aggregation = 'unique' and ${inHours(sql`u`)}
        ${edges(sql`e.counted ->> scope.meter_id`, sql`scope.aggregation = 'unique'`)}
      ) as v
    ) as values
  `;
  const { rows } = await sql<{ measured: string; seen: string }>`
    select pg_current_snapshot()::text as seen, coalesce(${isUnique ? sql`case when scope.aggregation = 'unique' then values.many else amounts.amount end` : sql`amounts.amount`}, 0)::text as measured
    from unnest(
      ${scopes.map((scope) => scope.customer_id)}::text[],
      ${scopes.map((scope) => scope.meter_id)}::text[],
      ${scopes.map((scope) => scope.aggregation)}::text[],
      ${scopes.map((scope) => scope.key_id ?? null)}::text[],
      ${scopes.map((scope) => new Date(scope.start_at))}::timestamptz[],
      ${bounds.map((bound) => new Date(bound.from))}::timestamptz[],
      ${bounds.map((bound) => new Date(bound.to))}::timestamptz[],
      ${scopes.map((scope) => new Date(scope.end_at))}::timestamptz[]
    ) with ordinality as scope (customer_id, meter_id, aggregation, key_id, start_at, whole_from, whole_to, end_at, position)
    cross join lateral (
      select ${amountOf(sql`scope.aggregation`)} as amount
      from (
        select h.quantity, h.events, h.last_at, h.last_id from usage_hour as h
        where scope.aggregation <> 'unique' and ${inHours(sql`h`)}
        ${edges(sql`(e.counted ->> scope.meter_id)::numeric, 1, e.occurred_at, e.id`, sql`scope.aggregation <> 'unique'`)}
      ) as p
    ) as amounts
    ${isUnique ? values : sql``}
    order by scope.position
  `.execute(db);
  return { measured: rows.map((row) => plainDecimal(row.measured)), seen: snapshotOf(rows[0]?.seen ?? '1:1:') };
}

/** Which transactions a read has seen: all before `from`, and before `to` those that do not run. */
export interface Snapshot {
  from: bigint;
  to: bigint;
  running: ReadonlySet<bigint>;
}

/** As PostgreSQL writes it: `xmin:xmax:xip,…`. */
function snapshotOf(text: string): Snapshot {
  const [from = '1', to = '1', running = ''] = text.split(':');
  return { from: BigInt(from), to: BigInt(to), running: new Set(running === '' ? [] : running.split(',').map(BigInt)) };
}

/** Whether a read has seen what a transaction wrote. */
export function hasSeen({ from, to, running }: Snapshot, xid: bigint): boolean {
  return xid < from || (xid < to && !running.has(xid));
}

/** What parts of a meter's usage come to together; `p` has quantity, events, last_at and last_id. */
export function amountOf(aggregation: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    case ${aggregation}
      when 'max' then max(p.quantity)
      when 'average' then round(sum(p.quantity) / nullif(sum(p.events), 0), 12)
      when 'last' then (
        array_agg(p.quantity order by p.last_at desc, p.last_id collate "C" desc) filter (where ${aggregation} = 'last')
      )[1]
      else sum(p.quantity)
    end
  `;
}

/** Without the zeros that a numeric keeps at its end. */
export function plainDecimal(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** The whole hours inside a scope; one that lies within an hour has none, and ends as one part. */
export function wholeHours({ start_at, end_at }: Pick<UsageScope, 'start_at' | 'end_at'>): {
  from: Instant;
  to: Instant;
} {
  const from = Math.ceil(start_at / hourMs) * hourMs;
  const to = Math.floor(end_at / hourMs) * hourMs;
  return from <= to ? { from, to } : { from: end_at, to: end_at };
}

/** What a series asks for. */
export interface SeriesQuestion {
  customer_id: string;
  meter_id: string;
  aggregation: Aggregation;
  /** When each window begins, and last when the last one ends. */
  bounds: readonly Instant[];
  /** Events from before are not kept any more: hours that a bound cuts there stay whole, in the window they begin in. */
  kept_since: Instant;
  /** What usage is told apart by; null: by nothing. */
  group_by: string | null;
  /** By dimension the value that it must have. */
  filters: Readonly<Record<string, string>>;
}

export interface SeriesPoint {
  /** Which window, from 0; null: all of them together. */
  window: number | null;
  /** The dimension's value, empty where events did not say it; null: all of them together. */
  group: string | null;
  /** Decimal string. */
  amount: string;
}

/**
 * A meter over windows of time, where it is not nothing. Costs what the hours cost that have usage, however many events there
 * were: only hours that a bound cuts are counted from the events.
 */
export async function measureSeries(db: Reader, question: SeriesQuestion): Promise<SeriesPoint[]> {
  const { customer_id, meter_id, aggregation, bounds } = question;
  requireNamed(customer_id, meter_id);
  const [first, last] = [bounds[0], bounds.at(-1)];
  invariant(first !== undefined && last !== undefined && first < last, 'a series has a window');
  const starts = sql`${bounds.slice(0, -1).map((at) => new Date(at))}::timestamptz[]`;
  const cut = cutHours(bounds, question.kept_since);
  const cutAt = sql`${cut.map((at) => new Date(at))}::timestamptz[]`;
  const isUnique = aggregation === 'unique';
  const table = isUnique ? sql`usage_unique` : sql`usage_hour`;
  const hourColumns = isUnique ? sql`p.value` : sql`p.quantity, p.events, p.last_at, p.last_id`;
  const amount = sql`e.counted ->> ${meter_id}`;
  const eventColumns = isUnique ? amount : sql`(${amount})::numeric, 1, e.occurred_at, e.id`;
  const group = (of: 'p' | 'e') => (question.group_by === null ? sql`null::text` : dimension(of, question.group_by));
  const filtered = (of: 'p' | 'e') =>
    sql.join(
      [sql`true`, ...Object.entries(question.filters).map(([name, value]) => sql`${dimension(of, name)} = ${value}`)],
      sql` and `,
    );
  const edges =
    cut.length === 0
      ? sql``
      : sql`
        union all
        select width_bucket(e.counted_at, ${starts}), ${group('e')}, ${eventColumns}
        from unnest(${cutAt}) as c (hour_at)
        join usage_event as e on e.customer_id = ${customer_id} and e.counted ? ${meter_id}
          and e.counted_at >= greatest(c.hour_at, ${new Date(first)}) and e.counted_at < least(c.hour_at + interval '1 hour', ${new Date(last)})
          and e.received_at >= c.hour_at - ${aheadMs} * interval '1 ms'
        where ${filtered('e')}`;
  const name = question.group_by === null ? sql`null::text` : sql`name`;
  const measured = isUnique ? sql`count(distinct p.value)` : amountOf(sql`${aggregation}::text`);
  const { rows } = await sql<{ place: number | null; name: string | null; amount: string }>`
    select place, ${name} as name, (${measured})::text as amount
    from (
      select width_bucket(p.hour_at, ${starts}) as place, ${group('p')} as name, ${hourColumns}
      from ${table} as p
      where p.customer_id = ${customer_id} and p.meter_id = ${meter_id}
        and p.hour_at >= ${new Date(first)} and p.hour_at < ${new Date(last)} and p.hour_at <> all(${cutAt}) and ${filtered('p')}
      ${edges}
    ) as p
    group by grouping sets (${question.group_by === null ? sql`(place), ()` : sql`(place, name), (place), (name), ()`})
    having count(*) > 0
  `.execute(db);
  return rows.map((row) => ({
    window: row.place === null ? null : row.place - 1,
    group: row.name,
    amount: plainDecimal(row.amount),
  }));
}

/** Hours that have a bound inside, as far as their events are kept. */
function cutHours(bounds: readonly Instant[], kept_since: Instant): Instant[] {
  const cut = new Set<Instant>();
  for (const bound of bounds) {
    const hour_at = Math.floor(bound / hourMs) * hourMs;
    if (hour_at !== bound && hour_at >= kept_since) cut.add(hour_at);
  }
  return [...cut];
}

/** A dimension of an hour (`p`) or of an event (`e`); empty where nothing is said. */
function dimension(of: 'p' | 'e', name: string): RawBuilder<unknown> {
  if (name === 'key_id' || name === 'endpoint') return sql`coalesce(${sql.ref(`${of}.${name}`)}, '')`;
  const column = sql.ref(of === 'p' ? 'p.dimensions' : 'e.properties');
  return sql`coalesce(${column} ->> ${name}::text, '')`;
}

function requireNamed(customerId: string, meterId: string): void {
  invariant(customerId !== '' && meterId !== '', 'usage is counted for one customer and one meter');
}

/** Null when there is no such customer. */
export async function customerTimeZone(db: Reader, customerId: string): Promise<string | null> {
  const row = await db.selectFrom('customer').select('time_zone').where('id', '=', customerId).executeTakeFirst();
  return row?.time_zone ?? null;
}
