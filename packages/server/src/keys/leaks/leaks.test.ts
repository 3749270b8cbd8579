import { formatKey } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { createScanner, keyNode } from '../../../test/keys.ts';
import { createSubscribers, member } from '../../../test/subscribers.ts';
import { fakeClock } from '../../lib/clock.ts';
import { readReportKeys } from '../../lib/signed-report.ts';
import { createUsage } from '../../usage/service.ts';
import type { LeakPolicy } from './service.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const people = createSubscribers(db, clock);
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const scanner = createScanner('scanner 1');
const nodes = new Map<LeakPolicy, ReturnType<typeof keyNode>>();
const under = (policy: LeakPolicy) => {
  const known = nodes.get(policy) ?? keyNode({ db, clock, usage, leak_policy: policy, leak_keys: [scanner.key] });
  nodes.set(policy, known);
  return known;
};

let places = 0;
const leak = (token: string, url = `https://github.example/a/b/${(places += 1)}`) => ({
  token,
  type: 'sky_key',
  url,
  source: 'content',
});

async function post(policy: LeakPolicy, body: string, headers = scanner.signed(body)) {
  const response = await under(policy).app.request('/v1/keys/leaks', { method: 'POST', headers, body });
  const answer: unknown = JSON.parse(await response.text());
  return { status: response.status, answer };
}

const report = (policy: LeakPolicy, ...found: object[]) => post(policy, JSON.stringify(found));

async function keyOf(policy: LeakPolicy) {
  const customer = await people.subscriber();
  const { key, secret } = await under(policy).keys.create(null, { customer_id: customer, name: 'CI' });
  return { customer, id: key.id, secret };
}

describe('POST /v1/keys/leaks', () => {
  test('says which of the texts are keys of ours, without repeating one', async () => {
    const { secret } = await keyOf('notify');
    const invented = formatKey('sky', 'test', 'A'.repeat(30));
    const { status, answer } = await report('notify', leak(secret), leak(invented), leak('not a key'));
    expect(status).toBe(200);
    expect(answer).toMatchObject([
      { label: 'true_positive', token_type: 'sky_key' },
      { label: 'false_positive' },
      { label: 'false_positive' },
    ]);
    expect(JSON.stringify(answer)).not.toContain(secret);
  });

  test('notify: the owner is told once per secret, and the key works', async () => {
    const { customer, secret } = await keyOf('notify');
    await report('notify', leak(secret), leak(secret));
    await report('notify', leak(secret));
    const { notices, codeOf } = under('notify');
    const told = notices.filter((notice) => notice.customer_id === customer);
    expect(new Set(told.map(({ dedupe_key }) => dedupe_key)).size).toBe(1);
    expect(told[0]).toMatchObject({ kind: 'key_leaked', data: { place: expect.stringContaining('github.example') } });
    expect(JSON.stringify(told)).not.toContain(secret);
    expect(await codeOf(secret)).toBe('VALID');
  });

  test('rotate: a new secret waits for its owner, the leaked one stops after the grace, and a second report takes neither away', async () => {
    const { customer, id, secret } = await keyOf('rotate');
    const { codeOf, call } = under('rotate');
    await report('rotate', leak(secret));
    clock.advance(60_000);
    await report('rotate', leak(secret), leak(secret));
    expect(await codeOf(secret)).toBe('VALID');
    const shown = await call(member(customer), 'POST', `/v1/keys/${id}/reveal`);
    const { secret: fresh }: { secret: string } = JSON.parse(await shown.text());
    expect((await call(member(customer), 'POST', `/v1/keys/${id}/reveal`)).status).toBe(404);
    expect(await codeOf(fresh)).toBe('VALID');
    clock.set(start + 3_600_000);
    expect([await codeOf(secret), await codeOf(fresh)]).toEqual(['EXPIRED', 'VALID']);
    clock.set(start);
  });

  test('revoke: it stops at once', async () => {
    const { secret } = await keyOf('revoke');
    await report('revoke', leak(secret));
    expect(await under('revoke').codeOf(secret)).toBe('REVOKED');
  });

  test('a secret key of the seller is revoked under revoke', async () => {
    const { keys } = under('revoke');
    const { secret } = await keys.createSecretKey('server');
    expect((await report('revoke', leak(secret))).answer).toMatchObject([{ label: 'true_positive' }]);
    expect(await keys.verifySecretKey(secret)).toBeNull();
  });

  test('forged: no signature, another key, another body, an unknown name; and a replay: nothing happens', async () => {
    const { secret } = await keyOf('revoke');
    const body = JSON.stringify([leak(secret)]);
    const signed = scanner.signed(body);
    const stranger = createScanner('scanner 1').signed(body);
    const { 'github-public-key-signature': _, ...unsigned } = signed;
    for (const headers of [
      unsigned,
      stranger,
      { ...signed, 'github-public-key-identifier': 'scanner 2' },
      { ...signed, 'github-public-key-signature': 'AAAA' },
      scanner.signed(`${body} `),
    ]) {
      const { status, answer } = await post('revoke', body, headers);
      expect([status, answer]).toMatchObject([400, { code: 'invalid_signature' }]);
    }
    expect(await under('revoke').codeOf(secret)).toBe('VALID');
    const first = await under('notify').app.request('/v1/keys/leaks', { method: 'POST', headers: signed, body });
    expect(first.status).toBe(200);
    const again = await post('revoke', body, signed);
    expect([again.status, again.answer]).toMatchObject([409, { code: 'leak_report_replayed' }]);
    expect(await under('revoke').codeOf(secret)).toBe('VALID');
  });

  test('20 copies of one report at once are acted on once', async () => {
    const { secret } = await keyOf('rotate');
    const body = JSON.stringify([leak(secret)]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('rotate', body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
  });

  test('400 for a signed text that is no report; an address that is none is in no mail', async () => {
    for (const body of ['{', '{}', '[]', '[{"token": 5}]']) expect((await post('notify', body)).status).toBe(400);
    const { customer, secret } = await keyOf('notify');
    await report('notify', leak(secret, 'javascript:alert(1)'));
    expect(under('notify').notices.find((notice) => notice.customer_id === customer)).toMatchObject({
      data: { place: null },
    });
  });

  test('404 where nobody’s reports are taken', async () => {
    const closed = keyNode({ db, clock, usage });
    const response = await closed.app.request('/v1/keys/leaks', { method: 'POST', headers: {}, body: '[]' });
    expect(response.status).toBe(404);
  });
});

test('public keys are read from GitHub’s document, and what is no ECDSA key is refused', () => {
  const pem = scanner.key.key.export({ type: 'spki', format: 'pem' });
  const document = (key: unknown) => JSON.stringify({ public_keys: [{ key_identifier: 'a', key, is_current: true }] });
  expect(readReportKeys(document(pem)).map(({ id }) => id)).toEqual(['a']);
  for (const faulty of ['', '{}', document('x'), '{"public_keys": []}']) expect(() => readReportKeys(faulty)).toThrow();
});
