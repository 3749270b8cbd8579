import { type PriceList, isAddOn, namedGroups } from '@farebox/core';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { createAccountRoutes } from './accounts/routes.ts';
import { type Analytics, createAnalytics } from './analytics/queries.ts';
import { createAnalyticsRoutes } from './analytics/routes.ts';
import type { Config, Secrets } from './config.ts';
import { createOverrideRoutes } from './customers/overrides/routes.ts';
import type { Database } from './db/database.ts';
import { createGateCalls } from './gate/door.ts';
import { blockListOf } from './http/client-ip.ts';
import type { PlainCalls } from './http/plain-server.ts';
import type { AppEnv } from './http/principal.ts';
import { createReference } from './http/reference.ts';
import { answersPath } from './http/role-door.ts';
import { createAnswerRoutes } from './proxy/routes.ts';
import { dataHeaders } from './http/security-headers.ts';
import { createWeb } from './http/web.ts';
import { createKeyExpiry } from './keys/expiry.ts';
import { connectKeeping } from './keeping.ts';
import type { Log } from './lib/log.ts';
import { createInboxRoutes } from './notices/routes.ts';
import { landingNotice } from './plans/landing.ts';
import { createCatalogRoutes } from './plans/catalog/routes.ts';
import { createPlanRoutes } from './plans/routes.ts';
import { type Seller, publicPlan } from './plans/schema.ts';
import type { Clock } from './ports.ts';
import type { Queue } from './queue/queue.ts';
import { connectOperating } from './operating.ts';
import { openProxy } from './proxying.ts';
import { createRoutes, pages } from './routes.ts';
import { connectSelling } from './selling.ts';
import { type Slices, createSlices, createTools } from './slices.ts';
import { connectStripe } from './stripe/connect.ts';
import { createImportRoutes } from './stripe/import/routes.ts';
import { createStripeRoutes, createTestClockRoutes } from './stripe/routes.ts';
import type { Pace, Send } from './stripe/transport.ts';
import { reach } from './stripe/reach.ts';
import { connectCrediting } from './crediting.ts';
import { createAlertRoutes } from './usage/alerts/routes.ts';
import { createClosingRoutes } from './usage/closing/routes.ts';
import { createClosing } from './usage/closing/service.ts';
import { usagePartitions } from './usage/jobs.ts';
import { createUsageCalls } from './usage/door.ts';
import { createRehearsalRoutes } from './usage/rehearsal/routes.ts';
import { createRehearsal } from './usage/rehearsal/service.ts';
import { createUsageRoutes } from './usage/routes.ts';

export interface AppOptions {
  config: Config;
  secrets: Secrets;
  list: PriceList;
  db: Database;
  database_url: string;
  /** False: no other process changes anything, and nobody listens for it. */
  listens?: boolean;
  log: Log;
  clock: Clock;
  /** A local Stripe's address; null for Stripe itself. */
  stripe: { host: string; port: number } | null;
  /** The web app's build. */
  web_dir: string;
  /** In place of the queue on the database, of the network to Stripe, and of the machine's time between tries. */
  queue?: Queue;
  send?: Send;
  pace?: Pace;
}

/** A clock somebody may move: the local Stripe's. */
export interface MovableClock {
  advance(ms: number): Promise<void>;
}

export type App = Awaited<ReturnType<typeof createApp>>;

