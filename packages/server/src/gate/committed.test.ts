import { expect, test } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { buyerOf } from '../../test/buyer.ts';
import { testApp } from '../../test/harness.ts';

const list = { ...exampleList, plans: exampleList.plans.map((plan) => ({ ...plan, limits: [] })) };
const farebox = await testApp({ list, log: 'silent', environment: { FAREBOX_USAGE_DURABILITY: 'committed' } });
const { db, seller } = farebox;
const { visitor, customer_id } = await buyerOf(farebox);
const { secret } = await visitor.post('/v1/keys/first');
const key = String(secret);

async function stored(): Promise<{ id: string; quantity: number }[]> {
  const { rows } = await db.pool.query('select id, quantity from usage_event where customer_id = $1 order by id', [
    customer_id,
  ]);
  return rows;
}

const verify = async (cost = 1) => await seller.answer('POST', '/v1/keys/verify', { key, cost });

test('an answer that lets something through comes after what it counted is committed', async () => {
  const { status, json } = await verify(3);
  expect([status, json['valid']]).toEqual([200, true]);
  expect(await stored()).toEqual([{ id: json['request_id'], quantity: 3 }]);
  const many = await Promise.all(Array.from({ length: 9 }, async () => await verify()));
  const passed = many.filter((answer) => answer.json['valid'] === true).map((answer) => answer.json['request_id']);
  expect(passed).toHaveLength(9);
  expect((await stored()).map(({ id }) => id)).toEqual([json['request_id'], ...passed].map(String).toSorted());
});

test('forward-auth waits too', async () => {
  const before = (await stored()).length;
  const answer = await fetch(`${farebox.url}/v1/gate/forward-auth`, { headers: { 'x-api-key': key } });
  expect([answer.status, (await stored()).length]).toEqual([200, before + 1]);
});

test('nothing is let through that cannot be written, and nothing of it is billed', async () => {
  const rows = await stored();
  await db.pool.query(`
    create function refuse_usage() returns trigger language plpgsql as $$ begin
      raise exception 'No space left on device' using errcode = '53100';
    end $$;
    create trigger refuse_usage before insert on usage_event for each statement execute function refuse_usage();
  `);
  const refused = await Promise.all([verify(50), verify(50)]);
  expect(refused).toMatchObject([
    { status: 503, json: { code: 'database_unavailable' } },
    { status: 503, json: { code: 'database_unavailable' } },
  ]);
  expect(await stored()).toEqual(rows);
  await db.pool.query('drop trigger refuse_usage on usage_event; drop function refuse_usage()');
  const { json } = await verify(2);
  expect(json['valid']).toBe(true);
  expect(await stored()).toHaveLength(rows.length + 1);
});

test('whether a commit happened whose connection ended is found out, and what was counted is let through', async () => {
  const rows = await stored();
  // The process of the database that is to commit is ended in the middle of that, more often than a write is made at once.
  await db.pool.query(`
    create sequence cuts;
    create function cut_commit() returns trigger language plpgsql as $$ begin
      if nextval('cuts') <= 4 then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(5);
      end if;
      return null;
    end $$;
    create constraint trigger cut_commit after insert on usage_event
      deferrable initially deferred for each row execute function cut_commit();
  `);
  const { status, json } = await verify(5);
  await db.pool.query('drop trigger cut_commit on usage_event; drop function cut_commit(); drop sequence cuts');
  expect([status, json['valid']]).toEqual([200, true]);
  expect((await stored()).slice(rows.length)).toEqual([{ id: json['request_id'], quantity: 5 }]);
});
