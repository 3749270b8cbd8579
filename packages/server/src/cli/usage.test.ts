import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { makeFolder, removeFolder } from '../../test/folder.ts';
import { createSubscribers } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { type Usage, createUsage } from '../usage/service.ts';
import { importUsage } from './usage.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 11, 12));
const log = { warn: () => undefined, error: () => undefined };
const meters = [{ id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' } as const];
const usage = createUsage({ db, clock, log, meters });
const people = createSubscribers(db, clock);
const folder = makeFolder('usage-import', 'closed');
afterAll(() => removeFolder(folder));

async function total(customerId: string): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select coalesce(sum(quantity), 0)::int as total from usage_hour where customer_id = ${customerId}
  `.execute(db.kysely);
  return rows[0]?.total ?? 0;
}

/** A process that is killed while it writes a page: it is written, and nobody hears of it. */
function killedAt(page: number): Pick<Usage, 'ingest'> {
  let pages = 0;
  return {
    async ingest(events, options) {
      const results = await usage.ingest(events, options);
      pages += 1;
      if (pages === page) throw new Error('killed');
      return results;
    },
  };
}

test('a file is taken in pages; after a kill it goes on where it was, and nothing counts twice', async () => {
  const customer_id = await people.customer();
  const path = join(folder, 'events.ndjson');
  const lines = Array.from({ length: 4500 }, (_, n) => JSON.stringify({ id: `n${n}`, type: 'requests', customer_id }));
  writeFileSync(path, `${lines.join('\n')}\nno json\n`);
  const told: string[] = [];
  const options = { is_history: false, tell: (text: string) => void told.push(text) };
  await expect(importUsage(killedAt(3), path, options)).rejects.toThrow('killed');
  expect([told.at(-1), await total(customer_id)]).toEqual([expect.stringMatching(/^2000 lines, 4\d %$/), 3000]);
  const counts = await importUsage(usage, path, options);
  expect(counts).toEqual({ accepted: 1500, duplicates: 1000, rejected: 1, told: ['  line 4501: must be an object.'] });
  expect([told.at(-1), existsSync(`${path}.progress`)]).toEqual(['4501 lines, 100 %', false]);
  expect(await importUsage(usage, path, options)).toMatchObject({ accepted: 0, duplicates: 4500 });
  expect(await total(customer_id)).toBe(4500);
});

test('CSV has columns in any order, what an event does not have is a property; history is of any age', async () => {
  const customer_id = await people.customer();
  const path = join(folder, 'old.csv');
  const head = 'occurred_at,id,type,customer_id,quantity,region,note';
  const rows = ['one', 'two'].map((id) => `2020-05-01T00:00:00Z,${id},requests,${customer_id},3,eu,"a ""b"",\nc"`);
  writeFileSync(path, `${head}\r\n${rows.join('\r\n')}\r\n2020-05-01,x\r\n`);
  const told = () => undefined;
  expect(await importUsage(usage, path, { is_history: false, tell: told })).toMatchObject({ accepted: 0, rejected: 3 });
  expect(await importUsage(usage, path, { is_history: true, tell: told })).toMatchObject({ accepted: 0, rejected: 3 });
  expect(await total(customer_id)).toBe(0);
  writeFileSync(path, `${head}\r\n${rows.map((row) => row.replace('\n', ' ')).join('\r\n')}\r\n`);
  expect(await importUsage(usage, path, { is_history: true, tell: told })).toMatchObject({ accepted: 2, rejected: 0 });
  const found = await usage.event(customer_id, 'one', {});
  expect(found).toMatchObject({ quantity: 3, properties: { region: 'eu' } });
  expect(await total(customer_id)).toBe(6);
});
