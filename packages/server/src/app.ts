import { type AccessPolicy, type PriceList, defaultDunning, isAddOn } from '@farebox/core';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Letter } from './accounts/auth.ts';
import { createAccountRoutes } from './accounts/routes.ts';
import { createAccounts } from './accounts/service.ts';
import { createAnalytics } from './analytics/queries.ts';
import { createAnalyticsRoutes } from './analytics/routes.ts';
import type { Config, Secrets } from './config.ts';
import { createOverrideRoutes } from './customers/overrides/routes.ts';
import { createOverrides } from './customers/overrides/service.ts';
import { createCustomers } from './customers/service.ts';
import type { Database, Tx } from './db/database.ts';
import { createGateCalls } from './gate/door.ts';
import { blockListOf } from './http/client-ip.ts';
import { createGating } from './gating.ts';
import type { AppEnv } from './http/principal.ts';
import { createReference } from './http/reference.ts';
import { dataHeaders } from './http/security-headers.ts';
import { createWeb } from './http/web.ts';
import { type KeyNotice, withPerson } from './keys/record.ts';
import { bumpGateVersion, countKeysSince } from './keys/store.ts';
import { invariant } from './lib/invariant.ts';
import { connectKeeping } from './keeping.ts';
import type { Log } from './lib/log.ts';
import { createInboxMailer } from './mail/inbox.ts';
import { createSmtpMailer } from './mail/smtp.ts';
import { createNotices } from './notices/service.ts';
import { createInboxRoutes } from './notices/routes.ts';
import { landingNotice } from './plans/landing.ts';
import { createCatalogRoutes } from './plans/catalog/routes.ts';
import { createPlanRoutes } from './plans/routes.ts';
import { type Seller, publicPlan } from './plans/schema.ts';
import { createPlans } from './plans/service.ts';
import type { Clock } from './ports.ts';
import { type Queue, createQueue } from './queue/queue.ts';
import { createReplies } from './replies/service.ts';
import { createRoutes, pages } from './routes.ts';
import { connectSelling } from './selling.ts';
import { connectStripe } from './stripe/connect.ts';
import type { MoneyNotice, Person } from './stripe/life-notices.ts';
import { createImportRoutes } from './stripe/import/routes.ts';
import { createStripeRoutes, createTestClockRoutes } from './stripe/routes.ts';
import type { Pace, Send } from './stripe/transport.ts';
import { openCheckouts } from './subscriptions/checkouts/store.ts';
import { liveSubscription } from './subscriptions/store.ts';
import { connectWebhooks, createTelling } from './telling.ts';
import { usagePartitions } from './usage/jobs.ts';
import { createUsageRoutes } from './usage/routes.ts';
import { createUsage, usageOfPeriod } from './usage/service.ts';
import { livePlan } from './usage/store.ts';

