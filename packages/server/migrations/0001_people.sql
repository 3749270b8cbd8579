-- Who is here: people who sign in, the customers they belong to, the operators who run this installation.

create table installation (
  id text primary key,                         -- inst_…; written into the metadata of every Stripe object we make
  only_row boolean not null default true unique check (only_row),
  created_at timestamptz not null
);

-- better-auth's four tables, with our naming.
create table auth_user (
  id text primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null default false,
  image text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table auth_session (
  id text primary key,
  user_id text not null references auth_user (id) on delete cascade,
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_session_user on auth_session (user_id);

create table auth_account (
  id text primary key,
  user_id text not null references auth_user (id) on delete cascade,
  account_id text not null,
  provider_id text not null,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_account_user on auth_account (user_id);

create table auth_verification (
  id text primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_verification_identifier on auth_verification (identifier);

create table operator (
  user_id text primary key references auth_user (id) on delete cascade,
  role text not null check (role in ('owner')),
  created_at timestamptz not null
);

-- The one-time token that makes the first operator. Only its digest is kept; using it deletes the row.
create table first_run_token (
  digest bytea primary key,
  created_at timestamptz not null
);

create table customer (
  id text primary key,                         -- cust_…
  external_id text unique,
  name text not null,
  email text not null,
  stripe_customer_id text unique,
  stripe_synced_at timestamptz,                -- when the mirror was last read from Stripe
  created_at timestamptz not null
);
create index customer_created on customer (created_at desc, id desc);

create table member (
  customer_id text not null references customer (id) on delete cascade,
  user_id text not null unique references auth_user (id) on delete cascade,
  role text not null check (role in ('owner')),
  created_at timestamptz not null,
  primary key (customer_id, user_id)
);

create table audit_entry (
  id text primary key,                         -- audt_…
  actor text not null,                         -- 'customer:cust_…', 'operator:…', 'seller:sk_…', 'system'
  action text not null,                        -- 'api_key.created'
  customer_id text,
  object_id text,
  detail jsonb not null default '{}',
  created_at timestamptz not null
);
create index audit_entry_customer on audit_entry (customer_id, created_at desc);
