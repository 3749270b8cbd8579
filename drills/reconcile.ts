import type Stripe from 'stripe';
import { definePlans } from '../packages/core/src/index.ts';
import { createId } from '../packages/server/src/lib/id.ts';
import { abreast } from '../packages/server/src/lib/abreast.ts';
import { createInvoiceMirror } from '../packages/server/src/invoices/mirror.ts';
import { createStripe } from '../packages/server/src/stripe/client.ts';
import { type DivergenceKind, divergenceKinds } from '../packages/server/src/stripe/reconcile/compare.ts';
import type { Reconciliation } from '../packages/server/src/stripe/reconcile/service.ts';
import { moveCursor, upsertCharges } from '../packages/server/src/stripe/store.ts';
import {
  idOf,
  translateCard,
  translateCharge,
  translateInvoice,
  translateSubscription,
} from '../packages/server/src/stripe/translate.ts';
import { createSubscriptionMirror } from '../packages/server/src/subscriptions/mirror.ts';
import type { Card } from '../packages/server/src/subscriptions/store.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { readChoices } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { drillSeller } from './drill-seller.ts';
import { type Seeded, createInjections } from './reconcile-injected.ts';

/**
 * Thousands of customers, of whom some were made to differ from Stripe in each way that `farebox reconcile` knows: all of
 * these are found and nothing else, what has one right answer is put right, and a second run has nothing to do.
 * 1,000 customers; with `--long` 10,000.
 */
const { isLong, seed } = readChoices(process.argv);
const size = isLong ? 10_000 : 1000;
const perKind = isLong ? 100 : 20;
const faults: string[] = [];
const list = definePlans({
  seller: drillSeller,
  currency: 'usd',
  meters: { requests: { name: 'API requests', unit: 'request' } },
  plans: {
    pro: {
      name: 'Pro',
      description: 'For business.',
      price: { month: { usd: '499', eur: '449' } },
      usage: { requests: { included: 5, overage: { unit_price: { usd: '0.25', eur: '0.20' } } } },
    },
    small: { name: 'Small', description: 'Few buy it.', price: { month: '9' } },
    large: { name: 'Large', description: 'Nobody buys it.', price: { month: '999' } },
  },
});

console.log(`seed ${seed}`);
const database = await openDrillDatabase('reconcile');
const { db } = database;
const whole = await startWholeApp({ db, list, sandbox: { seed: String(seed) }, log: 'silent' });
const { app, sandbox } = whole;
const stripe = createStripe({
  secret_key: 'sk_test_farebox',
  address: null,
  send: (url, init) => sandbox.fetch(new Request(url, init)),
});
// What is read from Stripe's list of events would put right what is to be found.
const future = new Date(sandbox.clock.now() + 365 * 86_400_000);
await moveCursor(db.kysely, future, future);
const endpoint = (await stripe.webhookEndpoints.list()).data[0]?.id ?? '';
await stripe.webhookEndpoints.update(endpoint, { disabled: true });

const [seeded, seeding_s] = await timed(seedCustomers);
await stripe.webhookEndpoints.update(endpoint, { disabled: false });
const [, mirroring_s] = await timed(mirrorCustomers);
console.log(`${size} customers made at Stripe in ${seeding_s} s and mirrored here in ${mirroring_s} s`);

const [clean, clean_s] = await timed(() => reconcile(false));
for (const { kind, detail } of clean.found) faults.push(`where nothing differs ${kind} is found: ${detail}`);

const injected = await createInjections({ whole, stripe, seeded, endpoint, perKind })();
const [looked, looking_s] = await timed(() => reconcile(false));
const kinds = tally(looked);
sandbox.webhooks.policy = 'deliver';
const [repaired, repairing_s] = await timed(() => reconcile(true));
await app.queue.idle();
if (repaired.found.length !== looked.found.length) faults.push(`repairing found ${repaired.found.length} differences`);
const before = await fingerprint();
const [second, second_s] = await timed(() => reconcile(true));
await app.queue.idle();
if ((await fingerprint()) !== before) faults.push('the second run changed something');
const again = second.found.filter(({ repaired: isRepaired }) => isRepaired);
for (const { kind, detail } of again) faults.push(`the second run repaired ${kind}: ${detail}`);
const left = second.found.length;
const forPeople = looked.found.filter(({ repair }) => repair === null).length;
if (left !== forPeople) faults.push(`the second run found ${left} differences, and ${forPeople} were left to people`);

await whole.close();
await database.close();
for (const line of faults.slice(0, 20)) console.log(`  FAULT ${line}`);
const met = faults.length === 0;
const figures = {
  customers: size,
  checked: looked.checked,
  ...kinds,
  left_to_people: left,
  repaired_again: again.length,
};
const times = { seeding_s, mirroring_s, clean_s, looking_s, repairing_s, second_s };
console.log(JSON.stringify({ name: 'drill:reconcile', met, seed, ...figures, ...times, faults: faults.length }));
process.exit(met ? 0 : 1);

