import Stripe from 'stripe';
import type { Going } from '../../scripts/verdict.ts';
import { createSandbox } from '../../src/index.ts';
import { clientOf, idOf } from '../harness.ts';
import { watch } from '../invariants/watch.ts';
import { monthsAfter } from '../model/exact.ts';
import { dice } from './dice.ts';
import { audit, type Life, type Plan, type Tier } from './year-audit.ts';

/** A year of a business: so many subscriptions on test clocks, through the official SDK, and every line of it explained. */

const DAY = 86_400;
const HOUR = 3_600;
const MONTHS = 12;
const FIRST = Date.UTC(2026, 0, 1, 10, 20, 30) / 1_000;
/** How many customers a test clock takes. */
const ON_CLOCK = 3;
const PERCENTAGE = '19';

const offers: { name: string; amount: number; tiers: Tier[] }[] = [
  {
    name: 'Starter',
    amount: 2_900,
    tiers: [
      { up_to: 1_000, unit: '0' },
      { up_to: null, unit: '0.5' },
    ],
  },
  {
    name: 'Pro',
    amount: 9_900,
    tiers: [
      { up_to: 10_000, unit: '0' },
      { up_to: 50_000, unit: '0.3' },
      { up_to: null, unit: '0.21' },
    ],
  },
  {
    name: 'Scale',
    amount: 49_900,
    tiers: [
      { up_to: 30_000, unit: '0' },
      { up_to: null, unit: '0.1003' },
    ],
  },
];

type Roll = () => number;

/** One of several. */
function oneOf<T>(all: readonly [T, ...T[]], roll: Roll): T {
  return all[Math.floor(roll() * all.length)] ?? all[0];
}

async function makePlan(stripe: Stripe, meter: string, offer: (typeof offers)[number]): Promise<Plan> {
  const { name, amount, tiers } = offer;
  const product = await stripe.products.create({ name });
  const facts = { currency: 'usd', product: product.id };
  const licensed = await stripe.prices.create({ ...facts, unit_amount: amount, recurring: { interval: 'month' } });
  const metered = await stripe.prices.create({
    ...facts,
    billing_scheme: 'tiered',
    recurring: { interval: 'month', usage_type: 'metered', meter },
    tiers: tiers.map(({ up_to, unit }) => ({
      up_to: up_to ?? 'inf',
      unit_amount_decimal: Stripe.Decimal.from(unit),
    })),
    tiers_mode: 'graduated',
  });
  return { amount, tiers, licensed: licensed.id, metered: metered.id };
}

/** A subscription and the things that are done to it. */
class Subscriber {
  readonly life: Life;
  readonly #stripe: Stripe;
  readonly #plans: [Plan, ...Plan[]];
  readonly #roll: Roll;
  readonly #cards: { good: string; bad: string };
  #fails = false;
  #held = false;

  constructor(stripe: Stripe, plans: [Plan, ...Plan[]], roll: Roll, life: Life, cards: { good: string; bad: string }) {
    this.#stripe = stripe;
    this.#plans = plans;
    this.#roll = roll;
    this.life = life;
    this.#cards = cards;
  }

