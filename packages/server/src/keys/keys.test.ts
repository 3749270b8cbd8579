import { keyPattern, parseKey } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, createTestApp, member, seller } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { hmacSha256 } from '../lib/secret.ts';
import { createLastUsed } from './last-used.ts';
import { createKeyRoutes } from './routes.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 10, 12));
let changes = 0;
const { keys } = createTestKeys({ db, clock, changed: async () => void (changes += 1) });
const people = createSubscribers(db, clock);
const { call } = createTestApp({ clock, routes: [createKeyRoutes({ keys, clock, brand: 'sky' })] });

interface Answer {
  id: string;
  secret: string;
  status: string | number;
  code: string;
  param: string;
  request_id: string;
  data: { id: string; status: string }[];
  has_more: boolean;
  next_cursor: string | null;
  errors: { param: string }[];
}

async function answerOf(response: Response): Promise<Answer> {
  const answer: Answer = JSON.parse(await response.text());
  return answer;
}

async function secretOf(keyId: string) {
  return await db.kysely.selectFrom('api_key_secret').selectAll().where('key_id', '=', keyId).executeTakeFirstOrThrow();
}

async function gateVersion(): Promise<number> {
  return (await db.kysely.selectFrom('gate_version').select('version').executeTakeFirstOrThrow()).version;
}

describe('POST /v1/keys', () => {
  test('201 with a secret that is in no other answer and in no row', async () => {
    const customer = await people.customer();
    const before = { changes, version: await gateVersion() };
    const response = await call(member(customer), 'POST', '/v1/keys', { name: '  Laptop ', scopes: ['forecast'] });
    expect(response.status).toBe(201);
    const made = await answerOf(response);
    expect(made).toMatchObject({
      object: 'api_key',
      customer_id: customer,
      name: 'Laptop',
      scopes: ['forecast'],
      status: 'active',
      livemode: false,
      last_used_at: null,
    });
    expect(parseKey(made.secret, 'sky')).toMatchObject({ env: 'test' });
    expect(made.secret).toMatch(new RegExp(keyPattern('sky')));
    expect(changes).toBe(before.changes + 1);
    expect(await gateVersion()).toBe(before.version + 1);

    const listed = await (await call(member(customer), 'GET', '/v1/keys')).text();
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.secret);
    const row = await secretOf(made.id);
    expect(row.digest).toEqual(hmacSha256('pepper one', made.secret));
    expect(JSON.stringify(row)).not.toContain(made.secret);
    const audit = await db.kysely.selectFrom('audit_entry').selectAll().where('object_id', '=', made.id).execute();
    expect(audit).toMatchObject([{ action: 'api_key.created', actor: `customer:${customer}`, customer_id: customer }]);
    expect(JSON.stringify(audit)).not.toContain(made.secret);
  });

  test('the seller makes one for the customer it names, and for nobody without a name', async () => {
    const customer = await people.customer();
    const made = await answerOf(await call(seller, 'POST', '/v1/keys', { name: 'CI', customer_id: customer }));
    expect(made).toMatchObject({ customer_id: customer });
    const unnamed = await call(seller, 'POST', '/v1/keys', { name: 'CI' });
    expect(unnamed.status).toBe(400);
    expect(await answerOf(unnamed)).toMatchObject({ code: 'invalid_request', param: 'customer_id' });
  });

  test('400 that names each unknown field: no caller sets what is not its to set', async () => {
    const customer = await people.customer();
    for (const field of ['livemode', 'digest', 'revoked_at', 'id', 'last_used_at', 'rate_limit', 'created_at']) {
      const response = await call(member(customer), 'POST', '/v1/keys', { name: 'x', [field]: true });
      expect(response.status).toBe(400);
      expect(await answerOf(response)).toMatchObject({ code: 'invalid_request', param: field });
    }
    expect(await keys.list({ customer_id: customer, limit: 5 })).toEqual([]);
  });

  test('400 for names, scopes, addresses and expiries that are none', async () => {
    const customer = await people.customer();
    const faulty: [string, unknown][] = [
      ['name', ''],
      ['name', 'a\u0007b'],
      ['name', 'x'.repeat(101)],
      ['scopes[0]', ['All Of It']],
      ['allowed_cidrs[0]', ['203.0.113.0/33']],
      ['expires_at', '2026-13-01T00:00:00Z'],
      ['expires_at', '2020-01-01T00:00:00Z'],
    ];
    for (const [param, value] of faulty) {
      const field = param.replace('[0]', '');
      const response = await call(member(customer), 'POST', '/v1/keys', { name: 'x', [field]: value });
      expect([param, response.status]).toEqual([param, 400]);
      expect(await answerOf(response)).toMatchObject({ param });
    }
  });

  test('409 beyond 100 live keys, however many ask at once; a revoked key makes room', async () => {
    const customer = await people.customer();
    for (let count = 0; count < 97; count += 1) await keys.create(null, { customer_id: customer, name: `k${count}` });
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => keys.create(null, { customer_id: customer, name: `race ${index}` })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const refused = await call(member(customer), 'POST', '/v1/keys', { name: 'one more' });
    expect(refused.status).toBe(409);
    expect((await answerOf(refused)).code).toBe('key_limit_reached');
    const [last] = await keys.list({ customer_id: customer, limit: 1 });
    await keys.revoke(customer, last?.id ?? '');
    expect((await call(member(customer), 'POST', '/v1/keys', { name: 'one more' })).status).toBe(201);
  });
});

