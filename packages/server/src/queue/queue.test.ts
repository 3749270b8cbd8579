import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createLog } from '../lib/log.ts';
import { createQueue, type Queue } from './queue.ts';

const db = await testDatabase();
let queues: Queue[];
let lines: string[];

beforeEach(async () => {
  queues = [];
  lines = [];
  await db.pool.query(
    `do $$ begin if to_regclass('pgboss.job') is not null then delete from pgboss.job; end if; end $$`,
  );
});

afterEach(async () => {
  for (const queue of queues) await queue.stop();
});

function make(options: { sole?: boolean } = {}): Queue {
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const queue = createQueue({ url: db.url, log, supervise_s: 1, ...options });
  queues.push(queue);
  return queue;
}

const send = (queue: Queue, notice_id: string) =>
  db.transaction((tx) => queue.enqueue(tx, { name: 'notice.send', data: { notice_id } }));

test('a job starts within a moment of the commit, with the data it was given', async () => {
  const queue = make();
  const { promise, resolve } = Promise.withResolvers<string>();
  queue.work('notice.send', async ({ notice_id }) => resolve(notice_id));
  await queue.start();
  await queue.idle();
  const started = performance.now();
  await send(queue, 'notc_1');
  expect(await promise).toBe('notc_1');
  expect(performance.now() - started).toBeLessThan(1500); // a poll would take up to two seconds
});

test('a transaction that rolls back leaves no job', async () => {
  const queue = make();
  const seen: string[] = [];
  queue.work('notice.send', async ({ notice_id }) => void seen.push(notice_id));
  await queue.start();
  const write = db.transaction(async (tx) => {
    await queue.enqueue(tx, { name: 'notice.send', data: { notice_id: 'never' } });
    throw new Error('no');
  });
  await expect(write).rejects.toThrow('no');
  await queue.idle();
  expect(seen).toEqual([]);
  const { rows } = await db.pool.query("select count(*) as jobs from pgboss.job where name = 'notice.send'");
  expect(rows).toEqual([{ jobs: 0 }]);
});

test('many jobs are done without waiting for polls, and no more at a time than the name allows', async () => {
  const queue = make();
  let done = 0;
  let running = 0;
  let most = 0;
  queue.work('notice.send', async () => {
    most = Math.max(most, ++running);
    await db.ping();
    running -= 1;
    done += 1;
  });
  await queue.start();
  await db.transaction(async (tx) => {
    for (let n = 0; n < 60; n += 1) await queue.enqueue(tx, { name: 'notice.send', data: { notice_id: `${n}` } });
  });
  await queue.idle();
  expect(done).toBe(60);
  expect(most).toBeLessThanOrEqual(4);
});

test('idle resolves only when the last job is done, those that a job adds included', async () => {
  const queue = make();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  queue.work('stripe.event', async ({ event_id }) => {
    await gate.promise;
    seen.push(event_id);
    await db.transaction((tx) => queue.enqueue(tx, { name: 'stripe.sync', data: { customer_id: 'cust_1' } }));
  });
  queue.work('stripe.sync', async ({ customer_id }) => void seen.push(customer_id));
  await queue.start();
  await db.transaction((tx) => queue.enqueue(tx, { name: 'stripe.event', data: { event_id: 'evt_1' } }));
  let idle = false;
  const waiting = queue.idle().then(() => (idle = true));
  await expect.poll(activeJobs).toBe(1);
  expect(idle).toBe(false);
  gate.resolve();
  await waiting;
  expect(seen).toEqual(['evt_1', 'cust_1']);
});

test('a handler that throws is logged and runs again', async () => {
  const queue = make();
  let runs = 0;
  queue.work('notice.send', async () => {
    runs += 1;
    if (runs < 3) throw new Error('the mail server is away');
  });
  await queue.start();
  await send(queue, 'notc_1');
  await expect.poll(() => runs, { timeout: 15_000 }).toBe(3);
  await queue.idle();
  const failed = lines.filter((line) => line.includes('job failed and runs again'));
  expect(failed).toHaveLength(2);
  expect(failed[0]).toContain('the mail server is away');
  expect(await queue.dead()).toEqual([]);
});

test('a job that fails for good stays visible with its reason, and can be tried once more', async () => {
  const queue = make();
  let broken = true;
  let runs = 0;
  queue.work('notice.send', async () => {
    runs += 1;
    if (broken) throw new Error('no such recipient');
  });
  await queue.start();
  await db.transaction(async (tx) => {
    await queue.enqueue(tx, { name: 'notice.send', data: { notice_id: 'notc_1' } });
    await sql`update pgboss.job set retry_limit = 0 where name = 'notice.send'`.execute(tx);
  });
  await queue.idle();
  await expect.poll(() => queue.dead()).toHaveLength(1);
  const [dead] = await queue.dead();
  expect(dead).toMatchObject({ name: 'notice.send', data: { notice_id: 'notc_1' }, error: 'no such recipient' });
  expect(lines.at(-1)).toContain('job failed for good');
  broken = false;
  expect(await queue.revive({ id: dead?.id ?? '', name: 'notice.send' })).toBe(true);
  await queue.idle();
  expect(runs).toBe(2);
  expect(await queue.dead()).toEqual([]);
});

