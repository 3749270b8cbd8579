-- What is bought on top of the plan in the same checkout: [{ plan_id, plan_price_id, quantity }], ordered by plan_id.
alter table checkout_session add add_ons jsonb not null default '[]';
