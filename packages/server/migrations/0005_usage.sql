-- Usage, once. Raw events and the hourly roll-up are written in one transaction.

create table usage_event (
  customer_id text not null,
  id text not null,                            -- the idempotency key
  meter_id text not null,
  quantity bigint not null,
  occurred_at timestamptz not null,
  key_id text,
  endpoint text not null default '',
  received_at timestamptz not null,
  primary key (customer_id, id, occurred_at)
) partition by range (occurred_at);
create table usage_event_other partition of usage_event default;
-- A billing period begins and ends inside an hour; those two hours are counted from the events themselves.
create index usage_event_time on usage_event (customer_id, meter_id, occurred_at);

-- A batch from the gate or a software development kit; seeing its id again changes nothing.
create table usage_batch (
  id text primary key,
  received_at timestamptz not null
);
create index usage_batch_received on usage_batch (received_at);

create table usage_hour (
  customer_id text not null,
  meter_id text not null,
  hour_at timestamptz not null,
  key_id text not null default '',
  endpoint text not null default '',
  quantity bigint not null,
  primary key (customer_id, meter_id, hour_at, key_id, endpoint)
);

-- What was put on an invoice for one period: the intent is committed before Stripe hears of it.
create table usage_report (
  id text primary key,                         -- urep_…
  customer_id text not null references customer (id) on delete cascade,
  subscription_id text not null references subscription (id) on delete cascade,
  meter_id text not null,
  period_start_at timestamptz not null,
  period_end_at timestamptz not null,
  quantity bigint not null,
  amount_minor bigint not null,
  currency text not null,
  lines jsonb not null,                        -- core's RatedLine[]
  state text not null check (state in ('pending', 'sent')),
  sent_at timestamptz,
  created_at timestamptz not null,
  unique (subscription_id, meter_id, period_start_at)
);
create index usage_report_pending on usage_report (created_at) where state = 'pending';
