import { OpenAPIHono } from '@hono/zod-openapi';
import { policy } from '../src/accounts/policy.ts';
import { createAccountRoutes } from '../src/accounts/routes.ts';
import { createAccounts } from '../src/accounts/service.ts';
import type { Letter } from '../src/accounts/auth.ts';
import { createAnalytics } from '../src/analytics/queries.ts';
import { createAnalyticsRoutes } from '../src/analytics/routes.ts';
import { createCustomerRoutes } from '../src/customers/routes.ts';
import { createCustomers } from '../src/customers/service.ts';
import type { Database } from '../src/db/database.ts';
import { createErrorAnswer, createNotFoundAnswer } from '../src/http/answer.ts';
import { createAuthenticate } from '../src/http/authenticate.ts';
import { createAuthorize } from '../src/http/authorize.ts';
import { createBodyReader } from '../src/http/body.ts';
import { createClientIp } from '../src/http/client-ip.ts';
import { createDocument } from '../src/http/openapi.ts';
import { createOriginCheck } from '../src/http/origin.ts';
import type { AppEnv } from '../src/http/principal.ts';
import { createRequestId } from '../src/http/request-id.ts';
import { createSecurityHeaders } from '../src/http/security-headers.ts';
import { fakeClock } from '../src/lib/clock.ts';
import { createLog } from '../src/lib/log.ts';
import { rawBodies } from '../src/routes.ts';
import { watched } from './contract.ts';

export const testSecretKey = 'fbx_sk_test_000000000000000000000000000000';

/**
 * People, customers and analytics behind the real middleware, in the order the program has it. `mount` adds routes.
 */
export function sliceApp(
  db: Database,
  options: { base_url?: string; mount?: (app: OpenAPIHono<AppEnv>) => void; start?: number } = {},
) {
  const base_url = options.base_url ?? 'http://localhost:4000';
  const clock = fakeClock(options.start ?? Date.parse('2026-03-01T00:00:00Z'));
  const lines: string[] = [];
  const letters: Letter[] = [];
  const resetLetters: Letter[] = [];
  const askedResets: string[] = [];
  const log = createLog('debug', { write: (line) => void lines.push(line) });
  const customers = createCustomers({ db, clock, told: () => Promise.resolve() });
  const accounts = createAccounts({
    db,
    clock,
    log,
    base_url,
    secret: 'a secret for tests that is long enough',
    ensureCustomer: async (tx, person) => await customers.ensureForUser(tx, person),
    claimable: async (tx, person) => await customers.claimable(tx, person),
    retire: async (tx, id) => await customers.retire(tx, id),
    sendVerification: async (letter) => void letters.push(letter),
    sendReset: async (letter) => void resetLetters.push(letter),
    askForReset: async (email) => void askedResets.push(email),
  });
  const app = new OpenAPIHono<AppEnv>();
  app.use(createRequestId({ clock }));
  app.use(createSecurityHeaders({ https: base_url.startsWith('https:') }));
  app.use(createClientIp([]));
  app.use(
    createAuthenticate({
      findSecretKey: async (text) => (text === testSecretKey ? { id: 'sk_1', livemode: false } : null),
      findSession: async (headers) => await accounts.findSession(headers),
      session_cookies: accounts.session_cookies,
    }),
  );
  app.use(createOriginCheck([base_url]));
  app.use('/v1/*', createAuthorize(policy));
  app.use(createBodyReader());
  const routes = [
    createAccountRoutes({ accounts, findCustomer: async (id) => await customers.find(null, id) }),
    createCustomerRoutes({ customers, removeCustomer: () => Promise.reject(new Error('not part of a slice')) }),
    createAnalyticsRoutes({ analytics: createAnalytics({ db, clock }) }),
  ];
  for (const slice of routes) app.route('/', slice);
  const documented = new Set(app.routes.map(({ path }) => path));
  options.mount?.(app);
  app.fetch = watched(app.fetch, new Set(app.routes.map(({ path }) => path).filter((path) => !documented.has(path))));
  app.onError(createErrorAnswer(log));
  app.notFound(createNotFoundAnswer(() => app.routes));

  async function send(method: string, path: string, init: Sent = {}): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (init.cookie !== undefined) headers.set('cookie', init.cookie);
    if (init.bearer !== undefined) headers.set('authorization', `Bearer ${init.bearer}`);
    if (init.origin !== null && method !== 'GET') headers.set('origin', init.origin ?? base_url);
    if (init.json !== undefined) headers.set('content-type', 'application/json');
    const body = init.json === undefined ? (init.body ?? null) : JSON.stringify(init.json);
    const response = await app.request(`${base_url}${path}`, { method, headers, body });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return { response, status: response.status, text, json: /json/.test(type) ? JSON.parse(text) : null };
  }

  /** Signs somebody up; answers the session's cookie as a browser would send it. */
  async function signUp(email: string, password = 'correct horse battery'): Promise<string> {
    const answer = await send('POST', '/auth/sign-up/email', { json: { name: 'Ada Lovelace', email, password } });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return cookieOf(answer.response);
  }

  /** Does what the queue would: a letter for each address that was asked for. Answers all letters so far. */
  async function sendResetLetters(): Promise<Letter[]> {
    for (const email of askedResets.splice(0)) await accounts.sendResetLetter(email);
    return resetLetters;
  }

  /** Makes the first operator and signs it in. */
  async function signInOperator(email = 'op@seller.example'): Promise<string> {
    const token = await accounts.operators.issueFirstRunToken();
    const password = 'an operator password';
    await send('POST', '/v1/operators/first_run', { json: { token, name: 'Op', email, password } });
    const answer = await send('POST', '/auth/sign-in/email', { json: { email, password } });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return cookieOf(answer.response);
  }

  const document = () =>
    createDocument(routes, { version: '0', server_url: base_url, policy, raw: rawBodies }).document();
  return {
    app,
    accounts,
    customers,
    clock,
    lines,
    letters,
    askedResets,
    sendResetLetters,
    send,
    signUp,
    signInOperator,
    document,
    base_url,
  };
}

export interface Sent {
  json?: unknown;
  body?: string | Uint8Array<ArrayBuffer>;
  cookie?: string;
  bearer?: string;
  /** The program's own unless given; null leaves it out. */
  origin?: string | null;
  headers?: Record<string, string>;
}

export interface Answer {
  response: Response;
  status: number;
  text: string;
  /** The parsed body of a JSON answer; tests look into answers of every shape. */
  json: ReturnType<typeof JSON.parse>;
}

export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0] ?? '')
    .filter((pair) => !pair.endsWith('='))
    .join('; ');
}