describe('whose keys', () => {
  test('401 for nobody, 403 for nobody’s first key', async () => {
    for (const [method, path] of [
      ['GET', '/v1/keys'],
      ['POST', '/v1/keys'],
      ['POST', '/v1/keys/key_1/revoke'],
      ['POST', '/v1/keys/first'],
    ] as const) {
      const response = await call({ type: 'anonymous' }, method, path, method === 'POST' ? { name: 'x' } : undefined);
      expect([path, response.status]).toEqual([path, 401]);
    }
    expect((await call(seller, 'POST', '/v1/keys/first')).status).toBe(403);
  });

  test('404 for another customer’s key, word for word as for one that does not exist, and it goes on working', async () => {
    const [own, other] = [await people.customer(), await people.customer()];
    const { key } = await keys.create(null, { customer_id: other, name: 'theirs' });
    const answers = [];
    for (const id of [key.id, 'key_0000']) {
      for (const [method, path] of [
        ['POST', `/v1/keys/${id}/revoke`],
        ['GET', `/v1/keys/${id}`],
      ] as const) {
        const { request_id: _, ...rest } = await answerOf(await call(member(own), method, path));
        answers.push(rest);
      }
    }
    expect(answers[0]).toMatchObject({ status: 404, code: 'not_found' });
    expect(answers).toEqual([answers[0], answers[0], answers[0], answers[0]]);
    expect((await call(member(other), 'GET', `/v1/keys/${key.id}`)).status).toBe(200);
    expect((await keys.get(other, key.id)).revoked_at).toBeNull();
  });

  test('404 for another customer’s list and for making it a key', async () => {
    const [own, other] = [await people.customer(), await people.customer()];
    for (const id of [other, 'cust_0000']) {
      const responses = [
        await call(member(own), 'GET', `/v1/keys?customer_id=${id}`),
        await call(member(own), 'POST', '/v1/keys', { name: 'x', customer_id: id }),
      ];
      for (const response of responses) {
        expect(response.status).toBe(404);
        expect(await answerOf(response)).toMatchObject({ code: 'not_found', detail: 'There is no such customer.' });
      }
    }
    expect((await call(seller, 'GET', '/v1/keys?customer_id=cust_0000')).status).toBe(404);
    expect(await keys.list({ customer_id: other, limit: 5 })).toEqual([]);
  });
});

