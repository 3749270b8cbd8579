import type { OpenAPIHono } from '@hono/zod-openapi';
import { Hono } from 'hono';
import { policy } from './accounts/policy.ts';
import { type AuthenticateDeps, createAuthenticate } from './http/authenticate.ts';
import { createErrorAnswer, createNotFoundAnswer } from './http/answer.ts';
import { createAuthorize, unlistedRoutes } from './http/authorize.ts';
import { createBodyReader } from './http/body.ts';
import { createClientIp } from './http/client-ip.ts';
import { createErrorDocs } from './http/error-docs.ts';
import { createIdempotency } from './http/idempotency.ts';
import { createHealthRoutes } from './http/health.ts';
import { createHome } from './http/home.ts';
import { createDocument } from './http/openapi.ts';
import { createOriginCheck } from './http/origin.ts';
import type { AppEnv } from './http/principal.ts';
import { createRequestId } from './http/request-id.ts';
import { createRoleDoor } from './http/role-door.ts';
import { createSecurityHeaders } from './http/security-headers.ts';
import { invariant } from './lib/invariant.ts';
import type { Log } from './lib/log.ts';
import type { Clock, Replies } from './ports.ts';

/** Paths of the single-page application; the server answers all of them with the same page. */
export const pages = [
  '/sign-up',
  '/sign-in',
  '/verify',
  '/forgot-password',
  '/reset-password',
  '/portal',
  '/checkout/return',
  '/dashboard',
  '/dashboard/*',
  '/admin',
  '/admin/*',
];

/** Of the API, as its document says it. */
export const version = '0.1.0';

/**
 * Routes that read their own bytes: a signature is over them, or a framework's parser is too slow. Nor is an answer of theirs
 * given twice: units are carved once.
 */
export const rawBodies = [
  '/v1/stripe/webhooks',
  '/v1/keys/verify',
  '/v1/keys/leaks',
  '/v1/usage/events',
  '/v1/gate/entries',
  '/v1/gate/blocks',
  '/v1/gate/blocks/return',
  '/v1/gate/usage',
];

/**
 * Every URL of the program, and what each request passes on its way, top to bottom. Documented routes come from the slices;
 * the rest are doors for machines and the pages.
 */
export function createRoutes(deps: {
  /** What this process is for. */
  roles: readonly string[];
  clock: Clock;
  log: Log;
  base_url: string;
  trusted_proxies: readonly string[];
  authenticate: AuthenticateDeps;
  replies: Replies;
  documented: readonly OpenAPIHono<AppEnv>[];
  reference: Hono<AppEnv>;
  web: Hono<AppEnv>;
  inbox: Hono<AppEnv> | null;
  /** Null while everything needed answers; otherwise what does not. */
  unready(): Promise<string | null>;
}): Hono<AppEnv> {
  const origin = new URL(deps.base_url).origin;
  const app = new Hono<AppEnv>();
  app.onError(createErrorAnswer(deps.log));
  app.notFound(createNotFoundAnswer(() => app.routes));

  app.use(createRequestId({ clock: deps.clock }));
  app.use(createSecurityHeaders({ https: origin.startsWith('https:') }));
  app.use(createRoleDoor(deps.roles));
  app.use(createHome(deps.base_url));
  app.use(createClientIp(deps.trusted_proxies));
  app.use(createAuthenticate(deps.authenticate));
  app.use(createOriginCheck([origin]));
  app.use(createAuthorize(policy));
  app.use(createBodyReader({ except: rawBodies }));
  app.use(createIdempotency({ replies: deps.replies, except: rawBodies }));

  const documented = [...deps.documented, createHealthRoutes(deps)];
  for (const slice of documented) app.route('/', slice);
  app.route('/', createDocument(documented, { version, server_url: deps.base_url, policy, raw: rawBodies }).app);
  app.route('/', createErrorDocs());
  app.route('/', deps.reference);
  if (deps.inbox !== null) app.route('/', deps.inbox);
  app.route('/', deps.web);

  const unlisted = unlistedRoutes(policy, app.routes);
  invariant(unlisted.length === 0, `routes without a policy: ${unlisted.join(', ')}`);
  return app;
}
