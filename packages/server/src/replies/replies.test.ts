import { Hono } from 'hono';
import { beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createErrorAnswer } from '../http/answer.ts';
import { createBodyReader } from '../http/body.ts';
import { createIdempotency } from '../http/idempotency.ts';
import type { AppEnv, Principal } from '../http/principal.ts';
import { createLog } from '../lib/log.ts';
import { Problem } from '../problem.ts';
import { createReplies } from './service.ts';

const db = await testDatabase();
const hourMs = 3_600_000;
let now = Date.UTC(2026, 0, 1);
let made = 0;
let fails: Problem | null = null;
let holds: Promise<void> = Promise.resolve();

const replies = createReplies({ db, clock: { now: () => now }, seal_key: Buffer.alloc(32, 7) });
const app = new Hono<AppEnv>();
app.onError(createErrorAnswer(createLog('silent')));
app.use(async (c, next) => {
  const [type, id = ''] = (c.req.header('as') ?? 'customer:cust_1').split(':');
  const principals: Record<string, Principal> = {
    customer: { type: 'customer', customer_id: id, user_id: 'user_1', role: 'owner' },
    seller: { type: 'seller', secret_key_id: id, livemode: false },
    anonymous: { type: 'anonymous' },
  };
  c.set('principal', principals[type ?? ''] ?? { type: 'anonymous' });
  await next();
});
app.use(createBodyReader());
app.use(createIdempotency({ replies, except: [] }));
app.post('/v1/things', async (c) => {
  await holds;
  if (fails !== null) throw fails;
  made += 1;
  return c.json({ made, secret: 'sky_live_shown_once' }, 201);
});

function post(key: string | null, body: object = { name: 'one' }, as = 'customer:cust_1') {
  const headers = { 'content-type': 'application/json', as, ...(key === null ? {} : { 'idempotency-key': key }) };
  return app.request('/v1/things', { method: 'POST', headers, body: JSON.stringify(body) });
}

beforeEach(() => {
  now += 100 * hourMs;
  made = 0;
  fails = null;
  holds = Promise.resolve();
});

test('a repeat gets the first answer again and does nothing', async () => {
  const first = await post('a');
  const again = await post('a');
  expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([201, null]);
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
  expect(await again.text()).toBe(await first.text());
  expect(made).toBe(1);
  expect([(await post(null)).status, made]).toEqual([201, 2]);
});

test('fifty at once under one key are one', async () => {
  const held = Promise.withResolvers<void>();
  holds = held.promise;
  const all = Promise.all(Array.from({ length: 50 }, async () => await post('b')));
  setImmediate(() => held.resolve());
  const statuses = (await all).map((answer) => answer.status);
  expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(1);
  expect(statuses.every((status) => status === 201 || status === 409)).toBe(true);
  expect(made).toBe(1);
  expect((await post('b')).status).toBe(201);
  expect(made).toBe(1);
});

test('a key is for one request, and its caller’s alone', async () => {
  await post('c');
  const other = await post('c', { name: 'two' });
  expect([other.status, await other.json()]).toMatchObject([422, { code: 'idempotency_key_reused' }]);
  await post('c', { name: 'one' }, 'customer:cust_2');
  await post('c', { name: 'one' }, 'seller:sk_1');
  expect(made).toBe(3);
  await post('c', { name: 'one' }, 'anonymous:');
  await post('c', { name: 'one' }, 'anonymous:');
  expect(made).toBe(5);
});

test('a refusal is an answer too; what was not begun can be tried again', async () => {
  fails = new Problem('already_subscribed', 'You have it.');
  expect((await post('d')).status).toBe(409);
  fails = null;
  expect([(await post('d')).status, made]).toEqual([409, 0]);
  fails = new Problem('stripe_unavailable', 'In a moment.');
  expect((await post('e')).status).toBe(503);
  fails = null;
  expect([(await post('e')).status, made]).toEqual([201, 1]);
});

test('a key is forgotten after a day, and one that a crash left after two minutes', async () => {
  await post('f');
  now += 23 * hourMs;
  await replies.forget();
  expect((await post('f')).headers.get('idempotency-replayed')).toBe('true');
  now += 2 * hourMs;
  expect((await post('f')).headers.get('idempotency-replayed')).toBeNull();
  expect(made).toBe(2);
  await db.kysely.updateTable('reply').set({ status: null, sealed_body: null }).where('key', '=', 'f').execute();
  expect((await post('f')).status).toBe(409);
  now += 3 * 60_000;
  expect((await post('f')).status).toBe(201);
});

test('what is kept shows no secret, and a key that is no key is refused', async () => {
  await post('g');
  const rows = await db.kysely.selectFrom('reply').selectAll().where('key', '=', 'g').execute();
  expect(JSON.stringify(rows.map((row) => row.sealed_body?.toString('latin1')))).not.toContain('shown_once');
  expect((await post('x'.repeat(256))).status).toBe(400);
  expect((await post('a b')).status).toBe(400);
});
