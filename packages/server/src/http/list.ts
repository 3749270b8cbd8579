import { z } from '@hono/zod-openapi';

/** Where a page ends. Lists run from the newest to the oldest, by `created_at` and then by `id`. */
export interface Cursor {
  created_at: Date;
  id: string;
}

const cursor = z
  .string()
  .max(200)
  .transform((text, context): Cursor => {
    const match = /^(\d{1,15})\.([\w-]{1,64})$/.exec(Buffer.from(text, 'base64url').toString('latin1'));
    if (match) return { created_at: new Date(Number(match[1])), id: match[2]! };
    context.addIssue({ code: 'custom', message: 'Take it from next_cursor of the page before.' });
    return z.NEVER;
  });

/** `?limit&starting_after` of every list; extend it with the list's own filters. */
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20).openapi({ description: 'How many at most.' }),
  starting_after: cursor.optional().openapi({
    type: 'string',
    description: '`next_cursor` of the page before.',
  }),
});

/** The envelope of a list of `item`. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({
    object: z.literal('list'),
    data: z.array(item),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  });
}

/** What `listOf` describes. */
export interface List<T> {
  object: 'list';
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** A page from rows read with `limit + 1`: the row too many only says that there is more. A list's own cursor is a text. */
export function toList<R, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
  cursorOf: (row: R) => Cursor | string,
): List<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const has_more = rows.length > limit;
  return {
    object: 'list',
    data: page.map(view),
    has_more,
    next_cursor: has_more && last !== undefined ? encodeCursor(cursorOf(last)) : null,
  };
}

/** A list that has no second page. */
export function wholeList<T>(data: T[]): List<T> {
  return { object: 'list', data, has_more: false, next_cursor: null };
}

function encodeCursor(cursor: Cursor | string): string {
  if (typeof cursor === 'string') return cursor;
  const { created_at, id } = cursor;
  return Buffer.from(`${created_at.getTime()}.${id}`, 'latin1').toString('base64url');
}
