import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import type { ProblemCode } from '../problem.ts';
import type { AppEnv } from './principal.ts';
import {
  access,
  createRoute,
  json,
  promisedBy,
  type Refusal,
  refusalResponses,
  refusalsOf,
  router,
  z,
} from './router.ts';

const documentRoute = createRoute({
  method: 'get',
  path: '/openapi.json',
  tags: ['Program'],
  summary: 'This document',
  security: access.public,
  responses: { 200: json(z.record(z.string(), z.unknown()), 'OpenAPI 3.1.') },
});

const idempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .openapi({
      description:
        'Names this write. Whoever repeats it within 24 hours gets the first answer again, with `Idempotency-Replayed: true`.',
    }),
});

export interface DocumentOptions {
  version: string;
  server_url: string;
  /** Who may call what, as `createAuthorize` takes it. */
  policy: Readonly<Record<string, readonly string[]>>;
  /** Paths that read their own bytes: nothing is parsed or replayed for them. */
  raw: readonly string[];
}

/** The OpenAPI 3.1 document of these routes, from their own schemas, and the route that answers it. */
export function createDocument(apps: readonly OpenAPIHono<AppEnv>[], options: DocumentOptions) {
  const own = router();
  own.openAPIRegistry.registerPath(documentRoute);
  const routes = [...apps, own].flatMap(({ openAPIRegistry }) =>
    openAPIRegistry.definitions.flatMap((definition) => (definition.type === 'route' ? definition.route : [])),
  );
  // Made when it is first asked for: a start does not wait for it.
  const make = () => describe(routes, options);
  let made: ReturnType<typeof make> | null = null;
  const document = () => (made ??= make());
  own.get(documentRoute.path, (c) => c.json(document()));
  return { document, app: own };
}

function describe(routes: readonly RouteConfig[], options: DocumentOptions) {
  const all = router();
  all.openAPIRegistry.registerComponent('securitySchemes', 'secret_key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A secret key of the seller: `Authorization: Bearer fbx_sk_…`.',
  });
  all.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'farebox.session_token',
    description: 'The session of a signed-in customer or operator.',
  });
  const component = responseComponents(all.openAPIRegistry);
  for (const route of routes) all.openAPIRegistry.registerPath(whole(route, options, component));
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Farebox',
      version: options.version,
      description: 'Keys, limits, usage, subscriptions and invoices of an API, on top of Stripe.',
    },
    servers: [{ url: options.server_url }],
  });
}

/** A route with what is answered before it runs: who calls, what the body is, whether it was answered already. */
function whole(route: RouteConfig, options: DocumentOptions, component: Component): RouteConfig {
  const method = route.method.toUpperCase();
  const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
  const isWrite = method !== 'GET';
  const codes: ProblemCode[] = ['ambiguous_key', 'unauthenticated', 'database_unavailable'];
  const callers = options.policy[`${method} ${path}`];
  if (isWrite || (callers !== undefined && !callers.includes('anonymous'))) codes.push('forbidden');
  if (isWrite) codes.push('invalid_json', 'body_too_large', 'unsupported_media_type');
  const isReplayed =
    isWrite && path.startsWith('/v1/') && !options.raw.includes(path) && callers?.includes('anonymous') === false;
  if (isReplayed) codes.push('request_in_progress', 'idempotency_key_reused');
  return {
    tags: [tagOf(route.path)],
    ...route,
    request: { ...route.request, ...(isReplayed ? { headers: idempotencyKey } : {}) },
    responses: { ...route.responses, ...refusalsAs([...promisedBy(route.responses), ...refusalsOf(codes)], component) },
  };
}

type Component = (refusal: Refusal) => { $ref: string };

/** A status that has one reason is written down once and referred to. */
function refusalsAs(refusals: readonly Refusal[], component: Component): RouteConfig['responses'] {
  const responses: RouteConfig['responses'] = refusalResponses(refusals);
  for (const [status, reasons] of Map.groupBy(refusals, (refusal) => refusal.status)) {
    const [only, ...others] = new Map(reasons.map((reason) => [reason.code, reason])).values();
    if (only !== undefined && others.length === 0) responses[status] = component(only);
  }
  return responses;
}

function responseComponents(registry: OpenAPIHono<AppEnv>['openAPIRegistry']): Component {
  const known = new Map<string, { $ref: string }>();
  return ({ code, title }) => {
    const name = code.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase());
    const there = known.get(name);
    if (there !== undefined) return there;
    const codeIs = { type: 'object' as const, properties: { code: { const: code } } };
    const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, codeIs] };
    const { ref } = registry.registerComponent('responses', name, {
      description: `\`${code}\`: ${title}.`,
      content: { 'application/problem+json': { schema } },
    });
    known.set(name, ref);
    return ref;
  };
}

/** `/v1/payment_methods/{id}` → `Payment methods`. */
function tagOf(path: string): string {
  const name = (/^\/v1\/(\w+)/.exec(path)?.[1] ?? 'program').replaceAll('_', ' ');
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
