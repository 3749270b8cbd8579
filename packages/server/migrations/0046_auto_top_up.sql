-- Credit that is bought by itself when little is left, with the customer's saved card. No row: off.

create table auto_top_up (
  customer_id text primary key references customer (id) on delete cascade,
  threshold_minor bigint not null check (threshold_minor > 0),
  amount_minor bigint not null check (amount_minor >= threshold_minor),
  monthly_limit_minor bigint not null check (monthly_limit_minor >= amount_minor),
  failures integer not null default 0,
  retry_at timestamptz,                        -- after a failure: not before
  pause_reason text check (pause_reason in ('declined', 'authentication_required', 'no_card', 'refused', 'payment_returned')),
  paused_at timestamptz,
  set_at timestamptz not null,
  check ((pause_reason is null) = (paused_at is null))
);

alter table credit_top_up
  add column failure_code text check (failure_code in ('declined', 'authentication_required', 'no_card', 'refused'));
