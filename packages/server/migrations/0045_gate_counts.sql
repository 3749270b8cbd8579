-- What the gate's counter of a billed period had come to when it was over: counters are forgotten a day later. Null: it is not known.
alter table usage_report add column counter bigint;
create index usage_report_uncounted on usage_report (period_end_at) where counter is null;
