import { sql } from 'kysely';
import type Stripe from 'stripe';
import { type UsagePrice, atPrice, definePlans, periodAt } from '../packages/core/src/index.ts';
import { insertOverrides } from '../packages/server/src/customers/overrides/store.ts';
import { abreast } from '../packages/server/src/lib/abreast.ts';
import { createId } from '../packages/server/src/lib/id.ts';
import { createStripe, ownMetadata } from '../packages/server/src/stripe/client.ts';
import { idOf } from '../packages/server/src/stripe/translate.ts';
import { billOfReport } from '../packages/server/src/stripe/usage-bill.ts';
import { createUsageBilling } from '../packages/server/src/stripe/usage-billing.ts';
import { insertSpendCap } from '../packages/server/src/usage/caps/store.ts';
import type { ClosingReport } from '../packages/server/src/usage/closing/service.ts';
import { closePeriods, markReportSent, reportById } from '../packages/server/src/usage/report.ts';
import { createUsage } from '../packages/server/src/usage/service.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { createChance, readChoices } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { drillSeller } from './drill-seller.ts';

/**
 * A thousand customers with a month of usage each, at prices, tiers and under spend caps of their own: what usage cost so far in the
 * last millisecond of the month is what stands on the invoice, to the cent. Then the closing report of them all, of whom
 * twenty were made not to balance in one of seven places: all of these are found and nothing else. In CI 150 customers; with
 * `--long` 1,000.
 */
const { isLong, seed } = readChoices(process.argv);
const chance = createChance(seed);
const size = isLong ? 1000 : 150;
const injectedCount = 20;
const faults: string[] = [];
const started = performance.now();
const overage = {
  tiers: [
    { up_to: 100, unit_price: '0.02' },
    { up_to: null, unit_price: '0.01' },
  ],
};
const list = definePlans({
  seller: drillSeller,
  currency: 'usd',
  meters: {
    requests: { name: 'API requests', unit: 'request' },
    traffic: { name: 'Traffic', unit: 'megabyte', aggregation: 'sum', value: 'size' },
  },
  plans: {
    pro: {
      name: 'Pro',
      description: 'For business.',
      price: { month: '49' },
      usage: {
        requests: { included: 50, overage },
        traffic: { included: 10, overage: { unit_price: '0.03' } },
      },
    },
  },
});

console.log(`seed ${seed}`);
const database = await openDrillDatabase('close');
const { db } = database;
const whole = await startWholeApp({ db, list, sandbox: { seed: String(seed), frozen: true }, log: 'silent' });
const { app, sandbox } = whole;
const stripe = createStripe({
  secret_key: 'sk_test_farebox',
  address: null,
  send: (url, init) => sandbox.fetch(new Request(url, init)),
});
const endpoint = (await stripe.webhookEndpoints.list()).data[0]?.id ?? '';
await stripe.webhookEndpoints.update(endpoint, { disabled: true });
const { id: installation_id } = await db.kysely.selectFrom('installation').select('id').executeTakeFirstOrThrow();
const price = await db.kysely
  .selectFrom('plan_price')
  .select(['id', 'plan_version_id', 'stripe_price_id'])
  .executeTakeFirstOrThrow();
const [plan] = list.plans;
if (plan === undefined) throw new Error('the drill sells a plan');
const now = sandbox.clock.now();
/** The month that is over: it ends now. */
const anchor = Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() - 2, 1);
const month = periodAt(anchor, 'month', Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() - 1, 15));
const quiet = { warn: () => undefined, error: () => undefined };
const usage = createUsage({
  db,
  clock: { now: () => month.end_at },
  log: quiet,
  meters: list.meters,
  backdate_ms: 40 * 86_400_000,
});

const customers = await seedCustomers();
await agree();
await use();
const soFar = await costSoFar();
const reports = await close();
// As the gate's counters would have it, and as they are kept hour by hour.
await sql`update usage_report set counter = quantity`.execute(db.kysely);
const { equal, differing } = await compareWithInvoices();
for (const line of differing) faults.push(line);
const clean = await look();
if (clean.checked !== reports.length)
  faults.push(`${reports.length} periods were billed, ${clean.checked} were checked`);
for (const { customer_id, faults: found } of clean.periods)
  faults.push(`where all balances ${customer_id} does not: ${found.map(({ detail }) => detail).join(' ')}`);

const injected = await inject();
const looking = performance.now();
const result = await look();
const looking_s = secondsSince(looking);
const found = new Set(result.periods.map(({ usage_report_id }) => usage_report_id));
const missed = [...injected].filter(([id]) => !found.has(id));
const alarms = [...found].filter((id) => !injected.has(id));
for (const [id, how] of missed) faults.push(`${how} of ${id} was not found`);
for (const id of alarms) faults.push(`a false alarm of ${id}`);

