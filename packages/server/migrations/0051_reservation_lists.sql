-- A customer's reservations are listed, the newest first.
create index reservation_customer on reservation (customer_id, created_at desc, id desc);
