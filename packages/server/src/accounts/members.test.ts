import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { fakeClock } from '../lib/clock.ts';
import { createAudit } from './audit.ts';
import { createMembers } from './members.ts';

const db = await testDatabase();
const clock = fakeClock(Date.parse('2026-03-01T00:00:00Z'));
const nowhere = { claimable: () => Promise.resolve(null), retire: () => Promise.resolve() };

test('of many that join one person at once, one makes the customer and the others wait for it', async () => {
  await db.kysely.insertInto('auth_user').values({ id: 'user_1', name: 'Ada', email: 'ada@example.com' }).execute();
  let made = 0;
  const members = createMembers({
    db,
    clock,
    audit: createAudit({ db, clock }),
    ...nowhere,
    ensureCustomer: async (tx, person) => {
      made += 1;
      const id = `cust_${made}`;
      await tx
        .insertInto('customer')
        .values({ id, ...person, created_at: new Date(clock.now()) })
        .execute();
      await sql`select pg_sleep(0.05)`.execute(tx);
      return { id };
    },
  });
  const people = await Promise.all(Array.from({ length: 6 }, async () => await members.join('user_1')));
  expect(people.map((person) => person?.customer_id)).toEqual(Array<string>(6).fill('cust_1'));
  expect(made).toBe(1);
  expect(await members.join('user_unknown')).toBeNull();
});

test('a customer that could not be made leaves no membership', async () => {
  await db.kysely.insertInto('auth_user').values({ id: 'user_2', name: 'Bea', email: 'bea@example.com' }).execute();
  const members = createMembers({
    db,
    clock,
    audit: createAudit({ db, clock }),
    ...nowhere,
    ensureCustomer: () => Promise.reject(new Error('no room')),
  });
  await expect(members.find('user_2')).rejects.toThrow('no room');
  expect(await db.kysely.selectFrom('member').where('user_id', '=', 'user_2').selectAll().execute()).toEqual([]);
});