/** The only place where things are connected. Nothing runs until `start`. */
export async function createApp(options: AppOptions) {
  const tools = createTools(options);
  const slices = createSlices(options, tools);
  const { db, log } = options;
  const { queue } = tools;
  const { plans, customers, keys, usage, notices, accounts, snapshot, gating } = slices;
  const analytics = createAnalytics(options);
  const operating = connectOperating({ ...options, ...slices, queue, analytics });
  const stripe = await connectStripe({
    ...options,
    ...slices,
    queue,
    secret_key: options.secrets.stripe_secret_key,
    webhook_url: `${options.config.base_url}/v1/stripe/webhooks`,
    webhook_secrets: options.secrets.stripe_webhook_secrets,
    address: options.stripe,
    mintFirst: (tx, customerId) => keys.mintFirst(tx, customerId),
    dunning: slices.access.dunning,
    taxes: options.list.taxes,
    notify: slices.notifyCustomer,
    told: operating.money,
    invalidate: slices.entitlementsDiffer,
    changed: (customerId) => snapshot.changed(customerId),
    flushUsage: () => usage.flush(),
    isConfirmed: accounts.isConfirmed,
    audited: (tx, entry) => accounts.audit.record(tx, entry),
    usageOfPeriod: usage.usageOfPeriod,
    payFromCredit: slices.credits.pay,
    mirrorTopUps: slices.mirrorTopUps,
  });
  const closing = createClosing({
    ...options,
    ...usage,
    meters: options.list.meters,
    findCustomer: (id) => customers.get(id),
    counted: gating.counted,
    invoiced: (customerId, since) => reach(() => stripe.invoicedUsage(customerId, since)),
    meterDifferences: (of) => reach(() => stripe.meterDifferences(of)),
  });
  const selling = connectSelling({ ...options, ...slices, queue, stripe, migrationTold: slices.telling.migration });
  const crediting = connectCrediting({ ...options, ...slices, queue, stripe });
  const keeping = connectKeeping({ ...options, ...slices, queue, changed: (id) => snapshot.changed(id) });
  stripe.jobs.register();
  notices.register();
  queue.work('usage.partitions', async () => void (await usagePartitions(db, options.clock.now(), usage.kept_ms)));
  queue.work('usage.counters', async () => void (await closing.keepCounters()));
  queue.work('usage.alerts', () => slices.alerting.lookAtAll());
  const tellExpiries = createKeyExpiry({ ...options, told: slices.telling.key, notify: slices.notifyOfKey });
  queue.work('keys.tidy', async () => void (await keys.tidy()));
  queue.work('keys.expiry', tellExpiries);
  queue.work('accounts.reset_letter', async ({ email }) => await accounts.sendResetLetter(email));
  queue.work('replies.forget', () => slices.replies.forget());
  queue.work('answers.forget', () => slices.answers.forget());
  queue.every('0 3 * * *', 'usage.partitions');
  queue.every('20 * * * *', 'usage.counters');
  queue.every('5 * * * *', 'usage.alerts');
  queue.every('30 3 * * *', 'replies.forget');
  queue.every('45 3 * * *', 'answers.forget');
  queue.every('15 * * * *', 'keys.tidy');
  queue.every('*/10 * * * *', 'keys.expiry');

  const stopping = new AbortController();
  let clockToMove: MovableClock | null = null;
  const app = await createDoors({
    options,
    slices,
    stripe,
    documented: [
      ...keeping.documented,
      ...selling.documented,
      ...crediting.documented,
      createClosingRoutes({ closing }),
      createAlertRoutes(slices.alerting),
    ],
    liveTermsOf: keeping.liveTermsOf,
    analytics,
    stopping: stopping.signal,
    clockToMove: () => clockToMove,
  });

  return {
    fetch: async (request: Request, bindings: object) => await app.fetch(request, bindings),
    /** Every route, as it is mounted. */
    routes: app.routes,
    /** What is called for every request of the seller's API, for a server that reads it from the raw socket. */
    plain: {
      calls: plainCalls(options, slices),
      headers: dataHeaders({ https: options.config.base_url.startsWith('https:') }),
    },
    keys,
    customers,
    subscribe: selling.subscribe,
    notices,
    queue,
    stripeImport: stripe.stripeImport,
    closing,
    alerting: { lookAtAll: slices.alerting.lookAtAll },
    digests: operating.digests,
    renewals: { sweep: selling.settle },
    crediting: { tellExpired: crediting.tellExpired },
    stripe: { backfill: stripe.backfill, replay: stripe.replay, reconcile: stripe.reconcile },
    /** Publishes the price list, starts jobs and the gate's poll: what of it this process is for. */
    async start(): Promise<void> {
      const { roles } = options.config;
      await queue.start();
      if (roles.includes('jobs')) await queue.enqueue(db.kysely, { name: 'stripe.backfill', data: {} });
      await usagePartitions(db, options.clock.now(), usage.kept_ms);
      // What only decides follows what the others sell.
      const isSelling = roles.some((role) => role !== 'gate');
      const { published, archived } = isSelling ? await plans.publish() : { published: [], archived: [] };
      if (published.length + archived.length > 0) log.info({ published, archived }, 'price list published');
      await gating.start();
    },
    /** Runs what is due by the clock and waits until nothing is queued: what time does in production. */
    async settle(): Promise<void> {
      await usage.flush();
      await gating.settle();
      await queue.idle();
      await stripe.jobs.sweep();
      await slices.alerting.settle();
      await selling.settle();
      await crediting.settle();
      await tellExpiries();
      await keeping.settle();
      await slices.webhooks.deliveries.sweep();
      await queue.idle();
    },
    attachClock(clock: MovableClock): void {
      clockToMove = clock;
    },
    issueFirstRunToken: () => accounts.operators.issueFirstRunToken(),
    livePlanOf: slices.livePlanOf,
    planTold: slices.telling.plan,
    /** Whether the gate knows this key and it is not revoked. */
    async knowsKey(token: string): Promise<boolean> {
      const entry = await snapshot.get(token);
      return entry !== null && entry.revoked_at === null;
    },
    /** Streams end and the health check says so; called before the server stops listening. */
    drain(): void {
      stopping.abort();
      gating.drain();
    },
    /** After the last request: what is buffered is written, what runs ends. */
    async stop(): Promise<void> {
      await queue.stop();
      await crediting.close();
      await slices.close();
    },
    /** The reverse proxy before the seller's API, on its own port; null where no upstream is named. */
    openProxy: async () => (options.config.roles.includes('gate') ? await openProxy({ ...options, ...slices }) : null),
  };
}

