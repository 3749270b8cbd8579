-- Of a period with a minimum over the plan's whole usage, on the report whose minimum_minor and shortfall_minor are of all reports of
-- that subscription and period together: {"plan_name": "Pro", "interval": "month", "amount_minor": 50000}.
alter table usage_report add column plan_minimum jsonb;
