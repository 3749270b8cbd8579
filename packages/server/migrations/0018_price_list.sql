-- The price list as it was published last: what the catalogue is compared with and written out from.

create table price_list (
  only_row boolean primary key default true check (only_row),
  content jsonb not null,
  published_at timestamptz not null
);
