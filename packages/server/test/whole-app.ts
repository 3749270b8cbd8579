import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PriceList, Verification } from '@farebox/core';
import { type Sandbox, type SandboxOptions, createSandbox } from '@farebox/sandbox';
import { buildIfStale } from '../../web/scripts/build-if-stale.ts';
import { type App, createApp } from '../src/app.ts';
import { listen } from '../src/cli/listen.ts';
import { readConfig } from '../src/config.ts';
import type { Database } from '../src/db/database.ts';
import type { PlainCall, PlainCalls } from '../src/http/plain-server.ts';
import { dataHeaders } from '../src/http/security-headers.ts';
import { createLog } from '../src/lib/log.ts';
import { createStripe } from '../src/stripe/client.ts';
import { ensureWebhookEndpoint } from '../src/stripe/webhook-endpoint.ts';
import { type Visitor, createVisitor } from './visitor.ts';

/** The whole program on real ports: its database, the local Stripe with its movable clock, the mail inbox. */
export interface WholeApp {
  url: string;
  app: App;
  db: Database & { url: string };
  sandbox: Sandbox;
  stripe: ReturnType<typeof createStripe>;
  list: PriceList;
  /** Where the local Stripe listens. */
  stripe_port: number;
  /** What the local Stripe signs with. */
  webhook_secret: string;
  /** A credential of the seller. */
  secret_key: string;
  /** Signs somebody up and answers their browser. */
  signUp(email?: string): Promise<Visitor>;
  visitor(): Visitor;
  /** The seller's program. */
  seller: Visitor;
  /** The browser of the seller's first person, who is made by the first call. */
  operator(): Promise<Visitor>;
  /** One call of the seller's API by the holder of a key, as the gate decides it. */
  verify(key: string, cost?: number): Promise<Verification>;
  /** Ends all of it but the database. */
  close(): Promise<void>;
}

/** Starts it on a database with every migration applied. */
export async function startWholeApp(options: {
  db: Database & { url: string };
  list: PriceList;
  sandbox?: Pick<SandboxOptions, 'seed' | 'now' | 'frozen' | 'file' | 'onAnswer' | 'upcoming_days'>;
  /** What is logged; errors unless said. */
  log?: 'error' | 'silent';
  /** The program's environment, beside what every start needs. */
  environment?: Record<string, string>;
  /** Looks at every answer. */
  watch?: { fetch(fetch: App['fetch']): App['fetch']; calls(calls: PlainCalls): PlainCalls };
}): Promise<WholeApp> {
  const { db, list } = options;
  const web = join(import.meta.dirname, '../../web/dist');
  // A run of tests has built it before any of them; a drill may be the first that is run in a clone.
  if (!existsSync(join(web, 'app'))) await buildIfStale(() => undefined);
  const dir = mkdtempSync(join(tmpdir(), 'farebox-app-'));
  let settle: () => Promise<void> = () => Promise.resolve();
  const sandbox = await createSandbox({ account_name: 'Skycast', beforeDue: () => settle(), ...options.sandbox });
  const stripeServer = await sandbox.listen({ port: 0 });
  let handle: App['fetch'] = async () => new Response('starting', { status: 503 });
  // The program is made for an address, and the address is known when something listens.
  const calls = new Map<string, PlainCall>();
  const server = await listen(
    {
      fetch: (request, bindings) => handle(request, bindings),
      plain: { calls, headers: dataHeaders({ https: false }) },
    },
    { host: '127.0.0.1', port: 0 },
  );
  const url = `http://127.0.0.1:${server.port}`;
  const { config, secrets } = readConfig('dev', {
    FAREBOX_URL: url,
    FAREBOX_DATA_DIR: dir,
    FAREBOX_SECRET: 'a secret of the tests, long enough',
    ...options.environment,
  });
  const address = { host: '127.0.0.1', port: stripeServer.port };
  const stripe = createStripe({ secret_key: secrets.stripe_secret_key, address });
  const webhookSecret = await ensureWebhookEndpoint({
    stripe,
    url: `${url}/v1/stripe/webhooks`,
    secret_file: join(dir, 'webhook'),
  });
  const created = await createApp({
    config,
    secrets: { ...secrets, stripe_webhook_secrets: [webhookSecret] },
    list,
    db,
    database_url: db.url,
    log: createLog(options.log ?? 'error'),
    clock: { now: () => sandbox.clock.now() },
    stripe: address,
    web_dir: web,
  });
  const app = { ...created, fetch: options.watch?.fetch(created.fetch) ?? created.fetch };
  handle = app.fetch;
  for (const [name, call] of options.watch?.calls(app.plain.calls) ?? app.plain.calls) calls.set(name, call);
  app.attachClock({ advance: async (ms) => void (await sandbox.clock.advance(ms)) });
  await app.start();
  await app.settle();
  settle = () => app.settle();
  const { secret } = await app.keys.createSecretKey('Tests');
  let people = 0;
  return {
    url,
    app,
    db,
    sandbox,
    stripe,
    list,
    stripe_port: stripeServer.port,
    webhook_secret: webhookSecret,
    secret_key: secret,
    visitor: () => createVisitor(url),
    seller: createVisitor(url, { secret_key: secret }),
    async signUp(email) {
      people += 1;
      const visitor = createVisitor(url);
      const account = {
        name: 'Grace Hopper',
        email: email ?? `grace${people}@example.com`,
        password: 'a long enough password',
      };
      // A place of their own each: believed where this machine is a trusted proxy, and nowhere else.
      const from = { 'x-forwarded-for': `198.18.${people >> 8}.${people & 255}` };
      const response = await visitor.request('POST', '/auth/sign-up/email', account, from);
      if (!response.ok) throw new Error(`Signing up answered ${response.status}: ${await response.text()}`);
      return visitor;
    },
    async operator() {
      const visitor = createVisitor(url);
      const login = { email: 'op@seller.example', password: 'an operator password' };
      const token = await app.issueFirstRunToken();
      if (token !== null) await visitor.post('/v1/operators/first_run', { token, name: 'Op', ...login });
      await visitor.post('/auth/sign-in/email', login);
      return visitor;
    },
    async verify(key, cost = 1) {
      const response = await fetch(`${url}/v1/keys/verify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ key, cost }),
      });
      if (!response.ok) throw new Error(`The gate answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as Verification;
    },
    async close() {
      app.drain();
      await server.close();
      await app.stop();
      await stripeServer.close();
      await sandbox.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
