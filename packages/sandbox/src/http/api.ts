import { API_VERSION } from '../contract/wire.ts';
import type { Fault, Faults } from '../faults/faults.ts';
import { createContext } from '../resources/context.ts';
import { storeEvents } from '../resources/events/events.ts';
import { idBody } from '../store/ids.ts';
import type { Store } from '../store/store.ts';
import type { SandboxClock } from '../time/clock.ts';
import { clockOfRequest, onClock, refuseWhileAdvancing } from '../time/test-clock.ts';
import { ApiError, invalid } from './api-error.ts';
import { authenticate, authenticateSession, authorize, type KeyKind } from './authenticate.ts';
import { proveClientSecret } from './client-secret.ts';
import { expand } from './expand.ts';
import { type FormHash, parseForm } from './form.ts';
import { createIdempotency, type Finished, fingerprint, type Keyed, remember } from './idempotency.ts';
import { list, text } from './params.ts';
import type { Route } from './route.ts';
import { parseJson } from './json-body.ts';
import { findRoute } from './routes.ts';
import { serialize } from './serialize.ts';
import { ConnectionCut, strikeRequest } from './struck.ts';
import { modernize, modernPath } from './older/requests.ts';
import { versionNotice, versionOf } from './older/versions.ts';

const MAX_BODY = 1_000_000;
const MAX_REQUEST_LINE = 16_384;
/** The one route that is opened by a session's token and not by a key. */
const STREAM = '/v2/billing/meter_event_stream';

interface Deps {
  account_name: string;
  clock: SandboxClock;
  faults: Pick<Faults, 'strike'>;
  store: Store;
  /** Called after each commit, when it is on the disk. */
  committed(): void;
  /** Told of a fault of the sandbox itself. */
  failed(cause: unknown): void;
}

interface Call {
  request_id: string;
  idempotency_key: string | null;
  origin: string;
  /** What the SDK shows its user as a warning. */
  notice: string | null;
}

interface Work {
  route: Route;
  id: string;
  hash: FormHash;
  paths: string[];
  keyed: Keyed | null;
  /** The API version asked for. */
  version: string;
}

function takeExpand(hash: FormHash): string[] {
  const value = hash['expand'];
  delete hash['expand'];
  return value === undefined ? [] : list(text(), 20).read(value, 'expand');
}

function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid('Invalid request: the body is not UTF-8.', { before_execution: true });
  }
}

async function readBody(request: Request, is_v2: boolean): Promise<string> {
  const bytes = await request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY) {
    throw new ApiError(413, 'invalid_request_error', 'The request body is too large.', { before_execution: true });
  }
  const body = textOf(bytes);
  const type = request.headers.get('content-type') ?? '';
  if (is_v2) return body;
  if (body !== '' && type !== '' && !/^application\/x-www-form-urlencoded/i.test(type)) {
    throw invalid(
      `Invalid request: the body must be sent as application/x-www-form-urlencoded, not as ${type.split(';')[0]}.`,
      { before_execution: true },
    );
  }
  return body;
}

/** Stripe's API answers pages of any origin; a key is in the request, not in a cookie. */
const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'Request-Id, Stripe-Version, Stripe-Should-Retry, Idempotency-Key, Idempotent-Replayed',
};

/** The answer to a browser that asks whether it may call. */
function preflight(request: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...cors,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE, OPTIONS',
      'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? 'Authorization',
      'access-control-max-age': '300',
    },
  });
}

/** A refusal before any account was found to give it. */
export function refuse(error: ApiError, origin: string): Response {
  const call = { request_id: 'req_refused', idempotency_key: null, origin, notice: null };
  return answer(call, envelope(call, error), false);
}

/** There is one account and no other to act for. */
function refuseOtherAccounts(headers: Headers): void {
  const account = headers.get('stripe-account') ?? headers.get('stripe-context');
  if (account === null || account === 'acct_sandbox') return;
  throw new ApiError(
    403,
    'invalid_request_error',
    `The provided key does not have access to account '${account.slice(0, 80)}' (or that account does not exist). Application access may have been revoked.`,
    { code: 'account_invalid', before_execution: true },
  );
}

function answer(call: Call, finished: Finished, replayed: boolean): Response {
  const headers = new Headers({
    'content-type': 'application/json',
    'cache-control': 'no-cache, no-store',
    'request-id': finished.request_id,
    'stripe-version': API_VERSION,
    ...cors,
  });
  if (call.notice !== null) headers.set('stripe-notice', call.notice);
  if (call.idempotency_key !== null) headers.set('idempotency-key', call.idempotency_key);
  if (replayed) headers.set('idempotent-replayed', 'true');
  if (finished.status >= 500) headers.set('stripe-should-retry', 'false');
  if (finished.status === 409) headers.set('stripe-should-retry', 'true');
  if (finished.should_retry !== undefined) headers.set('stripe-should-retry', String(finished.should_retry));
  return new Response(finished.body, { status: finished.status, headers });
}

function envelope(call: Call, error: ApiError): Finished {
  const { type, ...body } = error.body;
  const request_log_url = `${call.origin}/_sandbox/events?request=${call.request_id}`;
  return {
    status: error.status,
    body: serialize({ error: { ...body, request_log_url, type } }, call.origin),
    request_id: call.request_id,
    ...(error.should_retry === undefined ? {} : { should_retry: error.should_retry }),
  };
}

