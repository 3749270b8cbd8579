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

/** Whether somebody asked for it. */
export function expands<K extends string>(query: { 'expand[]'?: K | K[] | undefined }, name: K): boolean {
  const asked = query['expand[]'];
  return asked === name || (Array.isArray(asked) && asked.includes(name));
}
