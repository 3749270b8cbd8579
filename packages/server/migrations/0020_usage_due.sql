-- When the next quota that is shorter than the paid period ends: the months of a year are billed by the clock, and no event of
-- Stripe says that one is over. Null where the paid period ends first.
alter table subscription add usage_due_at timestamptz;
create index subscription_usage_due on subscription (usage_due_at) where usage_due_at is not null;

-- Those that run are looked at once, which says when they are due next.
update subscription set usage_due_at = stripe_created_at where status in ('active', 'past_due');
