-- What a seller has at Stripe already is taken over: whom, since when, and what of each.

alter table customer add imported_at timestamptz; -- nothing that happened before is told to the customer again

create index customer_email on customer (lower(email));

-- A plan at a price that somebody paid before Farebox came: never on sale, and no part of the price list's own versions.
alter table plan_version add imported boolean not null default false;

create table stripe_import (
  id text primary key,                         -- simp_…
  dry_run boolean not null,                    -- says what would be made, and makes nothing
  choices jsonb not null,                      -- { Stripe's id of a price or a product: a plan's id }
  actor text not null,                         -- as in audit_entry
  state text not null check (state in ('running', 'done', 'failed')),
  failure text,
  cursor text,                                 -- the last customer of the last page that was worked through
  touched_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index stripe_import_running on stripe_import ((true)) where state = 'running';
create index stripe_import_created on stripe_import (created_at desc, id desc);

create table stripe_import_item (
  import_id text not null references stripe_import (id) on delete cascade,
  object_id text not null,                     -- cus_… or sub_…
  outcome text not null check (outcome in ('made', 'linked', 'known', 'skipped')),
  customer_id text,                            -- null in a dry run, and of who was skipped
  reason text,
  created_at timestamptz not null,
  primary key (import_id, object_id)
);
create index stripe_import_item_created on stripe_import_item (import_id, created_at desc, object_id desc);
