-- What each comparison with Stripe found, so that an operator sees what came back and since when.
create table reconciliation_run (
  id text primary key,                         -- rcon_…
  started_at timestamptz not null,
  finished_at timestamptz not null,
  checked bigint not null,
  found jsonb not null                         -- each difference in words, and whether it was repaired
);
create index reconciliation_run_started on reconciliation_run (started_at desc, id desc);
