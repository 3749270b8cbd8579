-- What a period of usage comes to at least, of a part of a period its part, and what usage lacks to it: charged on a line of its own.
alter table usage_report
  add column minimum_minor bigint not null default 0 check (minimum_minor >= 0),
  add column shortfall_minor bigint not null default 0 check (shortfall_minor >= 0);

alter table invoice_line
  drop constraint invoice_line_kind_check,
  add constraint invoice_line_kind_check
    check (kind in ('base', 'proration', 'overage', 'minimum', 'credit', 'correction', 'cap', 'other'));