test('of several syncs of one customer that wait, one runs; a sync that runs does not swallow the next', async () => {
  const queue = make();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  queue.work('stripe.sync', async ({ customer_id }) => {
    seen.push(customer_id);
    await gate.promise;
  });
  const sync = (customer_id: string) =>
    db.transaction((tx) => queue.enqueue(tx, { name: 'stripe.sync', data: { customer_id } }));
  await queue.start();
  await db.transaction(async (tx) => {
    for (const customer_id of ['a', 'a', 'b', 'a'])
      await queue.enqueue(tx, { name: 'stripe.sync', data: { customer_id } });
  });
  await expect.poll(() => seen.toSorted()).toEqual(['a', 'b']);
  await sync('a');
  await expect.poll(() => seen.length).toBe(3);
  gate.resolve();
  await queue.idle();
  expect(seen.toSorted()).toEqual(['a', 'a', 'b']);
});

test('a job with a time does not start before it and does not keep idle waiting', async () => {
  const queue = make();
  let ran = false;
  queue.work('notice.send', async () => void (ran = true));
  await queue.start();
  const startAfter = performance.timeOrigin + performance.now() + 3_600_000;
  await db.transaction((tx) => queue.enqueue(tx, { name: 'notice.send', data: { notice_id: 'x' }, startAfter }));
  await queue.idle();
  expect(ran).toBe(false);
});

test('a job whose process was killed runs again in another', { timeout: 30_000 }, async () => {
  const module = fileURLToPath(new URL('./queue.ts', import.meta.url));
  const log = fileURLToPath(new URL('../lib/log.ts', import.meta.url));
  const program = `
    const { createQueue } = await import(${JSON.stringify(module)});
    const { createLog } = await import(${JSON.stringify(log)});
    const queue = createQueue({ url: process.argv[1], log: createLog('silent') });
    queue.work('notice.send', async () => { console.log('started'); await new Promise(() => {}); });
    await queue.start();
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, db.url]);
  await once(child.stdout, 'data');
  const queue = make();
  const seen: string[] = [];
  const add = make();
  await add.start();
  const started = once(child.stdout, 'data');
  await send(add, 'notc_1');
  await started;
  child.kill('SIGKILL');
  await once(child, 'exit');

  queue.work('notice.send', async ({ notice_id }) => void seen.push(notice_id));
  await queue.start();
  // As if the heartbeat had been missing for a minute.
  await db.pool.query("update pgboss.job set heartbeat_on = now() - interval '1 minute' where name = 'notice.send'");
  await expect.poll(() => seen, { timeout: 20_000 }).toEqual(['notc_1']);
});

test('stop waits for the job that runs and takes no other', async () => {
  const queue = make();
  const gate = Promise.withResolvers<void>();
  const seen: string[] = [];
  queue.work('stripe.sweep', async () => {
    seen.push('started');
    await gate.promise;
    seen.push('done');
  });
  await queue.start();
  const sweep = () => db.transaction((tx) => queue.enqueue(tx, { name: 'stripe.sweep', data: {} }));
  await sweep();
  await expect.poll(() => seen).toEqual(['started']);
  await sweep();
  const stopped = queue.stop();
  gate.resolve();
  await stopped;
  expect(seen).toEqual(['started', 'done']);
});

test('schedules are those the program has now', async () => {
  const first = make();
  first.work('stripe.sweep', async () => undefined);
  first.every('* * * * *', 'stripe.sweep');
  first.every('0 3 * * *', 'usage.partitions');
  await first.start();
  const second = make();
  second.work('stripe.sweep', async () => undefined);
  second.every('*/5 * * * *', 'stripe.sweep');
  await second.start();
  const { rows } = await db.pool.query('select name, cron from pgboss.schedule order by name');
  expect(rows).toEqual([{ name: 'stripe.sweep', cron: '*/5 * * * *' }]);
});

async function activeJobs(): Promise<number> {
  const { rows } = await db.pool.query<{ jobs: number }>(
    "select count(*) as jobs from pgboss.job where state = 'active'",
  );
  return rows[0]?.jobs ?? 0;
}

test('where no other process works on the database, what was cut short runs again at once', async () => {
  const cut = make();
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  cut.work('notice.send', async () => {
    begun.resolve();
    await end.promise;
  });
  await cut.start();
  await send(cut, 'notc_cut');
  await begun.promise;
  const next = make({ sole: true });
  const seen: string[] = [];
  next.work('notice.send', async ({ notice_id }) => void seen.push(notice_id));
  const started = performance.now();
  await next.start();
  await next.idle();
  expect(seen).toEqual(['notc_cut']);
  expect(performance.now() - started).toBeLessThan(10_000); // a missed heartbeat is noticed after twenty seconds
  end.resolve();
});
