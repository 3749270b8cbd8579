import { createServer } from 'node:net';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { startMailServer } from '../../test/mail-server.ts';
import { fakeClock } from '../lib/clock.ts';
import type { Mail } from '../ports.ts';
import { createInboxMailer } from './inbox.ts';
import { createSmtpMailer } from './smtp.ts';

const db = await testDatabase();
const server = await startMailServer();
afterAll(() => server.close());
beforeEach(() => void (server.received.length = 0));

const smtp = createSmtpMailer({ url: server.url });
const inbox = createInboxMailer({ db, clock: fakeClock(1_000) });

const mail: Mail = {
  id: 'notc_1',
  from: 'Skycast <billing@skycast.example>',
  to: 'ada@example.com',
  subject: 'Grüße: your receipt',
  html: '<p>Hello Ada, that is 5&nbsp;€</p>',
  text: 'Hello Ada, that is 5 €',
};

test('a mail arrives as it was written, in both versions', async () => {
  await smtp.send(mail);
  expect(server.received).toHaveLength(1);
  const { mail: got, to } = server.received[0] ?? {};
  expect(to).toEqual(['ada@example.com']);
  expect(got?.subject).toBe('Grüße: your receipt');
  expect(got?.from?.text).toBe('"Skycast" <billing@skycast.example>');
  expect(got?.html).toContain('<p>Hello Ada, that is 5&nbsp;€</p>');
  expect(got?.text?.trim()).toBe('Hello Ada, that is 5 €');
});

test('a repeated send carries the same Message-ID', async () => {
  await smtp.send(mail);
  await smtp.send(mail);
  expect(server.received.map(({ mail: got }) => got.messageId)).toEqual(Array(2).fill('<notc_1@skycast.example>'));
});

test('no field can add a header or a recipient: the set of headers is constant', async () => {
  const bad = 'x\r\nBcc: everybody@example.com';
  for (const changed of [
    { subject: bad },
    { to: `a@b.example${bad}` },
    { from: `${bad} <a@b.example>` },
    { id: bad },
  ]) {
    await expect(smtp.send({ ...mail, ...changed })).rejects.toThrow('control character');
    await expect(inbox.send({ ...mail, ...changed })).rejects.toThrow('control character');
  }
  for (const to of [
    'a@b.example, c@d.example',
    'Ada <a@b.example>',
    'nobody',
    'a@b.example;c@d.example',
    '"x" a@b.example',
  ]) {
    await expect(smtp.send({ ...mail, to })).rejects.toThrow('one plain address');
  }
  expect(server.received).toEqual([]);
  await smtp.send({ ...mail, subject: 'Bcc: everybody@example.com =?utf-8?q?=0d=0aX-Evil:_1?=' });
  const names = [...(server.received[0]?.mail.headers.keys() ?? [])].toSorted();
  expect(names).toEqual([
    'auto-submitted',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ]);
});

test('a refusal of the server is an error of the send', async () => {
  server.refuse(1);
  await expect(smtp.send(mail)).rejects.toThrow('busy');
});

test('a server that is not there is an error of the send', async () => {
  const nowhere = createServer();
  await new Promise<void>((resolve) => nowhere.listen(0, '127.0.0.1', resolve));
  const address = nowhere.address();
  await new Promise((resolve) => nowhere.close(resolve));
  const port = typeof address === 'object' ? address?.port : 0;
  await expect(createSmtpMailer({ url: `smtp://127.0.0.1:${port}` }).send(mail)).rejects.toThrow('ECONNREFUSED');
});

test('the inbox keeps a mail once, however often it is sent', async () => {
  await inbox.send(mail);
  await inbox.send({ ...mail });
  const rows = await db.kysely.selectFrom('inbox_mail').selectAll().execute();
  expect(rows).toEqual([
    {
      id: 'mail_notc_1',
      sender: mail.from,
      recipient: mail.to,
      subject: mail.subject,
      html: mail.html,
      text: mail.text,
      received_at: new Date(1_000),
    },
  ]);
});

test('the inbox is bounded: the oldest go', async () => {
  await db.pool.query(`
    insert into inbox_mail select 'mail_' || n, 'a', 'b', 'c', 'd', 'e', to_timestamp(n) from generate_series(2, 700) n`);
  await inbox.send({ ...mail, id: 'newest' });
  const { rows } = await db.pool.query('select count(*) as mails, min(received_at) as oldest from inbox_mail');
  expect(rows).toEqual([{ mails: 500, oldest: new Date(201_000) }]);
});
