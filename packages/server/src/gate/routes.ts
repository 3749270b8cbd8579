import { dunningSteps, gateCodes, gateStatus, intervals } from '@farebox/core';
import { requireSeller } from '../http/principal.ts';
import { access, createRoute, json, problems, promisedBy, refusalResponses, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { type GateAnswer, forwardAuthAnswer, refusalTitle, verifyAnswer } from './answered.ts';
import { mostCost, mostText, readForwardAuth, readVerify } from './asked.ts';
import type { Gate } from './gate.ts';

const verifyBody = z
  .object({
    key: z.string().openapi({ description: 'The API key as the caller sent it.' }),
    cost: z
      .int()
      .min(0)
      .max(mostCost)
      .default(1)
      .openapi({ description: 'Units this request uses; 0 asks without taking.' }),
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
  })
  .strict()
  .openapi('Verify');

const instant = z.iso.datetime();
const verificationSchema = z
  .object({
    valid: z.boolean(),
    code: z.enum(gateCodes),
    detail: z.string(),
    request_id: z.string(),
    key_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    plan_id: z.string().nullable(),
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
});

const refusals = gateCodes
  .filter((code) => code !== 'VALID')
  .map((code) => ({ code, status: gateStatus[code], title: refusalTitle }));

const forwardAuthRoute = createRoute({
  method: 'get',
  path: '/v1/gate/forward-auth',
  summary: 'The same decision for a reverse proxy (nginx, Caddy, Traefik)',
  description: 'The customer’s key is in `Authorization: Bearer` or `X-Api-Key`. The query is set by the proxy.',
  security: access.public,
  request: { query: forwardAuthQuery },
  responses: {
    200: { description: 'The request may pass.' },
    ...refusalResponses([...refusals, ...promisedBy(problems('ambiguous_key', 'gate_unavailable'))]),
  },
});

/** Both doors of the gate that are HTTP. The bodies are declared for the document and read by hand: this is the hot path. */
export function createGateRoutes(deps: { gate: Gate; clock: Clock }) {
  const { gate, clock } = deps;
  const app = router();
  app.openAPIRegistry.registerPath(verifyRoute);
  app.openAPIRegistry.registerPath(forwardAuthRoute);

  app.post(verifyRoute.path, async (c) => {
    const { livemode } = requireSeller(c);
    const request = readVerify(c.req.header('content-type'), await c.req.text());
    const verification = await gate.verify({ ...request, livemode, request_id: c.get('request_id') });
    return responseOf(verifyAnswer(verification, clock.now()));
  });

  app.get(forwardAuthRoute.path, async (c) => {
    const { request, has_key } = readForwardAuth({
      authorization: c.req.header('authorization'),
      x_api_key: c.req.header('x-api-key'),
      query: c.req.queries(),
    });
    const verification = await gate.verify({ ...request, ip: c.get('client_ip'), request_id: c.get('request_id') });
    return responseOf(forwardAuthAnswer(verification, has_key, clock.now()));
  });

  return app;
}

function responseOf({ status, headers, body }: GateAnswer): Response {
  if (body !== '') return new Response(body, { status, headers });
  // Said, so that no stream of nothing is sent.
  return new Response(null, { status, headers: { ...headers, 'content-length': '0' } });
}
