import { API_VERSION } from '../contract/wire.ts';
import { createContext } from '../resources/context.ts';
import { storeEvents } from '../resources/events.ts';
import { idBody } from '../store/ids.ts';
import type { Store } from '../store/store.ts';
import type { SandboxClock } from '../time/clock.ts';
import { ApiError, invalid } from './api-error.ts';
import { authenticate } from './authenticate.ts';
import { expand } from './expand.ts';
import { type FormHash, parseForm } from './form.ts';
import { createIdempotency, type Finished, fingerprint, type Keyed, remember } from './idempotency.ts';
import { list, text } from './params.ts';
import type { Route } from './route.ts';
import { findRoute } from './routes.ts';
import { serialize } from './serialize.ts';

const MAX_BODY = 1_000_000;
const MAX_REQUEST_LINE = 16_384;

interface Deps {
  account_name: string;
  clock: SandboxClock;
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
}

interface Work {
  route: Route;
  id: string;
  hash: FormHash;
  paths: string[];
  keyed: Keyed | null;
}

function takeExpand(hash: FormHash): string[] {
  const value = hash['expand'];
  delete hash['expand'];
  return value === undefined ? [] : list(text(), 20).read(value, 'expand');
}

async function readBody(request: Request): Promise<string> {
  const body = await request.text();
  if (body.length > MAX_BODY) {
    throw new ApiError(413, 'invalid_request_error', 'The request body is too large.', { before_execution: true });
  }
  const type = request.headers.get('content-type') ?? '';
  if (body !== '' && type !== '' && !/^application\/x-www-form-urlencoded/i.test(type)) {
    throw invalid(
      `Invalid request: the body must be sent as application/x-www-form-urlencoded, not as ${type.split(';')[0]}.`,
      { before_execution: true },
    );
  }
  return body;
}

function answer(call: Call, finished: Finished, replayed: boolean): Response {
  const headers = new Headers({
    'content-type': 'application/json',
    'cache-control': 'no-cache, no-store',
    'request-id': finished.request_id,
    'stripe-version': API_VERSION,
  });
  if (call.idempotency_key !== null) headers.set('idempotency-key', call.idempotency_key);
  if (replayed) headers.set('idempotent-replayed', 'true');
  if (finished.status >= 500) headers.set('stripe-should-retry', 'false');
  if (finished.status === 409) headers.set('stripe-should-retry', 'true');
  return new Response(finished.body, { status: finished.status, headers });
}

function envelope(call: Call, error: ApiError): Finished {
  return {
    status: error.status,
    body: serialize({ error: error.body }, call.origin),
    request_id: call.request_id,
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
      const context = createContext(tx, account_name, { id: call.request_id, idempotency_key: call.idempotency_key });
      let finished: Finished;
      try {
        const result = expand(tx, account_name, work.route.run(context, work.hash, work.id), work.paths);
        finished = { status: 200, body: serialize(result, call.origin), request_id: call.request_id };
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

  async function perform(request: Request, call: Call): Promise<Response> {
    const url = new URL(request.url);
    if (request.url.length > MAX_REQUEST_LINE) {
      throw new ApiError(414, 'invalid_request_error', 'Request-URI Too Large', { before_execution: true });
    }
    authenticate(request.headers);
    const { route, id } = findRoute(request.method, url.pathname);
    const is_post = request.method === 'POST';
    const body = is_post ? await readBody(request) : '';
    let keyed: Keyed | null = null;
    if (is_post && call.idempotency_key !== null) {
      keyed = { key: call.idempotency_key, fingerprint: fingerprint(request.method, url.pathname, body) };
      const kept = idempotency.replay(keyed);
      if (kept !== null) return answer(call, kept, true);
    }
    const hash = parseForm(is_post ? body : url.search.slice(1));
    const finished = execute(deps, call, { route, id, hash, paths: takeExpand(hash), keyed });
    await store.durable();
    deps.committed();
    return answer(call, finished, false);
  }

  return async (request, origin) => {
    requests += 1;
    const call: Call = {
      request_id: `req_${idBody(`${boot.seed}:request:${boot.next_id}`, requests, 14)}`,
      idempotency_key: request.headers.get('idempotency-key'),
      origin,
    };
    let done = (): void => {};
    try {
      if (request.method === 'POST' && call.idempotency_key !== null) done = idempotency.begin(call.idempotency_key);
      return await perform(request, call);
    } catch (cause) {
      return answer(call, envelope(call, cause instanceof ApiError ? cause : fault(deps, cause)), false);
    } finally {
      done();
    }
  };
}
