-- Every event once, as it came, with what each meter made of it.

drop view usage_total_hour;
alter table usage_event rename to usage_event_former;
alter index usage_event_time rename to usage_event_former_time;
alter table usage_event_former rename constraint usage_event_pkey to usage_event_former_pkey;

-- By the week of its receipt, so that an event sent again meets the first one in the same partition, whatever time it names.
-- Each partition has an index of its own that is unique by (customer_id, id, type, source); a partitioned table can have none.
create table usage_event (
  customer_id text not null,
  source text not null default '',             -- where the id is unique; empty: the customer
  id text not null,                            -- the idempotency key
  type text not null,
  quantity bigint not null,
  occurred_at timestamptz not null,            -- as it was said
  counted_at timestamptz not null,             -- where it counts: later than occurred_at when that period was billed already
  key_id text,
  endpoint text not null default '',
  properties jsonb not null,
  counted jsonb not null,                      -- by meter what it made of it: {"requests": "1"}
  received_at timestamptz not null,
  position integer not null                    -- in what it came with
) partition by range (received_at);
-- A billing period begins and ends inside an hour, and so do days of some time zones: those hours are counted from the events.
create index usage_event_time on usage_event (customer_id, counted_at);

do $$
declare until_at timestamptz;
begin
  select greatest(max(received_at), now()) into until_at from usage_event_former having count(*) > 0;
  if until_at is not null then
    until_at := date_trunc('week', until_at, 'UTC') + interval '7 days';
    execute format('create table usage_event_before partition of usage_event for values from (minvalue) to (%L)', until_at);
    create unique index usage_event_before_identity on usage_event_before (customer_id, id, type, source);
    insert into usage_event
    select customer_id, '', id, meter_id, quantity, occurred_at, occurred_at, key_id, endpoint, '{}',
      jsonb_build_object(meter_id, quantity::text), received_at, 0
    from usage_event_former
    on conflict do nothing;
  end if;
end $$;
drop table usage_event_former;

-- `quantity` is the sum of an hour, or its maximum or its last value, by the meter; `events` how many made it.
alter table usage_hour
  add column dimensions jsonb not null default '{}',
  add column events bigint not null default 0,
  add column last_at timestamptz,              -- of a meter of last values: the time and the id of the one that is kept
  add column last_id text,
  alter column quantity type numeric;
update usage_hour set events = quantity;
alter table usage_hour drop constraint usage_hour_pkey,
  add primary key (customer_id, meter_id, hour_at, key_id, endpoint, dimensions);

-- Each batch adds to the same rows: there is room for their next version beside them.
alter table usage_hour set (fillfactor = 60);

-- The different values of an hour, of a meter that counts those.
create table usage_unique (
  customer_id text not null,
  meter_id text not null,
  hour_at timestamptz not null,
  key_id text not null,
  endpoint text not null,
  dimensions jsonb not null,
  value text not null,
  primary key (customer_id, meter_id, hour_at, key_id, endpoint, dimensions, value)
);

create view usage_total_hour as
select hour_at, meter_id, round(sum(quantity))::bigint as quantity
from usage_hour
group by hour_at, meter_id;

-- What came and was not taken. The first hundred of a request are kept, for a month.
create table usage_rejection (
  id text primary key,                         -- urej_…
  customer_id text,                            -- null: nobody was named, or nobody who is here
  named text,                                  -- whom it named
  event_id text,
  code text not null,
  reason text not null,
  event jsonb,                                 -- null: it was no JSON, or too large to keep
  received_at timestamptz not null
);
create index usage_rejection_received on usage_rejection (received_at desc, id desc);
create index usage_rejection_customer on usage_rejection (customer_id, received_at desc, id desc);

-- Asked for every batch: whose period is billed already.
create index usage_report_end on usage_report (period_end_at);

-- Days and months of its usage are cut in it.
alter table customer add column time_zone text not null default 'UTC';
