-- Keys of another system come as their hash and keep that form, so that the same file can be imported again and again.
comment on column api_key_secret.form is
  'text: HMAC-SHA256(pepper, key). sha256: HMAC-SHA256(pepper, SHA-256(key) in hex), of a key that came as its hash.';

-- Reports of leaked keys that were acted on. A report is signed and says no time: seen again, it is a replay.
create table leak_report (
  digest bytea primary key,                    -- SHA-256 of the body
  received_at timestamptz not null
);
