-- The first answer to a write that named an idempotency key, replayed to whoever repeats it.

create table reply (
  scope text not null,                         -- whose key it is: the caller, as in the audit log
  key text not null,
  fingerprint bytea not null,                  -- SHA-256 of method, address and body: a key is for one request
  status integer,                              -- null while the first request runs
  content_type text,
  sealed_body bytea,                           -- an answer may hold a new secret
  started_at timestamptz not null,
  primary key (scope, key)
);
create index reply_started on reply (started_at);
