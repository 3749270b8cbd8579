import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../packages/server/src/lib/clock.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { sellerBeside, servingEnvironment, startServing } from '../packages/server/test/serving.ts';
import { createSubscribers, planOf } from '../packages/server/test/subscribers.ts';
import { readChoices } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { askNode, quantile, startGateNodes } from './gate-nodes.ts';

/**
 * How long a revoked key still passes: four processes that decide, a fifth that revokes over the API. Every key was used at every node.
 * Half of the keys are asked for all the time, the others not between their first use and a second after the answer to the revocation.
 * First while the database tells of changes, then while nothing of it arrives (the worst cut: nobody notices), and with `--long`
 * a thousand each, and a thousand more while the lines break again and again. A delay counts from that answer to the beginning of the first request that was refused.
 */
const { isLong } = readChoices(process.argv);
const nodesCount = 4;
const atOnce = 40;
const mostMs = 1000;
const faults: string[] = [];

const database = await openDrillDatabase('revocation');
const { db } = database;
const environment = servingEnvironment(db.url);
const seller = await sellerBeside(db, environment);
const api = await startServing({ port: await freePort(), args: ['--role', 'api'], environment });
const nodes = await startGateNodes({ count: nodesCount, environment });
const people = createSubscribers(db, systemClock);
const customers = await Promise.all(
  Array.from({ length: 20 }, async (_, index) => people.subscriber(planOf({ id: `drill_${index}`, limits: [] }))),
);

const rows = [
  await revokeMany({ name: 'told', count: isLong ? 1000 : 500, prepare: () => Promise.resolve() }),
  await revokeMany({
    name: 'cut',
    count: isLong ? 1000 : 250,
    prepare: async () => void (await db.pool.query('alter table gate_version disable trigger gate_version_moved')),
  }),
];
if (isLong) {
  await db.pool.query('alter table gate_version enable trigger gate_version_moved');
  const breaking = setInterval(() => {
    const cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'farebox-listen'";
    void db.pool.query(cut);
  }, 200);
  rows.push(await revokeMany({ name: 'breaking', count: 1000, prepare: () => Promise.resolve() }));
  clearInterval(breaking);
}

for (const each of [...nodes, api]) if ((await each.end('SIGTERM')) !== 0) faults.push('a process did not stop well');
await database.close();
for (const fault of faults) console.log(`  FAULT ${fault}`);
const most = Math.max(...rows.map((row) => row.max_ms));
const met = faults.length === 0 && most <= mostMs;
console.log(JSON.stringify({ name: 'drill:revocation', met, nodes: nodesCount, rows, faults: faults.length }));
process.exit(met ? 0 : 1);

async function revokeMany(options: { name: string; count: number; prepare(): Promise<void> }) {
  await options.prepare();
  const delays: number[] = [];
  const idle: Promise<void>[] = [];
  let late = 0;
  for (let done = 0; done < options.count; done += atOnce) {
    const size = Math.min(atOnce, options.count - done);
    const made = await Promise.all(
      Array.from({ length: size }, async (_, index) => {
        const customer_id = customers[(done + index) % customers.length] ?? '';
        return await seller.keys.create(null, { customer_id, name: 'drill' });
      }),
    );
    await Promise.all(made.map(async ({ secret }) => await eachNodeSays(secret, 'VALID')));
    await Promise.all(
      made.map(async ({ key, secret }, index) => {
        const answer = await fetch(`${api.url}/v1/keys/${key.id}/revoke`, {
          method: 'POST',
          headers: seller.headers,
        });
        await answer.text();
        const since = performance.now();
        if (!answer.ok) faults.push(`a revocation was answered ${answer.status}`);
        if (index % 2 === 0) delays.push(await refusedEverywhere(secret, since));
        else
          idle.push(
            wait(mostMs).then(async () => {
              late += await eachNodeSays(secret, 'REVOKED');
            }),
          );
      }),
    );
  }
  await Promise.all(idle);
  if (late > 0) faults.push(`${options.name}: ${late} idle keys passed a second later`);
  const sorted = delays.toSorted((a, b) => a - b);
  const rounded = (part: number) => Math.round(quantile(sorted, part));
  const row = {
    state: options.name,
    revoked: options.count,
    p50_ms: rounded(0.5),
    p99_ms: rounded(0.99),
    max_ms: rounded(1),
  };
  console.log(`${options.name}: ${JSON.stringify({ ...row, idle_passed_after_1_s: late })}`);
  return row;
}

/** How many nodes say something else. */
async function eachNodeSays(secret: string, code: string): Promise<number> {
  const codes = await Promise.all(nodes.map(async (node) => await ask(node, secret)));
  const others = codes.filter((each) => each !== code);
  if (others.length > 0 && code === 'VALID') faults.push(`a new key was answered ${others.join(', ')}`);
  return others.length;
}

/** Milliseconds from `since` until the last node refused. */
async function refusedEverywhere(secret: string, since: number): Promise<number> {
  const each = nodes.map(async (node) => {
    for (let pause = 2; ; pause = Math.min(40, pause * 2)) {
      const begun = performance.now();
      if ((await ask(node, secret)) === 'REVOKED') return begun - since;
      if (begun - since > 10_000) throw new Error('a revoked key passes for ever');
      await wait(pause);
    }
  });
  return Math.max(...(await Promise.all(each)));
}

async function ask(node: (typeof nodes)[number], key: string): Promise<string> {
  return await askNode(node, seller.headers, { key, cost: 0 });
}
