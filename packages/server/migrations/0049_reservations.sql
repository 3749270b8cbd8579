-- Credit that is held for work before it is known what it costs.

create table reservation (
  id text primary key,                         -- resv_…
  customer_id text not null references customer (id) on delete cascade,
  state text not null check (state in ('held', 'settled', 'expired')),
  held_minor bigint not null check (held_minor > 0),
  currency text not null,
  meter_id text,                               -- what the work is measured by: credit for that meter alone may pay it too
  description text,
  settled_minor bigint check (settled_minor >= 0), -- what was really used
  paid_minor bigint check (paid_minor between 0 and settled_minor), -- of that, what credit paid
  expires_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((state = 'settled') = (settled_minor is not null and paid_minor is not null))
);
create index reservation_due on reservation (expires_at) where state = 'held';
create index reservation_held on reservation (customer_id) where state = 'held';

alter table credit_entry
  add column reservation_id text references reservation (id) on delete cascade,
  drop constraint credit_entry_kind_check,
  drop constraint credit_entry_sign,
  add constraint credit_entry_kind_check
    check (kind in ('granted', 'drawn', 'voided', 'returned', 'refunded', 'reinstated', 'held', 'released')),
  add constraint credit_entry_sign check ((kind in ('granted', 'returned', 'reinstated', 'released')) = (amount_minor > 0)),
  add constraint credit_entry_reservation check ((kind in ('held', 'released')) = (reservation_id is not null));
create index credit_entry_reservation_id on credit_entry (reservation_id) where reservation_id is not null;
