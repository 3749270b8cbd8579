import type { ProblemBody } from '@farebox/core';
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { TrieRouter } from 'hono/router/trie-router';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Log } from '../lib/log.ts';
import { Problem, type ProblemCode } from '../problem.ts';
import type { AppEnv } from './principal.ts';

/** The only place that knows the HTTP status of a refusal. */
const answers: Record<ProblemCode, { status: ContentfulStatusCode; title: string }> = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_json: { status: 400, title: 'The body is not JSON' },
  ambiguous_key: { status: 400, title: 'Two credentials in one request' },
  ambiguous_subscription: { status: 400, title: 'Several subscriptions, and none is named' },
  invalid_signature: { status: 400, title: 'The signature does not match' },
  unauthenticated: { status: 401, title: 'Not signed in' },
  forbidden: { status: 403, title: 'Not allowed' },
  first_run_token_invalid: { status: 403, title: 'The first-run token is not valid' },
  reset_link_invalid: { status: 403, title: 'The link for a new password is not valid' },
  portal_link_invalid: { status: 403, title: 'The link to the dashboard is of no use' },
  not_found: { status: 404, title: 'Not found' },
  plan_not_found: { status: 404, title: 'No such plan' },
  price_not_found: { status: 404, title: 'No such price' },
  no_upcoming_invoice: { status: 404, title: 'No next invoice' },
  subscription_required: { status: 404, title: 'No subscription' },
  payment_failed: { status: 402, title: 'The payment failed' },
  payment_method_required: { status: 402, title: 'A card is needed' },
  payment_past_due: { status: 402, title: 'A payment is owed' },
  subscription_ended: { status: 409, title: 'The subscription has ended' },
  subscription_incomplete: { status: 409, title: 'The first payment is still to be made' },
  subscription_paused: { status: 409, title: 'The subscription is paused' },
  subscription_not_paused: { status: 409, title: 'The subscription is not paused' },
  no_change: { status: 409, title: 'Nothing would change' },
  nothing_scheduled: { status: 409, title: 'Nothing is scheduled' },
  migration_running: { status: 409, title: 'A migration runs already' },
  change_scheduled: { status: 409, title: 'Another change is arranged' },
  add_on_not_available: { status: 409, title: 'The add-on does not go with this' },
  cancellation_scheduled: { status: 409, title: 'The subscription is to end' },
  not_canceling: { status: 409, title: 'There is no cancellation' },
  downgrade_at_period_end: { status: 409, title: 'A downgrade waits for the end of the period' },
  currency_mismatch: { status: 409, title: 'Another currency' },
  trial_invalid: { status: 409, title: 'The trial cannot be changed so' },
  coupon_invalid: { status: 409, title: 'The code cannot be used' },
  invoice_not_open: { status: 409, title: 'The invoice is not open' },
  invoice_not_paid: { status: 409, title: 'The invoice is not paid' },
  amount_too_large: { status: 409, title: 'More than is left' },
  credit_insufficient: { status: 402, title: 'Too little credit is left' },
  reservation_settled: { status: 409, title: 'The reservation was settled' },
  top_ups_off: { status: 409, title: 'Credit is not sold' },
  customer_in_use: { status: 409, title: 'The customer is in use' },
  payment_method_in_use: { status: 409, title: 'The card is in use' },
  import_running: { status: 409, title: 'Another import runs' },
  stripe_refused: { status: 409, title: 'Stripe refused this' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  already_subscribed: { status: 409, title: 'Already subscribed' },
  checkout_in_progress: { status: 409, title: 'A checkout is open' },
  plan_not_pushed: { status: 409, title: 'The plan is not at Stripe yet' },
  key_limit_reached: { status: 409, title: 'Too many keys' },
  leak_report_replayed: { status: 409, title: 'The report was acted on' },
  webhook_endpoint_limit_reached: { status: 409, title: 'Too many webhook endpoints' },
  webhook_endpoint_disabled: { status: 409, title: 'The webhook endpoint is off' },
  key_revoked: { status: 409, title: 'The key is revoked' },
  clock_not_movable: { status: 409, title: 'The clock cannot be moved' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported content type' },
  request_in_progress: { status: 409, title: 'The first request still runs' },
  idempotency_key_reused: { status: 422, title: 'The key was used for another request' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Something went wrong here' },
  upstream_unavailable: { status: 502, title: 'The API cannot be reached' },
  upstream_timeout: { status: 504, title: 'The API does not answer' },
  gate_unavailable: { status: 503, title: 'The gate cannot decide' },
  database_unavailable: { status: 503, title: 'The database does not answer' },
  stripe_unavailable: { status: 503, title: 'Stripe does not answer' },
};

/** The status a refusal is answered with. */
export function statusOf(code: ProblemCode): ContentfulStatusCode {
  return answers[code].status;
}

/** Every refusal, for the page that explains them. */
export function problemTable(): { code: string; status: ContentfulStatusCode; title: string }[] {
  return Object.entries(answers).map(([code, { status, title }]) => ({ code, status, title }));
}

/** The title of a refusal, for documents. */
export function titleOf(code: ProblemCode): string {
  return answers[code].title;
}

/** A refusal as `application/problem+json` (RFC 9457). Takes only what is meant for the caller. */
function problemAnswer(c: Context<AppEnv>, problem: Problem, headers: Record<string, string> = {}): Response {
  const body = problemBody(problem, c.get('request_id') ?? '');
  return c.body(JSON.stringify(body), statusOf(problem.code), {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

/** The body of a refusal, for whichever server writes it. */
export function problemBody(problem: Problem, request_id: string): ProblemBody {
  const { status, title } = answers[problem.code];
  return {
    type: `/docs/errors#${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.message,
    ...(problem.param === undefined ? {} : { param: problem.param }),
    request_id,
    ...(problem.errors.length === 0 ? {} : { errors: [...problem.errors] }),
  };
}

/** Answers everything a handler throws. What is no refusal of ours is logged with the request's id and told to nobody. */
export function createErrorAnswer(log: Log): ErrorHandler<AppEnv> {
  return (error, c) => {
    const request = { request_id: c.get('request_id'), method: c.req.method, path: c.req.path };
    const problem = error instanceof HTTPException ? problemOf(error) : error;
    if (isDatabaseAway(problem)) {
      log.error({ ...request, err: error }, 'the database does not answer');
      const away = new Problem(
        'database_unavailable',
        'The database does not answer, or takes nothing, just now. Try again in a moment.',
      );
      return problemAnswer(c, away, { 'retry-after': '1' });
    }
    if (!(problem instanceof Problem)) {
      log.error({ ...request, err: error }, 'request failed');
      return problemAnswer(c, new Problem('internal_error', 'This failed on our side and has been logged.'));
    }
    const status = statusOf(problem.code);
    const seen = { ...request, code: problem.code, client_ip: c.get('client_ip') };
    if (problem.detail !== undefined) log.warn({ ...seen, detail: problem.detail }, problem.message);
    else if (status === 401 || status === 403) log.info(seen, 'access denied');
    return problemAnswer(c, problem);
  };
}

/**
 * Of the network: refused, cut, no socket, no answer in time. Of PostgreSQL: class 08 (connection), class 53 (a full disk, no memory,
 * too many connections), 57P01 to 57P03 (shutting down, starting), 25006 (read only: a replica that is not promoted yet).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const awayCodes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|08...|53...|57P0[123]|25006)$/;
/** What the driver says of a connection that ended, and of one that had ended before it was asked. */
const awayMessages =
  /^Connection terminated|^Client has encountered a connection error|^timeout exceeded when trying to connect/;

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && awayCodes.test(String(error.code))) return true;
  return awayMessages.test(error.message);
}

/** What Hono and its validators throw, in our form. */
function problemOf(error: HTTPException): Problem | HTTPException {
  if (error.status === 415) {
    return new Problem('unsupported_media_type', 'Send application/json.', { param: 'content-type' });
  }
  if (error.status === 413) return new Problem('body_too_large', 'The body is too large.');
  if (error.status === 400) return new Problem('invalid_json', 'The body is not valid JSON.');
  return error;
}

/** The methods somebody may ask a known path with. */
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Answers what no route took: 405 with `Allow` when the path exists under other methods, 404 otherwise.
 * `routes` is read at the first miss, when all routes are mounted.
 */
export function createNotFoundAnswer(
  routes: () => readonly { method: string; path: string }[],
): NotFoundHandler<AppEnv> {
  let known: TrieRouter<true> | undefined;
  return (c) => {
    if (!known) {
      known = new TrieRouter<true>();
      for (const route of routes()) if (route.method !== 'ALL') known.add(route.method, route.path, true);
    }
    const router = known;
    const allowed = methods.filter((method) => router.match(method, c.req.path)[0].length > 0);
    if (allowed.length === 0) return problemAnswer(c, new Problem('not_found', 'There is nothing at this address.'));
    const allow = allowed.includes('GET') ? ['HEAD', ...allowed] : allowed;
    const problem = new Problem('method_not_allowed', `This address takes ${allow.join(', ')}.`);
    return problemAnswer(c, problem, { allow: allow.join(', ') });
  };
}
