-- Keys are looked for by when they end, to tell of it ahead.
create index api_key_expiry on api_key (expires_at, id) where revoked_at is null and expires_at is not null;
