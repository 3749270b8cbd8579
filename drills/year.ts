import { definePlans } from '../packages/core/src/index.ts';
import { type Visitor, payOnPage } from '../packages/server/test/visitor.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { openDrillDatabase } from './drill-database.ts';
import { drillSeller } from './drill-seller.ts';
import { type Counted, explainInvoice } from './year-explained.ts';
import { compareWithStripe } from './year-compared.ts';

/**
 * One customer, from the trial to the win-back, through the front door: the program with its database and the local Stripe,
 * whose clock is moved. After every step the state here equals Stripe's, the gate answers what it must, and every line of
 * every new invoice is worked out again by hand.
 */
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const overage = {
  tiers: [
    { up_to: 2, unit_price: '0.25' },
    { up_to: null, unit_price: '0.10' },
  ],
};
const limits = [{ limit: 40, window: '1m' }];
const list = definePlans({
  seller: drillSeller,
  currency: 'usd',
  meters: { requests: { name: 'API requests', unit: 'request' } },
  plans: {
    starter: {
      name: 'Starter',
      description: 'To begin.',
      price: { month: '99', year: '990' },
      trial: { days: 14 },
      usage: { requests: { included: 5, overage } },
      limits,
    },
    pro: {
      name: 'Pro',
      description: 'For business.',
      price: { month: '499', year: '4990' },
      usage: { requests: { included: 5, overage } },
      limits,
    },
  },
  dunning: [
    { step: 'warn', after_days: 0 },
    { step: 'slow', after_days: 3 },
    { step: 'read_only', after_days: 7 },
    { step: 'block', after_days: 14 },
  ],
  coupons: {
    welcome_back: { name: 'Welcome back', percent_off: '50', duration: { months: 3 }, codes: { WELCOMEBACK: {} } },
  },
});

type Line = { description: string; amount_minor: number };
type Invoice = { id: string; status: string; total_minor: number; discount_minor: number; lines: Line[] };

const faults: string[] = [];
const started = performance.now();
const database = await openDrillDatabase('year');
const begin = Date.UTC(2027, 0, 4, 9);
const whole = await startWholeApp({ db: database.db, list, sandbox: { seed: 'year', now: () => begin, frozen: true } });
const { app, sandbox, stripe } = whole;
// Stripe asks the card again within the steps of dunning, and leaves the subscription owing when it was asked for the last time.
sandbox.dunning = { schedule_days: [3, 5, 7, 7], after_all_fail: 'past_due' };

const visitor = await whole.signUp('grace@example.com');
const { customer } = await visitor.get<{ customer: { id: string } }>('/v1/me');
const used: Counted[] = [];
const seen = new Set<string>();
let steps = 0;
let lines = 0;
let secret = '';
let stripeCustomer = '';

await step('A trial of Starter, with a card', 'valid starter', 'trialing', async () => {
  await buy(visitor, { plan_id: 'starter' });
  secret = (await visitor.post<{ secret: string }>('/v1/keys/first')).secret;
  stripeCustomer = (await app.customers.get(customer.id)).stripe_customer_id ?? '';
});
await step('Seven days in, the trial is used', 'valid starter', 'trialing', async () => {
  await advance(7);
  await use(8);
});
await step('The trial is over: Starter is paid', 'valid starter', 'active', async () => {
  await advance(7, 2);
});
await step('Past what is included', 'valid starter', 'active', async () => {
  await advance(5);
  await use(7);
});
await step('Pro, in the middle of the month', 'valid pro', 'active', async () => {
  await advance(7);
  await change({ plan_id: 'pro' });
});
await step('The month ends: Pro, and the usage of the month', 'valid pro', 'active', async () => {
  await advance(19, 3);
});
await step('From monthly to annual', 'valid pro', 'active', async () => {
  await use(6);
  await advance(13);
  await change({ plan_id: 'pro', interval: 'year' });
});
await step('A month of the year is used; its usage has an invoice of its own', 'valid pro', 'active', async () => {
  await use(9);
  await advance(40);
});
await step('The card is replaced by one that will be refused', 'valid pro', 'active', async () => {
  await takeCard('4000000000000341');
});
await step('The year is over, the card is refused: a notice', 'valid pro warn', 'past_due', async () => {
  const { current_period_end_at } = await subscription();
  await advanceTo(Date.parse(current_period_end_at) + 2 * hourMs);
});
await step('Three days later: slower', 'valid pro slow', 'past_due', async () => await advance(4));
await step('Seven days: only reading', 'PAYMENT_PAST_DUE read_only', 'past_due', async () => await advance(4));
await step('Fourteen days: nothing passes', 'PAYMENT_PAST_DUE block', 'past_due', async () => await advance(7));
await step('Another card, and the invoice is paid: recovered', 'valid pro', 'active', async () => {
  await takeCard('5555555555554444');
  const open = (await visitor.get<{ data: Invoice[] }>('/v1/invoices')).data.find(({ status }) => status === 'open');
  await visitor.post(`/v1/invoices/${open?.id}/retry`);
});
await step('Paused', 'SUBSCRIPTION_INACTIVE', 'paused', async () => {
  await advance(10);
  await visitor.post(`/v1/subscriptions/${(await subscription()).id}/pause`);
});
await step('A pause of thirty days costs nothing', 'SUBSCRIPTION_INACTIVE', 'paused', async () => await advance(30));
await step('It goes on: a new year, less what was not used of the old one', 'valid pro', 'active', async () => {
  await visitor.post(`/v1/subscriptions/${(await subscription()).id}/unpause`);
});
await step('Cancelled at once; the last usage is billed', 'SUBSCRIPTION_INACTIVE', 'canceled', async () => {
  await advance(10);
  await use(7);
  await advance(0, 1);
  await visitor.post(`/v1/subscriptions/${(await subscription()).id}/cancel`, { at: 'now', reason: 'too_expensive' });
});
await step('Two months away', 'SUBSCRIPTION_INACTIVE', 'canceled', async () => await advance(60));
await step('Won back: Pro by the month, half off for three months', 'valid pro', 'active', async () => {
  await buy(visitor, { plan_id: 'pro', interval: 'month', promotion_code: 'WELCOMEBACK' });
});
await step('The second month, half off, and what was used', 'valid pro', 'active', async () => {
  await use(8);
  await advance(31, 2);
});
await step('The third month, half off', 'valid pro', 'active', async () => await advance(31, 2));
await step('The fourth month, whole', 'valid pro', 'active', async () => await advance(31, 2));

