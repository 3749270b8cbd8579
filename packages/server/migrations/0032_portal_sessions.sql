-- A link that lets a customer's person in without an account, once; what it opens lasts an hour.

create table portal_session (
  id text primary key,                         -- port_…
  customer_id text not null references customer (id) on delete cascade,
  link_digest bytea not null unique,
  link_expires_at timestamptz not null,
  session_digest bytea unique,                 -- from when the link was opened
  expires_at timestamptz not null,             -- of the session; of the link until it was opened
  return_url text,
  created_at timestamptz not null,
  check (session_digest is not null or expires_at = link_expires_at)
);
create index portal_session_customer on portal_session (customer_id);
create index portal_session_expires on portal_session (expires_at);