function plainCalls(options: Pick<AppOptions, 'config' | 'clock'>, { gating, keys, usage }: Slices): PlainCalls {
  const { config, clock } = options;
  const findSecretKey = (text: string) => keys.verifySecretKey(text);
  const trusted = blockListOf(config.trusted_proxies);
  // What fails after its decision is decided again by the routes: where the decision is written first, it would be counted twice.
  const isDecidedOnce = config.usage.durability === 'committed';
  return new Map(
    [
      ...(isDecidedOnce ? [] : createGateCalls({ gate: gating.gate, clock, trusted, findSecretKey })),
      ...createUsageCalls({ usage, clock, findSecretKey }),
    ].filter(([name]) => answersPath(config.roles, name.slice(name.indexOf(' ') + 1))),
  );
}

async function createDoors(deps: {
  options: AppOptions;
  slices: Slices;
  stripe: Awaited<ReturnType<typeof connectStripe>>;
  documented: readonly OpenAPIHono<AppEnv>[];
  liveTermsOf: ReturnType<typeof connectKeeping>['liveTermsOf'];
  analytics: Analytics;
  stopping: AbortSignal;
  clockToMove(): MovableClock | null;
}): Promise<Hono<AppEnv>> {
  const { options, slices, stripe } = deps;
  const { config, db, clock, log, list } = options;
  const { plans, customers, keys, usage, accounts } = slices;
  const seller = (): Seller => ({
    ...list.seller,
    top_ups: list.top_ups,
    currency: list.currency,
    meters: list.meters,
    groups: namedGroups(list),
    livemode: config.livemode,
    inbox_url: config.mail.kind === 'inbox' ? `${config.base_url}/_inbox` : null,
    clock_movable: deps.clockToMove() !== null,
    now: new Date(clock.now()).toISOString(),
  });
  const web = await createWeb({
    dir: options.web_dir,
    pages,
    landing: async ({ principal, query }) => ({
      seller: seller(),
      plans: (await plans.currentFor(null))
        .filter(({ content }) => !isAddOn(content))
        .map((version) => publicPlan(version, plans, null)),
      features: list.features,
      signedIn: principal.type === 'customer',
      notice: landingNotice(query),
    }),
  });
  return createRoutes({
    roles: config.roles,
    clock,
    log,
    base_url: config.base_url,
    trusted_proxies: config.trusted_proxies,
    authenticate: {
      findSecretKey: (text) => keys.verifySecretKey(text),
      findSession: (headers) => accounts.findSession(headers),
      session_cookies: accounts.session_cookies,
    },
    replies: slices.replies,
    documented: [
      createPlanRoutes({
        plans,
        seller,
        liveTermsOf: deps.liveTermsOf,
        findCustomer: (id) => customers.get(id),
      }),
      createCatalogRoutes({ db }),
      createRehearsalRoutes({ rehearse: createRehearsal(db.kysely) }),
      createAccountRoutes({ accounts, findCustomer: (id) => customers.find(null, id) }),
      createOverrideRoutes({ overrides: slices.overrides }),
      ...deps.documented,
      ...slices.gating.documented,
      slices.webhooks.documented,
      createUsageRoutes({ usage, stopping: deps.stopping }),
      createAnswerRoutes({ answers: slices.answers, clock }),
      createAnalyticsRoutes({ analytics: deps.analytics }),
      createImportRoutes({ db, stripeImport: stripe.stripeImport }),
      createStripeRoutes({ db, clock, replay: stripe.replay, backfill: stripe.backfill, reconcile: stripe.reconcile }),
      createTestClockRoutes({ clock, movable: deps.clockToMove }),
      stripe.webhook,
    ],
    reference: await createReference(),
    web,
    inbox: config.mail.kind === 'inbox' ? createInboxRoutes({ db }) : null,
    unready: async () => {
      if (deps.stopping.aborted) return 'stopping';
      const decides = config.roles.includes('gate') ? slices.snapshot.unready() : null;
      // Without its database the gate decides by what it holds, and only the others are of no use.
      if (decides !== null || config.roles.every((role) => role === 'gate')) return decides;
      if (usage.state().failing !== null) return 'usage cannot be written';
      return await whatFails(() => db.ping());
    },
  });
}

async function whatFails(check: () => Promise<void>): Promise<string | null> {
  try {
    await check();
    return null;
  } catch {
    return 'the database does not answer';
  }
}
