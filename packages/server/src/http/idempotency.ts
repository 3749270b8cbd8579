import type { MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { sha256 } from '../lib/secret.ts';
import type { Replies } from '../ports.ts';
import { Problem } from '../problem.ts';
import { type AppEnv, actorOf } from './principal.ts';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const keyShape = /^[\x21-\x7e]{1,255}$/;
/** Refused before anything was done, or on the way to it: the same key may be tried again. */
const repeatable: ReadonlySet<number> = new Set([401, 403, 404, 405, 413, 415, 429, 503]);

/**
 * A write that names an `Idempotency-Key` is done once: whoever repeats it within a day gets the first answer again, with
 * `Idempotency-Replayed: true`, also when that was a refusal. A key is its caller's and for one request; while the first
 * still runs, a repeat is told to come back. After the body was read, since the body is part of the request.
 */
export function createIdempotency(deps: { replies: Replies; except: readonly string[] }): MiddlewareHandler<AppEnv> {
  const { replies } = deps;
  const except = new Set(deps.except);
  return async (c, next) => {
    const key = c.req.header('idempotency-key');
    const principal = c.get('principal');
    const isWrite = !safeMethods.has(c.req.method) && c.req.path.startsWith('/v1/') && !except.has(c.req.path);
    if (key === undefined || !isWrite || principal.type === 'anonymous') return await next();
    if (!keyShape.test(key))
      throw new Problem('invalid_request', 'idempotency-key: 1 to 255 visible characters.', {
        param: 'idempotency-key',
      });
    const url = new URL(c.req.url);
    const body = Buffer.from(await c.req.arrayBuffer());
    const fingerprint = sha256(Buffer.concat([Buffer.from(`${c.req.method} ${url.pathname}${url.search}\n`), body]));
    const begun = await replies.begin({ scope: actorOf(principal), key, fingerprint });
    if (begun.type === 'replay') {
      const { status, content_type, body: text } = begun.reply;
      const headers = {
        ...(content_type === null ? {} : { 'content-type': content_type }),
        'idempotency-replayed': 'true',
      };
      return c.body(text, status as ContentfulStatusCode, headers);
    }
    if (begun.type === 'other_request')
      throw new Problem('idempotency_key_reused', 'This key was used for another request. Take a new one.', {
        param: 'idempotency-key',
      });
    if (begun.type === 'running')
      throw new Problem('request_in_progress', 'The first request of this key still runs. Try again in a moment.');
    await next();
    const { status, headers } = c.res;
    if (repeatable.has(status)) return await replies.release(begun.of);
    await replies.keep(begun.of, {
      status,
      content_type: headers.get('content-type'),
      body: await c.res.clone().text(),
    });
  };
}
