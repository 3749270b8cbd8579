import { type PriceListInput, definePlans } from '../packages/core/src/index.ts';
import { buyerOf } from '../packages/server/test/buyer.ts';
import { startWholeApp } from '../packages/server/test/whole-app.ts';
import { type Chance, createChance } from './chance.ts';
import { openDrillDatabase } from './drill-database.ts';
import { drillSeller } from './drill-seller.ts';

const plansOfEach = 4;
/** A customer has this many months at most: past them invoices are on another page. */
const mostMonths = 20;
const second = 1000;
const hour = 3_600_000;

interface Line {
  kind: string;
  amount_minor: number;
}

/**
 * Customers of the whole program on plans made by chance, half of them with each reporter. They use something at times made by chance,
 * some of it is put right, some of them have a cap. In the last second of each month what it costs so far is read, and then the
 * invoice: its usage is that, to the cent, and under the cap.
 */
export async function drillReporters(options: { months: number; seed: number; fault: (text: string) => void }) {
  const chance = createChance(options.seed);
  const rounds = Math.min(mostMonths, Math.ceil(options.months / (2 * plansOfEach)));
  const people = Math.ceil(options.months / rounds);
  const database = await openDrillDatabase('rating');
  const list = definePlans(listOf(chance));
  const sandbox = { seed: String(options.seed), frozen: true };
  // So many people would be too many for one address.
  const environment = { FAREBOX_TRUSTED_PROXIES: '127.0.0.1' };
  const whole = await startWholeApp({ db: database.db, list, sandbox, log: 'silent', environment });
  const { app, seller } = whole;
  const counts = { customer_months: 0, to_the_cent: 0, by_meters: 0, months_at_cap: 0, usage_minor: 0, units_sent: 0 };
  const customers: (Awaited<ReturnType<typeof buyerOf>> & { cap: number | null; isMetered: boolean })[] = [];
  for (let index = 0; index < people; index += 1) {
    const plan = list.plans[index % list.plans.length];
    if (plan === undefined) throw new Error('the drill sells plans');
    const bought = await buyerOf(whole, plan.id);
    const cap = chance.draw() < 0.4 ? chance.between(50, 3000) : null;
    const path = `/v1/customers/${bought.customer_id}/spend_cap`;
    if (cap !== null) await seller.answer('PUT', path, { amount_minor: cap });
    customers.push({ ...bought, cap, isMetered: plan.id.startsWith('meters') });
  }
  await app.settle();
  let sent = 0;
  for (let round = 0; round < rounds; round += 1) {
    const end_at = await endOf(customers[0]?.visitor);
    for (const share of [0.2, 0.5, 0.9]) {
      const now = whole.sandbox.clock.now();
      await whole.sandbox.clock.advance(Math.floor((end_at - now) * share));
      for (const { customer_id } of customers) await use(customer_id);
      await app.settle();
    }
    await whole.sandbox.clock.advance(end_at - second - whole.sandbox.clock.now());
    await app.settle();
    const costs = new Map<string, number>();
    for (const { customer_id, visitor } of customers)
      costs.set(customer_id, (await visitor.get('/v1/usage/summary')).cost_so_far_minor);
    await whole.sandbox.clock.advance(2 * hour);
    await app.settle();
    for (const customer of customers) await compare(customer, costs.get(customer.customer_id) ?? 0);
    console.log(`  ${counts.customer_months} of ${people * rounds} customer-months, ${counts.to_the_cent} to the cent`);
  }
  const { rows } = await database.db.pool.query<{ units: number; lost: number }>(
    `select coalesce(sum(units) filter (where state = 'sent'), 0)::int as units, count(*) filter (where state <> 'sent')::int as lost
     from usage_push`,
  );
  counts.units_sent = rows[0]?.units ?? 0;
  if (counts.units_sent === 0 || rows[0]?.lost !== 0) options.fault('usage was not sent to the meters');
  const { found } = await app.stripe.reconcile({ repair: false });
  for (const { detail } of found) options.fault(`Stripe differs: ${detail}`);
  await whole.close();
  await database.close();
  return counts;

  /** Some usage, late by hours at times; and at times some of it is put right. */
  async function use(customer_id: string): Promise<void> {
    sent += 1;
    const now = whole.sandbox.clock.now();
    const late = chance.draw() < 0.3 ? chance.between(1, 30) * hour : 0;
    const event = {
      id: `e${sent}`,
      type: chance.oneOf(['requests', 'exports']),
      customer_id,
      quantity: chance.between(0, 60),
      occurred_at: new Date(now - late).toISOString(),
    };
    await seller.post('/v1/usage/events', event);
    if (chance.draw() >= 0.2) return;
    await app.settle();
    const right = { customer_id, event_id: event.id, quantity: event.quantity + chance.between(1, 9), reason: 'drill' };
    await seller.post('/v1/usage/corrections', right);
  }

  async function compare({ customer_id, visitor, cap, isMetered }: (typeof customers)[number], cost: number) {
    const [invoice] = (await visitor.get('/v1/invoices')).data;
    const sum = (...kinds: string[]) =>
      (invoice?.lines ?? [])
        .filter(({ kind }: Line) => kinds.includes(kind))
        .reduce((total: number, { amount_minor }: Line) => total + amount_minor, 0);
    const usage = sum('overage', 'cap');
    counts.customer_months += 1;
    counts.usage_minor += usage;
    if (isMetered) counts.by_meters += 1;
    if (usage + sum('minimum') === cost) counts.to_the_cent += 1;
    else options.fault(`${customer_id} cost ${cost} at the end of its month, ${usage + sum('minimum')} was billed`);
    if (cap !== null && usage > cap) options.fault(`${customer_id} was billed ${usage} under a cap of ${cap}`);
    if (cap === usage) counts.months_at_cap += 1;
  }
}

