import { header } from '@farebox/core';
import type { MiddlewareHandler } from 'hono';
import { createId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import type { AppEnv } from './principal.ts';

/** Names each request, in its log lines, its errors and the `Farebox-Request-Id` of its answer. The first of all middleware. */
export function createRequestId(deps: { clock: Clock }): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const request_id = createId('req', deps.clock.now());
    c.set('request_id', request_id);
    c.set('principal', { type: 'anonymous' });
    c.set('client_ip', null);
    await next();
    if (!c.res.headers.has(header.requestId)) c.res.headers.set(header.requestId, request_id);
  };
}
