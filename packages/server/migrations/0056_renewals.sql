-- The end of the period whose next invoice was announced last.
alter table subscription add column renewal_told_at timestamptz;
