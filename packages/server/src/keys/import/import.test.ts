import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { testDatabase } from '../../../test/database.ts';
import { freePort } from '../../../test/free-port.ts';
import { keyNode, testPeppers } from '../../../test/keys.ts';
import { createSubscribers, member, seller } from '../../../test/subscribers.ts';
import { fakeClock } from '../../lib/clock.ts';
import { sha256 } from '../../lib/secret.ts';
import { createUsage } from '../../usage/service.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 10, 12));
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const people = createSubscribers(db, clock);
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const node = (options: Partial<Parameters<typeof keyNode>[0]> = {}) => keyNode({ db, clock, usage, ...options });
const here = node();

const hex = (text: string) => sha256(text).toString('hex');
let made = 0;
/** A key as another system made it. */
const foreign = () => `tok_${(made += 1)}_${'k'.repeat(30)}`;

async function json(response: Response | Promise<Response>) {
  const answer: Record<string, unknown> & { results: { status: string; key_id: string; param: string }[] } = JSON.parse(
    await (await response).text(),
  );
  return answer;
}

const send = (keys: object[], more: object = {}) =>
  here.call(seller, 'POST', '/v1/keys/import', { algorithm: 'sha256', entropy_bits: 128, keys, ...more });

describe('POST /v1/keys/import', () => {
  test('keys go on working, in hexadecimal and base64, with what they may do, and their text is nowhere', async () => {
    const customer = await people.subscriber();
    await db.kysely.updateTable('customer').set({ external_id: 'acct_7' }).where('id', '=', customer).execute();
    const [plain, limited, text] = [foreign(), foreign(), foreign()];
    expect(await here.codeOf(plain)).toBe('NOT_FOUND');
    const answer = await json(
      send([
        { hash: hex(plain), customer },
        { hash: sha256(limited).toString('base64'), customer: 'acct_7', name: 'CI', scopes: ['read'], start: 'tok_2' },
        { hash: sha256(text).toString('base64url'), customer, allowed_cidrs: ['203.0.113.0/24'] },
      ]),
    );
    expect(answer).toMatchObject({ object: 'key_import', imported: 3, existing: 0, rejected: 0 });
    expect(await here.codeOf(plain)).toBe('VALID');
    expect(await here.codeOf(limited, { scope: 'write' })).toBe('INSUFFICIENT_SCOPE');
    expect(await here.codeOf(text, { ip: '198.51.100.1' })).toBe('FORBIDDEN_IP');
    const rows = await db.kysely.selectFrom('api_key_secret').selectAll().execute();
    for (const { digest } of rows) expect(digest.equals(sha256(plain))).toBe(false);
    const key = await json(here.call(member(customer), 'GET', `/v1/keys/${answer.results[1]?.key_id}`));
    expect(key).toMatchObject({ name: 'CI', start: 'tok_2', scopes: ['read'] });
  });

  test('the same keys again change nothing; each that cannot be taken says why, and the others are', async () => {
    const [own, other] = [await people.subscriber(), await people.subscriber()];
    const [first, second] = [foreign(), foreign()];
    await send([{ hash: hex(first), customer: own }]);
    const keys = [
      { hash: hex(first), customer: own },
      { hash: hex(first), customer: other },
      { hash: hex(foreign()), customer: 'nobody' },
      { hash: hex(foreign()), customer: own, expires_at: '2020-01-01T00:00:00Z' },
      { hash: hex(second), customer: other },
      { hash: hex(second), customer: other },
    ];
    const answer = await json(send(keys));
    expect(answer).toMatchObject({ imported: 1, existing: 2, rejected: 3 });
    expect(answer.results.map(({ status, param }) => [status, param])).toEqual([
      ['existing', null],
      ['rejected', 'hash'],
      ['rejected', 'customer'],
      ['rejected', 'expires_at'],
      ['imported', null],
      ['existing', null],
    ]);
    const both = await Promise.all(Array.from({ length: 8 }, () => json(send([{ hash: hex('race'), customer: own }]))));
    expect(both.filter(({ imported }) => imported === 1)).toHaveLength(1);
  });

  test('400 for what is no hash, guessable, or too many; only the seller may', async () => {
    const customer = await people.subscriber();
    const good = { hash: hex('x'), customer };
    const faulty: [string, Promise<Response> | Response][] = [
      ['keys[0].hash', send([{ ...good, hash: 'x'.repeat(64) }])],
      ['keys[0].key', send([{ ...good, key: 'plain text' }])],
      ['keys', send([])],
      ['keys', send(Array.from({ length: 1001 }, () => good))],
      ['entropy_bits', send([good], { entropy_bits: 64 })],
      ['algorithm', send([good], { algorithm: 'md5' })],
    ];
    for (const [param, response] of faulty)
      expect(await json(response)).toMatchObject({ code: 'invalid_request', param });
    const { policy } = await import('../../accounts/policy.ts');
    expect(policy['POST /v1/keys/import']).toEqual(['seller']);
    expect(await here.codeOf('x')).toBe('NOT_FOUND');
  });

  test('an imported key is a key: rotated it gets one of ours, revoked it stops, and it moves to a new pepper', async () => {
    const customer = await people.subscriber();
    const [rotated, revoked] = [foreign(), foreign()];
    const { results } = await json(send([rotated, revoked].map((text) => ({ hash: hex(text), customer }))));
    const { secret } = await here.keys.rotate(null, results[0]?.key_id ?? '', { grace_seconds: 0 });
    expect(secret).toMatch(/^sky_test_/);
    expect([await here.codeOf(rotated), await here.codeOf(secret)]).toEqual(['EXPIRED', 'VALID']);
    const newer = node({ peppers: [{ id: 2, secret: 'pepper two' }, ...testPeppers] });
    await newer.snapshot.tick();
    expect(await newer.codeOf(revoked)).toBe('VALID');
    await newer.lastUsed.flush();
    const retired = node({ peppers: [{ id: 2, secret: 'pepper two' }] });
    await retired.snapshot.tick();
    expect(await retired.codeOf(revoked)).toBe('VALID');
    // Sent again after it moved, it is the same key.
    const again = await newer.call(seller, 'POST', '/v1/keys/import', {
      algorithm: 'sha256',
      entropy_bits: 128,
      keys: [{ hash: hex(revoked), customer }],
    });
    expect(await json(again)).toMatchObject({ existing: 1, results: [{ key_id: results[1]?.key_id }] });
    await newer.keys.revoke(null, results[1]?.key_id ?? '');
    expect(await newer.codeOf(revoked)).toBe('REVOKED');
  });

  test('a process learns within a poll that keys of another system are here; one that has none looks nothing up', async () => {
    const empty = keyNode({ db: await testDatabase(), clock, usage });
    await empty.snapshot.tick();
    const before = empty.snapshot.stats();
    expect(await empty.codeOf('tok_none')).toBe('NOT_FOUND');
    expect(empty.snapshot.stats()).toEqual(before);
    expect(empty.snapshot.isForeign()).toBe(false);
    const late = node();
    await late.snapshot.tick();
    expect(late.snapshot.isForeign()).toBe(true);
  });

  test('GET /v1/key_import says how many are in use here', async () => {
    const customer = await people.subscriber();
    const keys = [foreign(), foreign()];
    await send(keys.map((text) => ({ hash: hex(text), customer })));
    const before = await json(here.call(seller, 'GET', '/v1/key_import'));
    await here.codeOf(keys[0] ?? '');
    await here.lastUsed.flush();
    const after = await json(here.call(seller, 'GET', '/v1/key_import'));
    expect(after).toMatchObject({ keys: before['keys'] });
    expect(Number(after['used'])).toBeGreaterThan(Number(before['used']));
  });
});