/** At Stripe customers that name ours, nine of ten with a subscription; here their rows alone, without a link. */
async function seedCustomers(): Promise<Seeded[]> {
  const { id: installation } = await db.kysely.selectFrom('installation').select('id').executeTakeFirstOrThrow();
  const prices = await db.kysely.selectFrom('plan_price').selectAll().orderBy('amount_minor').execute();
  const price = prices.find(({ amount_minor }) => amount_minor === 49_900)?.stripe_price_id ?? '';
  const all = Array.from({ length: size }, (_, index) => ({
    id: createId('cust', sandbox.clock.now()),
    name: `Customer ${index}`,
    email: `customer${index}@example.com`,
    created_at: new Date(sandbox.clock.now()),
  }));
  for (let from = 0; from < size; from += 1000)
    await db.kysely
      .insertInto('customer')
      .values(all.slice(from, from + 1000))
      .execute();
  const made: Seeded[] = [];
  await abreast(all.entries(), 4, async ([index, { id, name, email }]) => {
    const metadata = { farebox_installation: installation, farebox_customer: id };
    const buys = index % 10 !== 0;
    const card = buys
      ? { payment_method: 'pm_card_visa', invoice_settings: { default_payment_method: 'pm_card_visa' } }
      : {};
    const customer = await stripe.customers.create({ name, email, metadata, ...card });
    const subscription = buys
      ? await stripe.subscriptions.create({ customer: customer.id, items: [{ price }], metadata })
      : null;
    made.push({ id, stripe_customer_id: customer.id, stripe_subscription_id: subscription?.id ?? null });
  });
  return made;
}

/** Links and mirrors them all from Stripe's lists, as syncing each would, without the mails that follow from a sale. */
async function mirrorCustomers(): Promise<void> {
  const clock = { now: () => sandbox.clock.now() };
  const mirrorSubscriptions = createSubscriptionMirror({ clock });
  const mirrorInvoices = createInvoiceMirror({ clock });
  const price = await db.kysely
    .selectFrom('plan_price')
    .selectAll()
    .where('amount_minor', '=', 49_900)
    .executeTakeFirstOrThrow();
  const subscriptions = new Map<string, Stripe.Subscription>();
  for await (const each of stripe.subscriptions.list({ limit: 100 })) subscriptions.set(each.id, each);
  const invoices = new Map<string, Stripe.Invoice>();
  for await (const each of stripe.invoices.list({ limit: 100 })) invoices.set(idOf(each.customer ?? ''), each);
  const charges = new Map<string, Stripe.Charge>();
  for await (const each of stripe.charges.list({ limit: 100 })) charges.set(idOf(each.customer ?? ''), each);
  const cards = new Map<string, Card | null>();
  const expand = ['data.invoice_settings.default_payment_method'];
  for await (const each of stripe.customers.list({ limit: 100, expand }))
    cards.set(each.id, translateCard(each.invoice_settings.default_payment_method));
  await abreast(seeded, 4, async ({ id, stripe_customer_id, stripe_subscription_id }) => {
    const at = new Date(sandbox.clock.now());
    await db.transaction(async (tx) => {
      await tx.updateTable('customer').set({ stripe_customer_id }).where('id', '=', id).execute();
      const subscription = subscriptions.get(stripe_subscription_id ?? '');
      const invoice = invoices.get(stripe_customer_id);
      if (subscription === undefined || invoice === undefined) return;
      const terms = { group: 'main', plan_version_id: price.plan_version_id, plan_price_id: price.id };
      const unscheduled = {
        scheduled_price_id: null,
        scheduled_quantity: null,
        scheduled_add_ons: null,
        scheduled_at: null,
      };
      const more = { ...unscheduled, add_ons: [], card: cards.get(stripe_customer_id) ?? null };
      const result = await mirrorSubscriptions(tx, id, [translateSubscription(subscription, terms, more)], at);
      const ids = new Map(result.subscriptions.map((row) => [row.stripe_subscription_id, row.id]));
      await mirrorInvoices(tx, id, [translateInvoice(invoice, invoice.lines.data)], ids, at);
      const charge = charges.get(stripe_customer_id);
      if (charge !== undefined) await upsertCharges(tx, id, [translateCharge(charge, null)], at);
    });
  });
}

async function reconcile(repair: boolean): Promise<Reconciliation> {
  return await app.stripe.reconcile({ repair });
}

/** What was injected and found, by kind; whatever else was found is a false alarm. */
function tally({ found }: Reconciliation): { injected: number; found: number; false_alarms: number } {
  const key = (kind: string, id: string): string => `${kind} ${id}`;
  const known = new Set(found.map(({ kind, object_id }) => key(kind, object_id)));
  const wanted = new Set(injected.map(({ kind, object_id }) => key(kind, object_id)));
  const countOf = (kind: DivergenceKind, among: ReadonlySet<string>): number =>
    injected.filter((each) => each.kind === kind && among.has(key(each.kind, each.object_id))).length;
  for (const kind of divergenceKinds) {
    const [all, seen] = [countOf(kind, wanted), countOf(kind, known)];
    console.log(`  ${kind.padEnd(20)} ${String(seen).padStart(4)} of ${all}`);
    if (all === 0 || seen !== all) faults.push(`of ${kind} ${seen} of ${all} were found`);
  }
  const alarms = found.filter(({ kind, object_id }) => !wanted.has(key(kind, object_id)));
  for (const { kind, detail } of alarms) faults.push(`a false alarm, ${kind}: ${detail}`);
  return {
    injected: wanted.size,
    found: [...wanted].filter((each) => known.has(each)).length,
    false_alarms: alarms.length,
  };
}

/** Everything that a repair could write, here and at Stripe. */
async function fingerprint(): Promise<string> {
  const tables = [
    'customer',
    'subscription',
    'invoice',
    'invoice_line',
    'usage_report',
    'stripe_intent',
    'stripe_event',
  ];
  const sums: string[] = [];
  for (const table of tables) {
    const { rows } = await db.pool.query<{ sum: string }>(
      `select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) as sum from ${table} t`,
    );
    sums.push(rows[0]?.sum ?? '');
  }
  const newest = (await stripe.events.list({ limit: 1 })).data[0]?.id ?? '';
  return [...sums, newest].join(' ');
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  const result = await work();
  return [result, Math.round((performance.now() - from) / 100) / 10];
}
