import type { MiddlewareHandler } from 'hono';
import { Problem } from '../problem.ts';
import type { AppEnv } from './principal.ts';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Against cross-site request forgery: whatever changes something and carries a cookie comes from our own pages. The
 * content type plays no part, since a page elsewhere can choose it. `Origin` decides; where a browser leaves it out,
 * `Sec-Fetch-Site` does (https://www.w3.org/TR/fetch-metadata/). A secret key is no ambient credential and is exempt.
 * Without any cookie only a foreign `Origin` is refused, which keeps other sites from signing visitors in.
 */
export function createOriginCheck(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  const refusal = new Problem('forbidden', `This request must come from a page of ${origins.join(' or ')}.`);
  return async (c, next) => {
    if (!safeMethods.has(c.req.method) && c.get('principal').type !== 'seller') {
      const origin = c.req.header('origin');
      const site = c.req.header('sec-fetch-site');
      const own = origin === undefined ? site === 'same-origin' : origins.includes(origin);
      const silent = origin === undefined && site === undefined && c.req.header('cookie') === undefined;
      if (!own && !silent) throw refusal;
    }
    await next();
  };
}
