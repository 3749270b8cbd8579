-- What a customer was told about its usage: of each name once, for as long as it is a customer.
create table usage_alert (
  customer_id text not null references customer (id) on delete cascade,
  key text not null,                           -- what is told, with the period and the amounts it is about
  id text not null unique,                     -- ualt_…
  type text not null,                          -- core's UsageAlertType
  created_at timestamptz not null,
  primary key (customer_id, key)
);
