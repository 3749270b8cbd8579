import { writeFileSync } from 'node:fs';
import exampleList from '../farebox.config.ts';
import { planOf } from '../packages/server/test/subscribers.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { openDrillDatabase } from '../drills/drill-database.ts';
import { reportTo } from './served.ts';
import { manySubscribers } from './subscribed.ts';

/**
 * The whole program with many customers and keys, everything on: scopes, two windows, a quota, usage recorded. Writes the keys
 * to the file it is given.
 */
const [file = '', count = '10000'] = process.argv.slice(2);
const keysOfCustomer = 10;
const { db, close } = await openDrillDatabase('bench-gate');
const farebox = await startWholeApp({ db, list: exampleList });
const plan = planOf({
  id: 'bench',
  limits: [
    { name: '1s', limit: 1_000_000, window_ms: 1000 },
    { name: '1m', limit: 60_000_000, window_ms: 60_000 },
  ],
});
const now = () => farebox.sandbox.clock.now();
const customers = await manySubscribers(db, { plan, count: Math.ceil(Number(count) / keysOfCustomer), now });
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
