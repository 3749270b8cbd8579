-- Credit of a customer, which pays for usage before a card does.

create table credit_grant (
  id text primary key,                         -- cgrt_…
  customer_id text not null references customer (id) on delete cascade,
  name text not null,                          -- as the customer reads it
  amount_minor bigint not null check (amount_minor > 0),
  drawn_minor bigint not null default 0 check (drawn_minor between 0 and amount_minor),
  currency text not null,
  category text not null check (category in ('paid', 'promotional')),
  priority smallint not null check (priority between 0 and 100),
  meter_ids text[],                            -- usage of these meters only; null: of all
  effective_at timestamptz not null,
  expires_at timestamptz check (expires_at > effective_at),
  voided_at timestamptz,
  created_at timestamptz not null
);
create index credit_grant_customer on credit_grant (customer_id, created_at desc, id desc);

-- Every change of a balance. What expired is not written: it follows from the grant.
create table credit_entry (
  id text primary key,                         -- cent_…
  customer_id text not null references customer (id) on delete cascade,
  grant_id text not null references credit_grant (id) on delete cascade,
  kind text not null check (kind in ('granted', 'drawn', 'voided')),
  amount_minor bigint not null,                -- negative: taken
  usage_report_id text references usage_report (id) on delete cascade,
  created_at timestamptz not null,
  check ((kind = 'granted') = (amount_minor > 0)),
  check ((kind = 'drawn') = (usage_report_id is not null))
);
create index credit_entry_customer on credit_entry (customer_id, created_at desc, id desc);
create unique index credit_entry_draw on credit_entry (usage_report_id, grant_id) where kind = 'drawn';

-- What of a report's amount credit paid: it comes off the invoice that its lines are on.
alter table usage_report add column credited_minor bigint not null default 0 check (credited_minor between 0 and amount_minor);

alter table invoice_line
  drop constraint invoice_line_kind_check,
  add constraint invoice_line_kind_check check (kind in ('base', 'proration', 'overage', 'credit', 'other'));