describe('GET /v1/keys', () => {
  test('pages run from the newest to the oldest and miss none, also within one millisecond', async () => {
    const customer = await people.customer();
    const made: string[] = [];
    for (let count = 0; count < 7; count += 1) {
      if (count % 3 === 0) clock.advance(1000);
      made.push((await keys.create(null, { customer_id: customer, name: `k${count}` })).key.id);
    }
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const after: string = next === '' ? '' : `&starting_after=${next}`;
      const page = await answerOf(await call(member(customer), 'GET', `/v1/keys?limit=2${after}`));
      seen.push(...page.data.map(({ id }) => id));
      expect(page.has_more).toBe(page.next_cursor !== null);
      next = page.next_cursor;
    }
    expect(seen).toHaveLength(7);
    expect(seen.toSorted()).toEqual(made.toSorted());
  });

  test('says what a key is now: expired when its time has come', async () => {
    const customer = await people.customer();
    await keys.create(null, { customer_id: customer, name: 'short', expires_at: clock.now() + 1000 });
    expect((await answerOf(await call(member(customer), 'GET', '/v1/keys'))).data[0]?.status).toBe('active');
    clock.advance(1000);
    expect((await answerOf(await call(member(customer), 'GET', '/v1/keys'))).data[0]?.status).toBe('expired');
  });
});

describe('POST /v1/keys/{id}/revoke', () => {
  test('is for ever: asking again changes nothing and tells the audit log once', async () => {
    const customer = await people.customer();
    const { key } = await keys.create(null, { customer_id: customer, name: 'old' });
    const first = await answerOf(await call(member(customer), 'POST', `/v1/keys/${key.id}/revoke`));
    expect(first.status).toBe('revoked');
    const { revoked_at } = await keys.get(customer, key.id);
    clock.advance(5000);
    expect((await call(seller, 'POST', `/v1/keys/${key.id}/revoke`)).status).toBe(200);
    expect((await keys.get(customer, key.id)).revoked_at).toEqual(revoked_at);
    const audit = await db.kysely
      .selectFrom('audit_entry')
      .select('actor')
      .where('object_id', '=', key.id)
      .where('action', '=', 'api_key.revoked')
      .execute();
    expect(audit).toEqual([{ actor: `customer:${customer}` }]);
  });
});

describe('the first key', () => {
  test('is minted once, however many payments say so at once', async () => {
    const customer = await people.customer();
    const minted = await Promise.all(
      Array.from({ length: 20 }, () => db.transaction((tx) => keys.mintFirst(tx, customer))),
    );
    expect(minted.filter((one) => one !== null)).toHaveLength(1);
    expect(await keys.list({ customer_id: customer, limit: 5 })).toHaveLength(1);
  });

  test('50 concurrent calls show one secret, and a later one finds nothing', async () => {
    const customer = await people.customer();
    await db.transaction((tx) => keys.mintFirst(tx, customer));
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => call(member(customer), 'POST', '/v1/keys/first')),
    );
    const shown = responses.filter(({ status }) => status === 200);
    expect(shown).toHaveLength(1);
    expect(responses.filter(({ status }) => status === 404)).toHaveLength(49);
    const { secret, id } = await answerOf(shown[0]!);
    const row = await secretOf(id);
    expect(row.digest).toEqual(hmacSha256('pepper one', secret));
    expect((await call(member(customer), 'POST', '/v1/keys/first')).status).toBe(404);
    expect(await db.transaction((tx) => keys.mintFirst(tx, customer))).toBeNull();
  });

  test('waits sealed: the row does not hold its text', async () => {
    const customer = await people.customer();
    const minted = await db.transaction((tx) => keys.mintFirst(tx, customer));
    const { sealed } = await secretOf(minted?.key_id ?? '');
    expect(sealed?.toString('latin1')).not.toContain('sky_test_');
    expect((await keys.revealFirst(customer))?.secret).toMatch(/^sky_test_/);
    const after = await secretOf(minted?.key_id ?? '');
    expect(after.sealed).toBeNull();
  });

  test('is not shown after a week, nor when it was revoked before', async () => {
    const [late, revoked] = [await people.customer(), await people.customer()];
    const waiting = await db.transaction((tx) => keys.mintFirst(tx, late));
    const minted = await db.transaction((tx) => keys.mintFirst(tx, revoked));
    await keys.revoke(revoked, minted?.key_id ?? '');
    expect(await keys.revealFirst(revoked)).toBeNull();
    clock.advance(7 * 86_400_000);
    expect(await keys.revealFirst(late)).toBeNull();
    expect((await keys.tidy()).dropped).toBeGreaterThanOrEqual(1);
    const row = await secretOf(waiting?.key_id ?? '');
    expect(row.sealed).toBeNull();
  });

  test('is not minted when the transaction that wanted it fails', async () => {
    const customer = await people.customer();
    const failed = db.transaction(async (tx) => {
      await keys.mintFirst(tx, customer);
      throw new Error('the payment was not written');
    });
    await expect(failed).rejects.toThrow('the payment was not written');
    expect(await keys.revealFirst(customer)).toBeNull();
    expect(await keys.list({ customer_id: customer, limit: 5 })).toEqual([]);
  });
});

