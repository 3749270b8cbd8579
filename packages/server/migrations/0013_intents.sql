-- What must happen at Stripe, written down before Stripe hears of it: nothing is charged or changed without its row.

create table stripe_intent (
  id text primary key,                         -- intt_…
  customer_id text not null references customer (id) on delete cascade,
  kind text not null,
  dedupe_key text not null unique,             -- 'undo:sub_…': the same wish twice is one row
  data jsonb not null,
  state text not null check (state in ('pending', 'sent', 'done', 'refused')),  -- sent: on the wire, its answer not known
  round integer not null default 0,            -- part of the idempotency key; goes up when Stripe's stored answer is a failure of its own
  failure_answered boolean not null default false,
  attempts integer not null default 0,
  result jsonb,
  refusal jsonb,                               -- { code, message, param } of Stripe
  last_error text,
  created_at timestamptz not null,
  sent_at timestamptz,
  settled_at timestamptz
);
create index stripe_intent_open on stripe_intent (created_at) where state in ('pending', 'sent');
create index stripe_intent_customer on stripe_intent (customer_id, created_at desc);
