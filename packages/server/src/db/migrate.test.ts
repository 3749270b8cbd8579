import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';

const db = await testDatabase({ empty: true });
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fbt-'));
  await write('0001_a.sql', 'create table a (id int);\ninsert into a values (1);\n');
  await write('0002_b.sql', 'create table b (id int);');
});

afterEach(async () => {
  await rm(dir, { recursive: true });
  await db.pool.query('drop table if exists schema_migration, a, b, c');
});

const write = (name: string, text: string) => writeFile(join(dir, name), text);

test('files are applied in order, once', async () => {
  await write('notes.txt', 'not a migration');
  expect(await migrate(db.pool, dir)).toEqual({ applied: ['0001_a.sql', '0002_b.sql'] });
  expect(await migrate(db.pool, dir)).toEqual({ applied: [] });
  await write('0003_c.sql', 'create table c (id int)');
  expect(await migrate(db.pool, dir)).toEqual({ applied: ['0003_c.sql'] });
});

test('of several processes that start together one applies', async () => {
  const others = [1, 2, 3].map(() => openDatabase({ url: db.url }));
  const results = await Promise.all(others.map((other) => migrate(other.pool, dir)));
  expect(results.flatMap((result) => result.applied)).toHaveLength(2);
  for (const other of others) await other.close();
});

test('a file that changed after it was applied is refused', async () => {
  await migrate(db.pool, dir);
  await write('0001_a.sql', 'create table a (id bigint);');
  await expect(migrate(db.pool, dir)).rejects.toThrow('0001_a.sql was changed after it was applied');
});

test('other line endings are no change', async () => {
  await migrate(db.pool, dir);
  await write('0001_a.sql', 'create table a (id int);\r\ninsert into a values (1);\r\n');
  expect(await migrate(db.pool, dir)).toEqual({ applied: [] });
});

test('a database made by a newer program is refused', async () => {
  await migrate(db.pool, dir);
  await rm(join(dir, '0002_b.sql'));
  await expect(migrate(db.pool, dir)).rejects.toThrow('a newer Farebox made it');
});

test('a file that sorts before an applied one is refused', async () => {
  await rename(join(dir, '0001_a.sql'), join(dir, '0001_z.sql'));
  await migrate(db.pool, dir);
  await write('0001_a.sql', 'create table c (id int)');
  await expect(migrate(db.pool, dir)).rejects.toThrow('0001_a.sql comes before 0001_z.sql');
});

test('a file that fails leaves nothing of itself, and what came before stays', async () => {
  await write('0002_b.sql', 'create table b (id int); insert into b values (1 / 0);');
  await expect(migrate(db.pool, dir)).rejects.toThrow('0002_b.sql failed and changed nothing: division by zero');
  const { rows } = await db.pool.query("select to_regclass('a') is not null as a, to_regclass('b') is null as b");
  expect(rows).toEqual([{ a: true, b: true }]);
  await write('0002_b.sql', 'create table b (id int)');
  expect(await migrate(db.pool, dir)).toEqual({ applied: ['0002_b.sql'] });
});

test('the files of the program are counted without a gap or a double, so that their order is the one they were written in', async () => {
  const names = (await readdir(join(import.meta.dirname, '../../migrations'))).toSorted();
  expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, index) => index + 1));
});
