import type { Param } from '../src/http/params.ts';
import { routes } from '../src/http/routes.ts';

/**
 * "Nothing is quietly ignored", held in every test: what a request gives and a route accepts must be read by it, or be declared
 * as without effect. Importing this watches every route of the process.
 */

/** What requests gave and nothing has looked at yet, by the route that took it. */
let unread_of: { key: string; unread: Set<string> }[] = [];

function bare(param: Param<unknown> | undefined): Param<unknown> | undefined {
  let at = param;
  while (at !== undefined && at.fields === undefined && at.inner !== undefined) at = at.inner;
  return at;
}

function isHash(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A copy whose fields say when they are read. What a hash holds is watched by the table it was read with. */
function watched(value: unknown, param: Param<unknown> | undefined, path: string, unread: Set<string>): unknown {
  const fields = bare(param)?.fields;
  if (Array.isArray(value)) return value.map((each) => watched(each, param, path, unread));
  if (fields === undefined || !isHash(value)) return value;
  const copy = {};
  for (const [name, each] of Object.entries(value)) {
    const own = fields[name];
    const full = path === '' ? name : `${path}.${name}`;
    const { inert, words } = bare(own) ?? {};
    // Where one word is all that is taken, it says nothing.
    if (own !== undefined && inert === undefined && words?.length !== 1 && each != null) unread.add(full);
    const inside = watched(each, own, full, unread);
    const get = (): unknown => {
      unread.delete(full);
      return inside;
    };
    Object.defineProperty(copy, name, { enumerable: true, configurable: true, get });
  }
  return copy;
}

for (const route of routes) {
  const { perform, params, key } = route;
  route.perform = (context, read, id) => {
    const unread = new Set<string>();
    const table = { fields: params, read: () => null };
    const answer = perform(context, watched(read, table, '', unread) as object, id);
    // A filter of a list is not asked where there is nothing to filter.
    const is_empty = 'data' in answer && Array.isArray(answer.data) && answer.data.length === 0;
    if (!is_empty) unread_of.push({ key, unread });
    return answer;
  };
}

/** What has been ignored since this was asked for last. */
export function takeIgnored(): string[] {
  const found = unread_of.flatMap(({ key, unread }) => [...unread].map((each) => `${key} ignores \`${each}\``));
  unread_of = [];
  return [...new Set(found)];
}