/** The seller's former system: knows some keys, and counts how often it was asked. */
async function formerSystem(answers: Map<string, object>) {
  const asked: { key: string; authorization: string | undefined }[] = [];
  let isDown = false;
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { key }: { key: string } = JSON.parse(body);
      asked.push({ key, authorization: request.headers.authorization });
      response.statusCode = isDown ? 500 : 200;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answers.get(key) ?? { valid: false }));
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => void server.close());
  return { url: `http://127.0.0.1:${port}/verify`, asked, fail: (down: boolean) => (isDown = down) };
}

describe('the fall-through verifier', () => {
  test('a key nobody here knows is asked for once, taken over, and from then on is ours', async () => {
    const customer = await people.subscriber();
    const text = foreign();
    const former = await formerSystem(new Map([[text, { valid: true, customer, name: 'Old', scopes: ['read'] }]]));
    const moving = node({ verifier_url: former.url });
    const codes = await Promise.all(Array.from({ length: 20 }, () => moving.codeOf(text)));
    expect(codes.filter((code) => code === 'VALID')).toHaveLength(10); // the window of the plan, and no more
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(10);
    expect(former.asked).toEqual([{ key: text, authorization: 'Bearer old secret' }]);
    clock.advance(2000);
    const later = node();
    await later.snapshot.tick();
    expect(await later.codeOf(text, { scope: 'write' })).toBe('INSUFFICIENT_SCOPE');
    const [key] = await here.keys.list({ customer_id: customer, limit: 1 });
    expect(key).toMatchObject({ name: 'Old', scopes: ['read'], start: text.slice(0, 8) });
  });

  test('a refused key is remembered for a minute, one of ours with a typing error is asked for too, and none is made up', async () => {
    const former = await formerSystem(new Map([['stray', { valid: true, customer: 'nobody' }]]));
    const moving = node({ verifier_url: former.url });
    expect(await moving.codeOf('unknown')).toBe('NOT_FOUND');
    expect(await moving.codeOf('unknown')).toBe('NOT_FOUND');
    expect(former.asked).toHaveLength(1);
    clock.advance(60_001);
    expect(await moving.codeOf('unknown')).toBe('NOT_FOUND');
    expect(former.asked).toHaveLength(2);
    expect(await moving.codeOf('stray')).toBe('NOT_FOUND');
    expect(await moving.codeOf('x'.repeat(257))).toBe('NOT_FOUND');
    expect(former.asked).toHaveLength(3);
  });

  test('while it fails nothing unknown passes and nothing known suffers; after some failures it is left alone', async () => {
    const { key, secret } = await here.keys.create(null, { customer_id: await people.subscriber(), name: 'ours' });
    const former = await formerSystem(new Map());
    former.fail(true);
    const moving = node({ verifier_url: former.url });
    for (let time = 0; time < 8; time += 1) await expect(moving.codeOf(foreign())).rejects.toThrow('does not answer');
    expect(former.asked).toHaveLength(5);
    expect(await moving.codeOf(secret)).toBe('VALID');
    expect(key.id).toMatch(/^key_/);
  });
});

