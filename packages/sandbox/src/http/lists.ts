import { invalidParam, noSuch } from './api-error.ts';
import type { FormValue } from './form.ts';
import { integer, type Param, type Read, shape, text } from './params.ts';

/** The parameters of every list. */
export const pageParams = { limit: integer(1, 100), starting_after: text(), ending_before: text() };

/** A bound on a time: a number of seconds, or `{gt, gte, lt, lte}`. */
export interface Range {
  gt?: number | undefined;
  gte?: number | undefined;
  lt?: number | undefined;
  lte?: number | undefined;
}

const bounds = shape({ gt: integer(), gte: integer(), lt: integer(), lte: integer() });

/** Reads a {@link Range}. */
export function range(): Param<Range> {
  return {
    inner: bounds,
    read(value: FormValue, path: string) {
      if (typeof value !== 'string') return bounds.read(value, path);
      const exact = integer().read(value, path);
      return { gte: exact, lte: exact };
    },
  };
}

/** Whether a time lies within a range. */
export function within(at: number, bound: Range | undefined): boolean {
  if (bound === undefined) return true;
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = bound;
  return at > gt && at >= gte && at < lt && at <= lte;
}

/** Stripe's list object. */
export interface List<T> {
  object: 'list';
  data: T[];
  has_more: boolean;
  url: string;
}

/**
 * Cuts a page out of records given oldest first and answers it newest first. `ending_before` answers the records
 * just before the cursor, still newest first. https://docs.stripe.com/api/pagination
 */
export function page<R extends { id: string }, T>(
  url: string,
  oldest_first: R[],
  params: Read<typeof pageParams>,
  noun: string,
  render: (record: R) => T,
): List<T> {
  const records = oldest_first.toReversed();
  const limit = params.limit ?? 10;
  const indexOf = (id: string, name: string): number => {
    const index = records.findIndex((record) => record.id === id);
    if (index === -1) throw noSuch(noun, id, name);
    return index;
  };
  if (params.starting_after !== undefined && params.ending_before !== undefined) {
    throw invalidParam('You can only specify one of `starting_after` or `ending_before`.', 'ending_before');
  }
  let start = 0;
  let end = Math.min(limit, records.length);
  let has_more = end < records.length;
  if (params.starting_after !== undefined) {
    start = indexOf(params.starting_after, 'starting_after') + 1;
    end = Math.min(start + limit, records.length);
    has_more = end < records.length;
  }
  if (params.ending_before !== undefined) {
    end = indexOf(params.ending_before, 'ending_before');
    start = Math.max(0, end - limit);
    has_more = start > 0;
  }
  return { object: 'list', data: records.slice(start, end).map(render), has_more, url };
}

/** A list inside an object: everything it holds, up to Stripe's first page of it. */
export function embeddedList<T>(url: string, data: T[], size = 10): List<T> & { total_count: number } {
  return { object: 'list', data: data.slice(0, size), has_more: data.length > size, total_count: data.length, url };
}
