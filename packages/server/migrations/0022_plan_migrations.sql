-- Subscribers are moved from older versions of a plan to another one, some at a time.

create table plan_migration (
  id text primary key,                         -- pmig_…
  plan_id text not null,
  from_versions integer[] not null,
  to_version_id text not null references plan_version (id),
  "when" text not null check ("when" in ('now', 'period_end')),
  proration_behavior text not null check (proration_behavior in ('none', 'create_prorations', 'always_invoice')),
  per_second integer not null check (per_second between 1 and 20),
  state text not null check (state in ('running', 'done', 'canceled')),
  actor text not null,                         -- as in audit_entry
  created_at timestamptz not null,
  ended_at timestamptz
);
-- Two at once could move one subscriber to and fro.
create unique index plan_migration_running on plan_migration (plan_id) where state = 'running';
create index plan_migration_plan on plan_migration (plan_id, created_at desc, id desc);

-- One row per subscriber, written with the migration: the list does not change while it is worked through.
create table plan_migration_move (
  migration_id text not null references plan_migration (id) on delete cascade,
  subscription_id text not null references subscription (id) on delete cascade,
  customer_id text not null references customer (id) on delete cascade,
  state text not null check (state in ('waiting', 'done', 'scheduled', 'failed', 'skipped')),
  attempt integer not null default 1,          -- part of the intent's name; goes up when somebody asks for another try
  intent_id text references stripe_intent (id),
  tries integer not null default 0,            -- in this attempt
  tried_at timestamptz,
  reason_code text,
  reason text,
  primary key (migration_id, subscription_id)
);
create index plan_migration_move_waiting on plan_migration_move (migration_id, tried_at) where state = 'waiting';
create index plan_migration_move_customer on plan_migration_move (customer_id);
