import type { Seller } from '@farebox/core';
import { renderMail, type Brand, type RenderedMail } from '@farebox/emails';
import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import type { Log } from '../lib/log.ts';
import type { Clock, Mailer } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import { registerNoticeJobs } from './jobs.ts';
import { parseNotice, type NewNotice } from './schema.ts';
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
  /** The sender of every mail: an address, or `Name <address>`. */
  from: string;
  brand: Pick<Seller, 'name' | 'support_email'>;
}): Notices {
  const { db, clock, queue, mailer, log, from } = deps;
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
      mail = await render(row, brand);
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

  const notices: Notices = {
    async enqueue(tx, notice) {
      const now = clock.now();
      const id = createId('notc', now);
      if (!(await insertNotice(tx, id, notice, new Date(now)))) return;
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
