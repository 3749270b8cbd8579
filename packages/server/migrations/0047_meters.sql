-- Usage that reaches the invoice through Stripe's Billing Meters.

-- By meter Stripe's id of the metered price, of plans that chose so.
alter table plan_price add column stripe_metered_prices jsonb not null default '{}';

-- A period whose usage is sent to a meter. What Stripe's own lines of it came to is settled once the period is billed, and again where
-- Stripe told later that it did not count something: the newest stands last.
create table metered_period (
  subscription_id text not null references subscription (id) on delete cascade,
  customer_id text not null references customer (id) on delete cascade,
  meter_id text not null,
  period_start_at timestamptz not null,
  period_end_at timestamptz not null,
  plan_price_id text references plan_price (id),  -- under which usage is sent; null: it is not sent any more
  settled jsonb not null default '[]',            -- minor units
  flushed_at timestamptz,
  primary key (subscription_id, meter_id, period_start_at)
);
create index metered_period_customer on metered_period (customer_id);
create index metered_period_open on metered_period (period_end_at) where settled = '[]';

-- One event for a meter, written before Stripe hears of it: an hour, and as often as that changed.
create table usage_push (
  identifier text primary key,                    -- at Stripe too
  subscription_id text not null,
  customer_id text not null references customer (id) on delete cascade,
  meter_id text not null,
  period_start_at timestamptz not null,
  hour_at timestamptz not null,
  revision int not null,
  units bigint not null check (units > 0),
  plan_price_id text not null references plan_price (id),
  occurred_at timestamptz not null,               -- as Stripe is told
  state text not null check (state in ('pending', 'sent', 'rejected')),
  reason text,
  created_at timestamptz not null,
  sent_at timestamptz,
  unique (subscription_id, meter_id, hour_at, revision),
  foreign key (subscription_id, meter_id, period_start_at) references metered_period on delete cascade
);
create index usage_push_period on usage_push (subscription_id, meter_id, period_start_at);
create index usage_push_customer on usage_push (customer_id);
