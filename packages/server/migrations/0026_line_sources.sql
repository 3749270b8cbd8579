-- Where a line comes from, so that it can be explained: the usage report it bills, or the price at Stripe it charges.
alter table invoice_line
  add column usage_report_id text,
  add column stripe_price_id text;
