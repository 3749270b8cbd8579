-- A customer has one live subscription in each group of plans. What was sold before is in its plan's group.

alter table subscription add "group" text;
update subscription s set "group" = coalesce(p.content ->> 'group', 'main')
from plan_version p where p.id = s.plan_version_id;
alter table subscription alter "group" set not null;
drop index subscription_live;
create unique index subscription_live on subscription (customer_id, "group")
  where not superseded and status in ('active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete');

alter table checkout_session add "group" text;
update checkout_session c set "group" = coalesce(p.content ->> 'group', 'main')
from plan_version p where p.id = c.plan_version_id;
alter table checkout_session alter "group" set not null;
-- The reservation: one purchase at a time per customer and group, held against two tabs and double clicks.
drop index checkout_session_open;
create unique index checkout_session_open on checkout_session (customer_id, "group") where state = 'open';

-- One row for each group that a key's customer ever had a plan of.
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
  s.add_ons,
  s."group"
from api_key_secret e
join api_key k on k.id = e.key_id
left join lateral (
  select distinct on ("group") * from subscription
  where subscription.customer_id = k.customer_id and not superseded
  order by "group", (status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')) desc, stripe_created_at desc
) s on true
left join plan_price r on r.id = s.plan_price_id
left join plan_version p on p.id = r.plan_version_id
left join lateral (
  select content, expires_at from customer_override
  where customer_override.customer_id = k.customer_id
  order by from_at desc
  limit 1
) o on true;

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
  (monthly_minor(r.amount_minor * s.quantity, r.interval) + a.mrr_minor)::bigint as mrr_minor,
  s."group"
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
