-- Credit that a customer buys. What became of it is read at Stripe; the grant is made once, with the reading that saw it paid.

create table credit_top_up (
  id text primary key,                         -- ctop_…
  customer_id text not null references customer (id) on delete cascade,
  kind text not null check (kind in ('checkout', 'automatic')),
  state text not null check (state in ('open', 'paid', 'failed', 'expired')),
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  stripe_session_id text unique,               -- of a checkout, once Stripe has answered
  url text,
  expires_at timestamptz,                      -- when a checkout can be paid no more
  stripe_payment_intent_id text unique,
  stripe_invoice_id text unique,
  paid_minor bigint check (paid_minor > 0),    -- with taxes
  lost_minor bigint not null default 0 check (lost_minor >= 0), -- refunded, credited or disputed
  taken_back_minor bigint not null default 0 check (taken_back_minor between 0 and amount_minor), -- of the credit
  failure_reason text,
  grant_id text unique references credit_grant (id),
  created_at timestamptz not null,
  settled_at timestamptz,
  check ((state = 'open') = (settled_at is null)),
  check ((state = 'paid') = (grant_id is not null)),
  check ((kind = 'checkout') = (expires_at is not null))
);
-- One of each kind at a time.
create unique index credit_top_up_open on credit_top_up (customer_id, kind) where state = 'open';
create index credit_top_up_customer on credit_top_up (customer_id, created_at desc, id desc);

alter table credit_entry
  add column top_up_id text references credit_top_up (id) on delete cascade,
  drop constraint credit_entry_kind_check,
  drop constraint credit_entry_sign,
  add constraint credit_entry_kind_check check (kind in ('granted', 'drawn', 'voided', 'returned', 'refunded', 'reinstated')),
  add constraint credit_entry_sign check ((kind in ('granted', 'returned', 'reinstated')) = (amount_minor > 0)),
  add constraint credit_entry_top_up check (kind not in ('refunded', 'reinstated') or top_up_id is not null);
