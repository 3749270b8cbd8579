import Stripe from 'stripe';
import { type Desk, hookServer, must, settled } from './desk.ts';

const RUN = 'better_auth';
const HOME = 'http://localhost:3000';

interface BetterAuth {
  handler(request: Request): Promise<Response>;
}

type Row = Record<string, unknown>;

/** What is used of the three modules. */
interface Modules {
  betterAuth(options: object): BetterAuth;
  stripe(options: object): object;
  memoryAdapter(tables: Record<string, Row[]>): unknown;
}

async function modules(desk: Desk): Promise<Modules> {
  return {
    ...(await desk.open<Pick<Modules, 'betterAuth'>>('better-auth/dist/index.mjs')),
    ...(await desk.open<Pick<Modules, 'stripe'>>('@better-auth/stripe/dist/index.mjs')),
    ...(await desk.open<Pick<Modules, 'memoryAdapter'>>('better-auth/dist/adapters/memory-adapter/index.mjs')),
  };
}

async function prices(stripe: Stripe): Promise<{ product: string; small: string; large: string }> {
  const product = await stripe.products.create({ name: 'Pro' });
  const monthly = { product: product.id, currency: 'usd', recurring: { interval: 'month' } } as const;
  const small = await stripe.prices.create({ ...monthly, unit_amount: 2_000, lookup_key: 'better_auth_pro' });
  const large = await stripe.prices.create({ ...monthly, unit_amount: 5_000 });
  return { product: product.id, small: small.id, large: large.id };
}

/** A program with better-auth, its webhooks and one who uses it. */
interface App {
  client: Stripe;
  prices: { product: string; small: string; large: string };
  refused: string[];
  ask(path: string, body: object): Promise<Row>;
  /** Of the one user. */
  customer(): string;
  /** The one subscription as the program keeps it. */
  row(): Row;
  close(): void;
}

const told = [
  'checkout.session.completed',
  'customer.subscription.created',
  'customer.subscription.updated',
  'customer.subscription.deleted',
] as const;

