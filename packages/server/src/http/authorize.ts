import type { MiddlewareHandler } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import { type AppEnv, type Principal, refusalOf } from './principal.ts';

/**
 * Refuses callers that the policy does not name for a route: the function-level half of authorization, in one place.
 * `policy` maps `GET /v1/customers/:id` to the kinds of caller it is open to. A path the policy does not know passes on, to
 * be answered with 404 or 405; a route mounted without a policy is found by `unlistedRoutes`.
 */
export function createAuthorize(
  policy: Readonly<Record<string, readonly Principal['type'][]>>,
): MiddlewareHandler<AppEnv> {
  const table = new TrieRouter<readonly Principal['type'][]>();
  for (const [operation, callers] of Object.entries(policy)) {
    const [method = '', path = ''] = operation.split(' ');
    table.add(method, path, callers);
  }
  return async (c, next) => {
    const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
    const principal = c.get('principal');
    const matches = table.match(method, c.req.path)[0];
    // Where a path fits two operations, both must let the caller in.
    if (!matches.every(([callers]) => callers.includes(principal.type))) throw refusalOf(principal);
    await next();
  };
}

/** Routes under `/v1` that the policy says nothing about. `createApp` refuses to start while there are any. */
export function unlistedRoutes(
  policy: Readonly<Record<string, unknown>>,
  routes: readonly { method: string; path: string }[],
): string[] {
  const operations = routes
    .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/'))
    .map(({ method, path }) => `${method} ${path}`);
  return [...new Set(operations)].filter((operation) => !Object.hasOwn(policy, operation));
}
