import type { DunningStage } from '@farebox/core';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, createTestApp, planOf, seller } from '../../test/subscribers.ts';
import { createMemoryCounter } from '../counter/memory.ts';
import { fakeClock } from '../lib/clock.ts';
import { createUsage } from '../usage/service.ts';
import { createGate } from './gate.ts';
import { createGateRoutes } from './routes.ts';
import { createSnapshot } from './snapshot.ts';

const dayMs = 86_400_000;
const failed = Date.UTC(2026, 2, 10);
const dunning: DunningStage[] = [
  { step: 'warn', after_days: 0, rate_percent: 100 },
  { step: 'slow', after_days: 3, rate_percent: 20 },
  { step: 'read_only', after_days: 7, rate_percent: 20 },
  { step: 'block', after_days: 14, rate_percent: 20 },
];

const db = await testDatabase();
const clock = fakeClock(failed);
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const peppers = testPeppers;
const usage = createUsage({ db, clock, log, meters: [], flush_ms: 3_600_000 });
const snapshot = createSnapshot({ db, clock, peppers, usedInPeriods: usage.usedInPeriods, settle: usage.flush, log });
const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });
const gate = createGate({
  entries: snapshot,
  counter: createMemoryCounter(),
  clock,
  record: usage.record,
  brand: 'sky',
  policy: { grace_ms: 0, dunning },
});
const people = createSubscribers(db, clock);
const { call } = createTestApp({ clock, routes: [createGateRoutes({ gate, clock })] });

async function debtor(): Promise<{ customer: string; secret: string }> {
  const customer = await people.customer();
  const limits = [{ name: '1s', limit: 10, window_ms: 1000 }];
  await people.subscribe(customer, planOf({ limits }), { status: 'past_due', past_due_since_at: failed });
  const { secret } = await keys.create(null, { customer_id: customer, name: 'test' });
  return { customer, secret };
}

async function verify(body: object) {
  const response = await call(seller, 'POST', '/v1/keys/verify', body);
  return { header: response.headers.get('Farebox-Payment'), json: await response.json() };
}

test('access hardens step by step by the clock alone, and every answer says where it stands', async () => {
  const { secret } = await debtor();
  const at = async (days: number, scope?: string) => {
    clock.set(failed + days * dayMs);
    return await verify({ key: secret, scope });
  };
  const warned = await at(0);
  expect(warned.json).toMatchObject({
    valid: true,
    limits: [{ limit: 10 }],
    payment: { step: 'warn', since_at: '2026-03-10T00:00:00.000Z', next: { step: 'slow' } },
  });
  expect(warned.header).toContain('step=warn; since=2026-03-10T00:00:00.000Z; next=slow');
  expect((await at(3)).json).toMatchObject({ valid: true, limits: [{ limit: 2 }], payment: { step: 'slow' } });
  expect((await at(7, 'forecast:read')).json).toMatchObject({ valid: true, payment: { step: 'read_only' } });
  const write = await at(8, 'forecast:write');
  expect(write.json).toMatchObject({ valid: false, code: 'PAYMENT_PAST_DUE', payment: { next: { step: 'block' } } });
  const blocked = await at(14, 'forecast:read');
  expect(blocked.json).toMatchObject({
    valid: false,
    code: 'PAYMENT_PAST_DUE',
    payment: { step: 'block', next: null },
  });
  expect(blocked.header).toContain('step=block');
});

test('a payment restores everything with the next request, and what was used stays counted', async () => {
  const { customer, secret } = await debtor();
  clock.set(failed + 4 * dayMs);
  expect((await verify({ key: secret, cost: 2 })).json).toMatchObject({ valid: true });
  expect((await verify({ key: secret })).json).toMatchObject({ code: 'RATE_LIMITED' });
  await db.kysely
    .updateTable('subscription')
    .set({ status: 'active', past_due_since_at: null })
    .where('customer_id', '=', customer)
    .execute();
  await people.bump();
  await snapshot.changed();
  const restored = await verify({ key: secret });
  expect(restored.json).toMatchObject({ valid: true, payment: null, limits: [{ limit: 10, remaining: 7 }] });
  expect(restored.header).toBeNull();
});
