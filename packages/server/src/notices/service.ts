import type { Seller } from '@farebox/core';
import { renderMail, type Brand, type RenderedMail } from '@farebox/emails';
import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import { seal, unseal } from '../lib/secret.ts';
import type { Clock, Mailer } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { registerNoticeJobs } from './jobs.ts';
import { parseNotice, sealedData, secretKinds, type NewNotice } from './schema.ts';
import { claimNotice, insertNotice, markNoticeFailed, markNoticeSent, type NoticeRow } from './store.ts';

/** Tries of one mail before it is given up, over about four minutes. */
const mostAttempts = 8;

export interface Notices {
  /** Writes the notice and its job in `tx`; nothing when one of the same dedupe key exists. */
  enqueue(tx: Tx, notice: NewNotice): Promise<void>;
  /** Sends one notice, if it is still to be sent. Throws when it failed and is to be tried again. */
  send(notice_id: string): Promise<void>;
  /** Gives the queue the handler; before the queue starts. */
  register(): void;
}

/** Mails from an outbox: told if and only if what they tell was committed, normally once. */
export function createNotices(deps: {
  db: Database;
  clock: Clock;
  queue: Queue;
  mailer: Mailer;
  log: Log;
  /** Seals links that are credentials, so that who reads the database cannot follow them. 32 bytes. */
  seal_key: Buffer;
  /** The sender of every mail: an address, or `Name <address>`. */
  from: string;
  brand: Pick<Seller, 'name' | 'support_email'>;
}): Notices {
  const { db, clock, queue, mailer, log, seal_key, from } = deps;
  const brand: Brand = { seller_name: deps.brand.name, support_email: deps.brand.support_email };

  async function fail(row: NoticeRow, error: unknown, isFinal: boolean): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    await markNoticeFailed(db.kysely, row.id, reason, isFinal);
    if (isFinal) log.error({ notice_id: row.id, kind: row.kind, error }, 'a mail was given up');
  }

  /** The lock keeps two jobs of one notice (the first one's process seemed dead) from sending at the same time. */
  async function sendOne(notice_id: string): Promise<void> {
    const row = await claimNotice(db.kysely, notice_id);
    if (row === null) return;
    let mail: RenderedMail;
    try {
      mail = await render({ ...row, data: openData(row) }, brand);
    } catch (error) {
      await fail(row, error, true); // another try would read the same row
      return;
    }
    try {
      await mailer.send({ id: row.id, from, to: row.recipient, ...mail });
    } catch (error) {
      const isFinal = row.attempts >= mostAttempts;
      await fail(row, error, isFinal);
      if (isFinal) return;
      throw error;
    }
    await markNoticeSent(db.kysely, row.id, new Date(clock.now()));
  }

  /** Bound to its row by the id: a sealed text that was copied to another opens nothing. */
  function closedData(id: string, { kind, data }: NewNotice): object {
    if (!secretKinds.includes(kind)) return data;
    return { sealed: seal(seal_key, `${id}:${JSON.stringify(data)}`).toString('base64') };
  }

  function openData({ id, data }: NoticeRow): unknown {
    const closed = sealedData.safeParse(data);
    if (!closed.success) return data;
    const text = unseal(seal_key, Buffer.from(closed.data.sealed, 'base64'));
    invariant(text.startsWith(`${id}:`), 'a sealed notice is opened in its own row');
    return JSON.parse(text.slice(id.length + 1));
  }

  const notices: Notices = {
    async enqueue(tx, notice) {
      const now = clock.now();
      const id = createId('notc', now);
      if (!(await insertNotice(tx, id, { ...notice, data: closedData(id, notice) }, new Date(now)))) return;
      await queue.enqueue(tx, { name: 'notice.send', data: { notice_id: id } });
    },
    send: (notice_id) => db.withLock(`notice:${notice_id}`, () => sendOne(notice_id)),
    register: () => registerNoticeJobs(queue, notices),
  };
  return notices;
}

async function render(row: NoticeRow, brand: Brand): Promise<RenderedMail> {
  const notice = parseNotice(row.kind, row.data);
  return await renderMail(notice.kind, notice.data, brand);
}
