import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { sha256 } from '../lib/secret.ts';
import { createOperators } from './operators.ts';
import { cookieOf, sliceApp, testSecretKey } from '../../test/slice-app.ts';

const db = await testDatabase();
const password = 'correct horse battery';

describe('people', () => {
  test('signing up makes a person, a session, a customer and one letter', async () => {
    const { send, signUp, letters } = sliceApp(db);
    const cookie = await signUp('ada@example.com');
    const me = await send('GET', '/v1/me', { cookie });
    expect(me.json).toEqual({
      user: {
        id: expect.stringMatching(/^user_/),
        name: 'Ada Lovelace',
        email: 'ada@example.com',
        email_verified: false,
      },
      customer: { id: expect.stringMatching(/^cust_/), name: 'Ada Lovelace', email: 'ada@example.com' },
      operator: null,
      portal: null,
    });
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      user: { email: 'ada@example.com' },
      url: expect.stringContaining('/auth/verify-email?token='),
    });
  });

  test('the letter confirms the address and leads to /verify; a forged one says so', async () => {
    const { send, signUp, letters } = sliceApp(db);
    const cookie = await signUp('grace@example.com');
    const link = new URL(letters[0]!.url);
    const answer = await send('GET', `${link.pathname}${link.search}`);
    expect([answer.status, answer.response.headers.get('location')]).toEqual([302, '/verify']);
    expect((await send('GET', '/v1/me', { cookie })).json.user.email_verified).toBe(true);
    const forged = await send('GET', `${link.pathname}?token=${link.searchParams.get('token')!.slice(0, -3)}abc`);
    expect(forged.response.headers.get('location')).toBe('/verify?error=INVALID_TOKEN');
    const redirected = await send('GET', `${link.pathname}${link.search}&callbackURL=//evil.example`);
    expect(redirected.status).toBe(400);
  });

  test('the session is in an HttpOnly SameSite cookie and nowhere in a body', async () => {
    const { send } = sliceApp(db);
    const json = { name: 'Joan', email: 'joan@example.com', password };
    const answer = await send('POST', '/auth/sign-up/email', { json });
    const cookie = answer.response.headers.getSetCookie().find((line) => line.includes('session_token'))!;
    expect(cookie).toMatch(/^farebox\.session_token=.+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(answer.text).not.toContain(decodeURIComponent(cookieOf(answer.response)).split('=')[1]!.split('.')[0]);
  });

  test('over https the cookie is bound to the host', async () => {
    const { send, signUp } = sliceApp(db, { base_url: 'https://pay.example.com' });
    const json = { name: 'Joan', email: 'joan2@example.com', password };
    const answer = await send('POST', '/auth/sign-up/email', { json });
    const line = answer.response.headers.getSetCookie().find((cookie) => cookie.includes('session_token'));
    expect(line).toMatch(/^__Host-farebox\.session_token=.+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    expect(line).not.toMatch(/domain/i);
    expect((await send('GET', '/v1/me', { cookie: await signUp('joan3@example.com') })).status).toBe(200);
    expect(answer.response.headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
  });

  test('an ended session opens nothing, at once', async () => {
    const { send, signUp } = sliceApp(db);
    const cookie = await signUp('kurt@example.com');
    expect((await send('POST', '/auth/sign-out', { cookie, json: {} })).status).toBe(200);
    expect((await send('GET', '/v1/me', { cookie })).status).toBe(401);
    const other = await signUp('kurt2@example.com');
    await db.kysely.deleteFrom('auth_session').execute();
    expect((await send('GET', '/v1/me', { cookie: other })).json.code).toBe('unauthenticated');
  });

  test('signing in makes a new session and ends the one the browser came with', async () => {
    const { send, signUp } = sliceApp(db);
    const before = await signUp('emmy@example.com');
    const answer = await send('POST', '/auth/sign-in/email', {
      cookie: before,
      json: { email: 'emmy@example.com', password },
    });
    const after = cookieOf(answer.response);
    expect(after).not.toBe(before);
    expect((await send('GET', '/v1/me', { cookie: after })).status).toBe(200);
    expect((await send('GET', '/v1/me', { cookie: before })).status).toBe(401);
  });

  test('an unknown address and a wrong password are refused alike', async () => {
    const { send, signUp } = sliceApp(db);
    await signUp('mary@example.com');
    const wrong = await send('POST', '/auth/sign-in/email', {
      json: { email: 'mary@example.com', password: 'not hers at all' },
    });
    const unknown = await send('POST', '/auth/sign-in/email', {
      json: { email: 'nobody@example.com', password: 'not hers at all' },
    });
    expect(wrong.status).toBe(401);
    expect({ ...wrong.json, request_id: '' }).toEqual({ ...unknown.json, request_id: '' });
  });

  test('ten wrong passwords close an account for a while, for everybody who guesses', async () => {
    const { send, signUp, clock } = sliceApp(db);
    await signUp('lise@example.com');
    const guess = async (claimed: string) =>
      (await send('POST', '/auth/sign-in/email', { json: { email: 'LISE@example.com', password: claimed } })).status;
    const guesses = await Promise.all(
      Array.from({ length: 14 }, async (_, index) => await guess(`guess number ${index}`)),
    );
    expect(guesses.toSorted((a, b) => a - b)).toEqual([...Array<number>(10).fill(401), ...Array<number>(4).fill(429)]);
    expect(await guess(password)).toBe(429);
    clock.advance(15 * 60_000);
    expect(await guess(password)).toBe(200);
  });

  test.each([
    ['a short password', { name: 'A', email: 'p@example.com', password: 'short' }, 'password'],
    ['a name of two lines', { name: 'A\r\nBcc: x@example.com', email: 'p@example.com', password }, 'name'],
    ['no address', { name: 'A', email: 'nothing', password }, 'email'],
    [
      'a field that is not theirs to set',
      { name: 'A', email: 'p@example.com', password, emailVerified: true },
      'emailVerified',
    ],
    [
      'a foreign return address',
      { name: 'A', email: 'p@example.com', password, callbackURL: '//evil.example' },
      'callbackURL',
    ],
  ])('signing up is refused with %s', async (_, json, param) => {
    const { send } = sliceApp(db);
    const answer = await send('POST', '/auth/sign-up/email', { json });
    expect([answer.status, answer.json.code, answer.json.param]).toEqual([400, 'invalid_request', param]);
  });

  test('a taken address is refused in words', async () => {
    const { send, signUp } = sliceApp(db);
    await signUp('rosa@example.com');
    const answer = await send('POST', '/auth/sign-up/email', {
      json: { name: 'R', email: 'Rosa@example.com', password },
    });
    expect([answer.status, answer.response.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(answer.json.detail).toMatch(/already exists/);
  });

  test('a person whose customer was never made gets one, once, from many requests at once', async () => {
    const { send, signUp } = sliceApp(db);
    const cookie = await signUp('hedy@example.com');
    const { customer } = (await send('GET', '/v1/me', { cookie })).json;
    await db.kysely.deleteFrom('customer').where('id', '=', customer.id).execute();
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await send('GET', '/v1/me', { cookie })));
    expect(new Set(answers.map((answer) => answer.json.customer.id)).size).toBe(1);
    const rows = await db.kysely.selectFrom('customer').where('email', '=', 'hedy@example.com').select('id').execute();
    expect(rows).toHaveLength(1);
  });

  test('better-auth has no other doors', async () => {
    const { send, signUp } = sliceApp(db);
    const cookie = await signUp('doors@example.com');
    for (const path of ['/auth/get-session', '/auth/list-sessions', '/auth/ok', '/auth/error', '/auth/reference']) {
      expect((await send('GET', path, { cookie })).status).toBe(404);
    }
    for (const path of ['/auth/update-user', '/auth/delete-user', '/auth/change-email', '/auth/sign-in/social']) {
      expect((await send('POST', path, { cookie, json: {} })).status).toBe(404);
    }
  });

  test('no password, token or cookie gets into the log', async () => {
    const { send, signUp, lines, letters } = sliceApp(db);
    const cookie = await signUp('log@example.com', 'canary-password-1');
    await send('POST', '/auth/sign-in/email', { json: { email: 'log@example.com', password: 'canary-password-2' } });
    await send('GET', '/v1/customers', { cookie });
    await send('GET', '/v1/customers', { bearer: 'fbx_sk_test_canarycanarycanarycanary' });
    const log = lines.join('');
    expect(log).toContain('access denied');
    for (const secret of ['canary', cookie.split('=')[1]!, letters[0]!.url.split('token=')[1]!])
      expect(log).not.toContain(secret);
  });
});

describe('the first operator', () => {
  test('of fifty simultaneous uses of the token one makes an operator', async () => {
    const fresh = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    const token = await fresh.accounts.operators.issueFirstRunToken();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const json = { token, name: 'Op', email: `op${index}@seller.example`, password: 'an operator password' };
        return (await fresh.send('POST', '/v1/operators/first_run', { json })).status;
      }),
    );
    expect(answers.toSorted((a, b) => a - b)).toEqual([201, ...Array<number>(49).fill(403)]);
    expect(await db.kysely.selectFrom('operator').selectAll().execute()).toHaveLength(1);
    expect(await fresh.accounts.operators.issueFirstRunToken()).toBeNull();
  });

  test('a newer token voids the older, a failed use keeps the token, and the operator signs in without a customer', async () => {
    const { accounts, send, signUp } = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    await signUp('taken@example.com');
    const older = await accounts.operators.issueFirstRunToken();
    const token = await accounts.operators.issueFirstRunToken();
    const use = async (used: string | null, email: string) =>
      await send('POST', '/v1/operators/first_run', { json: { token: used, name: 'Op', email, password } });
    expect((await use(older, 'boss@seller.example')).json.code).toBe('first_run_token_invalid');
    expect((await use(token, 'taken@example.com')).json.param).toBe('email');
    expect((await use(token, 'Boss@seller.example')).status).toBe(201);
    expect((await use(token, 'boss2@seller.example')).status).toBe(403);
    const signedIn = await send('POST', '/auth/sign-in/email', { json: { email: 'boss@seller.example', password } });
    const me = await send('GET', '/v1/me', { cookie: cookieOf(signedIn.response) });
    expect(me.json).toMatchObject({ customer: null, operator: { role: 'owner' } });
    const audited = await db.kysely
      .selectFrom('audit_entry')
      .where('action', '=', 'operator.created')
      .selectAll()
      .execute();
    expect(audited.length).toBeGreaterThan(0);
  });

  test('several tokens, should several ever be valid, make one operator', async () => {
    const { clock, accounts } = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    const tokens = Array.from({ length: 8 }, (_, index) => `token ${index}`);
    const rows = tokens.map((token) => ({ digest: sha256(token), created_at: new Date(0) }));
    await db.kysely.insertInto('first_run_token').values(rows).execute();
    const operators = createOperators({ db, clock, audit: accounts.audit, hashPassword: async () => 'hash' });
    const made = await Promise.allSettled(
      tokens.map(async (token, index) => {
        const email = `several${index}@seller.example`;
        return await operators.redeemFirstRunToken({ token, name: 'Op', email, password });
      }),
    );
    expect(made.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await db.kysely.selectFrom('operator').selectAll().execute()).toHaveLength(1);
  });

  test('tokens are kept as digests only', async () => {
    const { accounts } = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    const token = await accounts.operators.issueFirstRunToken();
    const rows = await db.kysely.selectFrom('first_run_token').selectAll().execute();
    expect(JSON.stringify(rows.map((row) => row.digest.toString('latin1')))).not.toContain(token);
    expect(rows).toHaveLength(1);
  });
});

describe('credentials', () => {
  test('a secret key beside a session is refused', async () => {
    const { send, signUp } = sliceApp(db);
    const cookie = await signUp('two@example.com');
    const answer = await send('GET', '/v1/customers', { cookie, bearer: testSecretKey });
    expect([answer.status, answer.json.code]).toEqual([400, 'ambiguous_key']);
  });

  test('an unknown secret key is refused everywhere', async () => {
    const { send } = sliceApp(db);
    expect((await send('GET', '/v1/customers', { bearer: 'fbx_sk_test_unknown' })).status).toBe(401);
  });
});