async function endOf(visitor: Awaited<ReturnType<typeof buyerOf>>['visitor'] | undefined): Promise<number> {
  const { data } = (await visitor?.get('/v1/subscriptions')) ?? { data: [] };
  return Date.parse(data[0].current_period_end_at);
}

/** Plans of prices of every kind, of each as many as there are of the other, each with both reporters as far as Stripe can. */
function listOf(chance: Chance): PriceListInput {
  const price = () => `0.${String(chance.between(0, 9999)).padStart(4, '0')}`;
  const tiers = () => {
    const first = chance.between(1, 40);
    return [first, first + chance.between(1, 80), null].map((up_to) => ({ up_to, unit_price: price() }));
  };
  const overages = [
    () => ({ included: chance.between(0, 40), overage: { unit_price: price() } }),
    () => ({ included: chance.between(0, 40), overage: { tiers: tiers() } }),
    () => ({ included: 0, overage: { volume: tiers() } }),
    () => ({ included: 0, overage: { package_price: price(), package_size: chance.between(2, 20) } }),
  ];
  const plans: PriceListInput['plans'] = {};
  for (const reporter of ['meters', 'invoice_items'] as const)
    for (const [index, make] of overages.entries()) {
      // No minimum, one of a meter, or one of all usage together.
      const least = String(chance.between(1, 20));
      const kind = chance.oneOf(['none', 'meter', 'plan', 'plan']);
      const minimum = kind === 'meter' ? { minimum: least } : {};
      const usage = { requests: { ...make(), ...minimum }, exports: { overage: { unit_price: price() } } };
      plans[`${reporter}_${index}`] = {
        name: `Plan ${index}`,
        description: 'Made by chance.',
        price: { month: '49' },
        reporter,
        usage,
        ...(kind === 'plan' ? { minimum: least } : {}),
      };
    }
  return {
    seller: drillSeller,
    currency: 'usd',
    meters: { requests: { name: 'API requests', unit: 'request' }, exports: { name: 'Exports', unit: 'export' } },
    plans,
  };
}
