-- Other limits, amounts, features and prices of usage for one customer, over what its plan says. Rows are never changed: what
-- was in force when a period ended is what that period is billed by.

create table customer_override (
  customer_id text not null references customer (id) on delete cascade,
  from_at timestamptz not null,
  content jsonb,                               -- core's Overrides; null: none from then on
  expires_at timestamptz,
  reason text,
  actor text not null,                         -- as in audit_entry
  primary key (customer_id, from_at)
);

create or replace view gate_entry as
select
  e.digest,
  k.id as key_id,
  k.customer_id,
  k.livemode,
  k.scopes,
  k.allowed_cidrs,
  least(k.expires_at, e.expires_at) as expires_at,
  k.disabled_at,
  k.revoked_at,
  k.budget_limit,
  k.budget_window,
  s.id as subscription_id,
  s.status as subscription_status,
  s.billing_anchor_at,
  s.current_period_start_at,
  s.current_period_end_at,
  s.cancel_at,
  s.ended_at,
  s.past_due_since_at,
  p.content as plan,
  r.id as plan_price_id,
  r.currency,
  r.interval,
  o.content as overrides,
  o.expires_at as overrides_expire_at
from api_key_secret e
join api_key k on k.id = e.key_id
left join lateral (
  select * from subscription
  where subscription.customer_id = k.customer_id and not superseded
  order by (status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')) desc, stripe_created_at desc
  limit 1
) s on true
left join plan_price r on r.id = s.plan_price_id
left join plan_version p on p.id = r.plan_version_id
left join lateral (
  select content, expires_at from customer_override
  where customer_override.customer_id = k.customer_id
  order by from_at desc
  limit 1
) o on true;