export interface AppOptions {
  config: Config;
  secrets: Secrets;
  list: PriceList;
  db: Database;
  database_url: string;
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
    told: slices.telling.money,
    invalidate: bumpGateVersion,
    changed: (customerId) => snapshot.changed(customerId),
    flushUsage: () => usage.flush(),
    isConfirmed: accounts.isConfirmed,
    audited: (tx, entry) => accounts.audit.record(tx, entry),
    usageOfPeriod,
  });
  const selling = connectSelling({ ...options, ...slices, queue, stripe, migrationTold: slices.telling.migration });
  const keeping = connectKeeping({ ...options, ...slices, changed: (id) => snapshot.changed(id) });
  stripe.jobs.register();
  notices.register();
  queue.work('usage.partitions', async () => void (await usagePartitions(db, options.clock.now())));
  queue.work('keys.tidy', async () => void (await keys.tidy()));
  queue.work('accounts.reset_letter', async ({ email }) => await accounts.sendResetLetter(email));
  queue.work('replies.forget', () => slices.replies.forget());
  queue.every('0 3 * * *', 'usage.partitions');
  queue.every('30 3 * * *', 'replies.forget');
  queue.every('15 * * * *', 'keys.tidy');

  const stopping = new AbortController();
  let clockToMove: MovableClock | null = null;
  const app = await createDoors({
    options,
    slices,
    stripe,
    documented: [...keeping.documented, ...selling.documented],
    liveTermsOf: keeping.liveTermsOf,
    stopping: stopping.signal,
    clockToMove: () => clockToMove,
  });

  return {
    fetch: async (request: Request, bindings: object) => await app.fetch(request, bindings),
    /** Every route, as it is mounted. */
    routes: app.routes,
    /** What is called for every request of the seller's API, for a server that reads it from the raw socket. */
    plain: {
      calls: createGateCalls({
        gate: gating.gate,
        clock: options.clock,
        trusted: blockListOf(options.config.trusted_proxies),
        findSecretKey: (text) => keys.verifySecretKey(text),
      }),
      headers: dataHeaders({ https: options.config.base_url.startsWith('https:') }),
    },
    keys,
    customers,
    subscribe: selling.subscribe,
    notices,
    queue,
    stripeImport: stripe.stripeImport,
    stripe: { backfill: stripe.backfill, replay: stripe.replay, reconcile: stripe.reconcile },
    /** Publishes the price list, starts jobs and the gate's poll. */
    async start(): Promise<void> {
      await queue.start();
      await queue.enqueue(db.kysely, { name: 'stripe.backfill', data: {} });
      await usagePartitions(db, options.clock.now());
      const { published, archived } = await plans.publish();
      if (published.length + archived.length > 0) log.info({ published, archived }, 'price list published');
      await gating.start();
    },
    /** Runs what is due by the clock and waits until nothing is queued: what time does in production. */
    async settle(): Promise<void> {
      await usage.flush();
      await queue.idle();
      await stripe.jobs.sweep();
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
    },
    /** After the last request: what is buffered is written, what runs ends. */
    async stop(): Promise<void> {
      await queue.stop();
      await snapshot.stop();
      await usage.close();
      await gating.close();
    },
  };
}

type Tools = ReturnType<typeof createTools>;
type Slices = ReturnType<typeof createSlices>;

function createTools({ config, db, database_url, log, clock, queue: given }: AppOptions) {
  const queue = given ?? createQueue({ url: database_url, log, sole: config.database.kind === 'embedded' });
  const mailer =
    config.mail.kind === 'smtp' ? createSmtpMailer({ url: config.mail.url }) : createInboxMailer({ db, clock });
  return { queue, mailer };
}

