import { afterAll, beforeEach, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { startMailServer } from '../../test/mail-server.ts';
import { fakeClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { createInboxMailer } from '../mail/inbox.ts';
import { createSmtpMailer } from '../mail/smtp.ts';
import { createQueue } from '../queue/queue.ts';
import { createInboxRoutes } from './routes.ts';
import type { NewNotice } from './schema.ts';
import { createNotices } from './service.ts';

const db = await testDatabase();
const server = await startMailServer();
const lines: string[] = [];
const log = createLog('info', { write: (line) => void lines.push(line) });
const clock = fakeClock(Date.parse('2026-03-01T10:00:00Z'));
const queue = createQueue({ url: db.url, log });
const notices = createNotices({
  db,
  clock,
  queue,
  log,
  mailer: createSmtpMailer({ url: server.url }),
  seal_key: Buffer.alloc(32, 7),
  from: 'Skycast <billing@skycast.example>',
  brand: { name: 'Skycast', support_email: 'help@skycast.example' },
});
notices.register();
await queue.start();
afterAll(async () => {
  await queue.stop();
  await server.close();
});

beforeEach(async () => {
  server.received.length = 0;
  lines.length = 0;
  await db.pool.query('truncate notice, inbox_mail');
});

const verify: NewNotice = {
  kind: 'verify_address',
  dedupe_key: 'verify:user_1',
  recipient: 'ada@example.com',
  customer_id: null,
  data: { name: 'Ada', url: 'http://localhost:4000/verify?token=t0ken' },
};
const receipt: NewNotice = {
  kind: 'receipt',
  dedupe_key: 'receipt:in_1:paid',
  recipient: 'ada@example.com',
  customer_id: null,
  data: {
    name: 'Ada',
    invoice_number: 'SKY-1',
    amount: '$99.00',
    paid_on: '1 March 2026',
    lines: [{ description: 'Starter', amount: '$99.00' }],
    invoice_url: 'https://pay.example/in_1',
    pdf_url: null,
  },
};

const enqueue = (notice: NewNotice) => db.transaction((tx) => notices.enqueue(tx, notice));
const rows = () => db.kysely.selectFrom('notice').selectAll().execute();

test('one notice is one mail, from the seller, with an id that a second delivery would repeat', async () => {
  await enqueue(receipt);
  await queue.idle();
  const [row] = await rows();
  expect(row).toMatchObject({ state: 'sent', attempts: 1, last_error: null, sent_at: new Date(clock.now()) });
  expect(server.received).toHaveLength(1);
  const got = server.received[0]?.mail;
  expect(got?.subject).toBe('Your receipt from Skycast: $99.00');
  expect(got?.messageId).toBe(`<${row?.id}@skycast.example>`);
  expect(got?.text).toContain('Starter');
});

test('the same thing told twice, even at the same time, is one row and one mail', async () => {
  await Promise.all(Array.from({ length: 8 }, () => enqueue(receipt)));
  await queue.idle();
  await enqueue(receipt);
  await queue.idle();
  expect(await rows()).toHaveLength(1);
  expect(server.received).toHaveLength(1);
});

test('a transaction that rolls back tells nothing', async () => {
  const write = db.transaction(async (tx) => {
    await notices.enqueue(tx, receipt);
    throw new Error('the payment was not recorded');
  });
  await expect(write).rejects.toThrow('not recorded');
  await queue.idle();
  expect(await rows()).toEqual([]);
  expect(server.received).toEqual([]);
});

test('two workers on one notice send one mail', async () => {
  await enqueue(receipt);
  const [row] = await rows();
  await Promise.all([queue.idle(), ...Array.from({ length: 4 }, () => notices.send(row?.id ?? ''))]);
  expect(server.received).toHaveLength(1);
});

test('a server that is busy gets the mail later', { timeout: 30_000 }, async () => {
  server.refuse(1);
  await enqueue(receipt);
  await queue.idle();
  expect(await rows()).toMatchObject([{ state: 'pending', attempts: 1, last_error: expect.stringContaining('busy') }]);
  await expect.poll(rows, { timeout: 15_000 }).toMatchObject([{ state: 'sent', attempts: 2, last_error: null }]);
  expect(server.received).toHaveLength(1);
});

test('a mail that fails too often is given up, visibly', async () => {
  server.refuse(1);
  await db.transaction(async (tx) => {
    await notices.enqueue(tx, receipt);
    await tx.updateTable('notice').set({ attempts: 7 }).execute();
  });
  await queue.idle();
  expect(await rows()).toMatchObject([{ state: 'failed', attempts: 8, last_error: expect.stringContaining('busy') }]);
  expect(lines.join()).toContain('a mail was given up');
});

test('a mail that cannot be written is given up at once and stops nobody else', async () => {
  await enqueue({ ...receipt, dedupe_key: 'bad', data: { ...receipt.data, name: 'Ada\r\nBcc: x@y.example' } });
  await enqueue(receipt);
  await queue.idle();
  expect((await rows()).map((row) => row.state).toSorted()).toEqual(['failed', 'sent']);
  expect(server.received).toHaveLength(1);
});

const reset: NewNotice = {
  ...verify,
  kind: 'reset_password',
  data: { name: 'Ada', url: 'http://localhost:4000/reset-password#token=t0ken' },
};

test.each([verify, reset])(
  'the link of $kind is sealed while it waits, and not kept once it is sent',
  async (notice) => {
    const waiting = await db.transaction(async (tx) => {
      await notices.enqueue(tx, notice);
      return await tx.selectFrom('notice').selectAll().execute();
    });
    expect(waiting).toMatchObject([{ state: 'pending', data: { sealed: expect.any(String) } }]);
    expect(JSON.stringify(waiting)).not.toContain('t0ken');
    await queue.idle();
    expect(server.received[0]?.mail.text).toContain('token=t0ken');
    expect(await rows()).toMatchObject([{ state: 'sent', data: {} }]);
    expect(JSON.stringify(await rows())).not.toContain('sealed');
  },
);

test('a sealed link that was copied to another row is not sent', async () => {
  await db.transaction(async (tx) => {
    await notices.enqueue(tx, reset);
    await notices.enqueue(tx, { ...reset, dedupe_key: 'other', recipient: 'mallory@example.com' });
    const data = tx.selectFrom('notice').where('dedupe_key', '=', reset.dedupe_key).select('data');
    await tx.updateTable('notice').set({ data }).where('dedupe_key', '=', 'other').execute();
  });
  await queue.idle();
  expect(server.received.map(({ mail }) => mail.to)).toMatchObject([{ text: 'ada@example.com' }]);
});

test('the inbox page lists mails, newest first, and says so when there are none', async () => {
  const app = createInboxRoutes({ db });
  expect(await (await app.request('/_inbox')).text()).toContain('No mail yet');
  const mailer = createInboxMailer({ db, clock });
  for (const id of ['1', '2']) {
    await mailer.send({ id, from: 'a@b.example', to: 'c@d.example', subject: `Subject ${id}`, html: '', text: '' });
    clock.advance(60_000);
  }
  const response = await app.request('/_inbox');
  expect(response.headers.get('content-type')).toContain('text/html');
  const list = await response.text();
  expect(list.indexOf('Subject 2')).toBeLessThan(list.indexOf('Subject 1'));
  expect(list).toContain('href="/_inbox/mail_1"');
});

test('a mail on the page is in a frame without scripts, and what it says cannot leave the frame', async () => {
  const app = createInboxRoutes({ db });
  await createInboxMailer({ db, clock }).send({
    id: 'evil',
    from: '<script>1</script>@x.example',
    to: 'c@d.example',
    subject: '</title><script>alert(1)</script>',
    html: '<p class="x">"</iframe><script>alert(2)</script></p>',
    text: '</pre><script>alert(3)</script>',
  });
  const page = await (await app.request('/_inbox/mail_evil')).text();
  expect(page).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
  expect(page).toContain('srcdoc="&lt;base target=&quot;_blank&quot;&gt;&lt;p class=&quot;x&quot;&gt;');
  const text = await (await app.request('/_inbox/mail_evil?view=text')).text();
  expect(text).toContain('&lt;/pre&gt;');
  for (const shown of [page, text]) expect(shown).not.toMatch(/<script/i);
});

test('404 for a mail that is not there', async () => {
  const response = await createInboxRoutes({ db }).request('/_inbox/mail_none');
  expect(response.status).toBe(404);
  expect(await response.text()).toContain('There is no such mail');
});
