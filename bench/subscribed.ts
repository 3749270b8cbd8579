import type { Plan } from '@farebox/core';
import type { Database } from '../packages/server/src/db/database.ts';
import { createSubscribers } from '../packages/server/test/subscribers.ts';

/** Most customers are somewhere in their period. Of one that began in this hour, all usage so far is added up event by event. */
const sinceMs = 10 * 86_400_000;

/** So many customers on one plan, for some days. The rows of the first one, for all of them: what their plan is plays no part in how fast things are. */
export async function manySubscribers(
  db: Database,
  options: { plan: Plan; count: number; now: () => number },
): Promise<string[]> {
  const people = createSubscribers(db, { now: () => options.now() - sinceMs });
  const first = await people.subscriber(options.plan);
  const customers = [first];
  while (customers.length < options.count) customers.push(await people.customer());
  await db.pool.query(
    `insert into subscription (id, customer_id, "group", plan_version_id, plan_price_id, stripe_subscription_id, status, billing_anchor_at,
       current_period_start_at, current_period_end_at, stripe_created_at, fetched_at, created_at)
     select s.id || c.n, c.id, s."group", s.plan_version_id, s.plan_price_id, s.stripe_subscription_id || c.n, s.status, s.billing_anchor_at,
       s.current_period_start_at, s.current_period_end_at, s.stripe_created_at, s.fetched_at, s.created_at
     from subscription s, unnest($2::text[]) with ordinality as c (id, n) where s.customer_id = $1`,
    [first, customers.slice(1)],
  );
  await people.bump();
  return customers;
}