const seconds = Math.round((performance.now() - started) / 100) / 10;
const days = Math.round((sandbox.clock.now() - begin) / dayMs);
await whole.close();
await database.close();
for (const line of faults) console.log(`  FAULT ${line}`);
const met = faults.length === 0;
const figures = { steps, days, invoices: seen.size, lines, faults: faults.length, seconds };
console.log(JSON.stringify({ name: 'drill:year', met, seed: 'year', ...figures }));
process.exit(met ? 0 : 1);

/** Does something, waits until everybody has heard of it, and looks: state, gate, invoices, Stripe. */
async function step(name: string, gate: string, status: string, work: () => Promise<void>): Promise<void> {
  steps += 1;
  const fault = (text: string): void => void faults.push(`step ${steps}, ${name}: ${text}`);
  await work();
  await arrived();
  const now = await subscription();
  const answer = await whole.verify(secret, 0);
  const said = [answer.valid ? `valid ${answer.plan_id}` : answer.code, answer.payment?.step].filter(Boolean).join(' ');
  const on = new Date(sandbox.clock.now()).toISOString().slice(0, 16).replace('T', ' ');
  const state = `${now.plan_name} by the ${now.price.interval}, ${now.status}`;
  console.log(`${String(steps).padStart(2)}  ${on}  ${state.padEnd(30)}  ${said.padEnd(22)}  ${name}`);
  if (said !== gate) fault(`the gate says ${said}, not ${gate}`);
  if (now.status !== status) fault(`the subscription is ${now.status}, not ${status}`);
  for (const invoice of await stripe.invoices
    .list({ customer: stripeCustomer, limit: 100 })
    .autoPagingToArray({ limit: 500 })) {
    if (seen.has(invoice.id) || invoice.status === 'draft') continue;
    seen.add(invoice.id);
    const explained = await explainInvoice({ stripe, invoice, used });
    lines += explained.lines.length;
    for (const line of explained.lines) console.log(`      ${line}`);
    for (const text of explained.faults) fault(text);
  }
  for (const text of await compareWithStripe({ whole, stripeCustomer, customer_id: customer.id })) fault(text);
}

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.settle();
  await sandbox.webhooks.settled();
  await app.queue.idle();
}

async function advance(days: number, hours = 0): Promise<void> {
  await sandbox.clock.advance(days * dayMs + hours * hourMs);
  await arrived();
}

async function advanceTo(at: number): Promise<void> {
  await sandbox.clock.advance(at - sandbox.clock.now());
  await arrived();
}

interface Subscription {
  id: string;
  plan_name: string;
  status: string;
  price: { interval: string };
  current_period_end_at: string;
}

/** The newest. */
async function subscription(): Promise<Subscription> {
  const [newest] = (await visitor.get<{ data: Subscription[] }>('/v1/subscriptions')).data;
  if (newest === undefined) throw new Error('The customer has no subscription.');
  return newest;
}

async function buy(as: Visitor, wish: object): Promise<void> {
  const { id, url } = await as.post<{ id: string; url: string }>('/v1/checkout_sessions', wish);
  await payOnPage(url);
  await as.get(`/v1/checkout_sessions/${id}`);
}

/** First asks what it will cost, then does it; the invoice is what was said. */
async function change(wish: object): Promise<void> {
  const path = `/v1/subscriptions/${(await subscription()).id}`;
  type Preview = { proration_at: string; invoice: { total_minor: number } | null };
  const { proration_at, invoice } = await visitor.post<Preview>(`${path}/preview`, wish);
  await visitor.post(`${path}/change`, { ...wish, proration_at });
  const [newest] = (await visitor.get<{ data: Invoice[] }>('/v1/invoices')).data;
  if (invoice?.total_minor !== newest?.total_minor)
    faults.push(`a change was foreseen to cost ${invoice?.total_minor} and cost ${newest?.total_minor}`);
}

/** Adds a card as a customer does, and makes it the one that pays. */
async function takeCard(number: string): Promise<void> {
  const before = new Set((await cards()).map(({ id }) => id));
  const { url } = await visitor.post<{ url: string }>('/v1/payment_methods/setup');
  await payOnPage(url, number);
  const added = (await cards()).find(({ id }) => !before.has(id));
  await visitor.post(`/v1/payment_methods/${added?.id}/default`);
}

async function cards(): Promise<{ id: string }[]> {
  return (await visitor.get<{ data: { id: string }[] }>('/v1/payment_methods')).data;
}

/** Calls of the seller's API; each is counted where it was let through. */
async function use(calls: number): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    const { valid, code } = await whole.verify(secret);
    if (!valid) faults.push(`a call was refused: ${code}`);
  }
  used.push({ at: sandbox.clock.now(), units: calls });
}
