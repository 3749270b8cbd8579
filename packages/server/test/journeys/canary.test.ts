import { formatKey } from '@farebox/core';
import { afterAll, expect, test } from 'vitest';
import { sha256 } from '../../src/lib/secret.ts';
import { testDatabase } from '../database.ts';
import { makeFolder, removeFolder } from '../folder.ts';
import { freePort } from '../free-port.ts';
import { startProgram } from '../program.ts';
import { createVisitor, payOnPage } from '../visitor.ts';

/** The whole program, as talkative as it can be made, and everything it wrote down. */
const db = await testDatabase({ empty: true });
const folder = makeFolder('canary', 'open');
const program = await startProgram({
  port: await freePort(11),
  data_dir: folder,
  environment: { DATABASE_URL: db.url, LOG_LEVEL: 'debug' },
});
afterAll(async () => {
  await program.interrupt();
  removeFolder(folder);
});

/** Every row of every table, as text; bytes in hexadecimal and as what they spell. */
async function dump(): Promise<string> {
  const { rows: tables } = await db.pool.query<{ name: string }>(
    `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await db.pool.query<{ row: string }>(`select t::text as row from ${name} t`);
    for (const { row } of rows) {
      texts.push(row);
      for (const [, hex = ''] of row.matchAll(/\\x([0-9a-f]{16,})/g))
        texts.push(Buffer.from(hex, 'hex').toString('latin1'));
    }
  }
  return texts.join('\n');
}

test('no secret that ever passed through is in a log, an answer to somebody else, a mail or the database', async () => {
  const canaries = new Map<string, string>();
  const password = 'canary-password-7d1f4c';
  canaries.set('password', password);
  const visitor = createVisitor(program.url);
  await visitor.post('/auth/sign-up/email', { name: 'Grace Hopper', email: 'canary@example.com', password });
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout['url']);
  await visitor.get(`/v1/checkout_sessions/${checkout['id']}`);
  canaries.set('first key', (await visitor.post('/v1/keys/first'))['secret']);
  const made = await visitor.post('/v1/keys', { name: 'Canary' });
  canaries.set('key', made['secret']);
  canaries.set('rotated key', (await visitor.post(`/v1/keys/${made['id']}/rotate`, { grace_seconds: 60 }))['secret']);
  canaries.set('idempotent key', await idempotently());
  canaries.set('invented key', formatKey('sky', 'live', 'CanaryCanaryCanaryCanaryCanary'));
  canaries.set('secret key', formatKey('fbx_sk', 'test', 'CanaryCanaryCanaryCanaryCanary'));

  // In every place a secret may come in by mistake.
  const answers: string[] = [];
  for (const [name, canary] of canaries) {
    // An address is written down. A key in it is known by its shape and taken out; a password has none.
    const inAddress: [string, RequestInit][] = [
      [`/v1/gate/forward-auth?key=${encodeURIComponent(canary)}`, {}],
      [`/v1/keys/${encodeURIComponent(canary)}`, {}],
    ];
    const tries: [string, RequestInit][] = [
      ...(name === 'password' ? [] : inAddress),
      ['/v1/gate/forward-auth', { headers: { authorization: `Bearer ${canary}` } }],
      ['/v1/gate/forward-auth', { headers: { 'x-api-key': canary } }],
      ['/v1/gate/forward-auth', { headers: { 'x-api-key': canary, authorization: 'Bearer other' } }],
      ['/v1/customers', { headers: { authorization: `Bearer ${canary}` } }],
      [
        '/v1/keys/verify',
        { method: 'POST', body: JSON.stringify({ key: canary }), headers: { 'content-type': 'text/plain' } },
      ],
      ['/v1/keys', { method: 'POST', body: `{"name": "${canary}"`, headers: { 'content-type': 'application/json' } }],
      ['/v1/keys/leaks', { method: 'POST', body: JSON.stringify([{ token: canary, type: 'x' }]) }],
      ['/auth/sign-in/email', { method: 'POST', body: JSON.stringify({ email: 'x@example.com', password: canary }) }],
    ];
    for (const [path, init] of tries) answers.push(await (await fetch(program.url + path, init)).text());
  }
  const mails = await (await fetch(`${program.url}/_inbox`)).text();
  const stored = await dump();
  for (const [name, canary] of canaries) {
    expect(program.output(), `${name} in the log`).not.toContain(canary);
    expect(answers.join('\n'), `${name} in an answer`).not.toContain(canary);
    expect(mails, `${name} in a mail`).not.toContain(canary);
    expect(stored, `${name} in the database`).not.toContain(canary);
    // A digest without the pepper would let who reads the database try keys.
    expect(stored, `the bare digest of ${name}`).not.toContain(sha256(canary).toString('hex'));
  }
  expect(stored).toContain('canary@example.com');

  /** The answer is kept for who repeats it, and holds the secret: sealed. */
  async function idempotently(): Promise<string> {
    const key = { 'idempotency-key': 'canary-1' };
    const first = await visitor.request('POST', '/v1/keys', { name: 'Once' }, key);
    const again = await visitor.request('POST', '/v1/keys', { name: 'Once' }, key);
    const one: { secret: string } = JSON.parse(await first.text());
    const two: { secret: string } = JSON.parse(await again.text());
    expect(two.secret).toBe(one.secret);
    return one.secret;
  }
}, 120_000);
