import type { Statement } from '../db/rounds.ts';

/** One event a row. A column of which nothing is given is what it mostly is. */
const insertEvents = `
  with late as materialized (
    select coalesce((select max(period_end_at) from usage_report) > $13::timestamptz, false) as is_so
  ), fresh as (
    insert into usage_event (customer_id, id, type, source, quantity, occurred_at, counted_at, key_id, endpoint, properties,
      counted, received_at, position)
    select customer_id, id, type, coalesce(source, ''), coalesce(quantity, 1), occurred_at, coalesce(counted_at, occurred_at),
      key_id, endpoint, properties, counted, $12::timestamptz, position
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::text[],
      $9::text[], $10::jsonb[], $11::jsonb[]) with ordinality as given (customer_id, id, type, source, quantity, occurred_at,
      counted_at, key_id, endpoint, properties, counted, position)
    where not (select is_so from late)
    on conflict do nothing
    returning position
  )
  select late.is_so, pg_current_xact_id()::text, written.places
  from late, (
    select case when count(*) <> $14::bigint then coalesce(string_agg(position::text, ',' order by position), '') end as places
    from fresh
  ) as written`;

const given = `
  unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::jsonb[], $7::numeric[], $8::bigint[],
    $9::timestamptz[], $10::text[])
  as given (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id)`;

function mergeHours(merged: string): string {
  return `
    insert into usage_hour (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id)
    select customer_id, meter_id, hour_at, key_id, endpoint, dimensions, quantity, events, last_at, last_id from ${given}
    on conflict (customer_id, meter_id, hour_at, key_id, endpoint, dimensions) do update set ${merged}`;
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
      insert into usage_unique (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, value)
      select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::jsonb[], $7::text[])
      on conflict do nothing`,
  },
} satisfies Record<string, Statement>;
