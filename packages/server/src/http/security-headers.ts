import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './principal.ts';

/**
 * The policy of a page: scripts of this origin only. `style` is what lets its own `<style>` elements in (a nonce, a digest);
 * style attributes, which the UI kit writes, are let in apart from that and cannot load anything.
 */
export function pagePolicy(style: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' ${style}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Pages that set no policy of their own: the development inbox, whose mails bring their styles along. */
const plainPagePolicy = pagePolicy("'unsafe-inline'");

const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Headers of every answer that has no policy of its own: data, for nobody to keep. */
export function dataHeaders(options: { https: boolean }): Record<string, string> {
  return {
    ...everyHeader(options),
    'content-security-policy': dataPolicy,
    'cache-control': 'no-store',
  };
}

function everyHeader(options: { https: boolean }): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': 'DENY',
    ...(options.https ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  };
}

/**
 * Headers of every answer, errors included. A route that sets `Content-Security-Policy` or `Cache-Control` itself keeps
 * its own, but nothing that was made for somebody signed in is stored, unless the route calls it public.
 */
export function createSecurityHeaders(options: { https: boolean }): MiddlewareHandler<AppEnv> {
  const every = Object.entries(everyHeader(options));
  return async (c, next) => {
    await next();
    const headers = c.res.headers;
    for (const [name, value] of every) headers.set(name, value);
    if (!headers.has('content-security-policy')) {
      const page = headers.get('content-type')?.startsWith('text/html') ?? false;
      headers.set('content-security-policy', page ? plainPagePolicy : dataPolicy);
    }
    const cache = headers.get('cache-control') ?? '';
    const personal = c.get('principal').type !== 'anonymous' && !cache.startsWith('public');
    if (cache === '' || personal) headers.set('cache-control', 'no-store');
  };
}