  async #now(): Promise<Stripe.Subscription> {
    return await this.#stripe.subscriptions.retrieve(this.life.id);
  }

  /** Something is used, more by those who pay more. */
  async use(at: number): Promise<void> {
    const subscription = await this.#now();
    if (subscription.ended_at !== null || subscription.status === 'paused') return;
    const { plan } = this.life.states.at(-1) ?? {};
    const value = Math.floor(this.#roll() ** 2 * ((plan?.amount ?? 0) + 20_000) * 2);
    if (value === 0) return;
    await this.#stripe.billing.meterEvents.create({
      event_name: 'calls',
      timestamp: at,
      payload: { stripe_customer_id: this.life.customer, value: String(value) },
    });
    this.life.used.push({ at, value });
  }

  /** A card that failed is replaced by most, who then pay what is open. */
  async repair(): Promise<void> {
    const { status, latest_invoice } = await this.#now();
    if (!this.#fails || status !== 'past_due' || this.#roll() > 0.7) return;
    await this.#stripe.subscriptions.update(this.life.id, { default_payment_method: this.#cards.good });
    const open = await this.#stripe.invoices.list({ subscription: this.life.id, status: 'open' });
    for (const invoice of open.data) await this.#stripe.invoices.pay(invoice.id);
    if (open.data.length === 0) throw new Error(`${idOf(latest_invoice)} is not open, and nothing else is.`);
    this.#fails = false;
  }

  /** A subscription that was paused goes on. */
  async goOn(at: number): Promise<void> {
    const pause = this.life.pauses.at(-1);
    if (pause === undefined || pause.to !== null) return;
    const { status } = await this.#stripe.subscriptions.resume(this.life.id);
    if (status !== 'active') throw new Error(`${this.life.id} was resumed and is ${status}.`);
    pause.to = at;
  }

  /** What a customer does once a month, or mostly does not. */
  async act(at: number): Promise<void> {
    const { life } = this;
    const update = (params: Stripe.SubscriptionUpdateParams) => this.#stripe.subscriptions.update(life.id, params);
    const subscription = await this.#now();
    if (subscription.status !== 'active' || subscription.cancel_at !== null) return;
    if (this.#held) {
      this.#held = false;
      await update({ pause_collection: '' });
    }
    const what = this.#roll();
    if (what < 0.15) await this.#change(subscription, at);
    else if (what < 0.2) {
      this.#fails = true;
      await update({ default_payment_method: this.#cards.bad });
    } else if (what < 0.24) {
      await this.#stripe.subscriptions.pause(life.id, { type: 'subscription' });
      life.pauses.push({ from: at, to: null });
    } else if (what < 0.27) {
      this.#held = true;
      const behavior = oneOf(['keep_as_draft', 'mark_uncollectible', 'void'], this.#roll);
      await update({ pause_collection: { behavior } });
    } else if (what < 0.29) await update({ cancel_at_period_end: true });
    else if (what < 0.3) {
      await this.#stripe.subscriptions.cancel(life.id, { prorate: true, invoice_now: true });
      life.canceled_at = at;
    }
  }

  /** Another plan, other seats, or both. */
  async #change(subscription: Stripe.Subscription, at: number): Promise<void> {
    const { life } = this;
    const now = life.states.at(-1);
    if (now === undefined) return;
    const plan = oneOf(this.#plans, this.#roll);
    const seats = plan === now.plan ? now.seats + 1 : 1 + Math.floor(this.#roll() * 5);
    const prorates = oneOf(['always_invoice', 'create_prorations', 'none'], this.#roll);
    const item = (price: string) => subscription.items.data.find((each) => each.price.id === price)?.id ?? '';
    await this.#stripe.subscriptions.update(life.id, {
      items: [
        { id: item(now.plan.licensed), price: plan.licensed, quantity: seats },
        ...(plan === now.plan ? [] : [{ id: item(now.plan.metered), price: plan.metered }]),
      ],
      proration_behavior: prorates,
    });
    life.states.push({ at, plan, seats, prorates: prorates !== 'none' });
  }
}

/** A test clock and who lives on it. */
class Household {
  readonly members: Subscriber[] = [];
  readonly #stripe: Stripe;
  readonly #start: number;
  #clock = '';

  constructor(stripe: Stripe, start: number) {
    this.#stripe = stripe;
    this.#start = start;
  }

  async open(plans: [Plan, ...Plan[]], rate: string, size: number, roll: Roll): Promise<void> {
    const stripe = this.#stripe;
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: this.#start });
    this.#clock = clock.id;
    for (let each = 0; each < size; each += 1) {
      const { id: customer } = await stripe.customers.create({ name: `Ada ${each}`, test_clock: clock.id });
      const good = (await stripe.paymentMethods.attach('pm_card_visa', { customer })).id;
      const bad = (await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer })).id;
      const [plan, seats, taxed] = [oneOf(plans, roll), 1 + Math.floor(roll() * 3), roll() < 0.5];
      const { id } = await stripe.subscriptions.create({
        customer,
        default_payment_method: good,
        default_tax_rates: taxed ? [rate] : [],
        items: [{ price: plan.licensed, quantity: seats }, { price: plan.metered }],
      });
      const life: Life = {
        canceled_at: null,
        created: this.#start,
        customer,
        id,
        pauses: [],
        percentage: taxed ? PERCENTAGE : null,
        states: [{ at: this.#start, plan, prorates: false, seats }],
        used: [],
      };
      this.members.push(new Subscriber(stripe, plans, roll, life, { good, bad }));
    }
  }

  async #advance(to: number): Promise<void> {
    const { testClocks } = this.#stripe.testHelpers;
    let clock = await testClocks.advance(this.#clock, { frozen_time: to });
    while (clock.status === 'advancing') clock = await testClocks.retrieve(this.#clock);
    if (clock.status !== 'ready') throw new Error(`The clock ${clock.id} is ${clock.status}.`);
  }

  /** One month, counted from the start, with its stops. */
  async month(n: number): Promise<void> {
    const from = monthsAfter(this.#start, n);
    const stop = async (at: number, act: (member: Subscriber) => Promise<void>): Promise<void> => {
      await this.#advance(at);
      for (const member of this.members) await act(member);
    };
    await stop(from + 5 * DAY, async (member) => {
      await member.goOn(from + 5 * DAY);
      await member.use(from + 5 * DAY);
      await member.repair();
    });
    await stop(from + 12 * DAY, (member) => member.act(from + 12 * DAY));
    await stop(from + 20 * DAY, (member) => member.use(from + 20 * DAY));
    await this.#advance(monthsAfter(this.#start, n + 1) + 2 * HOUR);
  }
}

/** A year of so many subscriptions; then everything that was billed is computed anew and compared. */
export async function year({ runs, seed, counts }: Going): Promise<void> {
  const { onCommit } = watch();
  const sandbox = await createSandbox({ seed: `year ${seed}`, frozen: true, onCommit });
  try {
    const { port } = await sandbox.listen({ port: 0 });
    const stripe = clientOf(port);
    const roll = dice(seed);
    const default_aggregation = { formula: 'sum' as const };
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation,
    });
    const plans: Plan[] = [];
    for (const offer of offers) plans.push(await makePlan(stripe, meter.id, offer));
    const percentage = Number(PERCENTAGE);
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage });
    const households: Household[] = [];
    const began = performance.now();
    for (let left = runs; left > 0; left -= ON_CLOCK) {
      // Starts on every day of a month: 31st, 30th and 29th are where calendars err.
      const household = new Household(stripe, FIRST + (households.length % 31) * DAY);
      await household.open(plans as [Plan, ...Plan[]], rate.id, Math.min(ON_CLOCK, left), roll);
      households.push(household);
    }
    for (let n = 0; n < MONTHS; n += 1) {
      for (const household of households) await household.month(n);
      counts['months'] = n + 1;
    }
    const members = households.flatMap((household) => household.members);
    counts['subscriptions'] = members.length;
    counts['clocks'] = households.length;
    counts['seconds_lived'] = Math.round((performance.now() - began) / 100) / 10;
    const faults: string[] = [];
    for (const { life } of members) faults.push(...(await audit(stripe, life, counts)));
    if (faults.length > 0) throw new Error(faults.join('\n'));
  } finally {
    await sandbox.close();
  }
}
