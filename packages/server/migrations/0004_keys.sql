-- Credentials. Only HMAC digests are kept.

create table api_key (
  id text primary key,                         -- key_…
  customer_id text not null references customer (id) on delete cascade,
  name text not null,
  start text not null,                         -- prefix and the first four characters, for display
  digest bytea not null unique,                -- HMAC-SHA256(pepper, key)
  pepper_id integer not null,
  scopes text[] not null default '{}',         -- empty: everything
  allowed_cidrs text[] not null default '{}',  -- empty: from anywhere
  livemode boolean not null,
  expires_at timestamptz,
  disabled_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz not null
);
create index api_key_customer on api_key (customer_id, created_at desc, id desc);

-- The first key is minted when the subscription starts, before anybody looks. It waits here sealed (AES-256-GCM under a
-- key that is not in the database) until it is shown once; showing it deletes the row.
create table first_key (
  customer_id text primary key references customer (id) on delete cascade,
  key_id text not null references api_key (id) on delete cascade,
  sealed bytea,                                -- null once shown or expired
  expires_at timestamptz not null
);

create table secret_key (
  id text primary key,                         -- sk_…
  name text not null,
  start text not null,
  digest bytea not null unique,
  livemode boolean not null,
  revoked_at timestamptz,
  created_at timestamptz not null
);
