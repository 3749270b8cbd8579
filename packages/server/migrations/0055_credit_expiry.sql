-- When it was told that a grant ended with something left.
alter table credit_grant add column expiry_told_at timestamptz;
-- What ended before is told to nobody any more.
update credit_grant set expiry_told_at = expires_at where expires_at <= now();
create index credit_grant_expiring on credit_grant (expires_at)
  where expiry_told_at is null and voided_at is null and drawn_minor < amount_minor;