function fault(deps: Deps, cause: unknown): ApiError {
  deps.failed(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(500, 'api_error', `The sandbox failed, and this is its own fault: ${message}`);
}

/** Runs a request in a transaction of its own, with its events and the answer that its key will replay. */
function execute(deps: Deps, call: Call, work: Work): Finished {
  const { store, clock, account_name } = deps;
  const now_ms = clock.now();
  try {
    return store.transact(now_ms, (tx) => {
      const test_clock = clockOfRequest(tx, work.route.key, work.hash, work.id);
      if (test_clock !== null && work.route.method !== 'GET') refuseWhileAdvancing(test_clock);
      const asked = { id: call.request_id, idempotency_key: call.idempotency_key };
      const context = { ...onClock(createContext(tx, account_name, asked), test_clock), route: work.route.key };
      let finished: Finished;
      try {
        modernize(work.version, work.route.key, work.hash, (price) => tx.get('price', price)?.recurring ?? null);
        const result = work.route.run(context, work.hash, work.id);
        const expanded = expand(tx, account_name, result, work.paths, work.version);
        finished = { status: 200, body: serialize(expanded, call.origin), request_id: call.request_id };
      } catch (cause) {
        if (!(cause instanceof ApiError) || !cause.keeps_effects) throw cause;
        finished = envelope(call, cause);
      }
      storeEvents(context, clock.machine());
      remember(tx, work.keyed, finished);
      return finished;
    });
  } catch (cause) {
    const error = cause instanceof ApiError ? cause : fault(deps, cause);
    const finished = envelope(call, error);
    if (!error.before_execution) store.transact(now_ms, (tx) => remember(tx, work.keyed, finished));
    return finished;
  }
}

/** Answers the API: one transaction per request, the envelope for everything that is not a success. */
export function createApi(deps: Deps): (request: Request, origin: string) => Promise<Response> {
  const { store, clock } = deps;
  const idempotency = createIdempotency({ store, now: () => clock.now() });
  const boot = store.read(clock.now(), (tx) => tx.need('setting', 'sandbox'));
  let requests = 0;
  /** Versions whose notice was given: once is enough, the SDK prints each. */
  const noticed = new Set<string>();

  function sessionExpiry(token: string): number | null {
    const found = store.read(clock.now(), (tx) => tx.all('meter_session').find((each) => each.token === token));
    return found?.expires_at_ms ?? null;
  }

  async function perform(request: Request, call: Call): Promise<Response> {
    const url = new URL(request.url);
    if (request.url.length > MAX_REQUEST_LINE) {
      throw new ApiError(414, 'invalid_request_error', 'Request-URI Too Large', { before_execution: true });
    }
    let kind: KeyKind = 'secret';
    if (url.pathname === STREAM) authenticateSession(request.headers, sessionExpiry, clock.now());
    else kind = authenticate(request.headers);
    const version = versionOf(request.headers.get('stripe-version'));
    if (!noticed.has(version)) call.notice = versionNotice(version);
    noticed.add(version);
    refuseOtherAccounts(request.headers);
    const { route, id } = findRoute(...modernPath(version, request.method, url.pathname));
    authorize(kind, route.key, request.headers);
    const struck = deps.faults.strike(route.key);
    const strike = (fault: Fault): Promise<Response> =>
      strikeRequest(fault, request.signal, (error) => answer(call, envelope(call, error), false));
    if (struck?.when === 'before') return await strike(struck);
    const is_post = request.method === 'POST';
    const body = is_post ? await readBody(request, url.pathname.startsWith('/v2/')) : '';
    let keyed: Keyed | null = null;
    if (is_post && call.idempotency_key !== null) {
      keyed = { key: call.idempotency_key, fingerprint: fingerprint(request.method, url.pathname, body) };
      const kept = idempotency.replay(keyed);
      if (kept !== null) return struck === null ? answer(call, kept, true) : await strike(struck);
    }
    const hash =
      is_post && url.pathname.startsWith('/v2/') ? parseJson(body) : parseForm(is_post ? body : url.search.slice(1));
    if (kind === 'publishable') store.read(clock.now(), (tx) => proveClientSecret(tx, route.key, id, hash));
    const finished = execute(deps, call, { route, id, hash, paths: takeExpand(hash), keyed, version });
    await store.durable();
    deps.committed();
    // The effects and the answer are kept: a retry with the same key gets that answer.
    if (struck !== null) return await strike(struck);
    return answer(call, finished, false);
  }

  return async (request, origin) => {
    requests += 1;
    const call: Call = {
      request_id: `req_${idBody(`${boot.seed}:request:${boot.next_id}`, requests, 14)}`,
      idempotency_key: request.headers.get('idempotency-key'),
      origin,
      notice: null,
    };
    if (request.method === 'OPTIONS') return preflight(request);
    let done = (): void => {};
    try {
      if (request.method === 'POST' && call.idempotency_key !== null) done = idempotency.begin(call.idempotency_key);
      return await perform(request, call);
    } catch (cause) {
      if (cause instanceof ConnectionCut) throw cause;
      return answer(call, envelope(call, cause instanceof ApiError ? cause : fault(deps, cause)), false);
    } finally {
      done();
    }
  };
}
