import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Stripe from 'stripe';
import { openDatabase } from '../packages/server/src/db/database.ts';
import { startEmbedded } from '../packages/server/src/db/embedded.ts';
import { migrate } from '../packages/server/src/db/migrate.ts';
import { createIntents } from '../packages/server/src/intents/service.ts';
import { systemClock } from '../packages/server/src/lib/clock.ts';
import { createLog } from '../packages/server/src/lib/log.ts';
import { createQueue } from '../packages/server/src/queue/queue.ts';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { freePort } from '../packages/server/test/free-port.ts';
import { type Program, startProgram } from '../packages/server/test/program.ts';
import { type Visitor, createVisitor, payOnPage } from '../packages/server/test/visitor.ts';
import { raceInvoices } from './races-invoices.ts';

/**
 * What many do at once happens once: 50 checkouts by one customer, 200 redemptions of the last coupon, 50 callers who finalize
 * and void each of 50 invoices, and 1,000 due jobs under two workers of which one is killed with -9 at every turn.
 */
const checkouts = 50;
const redeemers = 10;
const redemptions = 200;
const jobs = 1000;
const kills = 10;
const found: string[] = [];

const folder = makeFolder('races', 'open');
const sales = await raceSales();
const work = await raceWorkers();
removeFolder(folder);
for (const line of found) console.log(`  FAULT ${line}`);
console.log(JSON.stringify({ name: 'drill:races', met: found.length === 0, ...sales, ...work, faults: found.length }));
process.exit(found.length === 0 ? 0 : 1);

async function raceSales() {
  const port = await freePort(11);
  const program = await startProgram({ port, data_dir: join(folder, 'program') });
  const stripe = new Stripe('sk_test_farebox', {
    host: 'localhost',
    port: port + 1,
    protocol: 'http',
    telemetry: false,
  });
  const opened = await raceCheckouts(program, stripe);
  const { redeemed, buyer } = await raceCoupon(program, stripe);
  const { faults, ...billed } = await raceInvoices(stripe, buyer, settled);
  found.push(...faults);
  await program.interrupt();
  return { checkouts, ...opened, redemptions, redeemed, ...billed };
}

/** One customer presses Buy everywhere at once, and pays every page it gets. */
async function raceCheckouts(program: Program, stripe: Stripe) {
  const visitor = await signUp(program, 'races@example.com');
  const answers = await Promise.all(
    Array.from({ length: checkouts }, async (_, index) =>
      visitor.request('POST', '/v1/checkout_sessions', { plan_id: index % 2 === 0 ? 'pro' : 'starter' }),
    ),
  );
  const urls = new Set<string>();
  for (const answer of answers) {
    if (answer.status === 201) urls.add(((await answer.json()) as { url: string }).url);
    else if (answer.status !== 409) found.push(`a checkout was answered ${answer.status}`);
  }
  await Promise.all([...urls, ...urls].map(async (url) => await payOnPage(url)));
  await settled(async () => {
    const { data } = await visitor.get<{ data: { status: string }[] }>('/v1/subscriptions');
    return data.filter(({ status }) => status === 'active').length === 1;
  }, 'one active subscription');
  const [customer, ...others] = (await stripe.customers.list({ email: 'races@example.com' })).data;
  if (customer === undefined || others.length > 0) found.push(`${others.length} customers too many at Stripe`);
  const live = (await stripe.subscriptions.list({ customer: customer?.id ?? '' })).data;
  if (live.length !== 1) found.push(`${live.length} live subscriptions at Stripe`);
  const charges = (await stripe.charges.list({ customer: customer?.id ?? '', limit: 100 })).data;
  const kept = charges.filter(({ paid }) => paid).reduce((sum, each) => sum + each.amount - each.amount_refunded, 0);
  const price = live[0]?.items.data[0]?.price.unit_amount ?? 0;
  if (kept !== price) found.push(`${kept} kept for a plan of ${price}`);
  return { pages_paid: urls.size, live_subscriptions: live.length, kept_minor: kept };
}

