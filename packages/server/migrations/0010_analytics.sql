-- What the operator's pages read.

create view live_subscription as
select
  s.id,
  s.customer_id,
  s.status,
  p.plan_id,
  p.version,
  p.content ->> 'name' as plan_name,
  p.content -> 'price' ->> 'currency' as currency,
  (p.content -> 'price' ->> 'amount_minor')::bigint as amount_minor,
  p.content -> 'price' ->> 'interval' as interval,
  s.current_period_end_at,
  s.stripe_created_at
from subscription s
join plan_version p on p.id = s.plan_version_id
where not s.superseded and s.status in ('active', 'trialing', 'past_due');

-- Monthly recurring revenue: the month's share of every paying subscription's base price.
create view recurring_revenue as
select
  currency,
  count(*)::bigint as subscriptions,
  sum(case interval when 'year' then amount_minor / 12 else amount_minor end)::bigint as mrr_minor
from live_subscription
where status in ('active', 'past_due')
group by currency;
