import { afterAll, expect, test } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { testDatabase } from '../database.ts';
import { startWatched } from '../harness.ts';

test('a checkout opens where the database plans a statement once, for whatever values come', async () => {
  const db = await testDatabase();
  const { rows } = await db.pool.query<{ name: string }>('select current_database() as name');
  await db.pool.query(`alter database ${rows[0]?.name} set plan_cache_mode = force_generic_plan`);
  await db.pool.query('set plan_cache_mode = force_generic_plan'); // for the one connection that is open already
  const farebox = await startWatched({ db, list: exampleList });
  afterAll(farebox.close);
  const visitor = await farebox.signUp();

  const opened = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  expect(opened).toMatchObject({ state: 'open' });
  const again = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  expect(again.id).toBe(opened.id);
});
