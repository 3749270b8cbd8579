import Stripe from 'stripe';
import { type Desk, hookServer, must, settled } from './desk.ts';

const RUN = 'sync_engine';

interface SyncEngine {
  StripeSync: new (config: object) => {
    stripe: Stripe;
    processWebhook(body: string, signature: string | undefined): Promise<void>;
    syncBackfill(what: { object: string }): Promise<Record<string, { synced: number } | undefined>>;
    syncSingleEntity(id: string): Promise<unknown>;
    postgresClient: { query(text: string): Promise<{ rows: Record<string, unknown>[] }>; close(): Promise<void> };
  };
  runMigrations(config: { databaseUrl: string; schema: string }): Promise<void>;
}

const objects =
  'product price customer subscription subscription_schedules invoice charge setup_intent payment_method payment_intent tax_id credit_note dispute refund checkout_sessions plan early_fraud_warning'.split(
    ' ',
  );

/** A business with one of everything that is synced. */
async function business(stripe: Stripe): Promise<string[]> {
  const product = await stripe.products.create({ name: 'Pro' });
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'usd',
    unit_amount: 2_000,
    recurring: { interval: 'month' },
  });
  const customer = await stripe.customers.create({ email: 'ada@example.com' });
  await stripe.customers.createTaxId(customer.id, { type: 'eu_vat', value: 'DE123456789' });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    default_payment_method: card.id,
  });
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  await stripe.subscriptionSchedules.release(schedule.id);
  const pays = { confirm: true, automatic_payment_methods: { enabled: true, allow_redirects: 'never' } } as const;
  const paid = { amount: 5_000, currency: 'usd', ...pays };
  const intent = await stripe.paymentIntents.create({ ...paid, customer: customer.id, payment_method: card.id });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 1_000 });
  await stripe.paymentIntents.create({ ...paid, payment_method: 'pm_card_createDispute' });
  await stripe.setupIntents.create({ customer: customer.id, payment_method: card.id, ...pays });
  const [invoice] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  await stripe.creditNotes.create({ invoice: invoice?.id ?? '', amount: 500, credit_amount: 500 });
  await stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'http://shop.test/done',
  });
  return [product.id, price.id, customer.id, subscription.id, invoice?.id ?? '', intent.id];
}

/** Drives @supabase/stripe-sync-engine: every event into PostgreSQL, then everything again by backfill. */
export async function driveSyncEngine(desk: Desk, database: string): Promise<void> {
  const { StripeSync, runMigrations } = desk.load<SyncEngine>('@supabase/stripe-sync-engine');
  const point = { host: '127.0.0.1', port: desk.port, protocol: 'http' } as const;
  const stripe = new Stripe(`sk_test_run_${RUN}`, point);
  await runMigrations({ databaseUrl: database, schema: 'stripe' });
  const refused: string[] = [];
  let secret = '';
  const config = (): object => ({
    poolConfig: { connectionString: database, max: 4 },
    stripeSecretKey: `sk_test_run_${RUN}`,
    stripeWebhookSecret: secret,
    autoExpandLists: true,
  });
  let sync: InstanceType<SyncEngine['StripeSync']> | null = null;
  const hook = await hookServer(async (_path, body, signature) => {
    const why = await sync?.processWebhook(body, signature).then(
      () => null,
      (cause: unknown) => String(cause),
    );
    // What it has no table for it refuses, and says so.
    if (why !== null && why !== undefined && !why.includes('Unhandled webhook event')) refused.push(why);
  });
  secret = (await stripe.webhookEndpoints.create({ url: hook.url, enabled_events: ['*'] })).secret ?? '';
  const engine = (sync = new StripeSync(config()));
  engine.stripe = new Stripe(`sk_test_run_${RUN}`, point);
  const ids = await desk.check('a business with everything', () => business(stripe));
  await desk.check('webhooks', async () => {
    await (await desk.sandbox.run(RUN)).clock.advance(33 * 86_400_000);
    await settled(desk.sandbox, RUN);
    must(refused.length === 0, [...new Set(refused)].join('; '));
    const { rows } = await engine.postgresClient.query('select count(*)::int as n from stripe.invoices');
    must(rows[0]?.['n'] === 2, `${String(rows[0]?.['n'])} invoices came by webhooks.`);
  });
  for (const object of objects) await desk.check(`backfill ${object}`, () => engine.syncBackfill({ object }));
  for (const id of ids ?? []) await desk.check(`sync ${id.split('_')[0]}`, () => engine.syncSingleEntity(id));
  await engine.postgresClient.close();
  hook.close();
}
