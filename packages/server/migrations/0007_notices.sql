-- Mails to send. A row is written in the transaction of what it tells; its dedupe key makes a second one impossible.

create table notice (
  id text primary key,                         -- notc_…
  kind text not null,                          -- verify_address, welcome, receipt
  dedupe_key text not null unique,             -- 'receipt:in_…:paid'
  recipient text not null,
  customer_id text references customer (id) on delete cascade,
  data jsonb not null,
  state text not null check (state in ('pending', 'sent', 'failed')),
  attempts integer not null default 0,
  last_error text,
  created_at timestamptz not null,
  sent_at timestamptz
);
create index notice_pending on notice (created_at) where state = 'pending';

-- What the development inbox received.
create table inbox_mail (
  id text primary key,                         -- mail_…
  sender text not null,
  recipient text not null,
  subject text not null,
  html text not null,
  text text not null,
  received_at timestamptz not null
);
