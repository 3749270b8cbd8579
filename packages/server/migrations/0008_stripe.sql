-- Stripe's events as they came. An event only says whom to look at.

create table stripe_event (
  id text primary key,                         -- evt_…
  type text not null,
  object_id text,
  stripe_customer_id text,
  api_version text,
  livemode boolean not null,
  body jsonb not null,
  state text not null check (state in ('received', 'done', 'ignored', 'parked')),
  reason text,                                 -- why it is parked or ignored
  attempts integer not null default 0,
  stripe_created_at timestamptz not null,
  received_at timestamptz not null,
  handled_at timestamptz
);
create index stripe_event_received on stripe_event (received_at desc, id desc);
create index stripe_event_open on stripe_event (received_at) where state in ('received', 'parked');