function createSlices(options: AppOptions, tools: Tools) {
  const { config, secrets, list, db, log, clock } = options;
  const { queue } = tools;
  const access: AccessPolicy = {
    grace_ms: config.grace_ms,
    dunning: list.dunning ?? defaultDunning(config.grace_ms / 86_400_000),
  };
  const telling = createTelling({ ...options, queue, livemode: config.livemode });
  const plans = createPlans({ db, clock, queue, list, told: telling.plan });
  const customers = createCustomers({ db, clock, told: telling.customer });
  const usage = createUsage({ db, clock, log, meters: list.meters });
  const notices = createNotices({
    db,
    clock,
    queue,
    mailer: tools.mailer,
    log,
    seal_key: secrets.seal_key,
    from: senderOf(config.mail_from, list.seller.name),
    brand: list.seller,
  });
  const accounts = createAccounts({
    db,
    clock,
    log,
    secret: secrets.auth,
    base_url: config.base_url,
    ensureCustomer: (tx, person) => customers.ensureForUser(tx, person),
    claimable: async (tx, person) => {
      const began = await countKeysSince(tx, person.customer_id, new Date(0));
      const isBuying = (await openCheckouts(tx, person.customer_id)).length > 0;
      return began > 0 || isBuying ? null : await customers.claimable(tx, person);
    },
    retire: (tx, id) => customers.retire(tx, id),
    sendVerification: (letter) => sendLetter('verify_address', letter),
    sendReset: (letter) => sendLetter('reset_password', letter),
    askForReset: (email) => queue.enqueue(db.kysely, { name: 'accounts.reset_letter', data: { email } }),
  });
  const gating = createGating({
    ...options,
    accounts,
    plans,
    usage,
    notify: notifyOfKey,
    keyTold: telling.key,
    access,
  });
  const { keys, snapshot } = gating;
  const replies = createReplies({ db, clock, seal_key: secrets.seal_key });
  const webhooks = connectWebhooks({ ...options, queue, events: telling.events, accounts, customers, notices });
  const overrides = createOverrides({
    db,
    clock,
    list,
    findCustomer: (id) => customers.get(id),
    planOf: async (id) => (await livePlan(db.kysely, id))?.plan ?? null,
    audit: accounts.audit,
    invalidate: bumpGateVersion,
    changed: (customerId) => snapshot.changed(customerId),
  });
  return {
    plans,
    overrides,
    customers,
    gating,
    snapshot,
    keys,
    usage,
    notices,
    telling,
    webhooks,
    accounts,
    replies,
    notifyCustomer,
    personOf,
    access,
    livePlanOf,
  };

  async function sendLetter(kind: 'verify_address' | 'reset_password', letter: Letter): Promise<void> {
    const { user, url, dedupe_key } = letter;
    const to = { dedupe_key, recipient: user.email, customer_id: null };
    await db.transaction((tx) => notices.enqueue(tx, { ...to, kind, data: { name: user.name, url } }));
  }

  async function notifyCustomer(tx: Tx, customerId: string, notice: MoneyNotice): Promise<void> {
    const customer = await customers.find(tx, customerId);
    invariant(customer !== null, 'a notice is for a stored customer');
    await notices.enqueue(tx, { ...notice, recipient: customer.email, customer_id: customerId });
  }

  async function notifyOfKey(tx: Tx, customerId: string, notice: KeyNotice): Promise<void> {
    const { name, dashboard_url } = await personOf(tx, customerId);
    await notifyCustomer(tx, customerId, withPerson(notice, { name, dashboard_url }));
  }

  async function personOf(tx: Tx, customerId: string): Promise<Person> {
    const customer = await customers.find(tx, customerId);
    invariant(customer !== null, 'a mirror is of a stored customer');
    return { name: customer.name, dashboard_url: `${config.base_url}/dashboard`, api_url: list.seller.api_url };
  }

  async function livePlanOf(customerId: string): Promise<string | null> {
    const live = await liveSubscription(db.kysely, customerId);
    const version = live === null ? null : await plans.version(null, live.plan_version_id);
    return version?.plan_id ?? null;
  }
}

async function createDoors(deps: {
  options: AppOptions;
  slices: Slices;
  stripe: Awaited<ReturnType<typeof connectStripe>>;
  documented: readonly OpenAPIHono<AppEnv>[];
  liveTermsOf: ReturnType<typeof connectKeeping>['liveTermsOf'];
  stopping: AbortSignal;
  clockToMove(): MovableClock | null;
}): Promise<Hono<AppEnv>> {
  const { options, slices, stripe } = deps;
  const { config, db, clock, log, list } = options;
  const { plans, customers, keys, usage, accounts } = slices;
  const seller = (): Seller => ({
    ...list.seller,
    currency: list.currency,
    meters: list.meters,
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
      createAccountRoutes({ accounts, findCustomer: (id) => customers.find(null, id) }),
      createOverrideRoutes({ overrides: slices.overrides }),
      ...deps.documented,
      ...slices.gating.documented,
      slices.webhooks.documented,
      createUsageRoutes({ usage, stopping: deps.stopping }),
      createAnalyticsRoutes({ analytics: createAnalytics({ db, clock }) }),
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

/** The seller's name before a bare address; a name that would need quoting in a mail header is left out. */
function senderOf(address: string, name: string): string {
  return address.includes('<') || !/^[\p{L}\p{N} '&-]+$/u.test(name) ? address : `${name} <${address}>`;
}
