import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { keyNode, testPeppers } from '../../test/keys.ts';
import { createSubscribers, member, planOf, seller } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import type { Pepper } from '../lib/pepper.ts';
import { hmacSha256 } from '../lib/secret.ts';
import { createUsage } from '../usage/service.ts';

const db = await testDatabase();
const start = Date.UTC(2026, 2, 10, 12);
const clock = fakeClock(start);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const people = createSubscribers(db, clock);
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
let most: number | null = null;

const node = (peppers: readonly Pepper[] = testPeppers) => keyNode({ db, clock, usage, peppers, most: () => most });

const { keys, notices, gate, codeOf, call } = node();

async function madeFor(customer: string): Promise<{ id: string; secret: string }> {
  const { key, secret } = await keys.create(null, { customer_id: customer, name: 'CI' });
  return { id: key.id, secret };
}

async function json(response: Response | Promise<Response>) {
  const text = await (await response).text();
  const answer: Record<string, unknown> & { secret: string; errors: { param: string }[] } = JSON.parse(text);
  return answer;
}

describe('PATCH /v1/keys/{id}', () => {
  test('changes what it names, leaves the rest, and counts from the next request', async () => {
    const customer = await people.subscriber();
    const { id, secret } = await madeFor(customer);
    expect(await codeOf(secret, { scope: 'write', ip: '198.51.100.1' })).toBe('VALID');
    const wish = {
      name: 'Deploy',
      scopes: ['read'],
      allowed_cidrs: ['203.0.113.0/24'],
      budget: { limit: 5, window: '1h' },
      expires_at: '2026-03-11T12:00:00.000Z',
    };
    expect(await json(call(member(customer), 'PATCH', `/v1/keys/${id}`, wish))).toMatchObject({ id, ...wish });
    expect(await codeOf(secret, { scope: 'read', ip: '198.51.100.1' })).toBe('FORBIDDEN_IP');
    expect(await codeOf(secret, { scope: 'write', ip: '203.0.113.9' })).toBe('INSUFFICIENT_SCOPE');
    expect(await codeOf(secret, { scope: 'read', ip: '203.0.113.9', cost: 6 })).toBe('RATE_LIMITED');
    expect(await codeOf(secret, { scope: 'read', ip: '203.0.113.9', cost: 5 })).toBe('VALID');
    const again = await json(call(seller, 'PATCH', `/v1/keys/${id}`, { name: 'Deploy 2' }));
    expect(again).toMatchObject({ ...wish, name: 'Deploy 2' });
    clock.set(Date.parse(wish.expires_at));
    expect(await codeOf(secret, { scope: 'read', ip: '203.0.113.9', cost: 0 })).toBe('EXPIRED');
    clock.set(start);
  });

  test('disabled is refused until enabled again; a null takes an expiry, a budget and lists away', async () => {
    const customer = await people.subscriber();
    const { id, secret } = await madeFor(customer);
    const off = await json(call(member(customer), 'PATCH', `/v1/keys/${id}`, { enabled: false }));
    expect(off['status']).toBe('disabled');
    expect(await codeOf(secret)).toBe('DISABLED');
    const wish = { enabled: true, budget: { limit: 1, window: 'period' }, expires_at: '2027-01-01T00:00:00Z' };
    await call(member(customer), 'PATCH', `/v1/keys/${id}`, wish);
    expect(await codeOf(secret)).toBe('VALID');
    expect(await codeOf(secret)).toBe('QUOTA_EXCEEDED');
    const open = await json(call(member(customer), 'PATCH', `/v1/keys/${id}`, { budget: null, expires_at: null }));
    expect(open).toMatchObject({ budget: null, expires_at: null, status: 'active' });
    expect(await codeOf(secret)).toBe('VALID');
  });

  test('writes what changed to the audit log, and nothing when nothing did', async () => {
    const customer = await people.subscriber();
    const { id } = await madeFor(customer);
    for (let time = 0; time < 2; time += 1) {
      await call(member(customer), 'PATCH', `/v1/keys/${id}`, { name: 'New', scopes: ['read'], enabled: true });
    }
    const entries = await db.kysely
      .selectFrom('audit_entry')
      .select(['actor', 'detail'])
      .where('object_id', '=', id)
      .where('action', '=', 'api_key.updated')
      .execute();
    expect(entries).toEqual([{ actor: `customer:${customer}`, detail: { changed: ['name', 'scopes'] } }]);
  });

  test('400 that names the field, 409 for a revoked key, 404 for another customer’s; none changes anything', async () => {
    const [own, other] = [await people.subscriber(), await people.subscriber()];
    const { id } = await madeFor(own);
    const before = await keys.get(null, id);
    const faulty: [string, unknown][] = [
      ['name', ''],
      ['enabled', 'no'],
      ['expires_at', '2020-01-01T00:00:00Z'],
      ['budget.limit', { limit: 0, window: '1h' }],
      ['budget.window', { limit: 1, window: '32d' }],
      ['budget.window', { limit: 1, window: 'month' }],
      ['budget.per', { limit: 1, window: '1h', per: 'day' }],
      ['digest', 'x'],
    ];
    for (const [param, value] of faulty) {
      const response = await call(member(own), 'PATCH', `/v1/keys/${id}`, { [param.split('.')[0] ?? '']: value });
      expect([param, response.status]).toEqual([param, 400]);
      expect(await json(response)).toMatchObject({ param });
    }
    for (const [method, path] of [
      ['PATCH', `/v1/keys/${id}`],
      ['POST', `/v1/keys/${id}/rotate`],
      ['POST', `/v1/keys/${id}/reveal`],
    ] as const) {
      expect((await call(member(other), method, path, method === 'PATCH' ? { name: 'Mine' } : {})).status).toBe(404);
    }
    expect(await keys.get(null, id)).toEqual(before);
    await keys.revoke(null, id);
    for (const [method, path, wish] of [
      ['PATCH', `/v1/keys/${id}`, { enabled: true }],
      ['POST', `/v1/keys/${id}/rotate`, {}],
    ] as const) {
      const response = await call(member(own), method, path, wish);
      expect(response.status).toBe(409);
      expect((await json(response))['code']).toBe('key_revoked');
    }
  });

  test('a key’s budget lies inside its customer’s limits and is counted apart from its sisters’', async () => {
    const plan = planOf({ limits: [{ name: '1h', limit: 10, window_ms: 3_600_000 }] });
    const customer = await people.subscriber(plan);
    const [small, free] = [await madeFor(customer), await madeFor(customer)];
    await keys.update(null, small.id, { budget: { limit: 4, window: 'period' } });
    const passed = async (secret: string) => {
      let count = 0;
      for (let time = 0; time < 12; time += 1) if ((await codeOf(secret)) === 'VALID') count += 1;
      return count;
    };
    const refused = await (await passed(small.secret), gate.verify({ token: small.secret }));
    expect(refused).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      limits: [
        { name: '1h', remaining: 6 },
        { name: 'key', limit: 4, remaining: 0, window_ms: null },
      ],
    });
    expect(refused.detail).toContain('budget of 4 units of this API key');
    expect(await passed(free.secret)).toBe(6);
    // Another process reads what was used with the key from the database.
    await usage.flush();
    const elsewhere = node();
    expect(await elsewhere.codeOf(small.secret)).toBe('QUOTA_EXCEEDED');
  });
});

