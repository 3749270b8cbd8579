-- What was found wrong with usage afterwards, who said so, and what it changed of a bill.

create table usage_correction (
  id text primary key,                         -- ucor_…
  customer_id text not null references customer (id) on delete cascade,
  event_id text not null,                      -- the event, with its type and source
  event_type text not null,
  event_source text not null,
  kind text not null check (kind in ('void', 'correct')),
  reason text not null,
  actor text not null,
  before jsonb not null,                       -- {"quantity": 5, "properties": {…}, "counted": {"requests": "5"}}
  after jsonb not null,                        -- the same; of a void event nothing is counted
  created_at timestamptz not null
);
create index usage_correction_customer on usage_correction (customer_id, created_at desc, id desc);
create index usage_correction_event on usage_correction (customer_id, event_id, created_at desc);

-- What a correction changes of usage that is billed already: a line of the next invoice. Committed before Stripe hears of it.
create table usage_adjustment (
  id text primary key,                         -- uadj_…
  customer_id text not null references customer (id) on delete cascade,
  usage_report_id text not null references usage_report (id) on delete cascade,
  correction_id text not null references usage_correction (id) on delete cascade,
  quantity bigint not null,                    -- what the period comes to with it
  amount_minor bigint not null check (amount_minor <> 0),      -- negative: given back
  line_minor bigint not null,                  -- of it on the invoice
  credited_minor bigint not null check (credited_minor <= 0),  -- and back to the credit that paid it
  state text not null check (state in ('pending', 'sent')),
  sent_at timestamptz,
  created_at timestamptz not null,
  unique (usage_report_id, correction_id),
  check (amount_minor = line_minor + credited_minor)
);
create index usage_adjustment_pending on usage_adjustment (created_at) where state = 'pending';
create index usage_adjustment_correction on usage_adjustment (correction_id);

-- By what a period was rated (core's PricedUsage), so that a correction is rated the same way; null: billed before this was kept.
alter table usage_report add column priced jsonb;
create index usage_report_customer on usage_report (customer_id, period_end_at desc);

alter table credit_entry
  drop constraint credit_entry_kind_check,
  drop constraint credit_entry_check,
  drop constraint credit_entry_check1,
  add constraint credit_entry_kind_check check (kind in ('granted', 'drawn', 'voided', 'returned')),
  add constraint credit_entry_sign check ((kind in ('granted', 'returned')) = (amount_minor > 0)),
  add constraint credit_entry_report check ((kind in ('drawn', 'returned')) = (usage_report_id is not null));

alter table invoice_line
  drop constraint invoice_line_kind_check,
  add constraint invoice_line_kind_check check (kind in ('base', 'proration', 'overage', 'credit', 'correction', 'other'));
