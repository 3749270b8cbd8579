import { expect, test } from 'vitest';
import { testApp } from '../harness.ts';

const farebox = await testApp();

test('somebody who forgot the password gets back in through the mail; a stranger’s address gets none', async () => {
  const known = await farebox.signUp('forgetful@example.com');
  const visitor = farebox.visitor();
  for (const email of ['forgetful@example.com', 'stranger@example.com'])
    expect(await visitor.post('/auth/request-password-reset', { email })).toEqual({ ok: true });
  await farebox.app.queue.idle();
  const mails = await farebox.db.kysely
    .selectFrom('inbox_mail')
    .select(['recipient', 'text'])
    .where('subject', '=', 'Set a new password for Skycast')
    .execute();
  expect(mails.map((mail) => mail.recipient)).toEqual(['forgetful@example.com']);
  const link = new URL(/http:\S+\/reset-password#token=\w+/.exec(mails[0]?.text ?? '')?.[0] ?? '');
  expect((await visitor.request('GET', link.pathname)).status).toBe(200);
  const token = link.hash.slice('#token='.length);
  await visitor.post('/auth/reset-password', { token, new_password: 'a newer long password' });
  expect((await known.request('GET', '/v1/me')).status).toBe(401);
  await visitor.post('/auth/sign-in/email', { email: 'forgetful@example.com', password: 'a newer long password' });
  expect((await visitor.get('/v1/me')).user.email).toBe('forgetful@example.com');
});
