import { dunningSteps, gateCodes, gateStatus, intervals, refusalTitle } from '@farebox/core';
import { requireSeller } from '../http/principal.ts';
import { access, createRoute, json, problems, promisedBy, refusalResponses, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import { type GateAnswer, forwardAuthAnswer, verifyAnswer } from './answered.ts';
import { mostCost, mostText, readForwardAuth, readVerify } from './asked.ts';
import type { Gate } from './gate.ts';

const verifyBody = z
  .object({
    key: z.string().openapi({ description: 'The API key as the caller sent it.' }),
    cost: z.int().min(0).max(mostCost).optional().openapi({
      description:
        'Units this request uses; 0 asks without taking. Unless said, what your OpenAPI document says, or 1.',
    }),
    scope: z
      .string()
      .max(mostText)
      .nullable()
      .optional()
      .openapi({ description: 'What the request needs the key to be good for.' }),
    ip: z
      .string()
      .nullable()
      .optional()
      .openapi({ description: 'Where the request came from; keys with an allowlist need it.' }),
    endpoint: z
      .string()
      .max(mostText)
      .optional()
      .openapi({ description: 'The route, for usage by endpoint: `/v1/forecast`.' }),
    meter: z.string().max(mostText).optional().openapi({
      description:
        'What this request uses, where plans measure several things. Unless said, what your OpenAPI document says, or what the first of the customer’s plans measures first.',
    }),
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/)
      .optional()
      .openapi({
        description: 'Of the request, with its path: then your OpenAPI document says cost, scope and limits.',
      }),
    lease: z.boolean().optional().openapi({
      description: 'True: take a place among the requests at the same time; you say when this one is over.',
    }),
    path: z
      .string()
      .max(4096)
      .optional()
      .openapi({ description: 'With or without the query: `/v1/forecast?city=Oslo`.' }),
  })
  .strict()
  .openapi('Verify');

const instant = z.iso.datetime();
const deniedSchema = z.object({
  kind: z.enum(['window', 'burst', 'concurrency', 'budget', 'quota', 'spend_cap']),
  name: z.string(),
  limit: z.int(),
  window_ms: z.int().nullable(),
  reset_at: instant
    .nullable()
    .openapi({ description: 'Null: this request never passes, it costs more than the limit.' }),
});

const verificationSchema = z
  .object({
    valid: z.boolean(),
    code: z.enum(gateCodes),
    detail: z.string(),
    request_id: z.string(),
    key_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    plan_id: z.string().nullable(),
    scopes: z.array(z.string()).openapi({ description: 'What the key is good for; empty: everything.' }),
    features: z.record(z.string(), z.union([z.boolean(), z.number(), z.string()])),
    limits: z.array(
      z.object({
        name: z.string(),
        limit: z.int(),
        remaining: z.int(),
        window_ms: z.int().nullable(),
        reset_at: instant,
      }),
    ),
    quota: z
      .object({
        meter_id: z.string(),
        kind: z.enum(['soft', 'hard']),
        included: z.int(),
        interval: z
          .enum(intervals)
          .optional()
          .openapi({ description: 'How long the included amount lasts, where that is not the billing period.' }),
        used: z.int(),
        remaining: z.int(),
        reset_at: instant,
      })
      .nullable(),
    cost_decimal: z.string().openapi({ description: 'What this request costs, in minor units: `0.08` of a cent.' }),
    currency: z.string().nullable(),
    retry_after_s: z.int().nullable(),
    payment: z
      .object({
        step: z.enum(dunningSteps),
        rate_percent: z.int().openapi({ description: 'How much of every rate limit is left.' }),
        since_at: instant,
        next: z.object({ step: z.enum(dunningSteps), at: instant }).nullable(),
      })
      .nullable()
      .openapi({ description: 'Set while a payment is owed: the step the customer is in, and what comes when.' }),
    denied_by: deniedSchema
      .nullable()
      .optional()
      .openapi({ description: 'Which limit refused; of several, the one that frees up last.' }),
    upgrade_url: z.string().nullable().optional().openapi({ description: 'Where the customer can have more.' }),
    lease: z
      .object({ id: z.string(), expires_at: instant })
      .nullable()
      .optional()
      .openapi({ description: 'A place among the requests at the same time: give it back when this one is over.' }),
  })
  .openapi('Verification');

const verifyRoute = createRoute({
  method: 'post',
  path: '/v1/keys/verify',
  summary: 'Verify an API key, take from its limits, count its usage',
  security: access.seller,
  request: { body: { required: true, content: { 'application/json': { schema: verifyBody } } } },
  responses: {
    200: json(verificationSchema, 'The decision: `valid` and `code`. The headers are those your API may pass on.'),
    ...problems('unauthenticated', 'forbidden', 'gate_unavailable'),
  },
});