await whole.close();
await database.close();
for (const line of faults.slice(0, 20)) console.log(`  FAULT ${line}`);
const met = faults.length === 0 && injected.size === injectedCount;
console.log(
  JSON.stringify({
    name: 'drill:close',
    met,
    seed,
    customers: size,
    customer_months_to_the_cent: equal,
    periods: clean.checked,
    injected: injected.size,
    found: injected.size - missed.length,
    false_alarms: alarms.length,
    billed_minor: clean.totals[0]?.billed_minor ?? 0,
    invoiced_minor: clean.totals[0]?.invoiced_minor ?? 0,
    looking_s,
    seconds: secondsSince(started),
    faults: faults.length,
  }),
);
process.exit(met ? 0 : 1);

interface Seeded {
  id: string;
  subscription_id: string;
  stripe_customer_id: string;
  stripe_subscription_id: string;
}

/** Customers here and at Stripe, each on the plan since two months. */
async function seedCustomers(): Promise<Seeded[]> {
  const made: Seeded[] = [];
  await abreast(Array.from({ length: size }).keys(), 4, async (index) => {
    const at = new Date(now);
    const id = createId('cust', now);
    const metadata = ownMetadata(installation_id, { farebox_customer: id });
    const customer = await stripe.customers.create({
      name: `Customer ${index}`,
      metadata,
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const items = [{ price: price.stripe_price_id ?? '' }];
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items, metadata });
    await db.kysely
      .insertInto('customer')
      .values({
        id,
        name: `Customer ${index}`,
        email: `c${index}@example.com`,
        stripe_customer_id: customer.id,
        created_at: at,
      })
      .execute();
    const subscription_id = createId('subs', now);
    await db.kysely
      .insertInto('subscription')
      .values({
        id: subscription_id,
        customer_id: id,
        group: 'main',
        plan_version_id: price.plan_version_id,
        plan_price_id: price.id,
        stripe_subscription_id: subscription.id,
        status: 'active',
        billing_anchor_at: new Date(month.start_at),
        current_period_start_at: new Date(month.end_at),
        current_period_end_at: new Date(month.end_at + 31 * 86_400_000),
        stripe_created_at: at,
        fetched_at: at,
        created_at: at,
      })
      .execute();
    made.push({
      id,
      subscription_id,
      stripe_customer_id: customer.id,
      stripe_subscription_id: subscription.id,
    });
  });
  return made;
}

/** Half of them pay prices of their own, and a third of them have a cap. */
async function agree(): Promise<void> {
  for (const { id } of customers) {
    const from_at = month.start_at;
    if (chance.draw() < 0.5) {
      const content = {
        included: { requests: chance.between(0, 120) },
        overage: { requests: { usd: randomPrice() }, traffic: { usd: randomPrice() } },
      };
      await insertOverrides(db.kysely, id, { from_at, expires_at: null, content, reason: null, actor: 'drill' });
    }
    if (chance.draw() < 0.33)
      await db.transaction((tx) =>
        insertSpendCap(tx, id, {
          owner: chance.oneOf(['customer', 'seller']),
          from_at,
          amount_minor: chance.between(0, 400),
          currency: 'usd',
          actor: 'drill',
        }),
      );
  }
}

function randomPrice(): UsagePrice {
  const unit_price_decimal = () => `${chance.between(0, 9)}.${chance.between(0, 99999)}`;
  const tiers = () => {
    const first = chance.between(1, 60);
    const ends = [first, first + chance.between(1, 200), null];
    return ends.map((up_to) => ({ up_to, unit_price_decimal: unit_price_decimal() }));
  };
  return chance.oneOf<() => UsagePrice>([
    () => ({ type: 'per_unit', unit_price_decimal: unit_price_decimal() }),
    () => ({ type: 'package', package_price_decimal: unit_price_decimal(), package_size: chance.between(2, 40) }),
    () => ({ type: 'graduated', tiers: tiers() }),
    () => ({ type: 'volume', tiers: tiers() }),
  ])();
}

/** By customer what its usage costs in the last millisecond of the month. */
async function costSoFar(): Promise<Map<string, number>> {
  const clock = { now: () => month.end_at - 1 };
  const before = createUsage({ db, clock, log: quiet, meters: list.meters });
  const costs = new Map<string, number>();
  for (const { id } of customers) costs.set(id, (await before.summary(id)).cost_so_far_minor);
  return costs;
}

/** By customer what stands at Stripe, against it. */
async function compareWithInvoices(): Promise<{ equal: number; differing: string[] }> {
  const lines = new Map<string, number>();
  for await (const { customer, amount } of stripe.invoiceItems.list({ limit: 100 })) {
    const id = idOf(customer);
    lines.set(id, (lines.get(id) ?? 0) + amount);
  }
  const differing = customers.flatMap(({ id, stripe_customer_id }) => {
    const [cost, billed] = [soFar.get(id) ?? 0, lines.get(stripe_customer_id) ?? 0];
    return cost === billed ? [] : [`${id} cost ${cost} at the end of its month, and ${billed} was billed`];
  });
  return { equal: customers.length - differing.length, differing };
}