describe('POST /v1/keys/{id}/rotate', () => {
  test('the old secret passes until the very instant, the new one from the first', async () => {
    const customer = await people.subscriber();
    const { id, secret: old } = await madeFor(customer);
    const made = await json(call(member(customer), 'POST', `/v1/keys/${id}/rotate`, { grace_seconds: 3600 }));
    expect(made).toMatchObject({ id, status: 'active', former_until_at: new Date(start + 3_600_000).toISOString() });
    expect(made.secret).not.toBe(old);
    expect([await codeOf(old), await codeOf(made.secret)]).toEqual(['VALID', 'VALID']);
    clock.set(start + 3_600_000 - 1);
    expect(await codeOf(old)).toBe('VALID');
    clock.set(start + 3_600_000);
    expect([await codeOf(old), await codeOf(made.secret)]).toEqual(['EXPIRED', 'VALID']);
    expect((await json(call(member(customer), 'GET', `/v1/keys/${id}`)))['former_until_at']).toBeNull();
    expect(notices.at(-1)).toMatchObject({ kind: 'key_rotated', customer_id: customer });
    clock.set(start);
  });

  test('0 seconds stop every older secret now; a later rotation never lets one live longer', async () => {
    const customer = await people.subscriber();
    const { id, secret: first } = await madeFor(customer);
    const second = await keys.rotate(null, id, { grace_seconds: 600 });
    const third = await keys.rotate(null, id, { grace_seconds: 86_400 });
    clock.set(start + 600_000);
    expect(await codeOf(first)).toBe('EXPIRED');
    expect(await codeOf(second.secret)).toBe('VALID');
    const fourth = await keys.rotate(null, id, { grace_seconds: 0 });
    expect([await codeOf(second.secret), await codeOf(third.secret), await codeOf(fourth.secret)]).toEqual([
      'EXPIRED',
      'EXPIRED',
      'VALID',
    ]);
    clock.set(start);
  });

  test('both secrets are one key: one budget, one limit, and a revocation stops both', async () => {
    const customer = await people.subscriber();
    const { id, secret: old } = await madeFor(customer);
    await keys.update(null, id, { budget: { limit: 2, window: '1d' } });
    const { secret } = await keys.rotate(null, id, { grace_seconds: 600 });
    expect([await codeOf(old), await codeOf(secret), await codeOf(old)]).toEqual(['VALID', 'VALID', 'RATE_LIMITED']);
    await keys.revoke(null, id);
    expect([await codeOf(old), await codeOf(secret)]).toEqual(['REVOKED', 'REVOKED']);
  });

  test('a first key that was rotated before it was shown is not shown any more', async () => {
    const customer = await people.subscriber();
    const minted = await db.transaction((tx) => keys.mintFirst(tx, customer));
    await keys.rotate(null, minted?.key_id ?? '', { grace_seconds: 600 });
    expect((await call(member(customer), 'POST', '/v1/keys/first')).status).toBe(404);
  });

  test('20 rotations at once leave one current secret, and the others stop', async () => {
    const customer = await people.subscriber();
    const { id } = await madeFor(customer);
    const made = await Promise.all(Array.from({ length: 20 }, () => keys.rotate(null, id, { grace_seconds: 0 })));
    const codes = await Promise.all(made.map(({ secret }) => codeOf(secret)));
    expect(codes.filter((code) => code === 'VALID')).toHaveLength(1);
    expect(codes.filter((code) => code === 'EXPIRED')).toHaveLength(19);
  });

  test('whoever sees the new secret is the customer or its seller: the seller’s people may not', async () => {
    const { policy } = await import('../accounts/policy.ts');
    expect(policy['POST /v1/keys/:id/rotate']).toEqual(['customer', 'seller']);
    expect(policy['POST /v1/keys/:id/reveal']).toEqual(['customer']);
  });

  test('an interleaving of verify, disable, rotate and revoke never brings a key back', async () => {
    const customer = await people.subscriber();
    const { id, secret } = await madeFor(customer);
    for (let round = 0; round < 200; round += 1) {
      await Promise.all([codeOf(secret), keys.update(null, id, { enabled: round % 2 === 0 }), codeOf(secret)]);
      expect(await codeOf(secret, { cost: 0 })).toBe(round % 2 === 0 ? 'VALID' : 'DISABLED');
    }
    await keys.revoke(null, id);
    await Promise.all([codeOf(secret), codeOf(secret)]);
    expect(await codeOf(secret)).toBe('REVOKED');
  });
});

