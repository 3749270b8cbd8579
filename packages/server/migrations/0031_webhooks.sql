-- What happened, told to whoever asked to hear of it.

create table webhook_endpoint (
  id text primary key,                         -- whk_…
  customer_id text references customer (id) on delete cascade, -- whose it is; null: the seller's own
  url text not null,
  description text not null,
  event_types text[] not null,                 -- {*}: all, later ones too
  sealed_secret bytea not null,
  sealed_former bytea,                         -- signs as well until former_until_at
  former_until_at timestamptz,
  failing_since_at timestamptz,                -- the first failure after the last success
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('by_hand', 'failing', 'gone')),
  created_at timestamptz not null,
  check ((disabled_at is null) = (disabled_reason is null)),
  check ((sealed_former is null) = (former_until_at is null))
);
create index webhook_endpoint_owner on webhook_endpoint (customer_id, created_at desc, id desc);

-- Written in the transaction of what it tells; its dedupe key makes a second one of the same transition impossible.
create table event (
  id text primary key,                         -- evnt_…
  type text not null,
  customer_id text references customer (id) on delete cascade, -- null: it concerns the seller alone
  dedupe_key text not null unique,             -- 'invoice.paid:invc_…'
  livemode boolean not null,
  api_version text not null,
  data jsonb not null,                         -- { object, previous_attributes }
  created_at timestamptz not null
);
create index event_created on event (created_at desc, id desc);
create index event_customer on event (customer_id, created_at desc, id desc);
create index event_type on event (type, created_at desc, id desc);

create table webhook_delivery (
  id text primary key,                         -- whd_…
  endpoint_id text not null references webhook_endpoint (id) on delete cascade,
  event_id text not null references event (id) on delete cascade,
  state text not null check (state in ('pending', 'sending', 'succeeded', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  leased_until_at timestamptz,                 -- while it is sent: from then on it counts as cut short
  last_attempt_at timestamptz,
  status integer,                              -- what the last attempt was answered
  answer text,                                 -- the answer's beginning
  failure text,
  duration_ms integer,
  created_at timestamptz not null,
  unique (endpoint_id, event_id)
);
create index webhook_delivery_due on webhook_delivery (endpoint_id, next_attempt_at) where state in ('pending', 'sending');
create index webhook_delivery_created on webhook_delivery (created_at desc, id desc);
create index webhook_delivery_endpoint on webhook_delivery (endpoint_id, created_at desc, id desc);
create index webhook_delivery_event on webhook_delivery (event_id);
