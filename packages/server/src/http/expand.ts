import { z } from '@hono/zod-openapi';

/**
 * `?expand[]=customer`, once or more often: what an answer carries whole beside its id. One level, since what is expanded
 * can be asked for by itself.
 */
export function expandable<const K extends string>(...names: [K, ...K[]]) {
  const name = z.enum(names);
  return {
    'expand[]': z
      .union([name, z.array(name).max(names.length)])
      .optional()
      .openapi({ description: `Carried whole beside its id: ${names.join(', ')}.` }),
  };
}

/** By their ids, what rows carry whole: nothing unless it was asked for, and read once for all of them. */
export async function wholeById<V, B>(
  isAsked: boolean,
  ids: readonly (string | null)[],
  read: (ids: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  view: (value: V) => B,
): Promise<Map<string, B>> {
  const wanted = isAsked ? [...new Set(ids)].filter((id) => id !== null) : [];
  if (wanted.length === 0) return new Map();
  return new Map([...(await read(wanted))].map(([id, value]) => [id, view(value)]));
}

/** Whether somebody asked for it. */
export function expands<K extends string>(query: { 'expand[]'?: K | K[] | undefined }, name: K): boolean {
  const asked = query['expand[]'];
  return asked === name || (Array.isArray(asked) && asked.includes(name));
}
