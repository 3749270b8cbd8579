-- At which parts of a quota, a spend cap and credit a customer is told, in percent; null: as its plan says.
alter table customer add column alert_percents integer[];
