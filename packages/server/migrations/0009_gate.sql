-- What the gate knows about a key, in one row. The slices never call the gate: it reads what they wrote.

create table gate_version (
  only_row boolean primary key default true check (only_row),
  version bigint not null
);
insert into gate_version (version) values (1);

-- Whose entries changed with which version, so that a node reads those again and no others; null: everybody's.
-- The last ten thousand are kept: who has seen less reads everything.
create table gate_change (
  version bigint primary key,
  customer_id text
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
  p.id as plan_version_id,
  p.content as plan
from api_key k
left join lateral (
  select * from subscription
  where subscription.customer_id = k.customer_id and not superseded
  order by (status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')) desc, stripe_created_at desc
  limit 1
) s on true
left join plan_version p on p.id = s.plan_version_id;
