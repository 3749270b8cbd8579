import type { Statement } from '../db/rounds.ts';

/** A column of rows that are given as an array each; where the array has one value, it is that of all rows. */
const all = (column: string, parameter: number, type: string): string =>
  `coalesce(${column}, ($${parameter}::${type}[])[1])`;

/** One event a row, which counts when it occurred unless it says otherwise. */
const insertEvents = `
  with late as materialized (
    select coalesce((select max(period_end_at) from usage_report) > $13::timestamptz, false) as is_so
  ), fresh as (
    insert into usage_event (customer_id, id, type, source, quantity, occurred_at, counted_at, key_id, endpoint, properties,
      counted, received_at, position)
    select customer_id, id, ${all('type', 3, 'text')}, ${all('source', 4, 'text')}, ${all('quantity', 5, 'bigint')},
      ${all('occurred_at', 6, 'timestamptz')}, coalesce(counted_at, ${all('occurred_at', 6, 'timestamptz')}), key_id,
      ${all('endpoint', 9, 'text')}, ${all('properties', 10, 'jsonb')}, ${all('counted', 11, 'jsonb')}, $12::timestamptz, position
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::text[],
      $9::text[], $10::jsonb[], $11::jsonb[]) with ordinality as given (customer_id, id, type, source, quantity, occurred_at,
      counted_at, key_id, endpoint, properties, counted, position)
    where not (select is_so from late)
    on conflict do nothing
    returning position
  )
  select late.is_so, pg_current_xact_id()::text, case
    when (select count(*) from fresh) <> $14::bigint then (select coalesce(string_agg(position::text, ','), '') from fresh)
  end
  from late`;

const place = `customer_id, ${all('meter_id', 2, 'text')}, ${all('hour_at', 3, 'timestamptz')}, ${all('key_id', 4, 'text')},
      ${all('endpoint', 5, 'text')}, ${all('dimensions', 6, 'jsonb')}`;
const placeArrays = '$1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::jsonb[]';
const placeNames = 'customer_id, meter_id, hour_at, key_id, endpoint, dimensions';

function mergeHours(merged: string): string {
  return `
    insert into usage_hour (${placeNames}, quantity, events, last_at, last_id)
    select ${place}, quantity, events, last_at, last_id
    from unnest(${placeArrays}, $7::numeric[], $8::bigint[], $9::timestamptz[], $10::text[])
      as given (${placeNames}, quantity, events, last_at, last_id)
    on conflict (${placeNames}) do update set ${merged}`;
}

const isLater = '(usage_hour.last_at, usage_hour.last_id collate "C") < (excluded.last_at, excluded.last_id)';

/** What the writer says. Those whose best plan depends on how much there is have no name and are planned anew each time. */
export const statements = {
  beginBatch: {
    name: 'usage_begin_batch',
    text: 'insert into usage_batch (id, received_at) values ($1, $2) on conflict do nothing returning id',
  },
  billedUntil: {
    name: null,
    text: `
      select customer_id, (extract(epoch from max(period_end_at)) * 1000)::bigint::text from usage_report
      where period_end_at > $1 and customer_id = any($2::text[])
      group by customer_id`,
  },
  knownEarlier: {
    name: null,
    text: `
      select given.position
      from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as given (customer_id, id, type, source, position)
      where exists (
        select from usage_event as e
        where e.customer_id = given.customer_id and e.id = given.id and e.type = given.type and e.source = given.source
          and e.received_at >= $5 and e.received_at < $6
      )`,
  },
  insertEvents: { name: 'usage_insert_events', text: insertEvents },
  add: {
    name: 'usage_add',
    text: mergeHours(
      'quantity = usage_hour.quantity + excluded.quantity, events = usage_hour.events + excluded.events',
    ),
  },
  max: {
    name: 'usage_max',
    text: mergeHours(
      'quantity = greatest(usage_hour.quantity, excluded.quantity), events = usage_hour.events + excluded.events',
    ),
  },
  last: {
    name: 'usage_last',
    text: mergeHours(`events = usage_hour.events + excluded.events,
      quantity = case when ${isLater} then excluded.quantity else usage_hour.quantity end,
      last_id = case when ${isLater} then excluded.last_id else usage_hour.last_id end,
      last_at = case when ${isLater} then excluded.last_at else usage_hour.last_at end`),
  },
  unique: {
    name: 'usage_unique',
    text: `
      insert into usage_unique (${placeNames}, value)
      select ${place}, value from unnest(${placeArrays}, $7::text[]) as given (${placeNames}, value)
      on conflict do nothing`,
  },
} satisfies Record<string, Statement>;