/** A code that may be redeemed once, by several customers with several clicks each. */
async function raceCoupon(program: Program, stripe: Stripe) {
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const { code } = await stripe.promotionCodes.create({
    promotion: { type: 'coupon', coupon: coupon.id },
    code: 'LASTONE',
    max_redemptions: 1,
  });
  const buyers: { visitor: Visitor; email: string; id: string }[] = [];
  for (let made = 0; made < redeemers; made += 1) {
    const email = `redeemer${made}@example.com`;
    const visitor = await signUp(program, email);
    const { url, id } = await visitor.post<{ url: string; id: string }>('/v1/checkout_sessions', {
      plan_id: 'starter',
    });
    await payOnPage(url);
    const { subscription } = await visitor.get<{ subscription: { id: string } }>(`/v1/checkout_sessions/${id}`);
    buyers.push({ visitor, email, id: subscription.id });
  }
  const statuses = await Promise.all(
    Array.from({ length: redemptions }, async (_, index) => {
      const buyer = buyers[index % buyers.length];
      const answer = await buyer?.visitor.request('POST', `/v1/subscriptions/${buyer.id}/coupons`, { code });
      return answer?.status ?? 0;
    }),
  );
  const successes = statuses.filter((status) => status === 200).length;
  const odd = statuses.filter((status) => status !== 200 && status !== 409);
  if (odd.length > 0) found.push(`redemptions were answered ${[...new Set(odd)].join(', ')}`);
  const used = (await stripe.promotionCodes.list({ code })).data[0]?.times_redeemed ?? 0;
  if (used !== 1 || successes !== 1)
    found.push(`the last coupon was redeemed ${used} times, ${successes} were told so`);
  const [first] = buyers;
  if (first === undefined) throw new Error('nobody bought');
  return { redeemed: used, buyer: first };
}

/** Two workers share the jobs; one after the other is killed in its work. */
async function raceWorkers() {
  const database = await startEmbedded({ dir: join(folder, 'workers') });
  const db = openDatabase({ url: database.url, max: 4 });
  await migrate(db.pool);
  await db.pool.query(`
    create table drill_effect (key text primary key, intent_id text not null);
    create table drill_request (intent_id text not null);
    insert into customer (id, name, email, created_at) values ('cust_drill', 'Drill', 'drill@example.com', now())`);
  const queue = createQueue({ url: database.url, log: createLog('silent') });
  await queue.start();
  const unused = {
    find: () => Promise.resolve(null),
    send: () => Promise.reject(new Error('the main process works nothing')),
  };
  const intents = createIntents({
    db,
    clock: systemClock,
    log: createLog('silent'),
    queue,
    installation_id: 'inst_drill',
    carriers: { 'subscription.undo': unused },
    verdictOf: () => ({ type: 'unknown' }),
  });
  for (let made = 0; made < jobs; made += 100)
    await db.transaction(async (tx) => {
      for (let index = made; index < made + 100; index += 1) {
        const wish = { kind: 'subscription.undo', customer_id: 'cust_drill', dedupe_key: `drill:${index}` } as const;
        await intents.record(tx, { ...wish, data: { stripe_subscription_id: `sub_${index}` } });
      }
    });
  const workers = await Promise.all([startWorker(database.url), startWorker(database.url)]);
  for (let kill = 0; kill < kills; kill += 1) {
    await wait(300);
    const index = kill % workers.length;
    const worker = workers[index];
    worker?.kill('SIGKILL');
    workers[index] = await startWorker(database.url);
  }
  const count = async (sql: string) => Number((await db.pool.query<{ n: string }>(sql)).rows[0]?.n ?? -1);
  await settled(
    async () => (await count("select count(*) as n from stripe_intent where state = 'done'")) === jobs,
    'all jobs done',
  );
  const effects = await count('select count(*) as n from drill_effect');
  const doubled = await count(
    'select count(*) as n from (select intent_id from drill_effect group by intent_id having count(*) > 1) twice',
  );
  const requests = await count('select count(*) as n from drill_request');
  if (effects !== jobs || doubled > 0) found.push(`${effects} effects of ${jobs} jobs, ${doubled} of them twice`);
  for (const worker of workers) worker.kill('SIGKILL');
  await queue.stop();
  await db.close();
  await database.stop();
  return { jobs, kills, effects, effects_twice: doubled, requests };
}

async function startWorker(url: string): Promise<ChildProcess> {
  const args = ['--conditions=farebox', join(import.meta.dirname, 'races-worker.ts'), url];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function signUp(program: Program, email: string): Promise<Visitor> {
  const visitor = createVisitor(program.url);
  await visitor.post('/auth/sign-up/email', { name: 'Race Test', email, password: 'a long enough password' });
  return visitor;
}

async function settled(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds()) return;
    await wait(250);
  }
  found.push(`after 150 s still not: ${what}`);
}
