-- Add-ons: further items of a subscription, each so many of another plan's price. Mirrored with it.

alter table subscription
  add add_ons jsonb not null default '[]',     -- [{ plan_price_id, quantity }]
  add scheduled_add_ons jsonb;                 -- what they are to be at scheduled_at; null when nothing is arranged

alter table subscription_phase add add_ons jsonb not null default '[]';

-- With what they are, one row for each.
create view subscription_add_on as
select
  s.id as subscription_id,
  s.scheduled,
  a.quantity,
  r.id as plan_price_id,
  r.currency,
  r.interval,
  r.amount_minor,
  p.plan_id,
  p.version,
  p.content
from (
  select id, false as scheduled, add_ons from subscription
  union all
  select id, true, scheduled_add_ons from subscription where scheduled_add_ons is not null
) s
cross join lateral jsonb_to_recordset(s.add_ons) as a (plan_price_id text, quantity integer)
join plan_price r on r.id = a.plan_price_id
join plan_version p on p.id = r.plan_version_id;

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
  o.expires_at as overrides_expire_at,
  s.add_ons
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

-- The plans that entries speak of, each once.
create view gate_plan as
select r.id as plan_price_id, p.content as plan, r.currency, r.interval
from plan_price r
join plan_version p on p.id = r.plan_version_id;

create or replace view live_subscription as
select
  s.id,
  s.customer_id,
  s.status,
  p.plan_id,
  p.version,
  p.content ->> 'name' as plan_name,
  r.currency,
  (r.amount_minor * s.quantity + a.amount_minor)::bigint as amount_minor,
  r.interval,
  s.current_period_end_at,
  s.stripe_created_at,
  (monthly_minor(r.amount_minor * s.quantity, r.interval) + a.mrr_minor)::bigint as mrr_minor
from subscription s
join plan_price r on r.id = s.plan_price_id
join plan_version p on p.id = s.plan_version_id
cross join lateral (
  select
    coalesce(sum(amount_minor * quantity), 0)::bigint as amount_minor,
    coalesce(sum(monthly_minor(amount_minor * quantity, interval)), 0)::bigint as mrr_minor
  from subscription_add_on
  where subscription_id = s.id and not scheduled
) a
where not s.superseded and s.status in ('active', 'trialing', 'past_due');

-- Who has a price, as their plan or on top of it.
create view plan_subscriber as
select customer_id, plan_price_id, quantity, status
from subscription
where not superseded
union all
select s.customer_id, a.plan_price_id, a.quantity, s.status
from subscription s
join subscription_add_on a on a.subscription_id = s.id and not a.scheduled
where not s.superseded;
