-- Entries of one millisecond have an order too: the one they were written in.
alter table credit_entry add column seq bigint generated always as identity;
