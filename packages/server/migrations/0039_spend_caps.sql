-- The most that usage may cost a customer in a month. Rows are never changed: what was in force when a period ended bounds its bill.

create table spend_cap (
  customer_id text not null references customer (id) on delete cascade,
  owner text not null check (owner in ('customer', 'seller')),
  from_at timestamptz not null,
  amount_minor bigint check (amount_minor >= 0),  -- null: none from then on
  currency text not null,
  actor text not null,                            -- as in audit_entry
  primary key (customer_id, owner, from_at)
);

-- What of a period's usage is not billed, for a cap. The lines sum to amount_minor + capped_minor.
alter table usage_report add column capped_minor bigint not null default 0 check (capped_minor >= 0);

-- What each owner said last, for the gate.
create view gate_spend_cap as
select distinct on (customer_id, owner) customer_id, owner, from_at, amount_minor, currency
from spend_cap
order by customer_id, owner, from_at desc;

-- What usage was billed in a month: of the periods that end in it, with what corrections changed.
create view usage_spent as
select r.customer_id, r.currency,
  to_char((r.period_end_at - interval '1 millisecond') at time zone 'UTC', 'YYYY-MM') as month,
  r.id as usage_report_id,
  r.amount_minor + coalesce(
    (select sum(a.amount_minor) from usage_adjustment a where a.usage_report_id = r.id), 0
  )::bigint as spent_minor
from usage_report r;

alter table invoice_line
  drop constraint invoice_line_kind_check,
  add constraint invoice_line_kind_check
    check (kind in ('base', 'proration', 'overage', 'credit', 'correction', 'cap', 'other'));
