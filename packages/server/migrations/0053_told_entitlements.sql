-- What was told last of what a customer may use, so that webhooks hear of what became different.
create table told_entitlement (
  customer_id text primary key references customer (id) on delete cascade,
  features jsonb not null                      -- by feature id: {"enabled": true, "value": 7, "included": 1000}
);
