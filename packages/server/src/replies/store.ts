import type { Reader } from '../db/database.ts';

export interface ReplyRow {
  fingerprint: Buffer;
  status: number | null;
  content_type: string | null;
  sealed_body: Buffer | null;
  started_at: Date;
}

/** Takes the key for a request that begins; false when another has it. One that is over, or was left by a crash, is taken over. */
export async function claim(
  db: Reader,
  row: { scope: string; key: string; fingerprint: Buffer; started_at: Date },
  limits: { forgotten_before: Date; abandoned_before: Date },
): Promise<boolean> {
  const fresh = { ...row, status: null, content_type: null, sealed_body: null };
  const result = await db
    .insertInto('reply')
    .values(fresh)
    .onConflict((conflict) =>
      conflict
        .columns(['scope', 'key'])
        .doUpdateSet(fresh)
        .where((eb) =>
          eb.or([
            eb('reply.started_at', '<', limits.forgotten_before),
            eb.and([eb('reply.status', 'is', null), eb('reply.started_at', '<', limits.abandoned_before)]),
          ]),
        ),
    )
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function replyOf(db: Reader, scope: string, key: string): Promise<ReplyRow | null> {
  const row = await db
    .selectFrom('reply')
    .select(['fingerprint', 'status', 'content_type', 'sealed_body', 'started_at'])
    .where('scope', '=', scope)
    .where('key', '=', key)
    .executeTakeFirst();
  return row ?? null;
}

/** `started_at` names the request: one that was taken over meanwhile writes nothing. */
export async function keepReply(
  db: Reader,
  of: { scope: string; key: string; started_at: Date },
  answer: { status: number; content_type: string | null; sealed_body: Buffer },
): Promise<void> {
  await db
    .updateTable('reply')
    .set(answer)
    .where('scope', '=', of.scope)
    .where('key', '=', of.key)
    .where('started_at', '=', of.started_at)
    .execute();
}

export async function releaseKey(db: Reader, of: { scope: string; key: string; started_at: Date }): Promise<void> {
  await db
    .deleteFrom('reply')
    .where('scope', '=', of.scope)
    .where('key', '=', of.key)
    .where('started_at', '=', of.started_at)
    .execute();
}

export async function deleteReplies(db: Reader, before: Date): Promise<void> {
  await db.deleteFrom('reply').where('started_at', '<', before).execute();
}