describe('secret keys', () => {
  test('are known by their text, and one character off is not', async () => {
    const made = await keys.createSecretKey('server');
    expect(made.secret).toMatch(/^fbx_sk_test_[0-9A-Za-z]{36}$/);
    expect(await keys.verifySecretKey(made.secret)).toEqual({ id: made.id, livemode: false });
    expect(await keys.verifySecretKey(`${made.secret.slice(0, -1)}?`)).toBeNull();
    expect(await keys.verifySecretKey('')).toBeNull();
    const row = await db.kysely
      .selectFrom('secret_key')
      .selectAll()
      .where('id', '=', made.id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(made.secret);
  });

  test('a revoked one stops at once here, and within a second where nobody was told', async () => {
    const { keys: elsewhere } = createTestKeys({ db, clock });
    const made = await keys.createSecretKey('server');
    expect(await elsewhere.verifySecretKey(made.secret)).not.toBeNull();
    await keys.revokeSecretKey(made.id);
    expect(await keys.verifySecretKey(made.secret)).toBeNull();
    clock.advance(1000);
    expect(await elsewhere.verifySecretKey(made.secret)).toBeNull();
  });

  test('one made under an older pepper is found while that pepper is kept', async () => {
    const made = await keys.createSecretKey('server');
    const { keys: rotated } = createTestKeys({ db, clock, peppers: [{ id: 2, secret: 'pepper two' }, ...testPeppers] });
    expect(await rotated.verifySecretKey(made.secret)).toMatchObject({ id: made.id });
    const made2 = await rotated.createSecretKey('server');
    expect(await keys.verifySecretKey(made2.secret)).toBeNull();
  });
});

describe('last use', () => {
  test('is written in batches and never moves back, with several writers at once', async () => {
    const customer = await people.customer();
    const made = [];
    for (let count = 0; count < 20; count += 1)
      made.push((await keys.create(null, { customer_id: customer, name: `k${count}` })).key.id);
    const log = { warn: () => undefined };
    const nodes = Array.from({ length: 4 }, () => createLastUsed({ db, log, peppers: testPeppers }));
    const at = clock.now();
    for (let round = 0; round < 10; round += 1) {
      for (const [index, node] of nodes.entries()) {
        const order = index % 2 === 0 ? made : made.toReversed();
        for (const id of order) node.touch(id, at + ((round * 7 + index * 3) % 11) * 1000);
      }
      await Promise.all(nodes.map((node) => node.flush()));
    }
    const rows = await db.kysely
      .selectFrom('api_key')
      .select('last_used_at')
      .where('customer_id', '=', customer)
      .execute();
    expect(new Set(rows.map(({ last_used_at }) => last_used_at?.getTime()))).toEqual(new Set([at + 10_000]));
  });

  test('writes neither state nor revocation: a use after the revocation brings no key back', async () => {
    const customer = await people.customer();
    const { key } = await keys.create(null, { customer_id: customer, name: 'gone' });
    const lastUsed = createLastUsed({ db, log: { warn: () => undefined }, peppers: testPeppers });
    lastUsed.touch(key.id, clock.now());
    await keys.revoke(customer, key.id);
    await lastUsed.close();
    const row = await keys.get(customer, key.id);
    expect(row.revoked_at).not.toBeNull();
    expect(row.last_used_at).not.toBeNull();
  });
});
