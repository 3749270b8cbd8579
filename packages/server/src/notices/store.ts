import { sql } from 'kysely';
import type { Reader } from '../db/database.ts';
import type { NewNotice } from './schema.ts';

export interface NoticeRow {
  id: string;
  kind: string;
  recipient: string;
  data: unknown;
  /** Tries so far, this one counted. */
  attempts: number;
}

/** False when a notice of that dedupe key was made before. */
export async function insertNotice(
  db: Reader,
  id: string,
  notice: Omit<NewNotice, 'data'> & { data: object },
  now: Date,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('notice')
    .values({ ...notice, id, data: JSON.stringify(notice.data), state: 'pending', created_at: now })
    .onConflict((conflict) => conflict.column('dedupe_key').doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Counts a try of a notice that is still to be sent; null when it is not. */
export async function claimNotice(db: Reader, id: string): Promise<NoticeRow | null> {
  const row = await db
    .updateTable('notice')
    .set({ attempts: sql<number>`attempts + 1` })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .returning(['id', 'kind', 'recipient', 'data', 'attempts'])
    .executeTakeFirst();
  return row ?? null;
}

/** A sent mail no longer needs what was sealed, a link that is a credential: only the fact stays. */
export async function markNoticeSent(db: Reader, id: string, now: Date): Promise<void> {
  await db
    .updateTable('notice')
    .set({
      state: 'sent',
      sent_at: now,
      last_error: null,
      data: sql`data - 'sealed'`,
    })
    .where('id', '=', id)
    .execute();
}

export async function markNoticeFailed(db: Reader, id: string, reason: string, isFinal: boolean): Promise<void> {
  await db
    .updateTable('notice')
    .set({ last_error: reason.slice(0, 1_000), ...(isFinal ? { state: 'failed' } : {}) })
    .where('id', '=', id)
    .execute();
}

export interface InboxEntry {
  id: string;
  sender: string;
  recipient: string;
  subject: string;
  received_at: Date;
}

export async function listInbox(db: Reader, limit: number): Promise<InboxEntry[]> {
  return await db
    .selectFrom('inbox_mail')
    .select(['id', 'sender', 'recipient', 'subject', 'received_at'])
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

export async function findInboxMail(
  db: Reader,
  id: string,
): Promise<(InboxEntry & { html: string; text: string }) | null> {
  const row = await db.selectFrom('inbox_mail').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}
