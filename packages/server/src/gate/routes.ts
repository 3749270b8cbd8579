import { isIP } from 'node:net';
import {
  type ProblemBody,
  type Verification,
  dunningSteps,
  gateCodes,
  gateHeaders,
  gateStatus,
  header,
  intervals,
  readCredential,
} from '@farebox/core';
import type { Context } from 'hono';
import { type AppEnv, requireSeller } from '../http/principal.ts';
import { access, createRoute, json, problems, promisedBy, refusalResponses, router, z } from '../http/router.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Gate, VerifyRequest } from './gate.ts';

const mostCost = 1_000_000;
const mostText = 200;
const mostBody = 8192;
const refusalTitle = 'The gate refused this request';
const jsonType = /^application\/json\s*(?:;|$)/i;

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
    if (!jsonType.test(c.req.header('content-type') ?? '')) {
      throw new Problem('unsupported_media_type', 'Send application/json.', { param: 'content-type' });
    }
    const request = readVerify(await c.req.text());
    const verification = await gate.verify({ ...request, livemode, request_id: c.get('request_id') });
    return c.json(viewOf(verification), 200, gateHeaders(verification, clock.now()));
  });

  app.get(forwardAuthRoute.path, async (c) => {
    const credential = readCredential(c.req.header('authorization'), c.req.header('x-api-key'));
    if (credential.kind === 'ambiguous') {
      throw new Problem('ambiguous_key', 'Authorization and X-Api-Key carry two different keys. Send one.');
    }
    const token = credential.kind === 'key' ? credential.key : '';
    const asked = readForwardAuth(c);
    const verification = await gate.verify({
      ...asked,
      token,
      ip: c.get('client_ip'),
      request_id: c.get('request_id'),
    });
    return answer(c, credential.kind === 'key' ? verification : { ...verification, detail: noKey }, clock.now());
  });

  return app;
}

const noKey = 'Send an API key: Authorization: Bearer <key>, or X-Api-Key.';

function answer(c: Context<AppEnv>, verification: Verification, now: number): Response {
  const headers = gateHeaders(verification, now);
  const status = gateStatus[verification.code];
  if (verification.valid) {
    if (verification.customer_id !== null) headers[header.customer] = verification.customer_id;
    if (verification.plan_id !== null) headers[header.plan] = verification.plan_id;
    return c.body(null, 200, headers);
  }
  const { code, detail, request_id } = verification;
  const body: ProblemBody = {
    type: `/docs/codes#${code}`,
    title: refusalTitle,
    status,
    code,
    detail,
    request_id,
  };
  headers['content-type'] = 'application/problem+json';
  // RFC 9110, 11.6.1: a 401 says how to authenticate.
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return c.body(JSON.stringify(body), status, headers);
}

/** Strict and short: known fields, right types, bounded texts. Names the field at fault. */
function readVerify(text: string): VerifyRequest {
  if (text.length > mostBody) throw new Problem('body_too_large', `The body is longer than ${mostBody} characters.`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Problem('invalid_json', 'The body is not valid JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem('invalid_request', 'Send a JSON object with the key to verify: {"key": "…"}.', { param: 'key' });
  }
  const request: VerifyRequest = { token: '' };
  let hasKey = false;
  for (const [name, value] of Object.entries(body)) {
    if (name === 'key') {
      if (typeof value !== 'string') throw wrong(name, 'Must be a string.');
      request.token = value;
      hasKey = true;
    } else if (name === 'cost') {
      if (!isCost(value)) throw wrong(name, `Must be a whole number from 0 to ${mostCost}.`);
      request.cost = value;
    } else if (name === 'scope') {
      if (value !== null && !isText(value))
        throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      request.scope = value;
    } else if (name === 'ip') {
      if (value !== null && (typeof value !== 'string' || isIP(value) === 0))
        throw wrong(name, 'Must be an IP address.');
      request.ip = value;
    } else if (name === 'endpoint') {
      if (!isText(value)) throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      request.endpoint = value;
    } else throw wrong(name.slice(0, 100), 'This field is unknown.');
  }
  if (!hasKey) throw wrong('key', 'Is required.');
  return request;
}

/** What the proxy's configuration says in the address it asks. A name twice would leave open which one counts. */
function readForwardAuth(c: Context<AppEnv>): { cost?: number; scope?: string; endpoint?: string } {
  const asked: { cost?: number; scope?: string; endpoint?: string } = {};
  for (const [name, values] of Object.entries(c.req.queries())) {
    const [value = ''] = values;
    if (values.length > 1) throw wrong(name, 'Is given more than once.');
    if (name === 'cost') {
      const cost = /^\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
      if (!isCost(cost)) throw wrong(name, `Must be a whole number from 0 to ${mostCost}.`);
      asked.cost = cost;
    } else if (name === 'scope' || name === 'endpoint') {
      if (!isText(value)) throw wrong(name, `Must be printable ASCII, at most ${mostText} characters.`);
      asked[name] = value;
    } else throw wrong(name.slice(0, 100), 'This parameter is unknown.');
  }
  return asked;
}

function isCost(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostCost;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= mostText && /^[\x20-\x7e]*$/.test(value);
}

function wrong(param: string, detail: string): Problem {
  return new Problem('invalid_request', `${param}: ${detail}`, { param, errors: [{ param, detail }] });
}

function viewOf(verification: Verification): z.infer<typeof verificationSchema> {
  const { limits, quota, payment } = verification;
  return {
    ...verification,
    limits: limits.map((limit) => ({ ...limit, reset_at: iso(limit.reset_at) })),
    quota: quota === null ? null : { ...quota, reset_at: iso(quota.reset_at) },
    payment:
      payment === null
        ? null
        : {
            ...payment,
            since_at: iso(payment.since_at),
            next: payment.next === null ? null : { step: payment.next.step, at: iso(payment.next.at) },
          },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