const forwardAuthQuery = z.strictObject({
  cost: z.int().min(0).max(mostCost).optional(),
  scope: z.string().max(mostText).optional(),
  endpoint: z.string().max(mostText).optional(),
  refusal: z.literal('header').optional().openapi({
    description: 'The body of a refusal stands in `Farebox-Problem` too, for proxies that throw the body away (nginx).',
  }),
  meter: z.string().max(mostText).optional(),
});

const ofLimit = {
  limit: deniedSchema.optional().openapi({ description: 'Which limit refused, its window, and when it has room.' }),
  upgrade_url: z.string().optional().openapi({ description: 'Where the customer can have more.' }),
};

const refusals = gateCodes
  .filter((code) => code !== 'VALID')
  .map((code) => {
    const status = gateStatus[code];
    return { code, status, title: refusalTitle, ...(status === 429 ? { more: ofLimit } : {}) };
  });

const forwardAuthRoute = createRoute({
  method: 'get',
  path: '/v1/gate/forward-auth',
  summary: 'The same decision for a reverse proxy (nginx, Caddy, Traefik, Envoy)',
  description: 'The customer’s key is in `Authorization: Bearer` or `X-Api-Key`. The query is set by the proxy.',
  security: access.public,
  request: { query: forwardAuthQuery },
  responses: {
    200: { description: 'The request may pass.' },
    ...refusalResponses([...refusals, ...promisedBy(problems('ambiguous_key', 'gate_unavailable'))]),
  },
});

/** Envoy asks by the method of the request it asks about. */
const othersAsk = ['post', 'put', 'patch', 'delete', 'options'] as const;

const releaseRoute = createRoute({
  method: 'post',
  path: '/v1/gate/leases/{id}/release',
  summary: 'Say that a request is over, and give its place back',
  description:
    'Of plans that limit requests at the same time. A place that ran out or was given back before is no fault.',
  security: access.seller,
  request: { params: z.strictObject({ id: z.string().min(3).max(200) }) },
  responses: {
    200: json(
      z.object({ object: z.literal('lease'), id: z.string(), released: z.literal(true) }),
      'The place is free.',
    ),
    ...problems('unauthenticated', 'forbidden'),
  },
});

/** Both doors of the gate that are HTTP. The bodies are declared for the document and read by hand: this is the hot path. */
export function createGateRoutes(deps: { gate: Gate; clock: Clock }) {
  const { gate, clock } = deps;
  const app = router();
  app.openAPIRegistry.registerPath(verifyRoute);
  app.openAPIRegistry.registerPath(forwardAuthRoute);
  for (const method of othersAsk) app.openAPIRegistry.registerPath({ ...forwardAuthRoute, method });

  app.post(verifyRoute.path, async (c) => {
    const { livemode } = requireSeller(c);
    const request = readVerify(c.req.header('content-type'), await c.req.text());
    const verification = await gate.verify({ ...request, livemode, request_id: c.get('request_id') });
    return responseOf(verifyAnswer(verification, clock.now()));
  });

  app.openapi(releaseRoute, async (c) => {
    requireSeller(c);
    const { id } = c.req.valid('param');
    await gate.release(id);
    return c.json({ object: 'lease' as const, id, released: true as const }, 200);
  });

  app.on(['GET', ...othersAsk.map((method) => method.toUpperCase())], forwardAuthRoute.path, async (c) => {
    const { request, ...how } = readForwardAuth({
      ...(gate.reads_paths ? { original: originalOf((name) => c.req.header(name)) } : {}),
      authorization: c.req.header('authorization'),
      x_api_key: c.req.header('x-api-key'),
      query: c.req.queries(),
    });
    const verification = await gate.verify({ ...request, ip: c.get('client_ip'), request_id: c.get('request_id') });
    return responseOf(forwardAuthAnswer(verification, how, clock.now()));
  });

  return app;
}

/** The request the proxy asks about, in the headers of Traefik and Caddy or of nginx. Two that differ are nobody's. */
function originalOf(header: (name: string) => string | undefined) {
  const one = (names: readonly [string, string], param: string) => {
    const [first, second] = names.map((name) => header(name));
    if (first !== undefined && second !== undefined && first !== second)
      throw new Problem('invalid_request', `${param}: ${names.join(' and ')} differ. Set one.`, { param });
    return first ?? second;
  };
  return {
    method: one(['x-forwarded-method', 'x-original-method'], 'method'),
    uri: one(['x-forwarded-uri', 'x-original-uri'], 'path'),
  };
}

function responseOf({ status, headers, body }: GateAnswer): Response {
  if (body !== '') return new Response(body, { status, headers });
  // Said, so that no stream of nothing is sent.
  return new Response(null, { status, headers: { ...headers, 'content-length': '0' } });
}
