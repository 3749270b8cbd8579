-- Who has a price, with the subscription that it is on: also an add-on's subscribers are moved between its versions.
create or replace view plan_subscriber as
select customer_id, plan_price_id, quantity, status, id as subscription_id
from subscription
where not superseded
union all
select s.customer_id, a.plan_price_id, a.quantity, s.status, s.id
from subscription s
join subscription_add_on a on a.subscription_id = s.id and not a.scheduled
where not s.superseded;

-- How far a migration is. What was arranged for a period's end is done once the mirror shows it.
create view plan_migration_progress as
select
  v.migration_id,
  count(*)::bigint as total,
  count(*) filter (where v.state = 'done' or v.arrived)::bigint as done,
  count(*) filter (where v.state = 'scheduled' and not v.arrived)::bigint as scheduled,
  count(*) filter (where v.state = 'failed')::bigint as failed,
  count(*) filter (where v.state = 'skipped')::bigint as skipped,
  count(*) filter (where v.state = 'waiting')::bigint as remaining
from (
  select
    move.migration_id,
    move.state,
    case when move.state = 'scheduled' then exists (
      select from plan_subscriber u
      join plan_price r on r.id = u.plan_price_id
      where u.subscription_id = move.subscription_id and r.plan_version_id = m.to_version_id
    ) else false end as arrived
  from plan_migration_move move
  join plan_migration m on m.id = move.migration_id
) v
group by v.migration_id;
