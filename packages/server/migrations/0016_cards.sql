-- The card a subscription is paid with, as Stripe has it: { stripe_payment_method_id, brand, last4, exp_month, exp_year }.
alter table subscription add column card jsonb;
