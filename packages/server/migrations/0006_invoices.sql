-- A read model of Stripe's invoices.

create table invoice (
  id text primary key,                         -- invc_…
  customer_id text not null references customer (id) on delete cascade,
  subscription_id text references subscription (id) on delete set null,
  stripe_invoice_id text not null unique,
  number text,
  status text not null,                        -- draft, open, paid, void, uncollectible
  billing_reason text,
  currency text not null,
  subtotal_minor bigint not null,
  total_minor bigint not null,
  amount_due_minor bigint not null,
  amount_paid_minor bigint not null,
  period_start_at timestamptz not null,
  period_end_at timestamptz not null,
  hosted_url text,
  pdf_url text,
  finalized_at timestamptz,
  paid_at timestamptz,
  stripe_created_at timestamptz not null,
  fetched_at timestamptz not null,
  created_at timestamptz not null
);
create index invoice_customer on invoice (customer_id, stripe_created_at desc, id desc);

create table invoice_line (
  invoice_id text not null references invoice (id) on delete cascade,
  position integer not null,
  stripe_line_id text not null,
  kind text not null check (kind in ('base', 'overage', 'other')),
  description text not null,
  quantity bigint,
  amount_minor bigint not null,
  period_start_at timestamptz not null,
  period_end_at timestamptz not null,
  primary key (invoice_id, position)
);
