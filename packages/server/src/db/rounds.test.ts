import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { openDatabase } from './database.ts';
import { CommitUnknown, type Step } from './rounds.ts';

const db = await testDatabase();
await db.pool.query('create table note (id text primary key, words text)');

const write = (id: string, words: string | null): Step => ({
  statement: { name: 'write', text: 'insert into note (id, words) values ($1, $2) returning id, words' },
  values: [id, words],
});
const count: Step = { statement: { name: null, text: 'select count(*) from note' }, values: [] };
const broken: Step = { statement: { name: 'broken', text: 'select 1 / $1::int' }, values: ['0'] };

async function notes(): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>('select id from note order by id');
  return rows.map(({ id }) => id);
}

test('steps answer their rows in order, each seeing the ones before it, and are there once they are ended', async () => {
  const answers = await db.inRounds(async (rounds) => {
    const first = await rounds.say(write('a', 'x"y'), count);
    expect(await notes()).toEqual([]);
    return [first, await rounds.end(write('b', null), count)];
  });
  expect(answers).toEqual([
    [[['a', 'x"y']], [['1']]],
    [[['b', null]], [['2']]],
  ]);
  expect(await notes()).toEqual(['a', 'b']);
});

test('a step sees what was committed by others after the one before it waited', async () => {
  const holder = await db.pool.connect();
  await holder.query('begin; select pg_advisory_xact_lock(77)');
  await holder.query("insert into note values ('held')");
  const lock: Step = { statement: { name: 'lock', text: 'select pg_advisory_xact_lock(77)' }, values: [] };
  const seen = db.inRounds(async (rounds) => await rounds.end(count, lock, count));
  await expect
    .poll(async () => {
      const { rows } = await db.pool.query("select from pg_locks where locktype = 'advisory' and not granted");
      return rows.length;
    })
    .toBe(1);
  await holder.query('commit');
  holder.release();
  expect((await seen).map((rows) => rows[0]?.[0])).toEqual(['2', '', '3']);
  await db.pool.query("delete from note where id = 'held'");
});

test('of one that fails, or is not ended, nothing stays, and the connection is as good as before', async () => {
  const one = openDatabase({ url: db.url, max: 1 });
  await expect(one.inRounds(async (rounds) => await rounds.say(write('c', ''), broken))).rejects.toThrow(
    'division by zero',
  );
  await expect(one.inRounds(async (rounds) => await rounds.end(write('c', ''), broken))).rejects.toThrow(
    'division by zero',
  );
  await expect(one.inRounds(async (rounds) => await rounds.end(write('d', ''), write('a', '')))).rejects.toThrow(
    'duplicate key',
  );
  await one.inRounds(async (rounds) => await rounds.say(write('e', '')));
  await expect(
    one.inRounds(async (rounds) => {
      await rounds.say(write('f', ''));
      throw new Error('thought better of it');
    }),
  ).rejects.toThrow('thought better of it');
  await one.inRounds(async (rounds) => await rounds.end(write('g', '')));
  await one.ping();
  expect(await notes()).toEqual(['a', 'b', 'g']);
  await one.close();
});

test('a connection that breaks in between fails the round, and the next one has another', async () => {
  const one = openDatabase({ url: db.url, max: 1 });
  const self: Step = { statement: { name: 'self', text: 'select pg_terminate_backend(pg_backend_pid())' }, values: [] };
  await one.inRounds(async (rounds) => await rounds.end(count));
  await expect(one.inRounds(async (rounds) => await rounds.end(write('h', ''), self))).rejects.toThrow(CommitUnknown);
  await one.inRounds(async (rounds) => await rounds.end(write('i', '')));
  expect(await notes()).toEqual(['a', 'b', 'g', 'i']);
  await one.close();
});

test('whom the database lets give way tries again', async () => {
  let runs = 0;
  const fail: Step = {
    statement: { name: null, text: "do $$ begin raise exception 'way' using errcode = '40001'; end $$" },
    values: [],
  };
  await db.inRounds(async (rounds) => {
    runs += 1;
    await rounds.end(write(`try ${runs}`, ''), ...(runs < 3 ? [fail] : []));
  });
  expect(await notes()).toContain('try 3');
  expect(await notes()).not.toContain('try 1');
});
