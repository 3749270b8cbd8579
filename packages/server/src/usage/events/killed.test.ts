import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { createSubscribers } from '../../../test/subscribers.ts';
import { fakeClock } from '../../lib/clock.ts';

const db = await testDatabase();
const people = createSubscribers(db, fakeClock(Date.UTC(2026, 2, 11, 12)));
const program = new URL('../../../test/usage-worker.ts', import.meta.url).pathname;

async function startWorker(): Promise<ChildProcess> {
  const worker = fork(program, [db.url], { execArgv: ['--conditions=farebox'], silent: true });
  worker.stderr?.pipe(process.stderr);
  await once(worker, 'message');
  return worker;
}

async function counted(): Promise<{ ids: string[]; hours: number }> {
  const { rows } = await sql<{ ids: string[] | null; hours: number | null }>`
    select (select array_agg(id) from usage_event) as ids, (select sum(quantity)::int from usage_hour) as hours
  `.execute(db.kysely);
  return { ids: rows[0]?.ids ?? [], hours: rows[0]?.hours ?? 0 };
}

test('killed in the middle, all that was acknowledged is stored, once; sent again, all of it is, once', async () => {
  const customers = await Promise.all(Array.from({ length: 5 }, () => people.customer()));
  const batches = Array.from({ length: 60 }, (_, batch) =>
    Array.from({ length: 20 }, (__, index) => ({
      id: `b${batch}e${index}`,
      type: 'requests',
      customer_id: customers[(batch + index) % 5],
    })),
  );
  const all = batches.flat().map(({ id }) => id);
  const acknowledged = new Set<string>();
  for (const killAfter of [0, 1, 3, 7, 20]) {
    const worker = await startWorker();
    let answers = 0;
    const enough = new Promise<void>((resolve) => {
      worker.on('message', (ids: string[]) => {
        for (const id of ids) acknowledged.add(id);
        answers += 1;
        if (answers >= killAfter) resolve();
      });
    });
    // All of them again each time: most are duplicates of those that were written before the last kill.
    for (const batch of batches) worker.send(batch);
    if (killAfter > 0) await enough;
    const ended = once(worker, 'exit');
    worker.kill('SIGKILL');
    await ended;
    const { ids, hours } = await counted();
    expect(hours, 'the hours hold what the events are').toBe(ids.length);
    expect(
      [...acknowledged].filter((id) => !ids.includes(id)),
      'acknowledged and lost',
    ).toEqual([]);
  }
  const last = await startWorker();
  let heard = 0;
  const done = new Promise<void>((resolve) => last.on('message', () => (heard += 1) === batches.length && resolve()));
  for (const batch of batches) last.send(batch);
  await done;
  last.kill();
  const { ids, hours } = await counted();
  expect([ids.toSorted(), hours]).toEqual([all.toSorted(), all.length]);
}, 60_000);
