-- A customer that was deleted stays in the books, since its invoices do, and is found nowhere else.
alter table customer add column deleted_at timestamptz;

create or replace view customer_count as
select count(*)::bigint as customers from customer where deleted_at is null;
