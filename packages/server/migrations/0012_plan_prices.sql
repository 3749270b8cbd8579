-- A plan version is sold at several prices; which one a customer pays, and how often, stands with what it bought.

create table plan_price (
  id text primary key,                         -- pprc_…
  plan_version_id text not null references plan_version (id),
  currency text not null,
  interval text not null check (interval in ('day', 'week', 'month', 'quarter', 'year')),
  amount_minor bigint not null,
  setup_fee_minor bigint not null,
  stripe_price_id text unique,                 -- null until pushed
  stripe_setup_price_id text unique,           -- null until pushed, and without a setup fee
  unique (plan_version_id, currency, interval)
);

insert into plan_price
select 'pprc_' || substr(id, 7), id, content -> 'price' ->> 'currency', content -> 'price' ->> 'interval',
  (content -> 'price' ->> 'amount_minor')::bigint, 0, stripe_price_id, null
from plan_version;

alter table subscription
  add plan_price_id text references plan_price (id),
  add quantity integer not null default 1 check (quantity > 0);
update subscription s set plan_price_id = p.id from plan_price p where p.plan_version_id = s.plan_version_id;
alter table subscription alter plan_price_id set not null;

alter table checkout_session
  add plan_price_id text references plan_price (id),
  add quantity integer not null default 1 check (quantity > 0);
update checkout_session c set plan_price_id = p.id from plan_price p where p.plan_version_id = c.plan_version_id;
alter table checkout_session alter plan_price_id set not null;

drop view gate_entry, recurring_revenue, plan_revenue, live_subscription;
alter table plan_version drop stripe_price_id;

-- Frozen content in the shape that holds all of this; what it means does not change.
update plan_version set content = (content - 'price') || jsonb_build_object(
  'group', 'main',
  'adds_to', '[]'::jsonb,
  'customer', null,
  'prices', jsonb_build_array(content -> 'price' || '{"setup_fee_minor": 0}'),
  'seats', null,
  'trial', null,
  'usage', (
    select coalesce(jsonb_agg(usage || jsonb_build_object(
      'interval', content -> 'price' -> 'interval',
      'overage', case
        when usage -> 'overage' = 'null' then null
        else jsonb_build_object(content -> 'price' ->> 'currency', usage -> 'overage')
      end
    ) order by place), '[]')
    from jsonb_array_elements(content -> 'usage') with ordinality as part (usage, place)
  )
);

create view gate_entry as
select
  k.digest,
  k.id as key_id,
  k.customer_id,
  k.livemode,
  k.scopes,
  k.allowed_cidrs,
  k.expires_at,
  k.disabled_at,
  k.revoked_at,
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
  r.interval
from api_key k
left join lateral (
  select * from subscription
  where subscription.customer_id = k.customer_id and not superseded
  order by (status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')) desc, stripe_created_at desc
  limit 1
) s on true
left join plan_price r on r.id = s.plan_price_id
left join plan_version p on p.id = r.plan_version_id;

-- The month's share of a price: of a year a twelfth, of a week 52 twelfths.
create function monthly_minor(amount_minor bigint, every text) returns bigint immutable language sql as $$
  select case every
    when 'day' then amount_minor * 365 / 12
    when 'week' then amount_minor * 52 / 12
    when 'quarter' then amount_minor / 3
    when 'year' then amount_minor / 12
    else amount_minor
  end
$$;

create view live_subscription as
select
  s.id,
  s.customer_id,
  s.status,
  p.plan_id,
  p.version,
  p.content ->> 'name' as plan_name,
  r.currency,
  r.amount_minor * s.quantity as amount_minor,
  r.interval,
  s.current_period_end_at,
  s.stripe_created_at,
  monthly_minor(r.amount_minor * s.quantity, r.interval) as mrr_minor
from subscription s
join plan_price r on r.id = s.plan_price_id
join plan_version p on p.id = s.plan_version_id
where not s.superseded and s.status in ('active', 'trialing', 'past_due');

-- Monthly recurring revenue: the month's share of every paying subscription's base price.
create view recurring_revenue as
select currency, count(*)::bigint as subscriptions, sum(mrr_minor)::bigint as mrr_minor
from live_subscription
where status in ('active', 'past_due')
group by currency;

-- Recurring revenue by plan, all versions of a plan together; rounded per subscription as in recurring_revenue.
create view plan_revenue as
select
  plan_id,
  currency,
  (array_agg(plan_name order by version desc))[1] as plan_name,
  count(*)::bigint as subscriptions,
  coalesce(sum(mrr_minor) filter (where status in ('active', 'past_due')), 0)::bigint as mrr_minor
from live_subscription
group by plan_id, currency;