describe('how many keys', () => {
  test('a plan’s own number counts, for new keys and for those that come back', async () => {
    const customer = await people.subscriber();
    most = 2;
    const first = await madeFor(customer);
    await keys.update(null, first.id, { expires_at: start + 1000 });
    await madeFor(customer);
    const refused = await call(member(customer), 'POST', '/v1/keys', { name: 'third' });
    expect(refused.status).toBe(409);
    expect((await json(refused))['detail']).toContain('plan allows 2 keys');
    clock.set(start + 1000);
    await madeFor(customer);
    const back = await call(member(customer), 'PATCH', `/v1/keys/${first.id}`, { expires_at: null });
    expect((await json(back))['code']).toBe('key_limit_reached');
    most = null;
    clock.set(start);
  });
});

describe('peppers', () => {
  const both = [{ id: 2, secret: 'pepper two' }, ...testPeppers];

  test('a key kept under an older pepper is moved when it is used, by the batch and not by the request', async () => {
    const customer = await people.subscriber();
    const { id, secret } = await madeFor(customer);
    const newer = node(both);
    const digest = async () => {
      const row = await db.kysely
        .selectFrom('api_key_secret')
        .select(['digest', 'pepper_id'])
        .where('key_id', '=', id)
        .executeTakeFirstOrThrow();
      return [row.pepper_id, row.digest.toString('hex')];
    };
    expect(await newer.codeOf(secret)).toBe('VALID');
    expect(await digest()).toEqual([1, hmacSha256('pepper one', secret).toString('hex')]);
    await newer.lastUsed.flush();
    expect(await digest()).toEqual([2, hmacSha256('pepper two', secret).toString('hex')]);
    // The process that moved it holds it still under the older digest; so does one that read it before.
    expect(await newer.codeOf(secret)).toBe('VALID');
    await newer.keys.update(null, id, { enabled: false });
    expect(await newer.codeOf(secret)).toBe('DISABLED');
    await newer.keys.update(null, id, { enabled: true });
    const retired = node([{ id: 2, secret: 'pepper two' }]);
    expect(await retired.codeOf(secret)).toBe('VALID');
    // What is still under the one that was left out is refused, and counted.
    expect(await retired.codeOf((await madeFor(customer)).secret)).toBe('NOT_FOUND');
    expect(await retired.keys.underUnknownPepper()).toBeGreaterThan(0);
    expect(await newer.keys.underUnknownPepper()).toBe(0);
  });

  test('a secret key moves likewise', async () => {
    const made = await keys.createSecretKey('server');
    const newer = node(both);
    expect(await newer.keys.verifySecretKey(made.secret)).toMatchObject({ id: made.id });
    await newer.keys.rehashSecretKeys();
    const retired = node([{ id: 2, secret: 'pepper two' }]);
    expect(await retired.keys.verifySecretKey(made.secret)).toMatchObject({ id: made.id });
  });

  test('a process that has the newer pepper second accepts what others made with it, and makes none', async () => {
    const customer = await people.subscriber();
    const second = node([...testPeppers, { id: 2, secret: 'pepper two' }]);
    const made = await node(both).keys.create(null, { customer_id: customer, name: 'new' });
    expect(await second.codeOf(made.secret)).toBe('VALID');
    await second.lastUsed.flush();
    const own = await second.keys.create(null, { customer_id: customer, name: 'own' });
    const kept = await second.keys.byPepper();
    expect(kept.find(({ pepper_id }) => pepper_id === 1)?.secrets).toBeGreaterThan(0);
    expect(await codeOf(own.secret)).toBe('VALID');
  });
});

test('GET /v1/key_pattern tells anybody how to find a key', async () => {
  const answer = await json(call({ type: 'anonymous' }, 'GET', '/v1/key_pattern'));
  const { secret } = await madeFor(await people.customer());
  expect(answer).toMatchObject({ object: 'key_pattern', brand: 'sky' });
  expect(new RegExp(String(answer['pattern'])).exec(`const key = "${secret}";`)?.[0]).toBe(secret);
});
