-- A key may have several secrets for a while: rotating gives it a new one, and the old ones stop at their own instant.
-- What identifies a secret stands here; what the key may do stays in api_key.
create table api_key_secret (
  digest bytea primary key,                    -- by its form; never the text
  key_id text not null references api_key (id) on delete cascade,
  pepper_id integer not null,
  -- 'text': HMAC-SHA256(pepper, key). 'sha256': HMAC-SHA256(pepper, SHA-256(key)), of a key that came as its hash; it
  -- becomes 'text' when it is used.
  form text not null default 'text' check (form in ('text', 'sha256')),
  expires_at timestamptz,                      -- from then on it is refused; null: the key's current secret
  sealed bytea,                                -- waits to be shown once; null when nothing waits
  sealed_until timestamptz,
  created_at timestamptz not null
);
create unique index api_key_secret_current on api_key_secret (key_id) where expires_at is null;
create index api_key_secret_key on api_key_secret (key_id);
-- Whether any key is known by a hash of another system: what the gate asks before it looks up what is none of ours.
create index api_key_secret_foreign on api_key_secret (form) where form <> 'text';

insert into api_key_secret (digest, key_id, pepper_id, created_at)
select digest, id, pepper_id, created_at from api_key;

-- What waits to be shown once is the secret's, so that a rotated key's new secret can wait too.
update api_key_secret set sealed = first_key.sealed, sealed_until = first_key.expires_at
from first_key where first_key.key_id = api_key_secret.key_id and first_key.sealed is not null;
alter table first_key drop column sealed, drop column expires_at;

drop view gate_entry;
alter table api_key
  drop column digest,
  drop column pepper_id,
  -- A budget inside the customer's: so many units per window ('1h', '30d') or per billing period ('period').
  add column budget_limit bigint check (budget_limit > 0),
  add column budget_window text,
  add constraint api_key_budget_whole check ((budget_limit is null) = (budget_window is null));

alter table secret_key add column pepper_id integer not null default 1;
alter table secret_key alter column pepper_id drop default;

create view gate_entry as
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
  r.interval
from api_key_secret e
join api_key k on k.id = e.key_id
left join lateral (
  select * from subscription
  where subscription.customer_id = k.customer_id and not superseded
  order by (status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')) desc, stripe_created_at desc
  limit 1
) s on true
left join plan_price r on r.id = s.plan_price_id
left join plan_version p on p.id = r.plan_version_id;
