import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { cookieOf, sliceApp } from '../../test/slice-app.ts';
import { sha256 } from '../lib/secret.ts';

const db = await testDatabase();
const password = 'correct horse battery';
const newPassword = 'another long passphrase';

/** A person and everything needed to forget a password. */
async function forgetful(email: string) {
  const app = sliceApp(db);
  const { send } = app;
  const cookie = await app.signUp(email);
  const ask = async (address = email) =>
    await send('POST', '/auth/request-password-reset', { json: { email: address } });
  const reset = async (token: string, new_password = newPassword) =>
    await send('POST', '/auth/reset-password', { json: { token, new_password } });
  const signIn = async (claimed: string) =>
    await send('POST', '/auth/sign-in/email', { json: { email, password: claimed } });
  /** Asks, lets the letter go out and answers its token. */
  async function receive(): Promise<string> {
    await ask();
    const url = (await app.sendResetLetters()).at(-1)?.url ?? '';
    return new URLSearchParams(new URL(url).hash.slice(1)).get('token') ?? '';
  }
  return { ...app, cookie, ask, reset, signIn, receive };
}

describe('asking for a letter', () => {
  test('a known and an unknown address are answered alike, and the request asks nobody which it is', async () => {
    const { ask, askedResets, sendResetLetters } = await forgetful('vera@example.com');
    const known = await ask('Vera@Example.com');
    const unknown = await ask('nobody@example.com');
    expect([known.status, known.text]).toEqual([200, '{"ok":true}']);
    expect([unknown.status, unknown.text]).toEqual([known.status, known.text]);
    expect(askedResets).toEqual(['vera@example.com', 'nobody@example.com']);
    expect(await sendResetLetters()).toEqual([
      {
        user: { id: expect.stringMatching(/^user_/), name: 'Ada Lovelace', email: 'vera@example.com' },
        url: expect.stringMatching(/^http:\/\/localhost:4000\/reset-password#token=[0-9A-Za-z]{24,}$/),
        dedupe_key: expect.stringMatching(/^reset_password:user_\w+:[0-9a-f]{16}$/),
      },
    ]);
  });

  test('three letters in a quarter of an hour for one account, whether it exists or not', async () => {
    const { ask, clock } = await forgetful('olga@example.com');
    for (const email of ['olga@example.com', 'absent@example.com']) {
      const statuses = [];
      for (const spelled of [email, email.toUpperCase(), email, email]) statuses.push((await ask(spelled)).status);
      expect(statuses).toEqual([200, 200, 200, 429]);
    }
    clock.advance(15 * 60_000);
    expect((await ask()).status).toBe(200);
  });

  test('an address that asks for many accounts, or tries many tokens, is stopped', async () => {
    const { accounts } = sliceApp(db);
    const visit = (ip: string) => ({ headers: new Headers(), ip });
    for (let index = 0; index < 10; index += 1)
      await accounts.requestPasswordReset(visit(`2001:db8::${index}`), { email: `many${index}@example.com` });
    const eleventh = accounts.requestPasswordReset(visit('2001:db8::ff'), { email: 'many11@example.com' });
    await expect(eleventh).rejects.toMatchObject({ code: 'too_many_requests' });
    const guess = async () =>
      await accounts.resetPassword(visit('203.0.113.9'), { token: 'guess', new_password: newPassword });
    for (let index = 0; index < 20; index += 1) expect((await guess()).status).toBe(400);
    await expect(guess()).rejects.toMatchObject({ code: 'too_many_requests' });
  });

  test.each([
    ['no address', '/auth/request-password-reset', { email: 'nothing' }, 'email'],
    [
      'a place to go of its own',
      '/auth/request-password-reset',
      { email: 'a@b.example', redirectTo: '/x' },
      'redirectTo',
    ],
    ['a short password', '/auth/reset-password', { token: 'x', new_password: 'short' }, 'new_password'],
    ['no token', '/auth/reset-password', { new_password: newPassword }, 'token'],
  ])('%s is refused', async (_, path, json, param) => {
    const answer = await sliceApp(db).send('POST', path, { json });
    expect([answer.status, answer.json.code, answer.json.param]).toEqual([400, 'invalid_request', param]);
  });
});

describe('the letter', () => {
  test('sets a new password once: the old one and every old session are void', async () => {
    const { send, cookie, receive, reset, signIn } = await forgetful('ida@example.com');
    const other = cookieOf((await signIn(password)).response);
    const token = await receive();
    expect((await send('GET', '/v1/me', { cookie: other })).status).toBe(200);
    expect(await reset(token)).toMatchObject({ status: 200, json: { ok: true } });
    for (const old of [cookie, other]) expect((await send('GET', '/v1/me', { cookie: old })).status).toBe(401);
    expect((await signIn(password)).status).toBe(401);
    expect((await signIn(newPassword)).status).toBe(200);
    expect(await reset(token, 'a third long password')).toMatchObject({
      status: 403,
      json: { code: 'reset_link_invalid' },
    });
    expect((await signIn(newPassword)).status).toBe(200);
  });

  test('of fifty simultaneous uses one succeeds', async () => {
    const { receive, reset, signIn } = await forgetful('fifty@example.com');
    const token = await receive();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => (await reset(token, `long password ${index}`)).status),
    );
    // On a machine too busy to hand out fifty connections in time some are told to try again; none is let in.
    expect(answers.filter((status) => status !== 503).toSorted((a, b) => a - b)).toEqual([
      200,
      ...answers.flatMap((status) => (status === 403 ? [403] : [])),
    ]);
    expect((await signIn(`long password ${answers.indexOf(200)}`)).status).toBe(200);
  });

  test('lives for an hour; an expired, an unknown and a used link are refused alike', async () => {
    const { receive, reset, signIn } = await forgetful('late@example.com');
    const token = await receive();
    const row = await db.kysely.selectFrom('auth_verification').selectAll().executeTakeFirstOrThrow();
    expect(row.expires_at.getTime() - row.created_at.getTime()).toBeLessThanOrEqual(3_600_000 + 1_000);
    await db.kysely
      .updateTable('auth_verification')
      .set({ expires_at: new Date(row.created_at.getTime() - 1) })
      .execute();
    const late = await reset(token);
    const unknown = await reset('AAAAAAAAAAAAAAAAAAAAAAAA');
    expect([late.status, late.json.code]).toEqual([403, 'reset_link_invalid']);
    expect({ ...late.json, request_id: '' }).toEqual({ ...unknown.json, request_id: '' });
    expect((await signIn(password)).status).toBe(200);
  });

  test('one use voids the other letters of the person, and nobody else’s', async () => {
    const first = await forgetful('two-letters@example.com');
    const older = await first.receive();
    const newer = await first.receive();
    const stranger = await forgetful('one-letter@example.com');
    const theirs = await stranger.receive();
    expect((await first.reset(newer)).status).toBe(200);
    expect((await first.reset(older)).status).toBe(403);
    expect((await stranger.reset(theirs)).status).toBe(200);
  });

  test('a short password leaves the link good for another try', async () => {
    const { receive, reset } = await forgetful('again@example.com');
    const token = await receive();
    expect((await reset(token, 'short')).status).toBe(400);
    expect((await reset(token)).status).toBe(200);
  });

  test('opens an account that too many guesses had closed', async () => {
    const { receive, reset, signIn } = await forgetful('guessed@example.com');
    for (let index = 0; index < 10; index += 1) await signIn(`guess number ${index}`);
    expect((await signIn(password)).status).toBe(429);
    await reset(await receive());
    expect((await signIn(newPassword)).status).toBe(200);
  });

  test('works for an operator, and the audit log says who', async () => {
    const { accounts, send, signInOperator, sendResetLetters } = sliceApp(db);
    await db.kysely.deleteFrom('operator').execute();
    const cookie = await signInOperator('forgot@seller.example');
    await send('POST', '/auth/request-password-reset', { json: { email: 'forgot@seller.example' } });
    const [letter] = await sendResetLetters();
    const token = letter?.url.split('#token=')[1];
    await send('POST', '/auth/reset-password', { json: { token, new_password: newPassword } });
    expect((await send('GET', '/v1/me', { cookie })).status).toBe(401);
    const entry = { actor: `operator:${letter?.user.id}`, object_id: letter?.user.id, customer_id: null, detail: {} };
    expect(await audited(letter?.user.id)).toMatchObject([entry]);
    const json = { email: 'forgot@seller.example', password: newPassword };
    const again = cookieOf((await send('POST', '/auth/sign-in/email', { json })).response);
    expect((await accounts.findSession(new Headers({ cookie: again })))?.type).toBe('operator');
  });

  test('a reader of the database or of the log gets no link out of it, and the log no password', async () => {
    const { receive, reset, lines } = await forgetful('reader@example.com');
    const token = await receive();
    const rows = await db.kysely.selectFrom('auth_verification').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token);
    for (const { identifier } of rows) expect((await reset(identifier)).status).toBe(403);
    expect((await reset(sha256(token).toString('base64url'))).status).toBe(403);
    await reset(token, 'canary-password-3');
    for (const secret of [token, 'canary']) expect(lines.join('')).not.toContain(secret);
  });

  test('a reset of a customer is in the audit log under that customer', async () => {
    const { send, receive, reset, signIn } = await forgetful('audit@example.com');
    await reset(await receive());
    const cookie = cookieOf((await signIn(newPassword)).response);
    const { user, customer } = (await send('GET', '/v1/me', { cookie })).json;
    expect(await audited(user.id)).toMatchObject([{ actor: `customer:${customer.id}`, customer_id: customer.id }]);
  });
});

async function audited(user_id: string | undefined) {
  return await db.kysely
    .selectFrom('audit_entry')
    .selectAll()
    .where('action', '=', 'password.reset')
    .where('object_id', '=', user_id ?? '')
    .execute();
}