test('farebox keys import takes a file, says how far it is, and names a faulty line before anything is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'farebox-import-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const customer = await people.subscriber();
  const file = join(folder, 'keys.ndjson');
  const lines = Array.from({ length: 2500 }, () => JSON.stringify({ hash: hex(foreign()), customer }));
  const farebox = async (...args: string[]) => {
    const root = join(import.meta.dirname, '../../../../..');
    const child = spawn(process.execPath, ['--conditions=farebox', 'packages/server/src/main.ts', 'keys', ...args], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        DATABASE_URL: db.url,
        FAREBOX_SECRET: 's'.repeat(40),
        FAREBOX_DATA_DIR: folder,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code]: unknown[] = await once(child, 'close');
    return { code, said };
  };
  writeFileSync(file, [...lines, '{"hash": "short"}'].join('\n'));
  const faulty = await farebox('import', file, '--entropy-bits', '160');
  expect(faulty.code).toBe(1);
  expect(faulty.said).toContain('line 2501');
  expect(faulty.said).toContain('nothing was imported');
  writeFileSync(file, [...lines, JSON.stringify({ hash: hex(foreign()), customer: 'nobody' })].join('\n'));
  const first = await farebox('import', file, '--entropy-bits', '160');
  expect(first.code).toBe(2);
  expect(first.said).toContain('1000 of 2501 keys (39 %)');
  expect(first.said).toContain('2500 imported, 0 were there already, 1 rejected:');
  expect(first.said).toContain('line 2501: customer: There is no such customer.');
  expect((await farebox('import', file, '--entropy-bits', '160')).said).toContain(
    '0 imported, 2500 were there already',
  );
  expect((await farebox('progress')).said).toMatch(/of \d+ imported keys were used here/);
  expect((await farebox('import', file)).said).toContain('--entropy-bits');
}, 60_000);
