import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigFaults, readConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'farebox-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const production = {
  FAREBOX_URL: 'https://billing.example.com/',
  FAREBOX_SECRET: 'x'.repeat(40),
  DATABASE_URL: 'postgres://db/farebox',
  STRIPE_SECRET_KEY: 'sk_live_abc',
  STRIPE_WEBHOOK_SECRET: 'whsec_abcdefghijklmnop',
  SMTP_URL: 'smtp://mail:587',
};

function faultsOf(mode: 'dev' | 'serve', environment: Record<string, string>): readonly string[] {
  try {
    readConfig(mode, environment);
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults;
    throw error;
  }
  return [];
}

test('a database behind a socket is an address too', () => {
  const url = 'postgres://farebox@/farebox?host=%2Fvar%2Frun%2Fpostgresql';
  expect(faultsOf('serve', { ...production, DATABASE_URL: url })).toEqual([]);
  expect(readConfig('serve', { ...production, DATABASE_URL: url }).config.database).toEqual({ kind: 'postgres', url });
});

test('an empty environment is a whole development set-up on this machine only', () => {
  const { config, secrets } = readConfig('dev', { FAREBOX_DATA_DIR: folder });
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 4000,
    database: { kind: 'embedded' },
    stripe: { kind: 'sandbox', port: 4001 },
    mail: { kind: 'inbox' },
    livemode: false,
  });
  expect(readConfig('dev', { FAREBOX_DATA_DIR: folder }).secrets.key_peppers).toEqual(secrets.key_peppers);
  expect(statSync(join(folder, 'secret')).mode & 0o077).toBe(0);
});

test('the seller gets every mail, those that are named, or none', () => {
  const mailsOf = (FAREBOX_OPERATOR_MAILS: string) =>
    readConfig('dev', { FAREBOX_DATA_DIR: folder, FAREBOX_OPERATOR_MAILS }).config.operator_mails;
  expect(mailsOf('')).toEqual(['cancellation', 'dispute', 'drift', 'daily', 'weekly']);
  expect(mailsOf('weekly, dispute')).toEqual(['dispute', 'weekly']);
  expect(mailsOf('none')).toEqual([]);
  expect(faultsOf('dev', { FAREBOX_OPERATOR_MAILS: 'all' })).toEqual([
    'FAREBOX_OPERATOR_MAILS must be none, or some of cancellation, dispute, drift, daily, weekly.',
  ]);
});

test('every fault is said at once', () => {
  const faults = faultsOf('dev', {
    PORT: 'eighty',
    DATABASE_URL: 'mysql://x',
    REDIS_URL: 'x',
    STRIPE_SECRET_KEY: 'pk_test_1',
    FAREBOX_SECRET: 'short',
    LOG_LEVEL: 'loud',
    FAREBOX_USAGE_DURABILITY: 'never',
  });
  expect(faults).toHaveLength(8);
  for (const name of [
    'PORT',
    'FAREBOX_USAGE_DURABILITY',
    'DATABASE_URL',
    'REDIS_URL',
    'STRIPE_SECRET_KEY',
    'STRIPE_WEBHOOK_SECRET',
    'FAREBOX_SECRET',
    'LOG_LEVEL',
  ])
    expect(faults.join('\n')).toContain(name);
});

test('production refuses to start without what it needs, and a live key with what is unsafe', () => {
  expect(faultsOf('serve', {})).toHaveLength(4);
  expect(faultsOf('serve', production)).toEqual([]);
  const { DATABASE_URL: _, ...embedded } = production;
  expect(faultsOf('serve', embedded)).toEqual([expect.stringContaining('DATABASE_URL')]);
  expect(faultsOf('serve', { ...production, FAREBOX_URL: 'http://billing.example.com' })).toEqual([
    expect.stringContaining('https'),
  ]);
  expect(faultsOf('serve', { ...production, STRIPE_WEBHOOK_SECRET: ' ' })).toEqual([expect.stringContaining('forged')]);
});

test('several secrets of webhooks are taken, for one that is rolled; a blank one among them is refused', () => {
  const rolled = { ...production, STRIPE_WEBHOOK_SECRET: 'whsec_first_secret, whsec_second_secret' };
  expect(readConfig('serve', rolled).secrets.stripe_webhook_secrets).toEqual([
    'whsec_first_secret',
    'whsec_second_secret',
  ]);
  const blank = { ...production, STRIPE_WEBHOOK_SECRET: 'whsec_first_secret,' };
  expect(faultsOf('serve', blank)).toEqual([expect.stringContaining('separate several with commas')]);
});

test('one master secret gives one secret per purpose, and the address loses its slash', () => {
  const { config, secrets } = readConfig('serve', production);
  expect(config.base_url).toBe('https://billing.example.com');
  expect(config.livemode).toBe(true);
  expect(
    new Set([secrets.auth, secrets.key_peppers[0]?.secret, secrets.seal_key.toString('hex'), production.FAREBOX_SECRET])
      .size,
  ).toBe(4);
});

test('peppers: the one of the master secret alone, or the list that is given, in its order', () => {
  const peppersOf = (FAREBOX_KEY_PEPPERS: string) =>
    readConfig('dev', { FAREBOX_SECRET: 's'.repeat(32), FAREBOX_KEY_PEPPERS }).secrets.key_peppers;
  const other = 'p'.repeat(32);
  const [derived] = peppersOf('');
  expect(derived?.id).toBe(1);
  expect(peppersOf(`2:${other}, 1:derived`)).toEqual([{ id: 2, secret: other }, derived]);
  for (const faulty of ['derived', '0:derived', '2:short', `1:derived,1:${other}`, '1:derived,', 'x:derived']) {
    expect(() => peppersOf(faulty), faulty).toThrow('FAREBOX_KEY_PEPPERS');
  }
});
