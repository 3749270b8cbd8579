import { writeFileSync } from 'node:fs';
import exampleList from '../farebox.config.ts';
import { createSubscribers, planOf } from '../packages/server/test/subscribers.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { openDrillDatabase } from '../drills/drill-database.ts';
import { reportTo } from './served.ts';

/**
 * The whole program with many customers and keys, everything on: scopes, two windows, a quota, usage recorded. Writes the keys
 * to the file it is given.
 */
const [file = '', count = '10000'] = process.argv.slice(2);
const keysOfCustomer = 10;
const { db, close } = await openDrillDatabase('bench-gate');
const farebox = await startWholeApp({ db, list: exampleList });
const people = createSubscribers(db, { now: () => farebox.sandbox.clock.now() });
const plan = planOf({
  id: 'bench',
  limits: [
    { name: '1s', limit: 1_000_000, window_ms: 1000 },
    { name: '1m', limit: 60_000_000, window_ms: 60_000 },
  ],
});
const first = await people.subscriber(plan);
const customers = [first];
for (let made = 1; made < Number(count) / keysOfCustomer; made += 1) customers.push(await people.customer());
// The rows of the first customer, for all of them: what their plan is plays no part in how fast a key is found.
await db.pool.query(
  `insert into subscription (id, customer_id, "group", plan_version_id, plan_price_id, stripe_subscription_id, status, billing_anchor_at,
     current_period_start_at, current_period_end_at, stripe_created_at, fetched_at, created_at)
   select s.id || c.n, c.id, s."group", s.plan_version_id, s.plan_price_id, s.stripe_subscription_id || c.n, s.status, s.billing_anchor_at,
     s.current_period_start_at, s.current_period_end_at, s.stripe_created_at, s.fetched_at, s.created_at
   from subscription s, unnest($2::text[]) with ordinality as c (id, n) where s.customer_id = $1`,
  [first, customers.slice(1)],
);
await people.bump();
const keys: string[] = [];
for (const customer_id of customers) {
  const made = await Promise.all(
    Array.from({ length: keysOfCustomer }, async (_, index) =>
      farebox.app.keys.create(null, { customer_id, name: `Key ${index}`, scopes: ['forecast:read', 'history:read'] }),
    ),
  );
  keys.push(...made.map(({ secret }) => secret));
}
writeFileSync(file, keys.join('\n'));
process.once(
  'SIGTERM',
  () =>
    void farebox
      .close()
      .then(close)
      .then(() => process.exit(0)),
);
reportTo({ port: Number(new URL(farebox.url).port), secret_key: farebox.secret_key });