async function openApp(desk: Desk): Promise<App> {
  const { betterAuth, memoryAdapter, stripe: plugin } = await modules(desk);
  const client = new Stripe(`sk_test_run_${RUN}`, { host: '127.0.0.1', port: desk.port, protocol: 'http' });
  const sold = await prices(client);
  const tables: Record<string, Row[]> = { user: [], session: [], account: [], verification: [], subscription: [] };
  const refused: string[] = [];
  const hook = await hookServer(async (path, body, signature) => {
    const headers = { 'stripe-signature': signature };
    const answer = await auth.handler(new Request(`${HOME}${path}`, { method: 'POST', headers, body }));
    if (answer.status !== 200) refused.push(`${answer.status}: ${await answer.text()}`);
  });
  const { secret } = await client.webhookEndpoints.create({
    url: `${hook.url}/api/auth/stripe/webhook`,
    enabled_events: [...told],
  });
  const plans = [
    { name: 'pro', lookupKey: 'better_auth_pro' },
    { name: 'scale', priceId: sold.large },
  ];
  const subscription = { enabled: true, plans };
  const options = { stripeClient: client, stripeWebhookSecret: secret, createCustomerOnSignUp: true, subscription };
  const auth = betterAuth({
    baseURL: HOME,
    secret: 'a secret that is long enough for this',
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    plugins: [plugin(options)],
  });
  let cookie = '';
  return {
    client,
    prices: sold,
    refused,
    async ask(path, body) {
      const headers = { 'content-type': 'application/json', origin: HOME, cookie };
      const asked = new Request(`${HOME}/api/auth${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      const answer = await auth.handler(asked);
      const text = await answer.text();
      if (answer.status >= 400) throw new Error(`${answer.status}: ${text}`);
      const set = answer.headers.getSetCookie().map((each) => each.split(';')[0]);
      if (set.length > 0) cookie = set.join('; ');
      return text === '' ? {} : (JSON.parse(text) as Row);
    },
    customer: () => String(tables['user']?.[0]?.['stripeCustomerId']),
    row: () => tables['subscription']?.[0] ?? {},
    close: () => hook.close(),
  };
}

const back = { successUrl: '/done', cancelUrl: '/pricing' };

async function buy(desk: Desk, app: App): Promise<void> {
  await desk.check('signing up makes a customer', async () => {
    await app.ask('/sign-up/email', { email: 'ada@example.com', password: 'a long password', name: 'Ada' });
    must(app.customer().startsWith('cus_'), 'There is none.');
  });
  await desk.check('checkout, and its webhooks', async () => {
    const { url } = await app.ask('/subscription/upgrade', { plan: 'pro', ...back });
    const card = { email: 'ada@example.com', number: '4242424242424242', exp: '12 / 40', cvc: '123', name: 'Ada' };
    const form = new URLSearchParams({ ...card, action: 'pay' });
    const paid = await fetch(String(url), { method: 'POST', body: form, redirect: 'manual' });
    must(paid.status === 303, `The page answered ${paid.status}.`);
    await settled(desk.sandbox, RUN);
    must(app.row()['status'] === 'active' && app.row()['plan'] === 'pro', JSON.stringify(app.row()));
  });
}

async function change(desk: Desk, app: App): Promise<void> {
  await desk.check('changing the plan in the portal', async () => {
    const { client, prices: sold } = app;
    const { large, product, small } = sold;
    await client.billingPortal.sessions.create({ customer: app.customer() });
    const [configuration] = (await client.billingPortal.configurations.list({ is_default: true })).data;
    await client.billingPortal.configurations.update(configuration?.id ?? '', {
      features: {
        subscription_update: {
          enabled: true,
          default_allowed_updates: ['price'],
          products: [{ product, prices: [small, large] }],
        },
      },
    });
    const { url } = await app.ask('/subscription/upgrade', {
      plan: 'scale',
      subscriptionId: app.row()['stripeSubscriptionId'],
      ...back,
    });
    const page = await (await fetch(String(url))).text();
    const action = /<form method="post" action="([^"]+\/confirm)"/.exec(page)?.[1] ?? '';
    const at = /name="at" value="(\d+)"/.exec(page)?.[1] ?? '';
    const form = new URLSearchParams({ at });
    await fetch(new URL(action, String(url)), { method: 'POST', body: form, redirect: 'manual' });
    await settled(desk.sandbox, RUN);
    must(app.row()['plan'] === 'scale', JSON.stringify(app.row()));
  });
}

/** Drives @better-auth/stripe: signing up, checkout, its webhooks, changing the plan in the portal, canceling, restoring. */
export async function driveBetterAuth(desk: Desk): Promise<void> {
  const app = await openApp(desk);
  await buy(desk, app);
  await change(desk, app);
  await desk.check('the portal and canceling', async () => {
    await app.ask('/subscription/billing-portal', { returnUrl: '/' });
    const { url } = await app.ask('/subscription/cancel', {
      returnUrl: '/',
      subscriptionId: app.row()['stripeSubscriptionId'],
    });
    must((await fetch(String(url))).status === 200, 'There is no page to cancel on.');
    await app.client.subscriptions.update(String(app.row()['stripeSubscriptionId']), { cancel_at_period_end: true });
    await settled(desk.sandbox, RUN);
    must(app.row()['cancelAtPeriodEnd'] === true, JSON.stringify(app.row()));
  });
  await desk.check('restoring, and the end', async () => {
    await app.ask('/subscription/restore', { subscriptionId: app.row()['stripeSubscriptionId'] });
    await app.client.subscriptions.cancel(String(app.row()['stripeSubscriptionId']));
    await settled(desk.sandbox, RUN);
    must(app.row()['status'] === 'canceled', JSON.stringify(app.row()));
  });
  await desk.check('every webhook was accepted', () => must(app.refused.length === 0, app.refused.join('; ')));
  app.close();
}
