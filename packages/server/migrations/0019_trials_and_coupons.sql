-- What a checkout grants besides the plan, and the seller's coupons as they stand at Stripe.

alter table checkout_session
  add trial_days integer check (trial_days > 0),  -- free before the first charge
  add stripe_promotion_code_id text;              -- a reduction that was asked for with it

-- A coupon's content is frozen, at Stripe as here: another one is another version.
create table coupon_version (
  id text primary key,                            -- cpnv_…
  coupon_id text not null,
  version integer not null check (version > 0),
  content jsonb not null,
  content_hash text not null,
  stripe_coupon_id text,                          -- null until pushed
  published_at timestamptz not null,
  archived_at timestamptz,                        -- its codes are of no use from then on; who redeemed one keeps it
  unique (coupon_id, version)
);
create unique index coupon_version_current on coupon_version (coupon_id) where archived_at is null;

create table promotion_code (
  coupon_version_id text not null references coupon_version (id),
  code text not null,
  stripe_promotion_code_id text,                  -- null until pushed
  ended_at timestamptz,                           -- switched off at Stripe
  primary key (coupon_version_id, code)
);
