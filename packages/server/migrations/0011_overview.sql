-- More of what the operator's pages read.

create view customer_count as
select count(*)::bigint as customers from customer;

-- Units per hour over all customers.
create view usage_total_hour as
select hour_at, meter_id, sum(quantity)::bigint as quantity
from usage_hour
group by hour_at, meter_id;

create view stripe_event_count as
select state, count(*)::bigint as events
from stripe_event
group by state;

-- Recurring revenue by plan, all versions of a plan together; rounded per subscription as in recurring_revenue.
create view plan_revenue as
select
  plan_id,
  currency,
  (array_agg(plan_name order by version desc))[1] as plan_name,
  count(*)::bigint as subscriptions,
  coalesce(
    sum(case interval when 'year' then amount_minor / 12 else amount_minor end) filter (where status in ('active', 'past_due')),
    0
  )::bigint as mrr_minor
from live_subscription
group by plan_id, currency;
