-- A subscription through its whole life, as Stripe has it.

alter table subscription
  add trial_end_at timestamptz,
  add paused_at timestamptz,
  add cancel_reason text,                      -- Stripe's feedback: too_expensive, unused, …
  add cancel_comment text,
  add pending_until_at timestamptz,            -- a change waits for its payment until then
  add discounts jsonb not null default '[]',   -- [{ stripe_promotion_code_id, name, percent_off_decimal, amount_off_minor, ends_at }]
  add scheduled_price_id text references plan_price (id),
  add scheduled_quantity integer,
  add scheduled_at timestamptz,
  add check ((scheduled_at is null) = (scheduled_price_id is null));

-- Which terms were in force from when on: usage is priced by those a period ended on, whenever that is found out.
create table subscription_phase (
  subscription_id text not null references subscription (id) on delete cascade,
  from_at timestamptz not null,
  plan_price_id text not null references plan_price (id),
  billing_anchor_at timestamptz not null,
  primary key (subscription_id, from_at)
);
insert into subscription_phase
select id, least(stripe_created_at, billing_anchor_at), plan_price_id, billing_anchor_at from subscription;

alter table invoice
  add discount_minor bigint not null default 0,
  add tax_minor bigint not null default 0,
  add credited_minor bigint not null default 0, -- by credit notes after the payment
  add attempt_count integer not null default 0,
  add next_attempt_at timestamptz,
  add payment_state text not null default 'none' check (payment_state in ('none', 'action_required', 'declined')),
  add failure_reason text;

alter table invoice_line
  add unit_price_decimal text,                 -- minor units, of an overage
  drop constraint invoice_line_kind_check,
  add constraint invoice_line_kind_check check (kind in ('base', 'proration', 'overage', 'other'));
