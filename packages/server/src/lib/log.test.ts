import { expect, test } from 'vitest';
import { createLog, type LogLevel } from './log.ts';

function capture(level: LogLevel = 'info') {
  const lines: string[] = [];
  return { log: createLog(level, { write: (line) => void lines.push(line) }), lines };
}

test('a line is one JSON object with its level, time, fields and message', () => {
  const { log, lines } = capture();
  log.info({ customer_id: 'cust_1', count: 3 }, 'synced');
  const line: unknown = JSON.parse(lines[0] ?? '');
  expect(line).toMatchObject({ level: 30, customer_id: 'cust_1', count: 3, msg: 'synced', time: expect.any(String) });
});

test('lines below the level are not written', () => {
  const { log, lines } = capture('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  expect(lines).toHaveLength(1);
});

test('values under secret names never reach a line, at any depth and in any spelling', () => {
  const { log, lines } = capture();
  log.error(
    {
      headers: {
        Authorization: 'hunter2',
        'Set-Cookie': 'hunter2',
        'x-api-key': 'hunter2',
        'Stripe-Signature': 'hunter2',
      },
      list: [{ password: 'hunter2', accessToken: 'hunter2', stripe_secret_key: 'hunter2' }],
      key: 'hunter2',
      key_id: 'key_1',
      dedupe_key: 'receipt:in_1',
    },
    'request failed',
  );
  expect(lines[0]).not.toContain('hunter2');
  expect(lines[0]).toContain('"key_id":"key_1"');
  expect(lines[0]).toContain('receipt:in_1');
});

test("texts of a secret's shape are hidden inside messages, errors and their causes", () => {
  const { log, lines } = capture();
  const cause = new Error('connect postgres://farebox:hunter2hunter2@db/x');
  const error = new Error('bad key sky_live_abcdefghijklmnopqrstuvwxyz0123', { cause });
  log.error(
    { error, header: 'Bearer abcdefghijkl' },
    'used fbx_sk_test_abcdefghijklmnopqrstuv with whsec_abcdefghijkl',
  );
  const text = lines[0] ?? '';
  for (const secret of ['hunter2', 'abcdefghijkl']) expect(text).not.toContain(secret);
  expect(text).toContain('log.test.ts');
});

test('of a connection that an error holds, its name is told and not its state', () => {
  class Client {
    buffers = ['hunter2'];
    parameters = { host: 'db' };
  }
  const { log, lines } = capture();
  log.error({ error: Object.assign(new Error('cut'), { code: '57P01', client: new Client() }) }, 'queue failed');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ error: { message: 'cut', code: '57P01', client: '[Client]' } });
});

test('a field that refers to itself ends', () => {
  const { log, lines } = capture();
  const fields: Record<string, unknown> = {};
  fields['again'] = fields;
  log.info(fields, 'loop');
  expect(lines[0]).toContain('[deep]');
});
