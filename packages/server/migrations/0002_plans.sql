-- Plans as published. A version is frozen: subscribers stay on theirs until moved.

create table plan_version (
  id text primary key,                         -- planv_…
  plan_id text not null,                       -- 'pro', from the price list
  version integer not null check (version > 0),
  content jsonb not null,                      -- core's Plan
  content_hash text not null,
  stripe_product_id text,                      -- null until pushed
  stripe_price_id text unique,
  published_at timestamptz not null,
  archived_at timestamptz,                     -- set when the plan leaves the price list or a newer version replaces it
  unique (plan_id, version)
);
create unique index plan_version_current on plan_version (plan_id) where archived_at is null;
