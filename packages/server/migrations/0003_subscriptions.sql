-- What customers bought. Stripe is the truth about the state; these rows mirror it.

create table checkout_session (
  id text primary key,                         -- chks_…
  customer_id text not null references customer (id) on delete cascade,
  plan_version_id text not null references plan_version (id),
  state text not null check (state in ('open', 'complete', 'expired')),
  stripe_session_id text unique,               -- null while the intent is committed but Stripe has not answered
  url text,
  expires_at timestamptz not null,
  created_at timestamptz not null
);
-- The reservation: one purchase at a time per customer, held against two tabs and double clicks.
create unique index checkout_session_open on checkout_session (customer_id) where state = 'open';

create table subscription (
  id text primary key,                         -- subs_…
  customer_id text not null references customer (id) on delete cascade,
  plan_version_id text not null references plan_version (id),
  stripe_subscription_id text not null unique,
  status text not null,                        -- Stripe's: active, trialing, past_due, unpaid, paused, incomplete, incomplete_expired, canceled
  billing_anchor_at timestamptz not null,
  current_period_start_at timestamptz not null,
  current_period_end_at timestamptz not null,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  past_due_since_at timestamptz,
  superseded boolean not null default false,   -- a second live subscription of the same customer, found and undone
  stripe_created_at timestamptz not null,
  fetched_at timestamptz not null,             -- when Stripe was read; an older read never overwrites a newer one
  created_at timestamptz not null
);
create unique index subscription_live on subscription (customer_id)
  where not superseded and status in ('active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete');
create index subscription_customer on subscription (customer_id, stripe_created_at desc);
create index subscription_period_end on subscription (current_period_end_at)
  where status in ('active', 'trialing', 'past_due');
