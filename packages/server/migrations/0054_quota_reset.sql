-- What an alert is about, so that who was warned of a quota is told when it begins anew.
alter table usage_alert
  add column meter_id text,
  add column period_start_at timestamptz;      -- of the period it is about; null: a calendar month
update usage_alert
set meter_id = split_part(key, ':', 2),
    period_start_at = timestamptz 'epoch' + split_part(key, ':', 3)::bigint * interval '1 millisecond'
where type in ('usage.threshold_reached', 'quota.exceeded');
