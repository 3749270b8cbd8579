import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './principal.ts';

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * On one machine the same program has several names, and a cookie of one is not sent to another: a visitor who signs up at
 * 127.0.0.1 would come back from the checkout at localhost as a stranger. Pages asked for under another loopback name lead
 * to the one that `base_url` says. Other hosts and other kinds of request are left alone.
 */
export function createHome(base_url: string): MiddlewareHandler<AppEnv> {
  const home = new URL(base_url);
  return async (c, next) => {
    const asked = new URL(c.req.url);
    const isPage = c.req.method === 'GET' && (c.req.header('accept') ?? '').includes('text/html');
    const isAlias =
      asked.hostname !== home.hostname && loopbackNames.has(asked.hostname) && loopbackNames.has(home.hostname);
    if (isPage && isAlias) return c.redirect(`${home.origin}${asked.pathname}${asked.search}`, 302);
    return await next();
  };
}
