-- What the seller's API answered through the reverse proxy. Statistics: nothing of them is billed.

create table answer_hour (
  hour_at timestamptz not null,
  customer_id text not null references customer (id) on delete cascade,
  endpoint text not null,                      -- as the seller's OpenAPI document calls it; '' where it does not know the path
  status smallint not null,
  latency_to_ms integer not null,              -- at most so long; 0: longer than the last bound
  answers bigint not null,
  latency_ms bigint not null,                  -- of all of them together
  primary key (hour_at, customer_id, endpoint, status, latency_to_ms)
);
create index answer_hour_customer on answer_hour (customer_id, hour_at);
