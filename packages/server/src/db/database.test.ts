import { sql } from 'kysely';
import pg from 'pg';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { openDatabase } from './database.ts';

const db = await testDatabase();

test('values leave the database in one form each', async () => {
  const { rows } = await db.pool.query(`
    select 9007199254740991::int8 as big, count(*) as count, 1.10::numeric as price, date '2024-02-29' as day,
      timestamptz '2024-02-29T12:00:00Z' as at, array[1, 2]::int8[] as bigs, array[date '2024-01-31'] as days,
      '{"a": 1}'::jsonb as json, array['x', 'y'] as words`);
  expect(rows[0]).toEqual({
    big: Number.MAX_SAFE_INTEGER,
    count: 1,
    price: '1.10',
    day: '2024-02-29',
    at: new Date('2024-02-29T12:00:00Z'),
    bigs: [1, 2],
    days: ['2024-01-31'],
    json: { a: 1 },
    words: ['x', 'y'],
  });
});

test('an integer that a number cannot hold exactly throws', async () => {
  await expect(db.pool.query('select 9007199254740993::int8')).rejects.toThrow('past the integers');
});

test('hours are cut in UTC whatever the server thinks', async () => {
  const { rows } = await db.pool.query("select current_setting('TimeZone') as zone");
  expect(rows).toEqual([{ zone: 'UTC' }]);
});

test('a transaction that throws leaves nothing', async () => {
  const write = db.transaction(async (tx) => {
    await tx
      .insertInto('usage_batch')
      .values({ id: 'b1', received_at: new Date(0) })
      .execute();
    throw new Error('changed my mind');
  });
  await expect(write).rejects.toThrow('changed my mind');
  expect(await db.kysely.selectFrom('usage_batch').selectAll().execute()).toEqual([]);
});

test('of two transactions that wait for each other both finish: the one that gives way runs again', async () => {
  const rows = ['left', 'right'].map((id) => ({ id, received_at: new Date(0) }));
  await db.kysely.insertInto('usage_batch').values(rows).execute();
  const [left, right] = [gate(), gate()];
  let runs = 0;
  const touch = (first: string, second: string, mine: Gate, other: Gate) =>
    db.transaction(async (tx) => {
      runs += 1;
      await sql`update usage_batch set received_at = received_at where id = ${first}`.execute(tx);
      mine.open();
      await other.opened;
      await sql`update usage_batch set received_at = received_at where id = ${second}`.execute(tx);
    });
  await Promise.all([touch('left', 'right', left, right), touch('right', 'left', right, left)]);
  expect(runs).toBe(3);
});

test('under one name one call runs at a time, under two names both run', async () => {
  const other = openDatabase({ url: db.url });
  let inside = 0;
  let most = 0;
  const critical = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await db.ping();
    inside -= 1;
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map((n) => (n % 2 === 0 ? db : other).withLock('one', critical)));
  expect(most).toBe(1);

  const [first, second] = [gate(), gate()];
  await Promise.all([
    db.withLock('a', async () => (first.open(), second.opened)),
    other.withLock('b', async () => (second.open(), first.opened)),
  ]);
  await other.close();
});

test('a lock is free again when its holder fails or its connection dies', async () => {
  await expect(db.withLock('x', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const lost = db.withLock('x', async () => {
    await db.pool.query(`
      select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and pid <> pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())`);
    await db.ping();
    return 'done';
  });
  await expect(lost).rejects.toThrow('The lock "x" was lost');
  expect(await db.withLock('x', async () => Promise.resolve('free'))).toBe('free');
});

test('locks that are taken one after the other cost one connection, whatever their names', async () => {
  const other = openDatabase({ url: `${db.url}${db.url.includes('?') ? '&' : '?'}application_name=locks` });
  const count = async () => {
    const { rows } = await db.pool.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where application_name = 'locks'",
    );
    return rows[0]?.n;
  };
  for (const name of ['a', 'b', 'a', 'c']) await other.withLock(name, async () => await count());
  expect(await other.withLock('d', count)).toBe(1);
  await other.close();
});

test('a connection that breaks while idle is replaced, and the owner hears of it', async () => {
  const errors: Error[] = [];
  const other = openDatabase({ url: db.url, max: 1, onIdleError: (error) => errors.push(error) });
  const { rows } = await other.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  await db.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  await expect.poll(() => errors.length).toBe(1);
  await other.ping();
  await other.close();
});

test('a connection that breaks in a transaction fails what it is used for, and nothing else', async () => {
  for (const isBetween of [true, false]) {
    const broken = db.transaction(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      const ended = db.pool.query('select pg_terminate_backend($1, 10000)', [rows[0]?.pid]);
      if (isBetween) await ended;
      await sql`select pg_sleep(10)`.execute(tx);
    });
    await expect(broken).rejects.toThrow(/terminat|EPIPE|ECONNRESET|not queryable/);
    await db.ping();
  }
});

test('a database that is not there fails within the timeout', async () => {
  const nowhere = openDatabase({ host: '/nonexistent', database: 'x', user: 'x' });
  await expect(nowhere.ping()).rejects.toThrow('ENOENT');
  await nowhere.close();
});

test('the refusals of the database keep their codes', async () => {
  await expect(db.pool.query('insert into usage_batch (id) values (null)')).rejects.toSatisfy(
    (error) => error instanceof pg.DatabaseError && error.code === '23502',
  );
});

interface Gate {
  opened: Promise<void>;
  open: () => void;
}

function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