/** Up to twenty events of each, anywhere in the month, in both meters. */
async function use(): Promise<void> {
  const events = customers.flatMap(({ id: customer_id }) =>
    Array.from({ length: chance.between(2, 20) }, (_, index) => {
      const occurred_at = new Date(chance.between(month.start_at, month.end_at - 1)).toISOString();
      const isTraffic = chance.draw() < 0.3;
      const more = isTraffic
        ? { type: 'traffic', properties: { size: chance.between(1, 900) / 100 } }
        : { type: 'requests', quantity: chance.between(1, 60) };
      return { id: `e${index}`, customer_id, occurred_at, ...more };
    }),
  );
  for (let from = 0; from < events.length; from += 1000) {
    const results = await usage.ingest(events.slice(from, from + 1000));
    for (const each of results) if (each.status !== 'accepted') faults.push(`an event was ${each.status}`);
  }
}

/** Closes the month of each, as a sync does, and puts it on an invoice, as its job does. Answers the reports. */
async function close(): Promise<string[]> {
  const priced = atPrice(plan ?? list.plans[0]!, { currency: 'usd', interval: 'month' });
  const bill = createUsageBilling({ stripe, installation_id });
  const all: string[] = [];
  await abreast(customers.values(), 4, async (customer) => {
    const at = new Date(month.start_at);
    const subscription = {
      id: customer.subscription_id,
      customer_id: customer.id,
      status: 'active',
      current_period_start_at: new Date(month.end_at),
      current_period_end_at: new Date(month.end_at + 31 * 86_400_000),
      ended_at: null,
      paused_at: null,
    };
    const phases = [
      { from_at: at, terms_id: 'pro', price_ids: new Map<string, string>(), billing_anchor_at: at, plan: priced },
    ];
    const deps = {
      clock: { now: () => now },
      usageOfPeriod: usage.usageOfPeriod,
      payFromCredit: () => Promise.resolve(0),
    };
    const opened = await db.transaction((tx) => closePeriods(tx, deps, subscription, phases));
    for (const id of opened) {
      const report = await reportById(db.kysely, id);
      if (report === null) continue;
      await bill(billOfReport(report, report.meter_id, null), { ...customer, is_ended: false, is_far: false });
      await markReportSent(db.kysely, id, new Date(now));
    }
  });
  const rows = await db.kysely.selectFrom('usage_report').select('id').execute();
  all.push(...rows.map(({ id }) => id));
  return all;
}

async function look(): Promise<ClosingReport> {
  return await app.closing.report({ customer_id: null, from: month.start_at + 1, to: month.end_at + 1 });
}

/** Each in a period of its own that has something to lose; by report how. */
async function inject(): Promise<Map<string, string>> {
  const { rows } = await db.pool.query<{ id: string; customer_id: string; meter_id: string }>(
    'select id, customer_id, meter_id from usage_report where amount_minor > 20 order by id',
  );
  const items = new Map<string, Stripe.InvoiceItem>();
  for await (const item of stripe.invoiceItems.list({ limit: 100 }))
    items.set(item.metadata?.['farebox_usage_report'] ?? '', item);
  const made = new Map<string, string>();
  while (made.size < injectedCount) {
    const report = chance.oneOf(rows);
    const item = items.get(report.id);
    if (made.has(report.id) || item === undefined) continue;
    const ways: [string, () => Promise<unknown>][] = [
      ['a lost event', () => loseEvent(report)],
      [
        'a wrong hour',
        () =>
          sql`
        update usage_hour set quantity = quantity + 5 where ctid = (
          select ctid from usage_hour where customer_id = ${report.customer_id} and meter_id = ${report.meter_id} limit 1
        )`.execute(db.kysely),
      ],
      [
        'another quantity',
        () => sql`update usage_report set quantity = quantity + 1 where id = ${report.id}`.execute(db.kysely),
      ],
      [
        'another amount',
        () => sql`update usage_report set amount_minor = amount_minor + 1 where id = ${report.id}`.execute(db.kysely),
      ],
      [
        'a counter that took more',
        () => sql`update usage_report set counter = counter + 4 where id = ${report.id}`.execute(db.kysely),
      ],
      ['a deleted line', () => stripe.invoiceItems.del(item.id)],
      ['a line that is there twice', () => twice(item)],
    ];
    const [how, doIt] = ways[made.size % ways.length] ?? ways[0]!;
    await doIt();
    made.set(report.id, how);
  }
  return made;
}

async function loseEvent({ customer_id, meter_id }: { customer_id: string; meter_id: string }): Promise<void> {
  await sql`
    delete from usage_event where (customer_id, id, type) in (
      select customer_id, id, type from usage_event where customer_id = ${customer_id} and counted ? ${meter_id}
      order by (counted ->> ${meter_id})::numeric desc limit 1
    )`.execute(db.kysely);
}

async function twice({ customer, currency, amount, metadata }: Stripe.InvoiceItem): Promise<void> {
  if (typeof customer === 'string') await stripe.invoiceItems.create({ customer, currency, amount, metadata });
}

function secondsSince(from: number): number {
  return Math.round((performance.now() - from) / 100) / 10;
}
