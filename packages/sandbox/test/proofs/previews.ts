import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import Stripe from 'stripe';
import { expect } from 'vitest';
import type { Counts, Going } from '../../scripts/verdict.ts';
import { createSandbox, type Sandbox } from '../../src/index.ts';
import { checks, DAY, HOUR, idOf, insideClient, monthlyPrice } from '../harness.ts';
import { watch } from '../invariants/watch.ts';

/** A proof that what `createPreview` shows is what is then billed, whatever the change. */

const START = Date.parse('2026-01-31T10:20:30Z');

/** Prices a subscription's first item may have, and those of the items that are added. */
const MAIN = 6;
const EXTRA = 5;

/** What a subscription is before it is changed. */
interface World {
  mode: 'classic' | 'included' | 'itemized';
  /** A coupon for ever: so many per cent, or so many cents. */
  percent_off: number | null;
  amount_off: number | null;
  percentage: number | null;
  balance: number;
}

/** Mostly nothing. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
}

const world: fc.Arbitrary<World> = fc.record({
  mode: fc.constantFrom('included' as const, 'included' as const, 'itemized' as const, 'classic' as const),
  percent_off: fc.option(fc.integer({ min: 1, max: 100 }), { freq: 2 }),
  amount_off: fc.option(fc.integer({ min: 1, max: 9_999 }), { freq: 1 }),
  percentage: fc.option(fc.integer({ min: 1, max: 25 }), { freq: 1 }),
  balance: fc.oneof(fc.constant(0), fc.integer({ min: -60_000, max: 60_000 })),
});

interface Change {
  after_s: number;
  dated: number;
  price: number;
  quantity: number;
  adds: number | null;
  removes: boolean;
  anchor: boolean;
  trial: 'now' | number | null;
  behavior: 'always_invoice' | 'create_prorations' | 'none';
  /** What happens before it. */
  uses: number | null;
  pending: number | null;
}

const change: fc.Arbitrary<Change> = fc.record({
  after_s: fc.integer({ min: 1, max: 12 * 86_400 }),
  dated: fc.nat(1_000),
  price: fc.nat(MAIN - 1),
  quantity: fc.integer({ min: 0, max: 40 }),
  adds: fc.option(fc.nat(EXTRA - 1)),
  removes: fc.boolean(),
  anchor: fc.integer({ min: 0, max: 3 }).map((each) => each === 0),
  trial: seldom(fc.oneof(fc.constant('now' as const), fc.integer({ min: 1, max: 40 }))),
  behavior: fc.constantFrom('always_invoice' as const, 'create_prorations' as const, 'none' as const),
  uses: fc.option(fc.integer({ min: 1, max: 99_999 }), { freq: 1 }),
  pending: seldom(fc.integer({ min: -9_999, max: 9_999 })),
});

/** What two invoices must have in common to be the same to the cent and line. */
export function essence(invoice: Stripe.Invoice): object {
  const { amount_due, currency, period_end, period_start, starting_balance, subtotal, total } = invoice;
  return {
    amount_due,
    currency,
    period_end,
    period_start,
    starting_balance,
    subtotal,
    total,
    discounts: invoice.total_discount_amounts?.map((each) => each.amount),
    taxes: invoice.total_taxes?.map((each) => [each.amount, each.taxable_amount]),
    lines: invoice.lines.data.map((line) => ({
      amount: line.amount,
      description: line.description,
      discounts: line.discount_amounts?.map((each) => each.amount),
      period: line.period,
      price: line.pricing?.price_details?.price,
      proration: line.parent?.subscription_item_details?.proration,
      quantity: line.quantity,
      taxes: line.taxes?.map((each) => each.amount),
      unit: line.pricing?.unit_amount_decimal?.toString(),
    })),
  };
}

/** A sandbox with a catalogue and a payer in it. */
class Desk {
  readonly sandbox: Sandbox;
  readonly stripe: Stripe;
  readonly prices: string[] = [];
  customer = '';

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.stripe = insideClient(sandbox);
  }

  async furnish(): Promise<void> {
    const { prices, stripe } = this;
    for (const amount of [1, 999, 3_252, 49_900, 500_000]) prices.push((await monthlyPrice(stripe, amount)).id);
    prices.push(await this.#price(55_500, { interval: 'year' }));
    for (const amount of [7, 1_234, 99_999]) prices.push((await monthlyPrice(stripe, amount, `Extra ${amount}`)).id);
    prices.push(await this.#price(120_000, { interval: 'year' }));
    const { id: meter } = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    });
    prices.push(await this.#price(3, { interval: 'month', usage_type: 'metered', meter }));
    const customer = await stripe.customers.create({ name: 'Ada' });
    const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
    this.customer = customer.id;
  }

  async #price(unit_amount: number, recurring: Stripe.PriceCreateParams.Recurring): Promise<string> {
    const name = `By the ${recurring.interval}, ${recurring.usage_type ?? 'licensed'}`;
    const price = await this.stripe.prices.create({ currency: 'usd', unit_amount, recurring, product_data: { name } });
    return price.id;
  }

  async subscribe({ amount_off, balance, mode, percent_off, percentage }: World): Promise<Stripe.Subscription> {
    const { customer, prices, stripe } = this;
    if (balance !== 0) await stripe.customers.createBalanceTransaction(customer, { amount: balance, currency: 'usd' });
    const discounts: { coupon: string }[] = [];
    for (const off of [
      ...(percent_off === null ? [] : [{ percent_off }]),
      ...(amount_off === null ? [] : [{ amount_off, currency: 'usd' }]),
    ])
      discounts.push({ coupon: (await stripe.coupons.create({ ...off, duration: 'forever' })).id });
    const rates: string[] = [];
    if (percentage !== null)
      rates.push((await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage })).id);
    return await stripe.subscriptions.create({
      customer,
      items: [{ price: prices[1] ?? '' }],
      default_tax_rates: rates,
      discounts,
      billing_mode: mode === 'classic' ? { type: mode } : { type: 'flexible', flexible: { proration_discounts: mode } },
    });
  }
}

/** A change as both the preview and the update take it. */
function asked(subscription: Stripe.Subscription, prices: readonly string[], wish: Change, now_s: number) {
  const [first, second] = subscription.items.data;
  const used = new Set(subscription.items.data.slice(1).map((item) => item.price.id));
  const extra = prices[MAIN + (wish.adds ?? 0)] ?? '';
  const start = first?.current_period_start ?? 0;
  const price = prices[wish.price] ?? '';
  const items: Stripe.SubscriptionUpdateParams.Item[] = [{ id: first?.id ?? '', price, quantity: wish.quantity }];
  const quantity = wish.adds === EXTRA - 1 ? {} : { quantity: wish.quantity + 1 };
  if (second !== undefined && wish.removes) items.push({ id: second.id, deleted: true });
  else if (wish.adds !== null && !used.has(extra)) items.push({ price: extra, ...quantity });
  const ends = wish.trial === 'now' ? wish.trial : now_s + (wish.trial ?? 0) * (DAY / 1_000);
  return {
    items,
    proration_behavior: wish.behavior,
    proration_date: start + Math.floor(((now_s - start) * wish.dated) / 1_000),
    ...(wish.trial === null ? {} : { trial_end: ends }),
    ...(wish.anchor && wish.trial === null ? { billing_cycle_anchor: { type: 'now' as const } } : {}),
  };
}

/** What comes of it, or the code and the words it is refused with. */
async function outcome<T>(promise: Promise<T>): Promise<T | string> {
  try {
    return await promise;
  } catch (cause) {
    if (cause instanceof Stripe.errors.StripeError && (cause.statusCode ?? 500) < 500)
      return `${cause.statusCode} ${cause.code ?? ''} ${cause.message}`;
    throw cause;
  }
}

/** Previews a change, makes it, and compares with the invoice that follows: at once, or at the first end of a period. */
async function follow(desk: Desk, id: string, wish: Change, counts: Counts): Promise<void> {
  const { customer, prices, sandbox, stripe } = desk;
  await sandbox.clock.advance(wish.after_s * 1_000);
  if (wish.pending !== null)
    await stripe.invoiceItems.create({ customer, amount: wish.pending, currency: 'usd', subscription: id });
  if (wish.uses !== null) {
    const payload = { stripe_customer_id: customer, value: String(wish.uses) };
    await stripe.billing.meterEvents.create({ event_name: 'calls', payload });
  }
  const old = await stripe.subscriptions.retrieve(id);
  const details = asked(old, prices, wish, Math.floor(sandbox.clock.now() / 1_000));
  const preview = await outcome(stripe.invoices.createPreview({ subscription: id, subscription_details: details }));
  const changed = await outcome(stripe.subscriptions.update(id, details));
  if (typeof preview === 'string' || typeof changed === 'string') {
    // A preview names its parameters by where they stand in it.
    const said = typeof preview === 'string' ? preview.replaceAll('subscription_details[items]', 'items') : 'a preview';
    expect(said).toBe(typeof changed === 'string' ? changed : 'a change');
    counts['refused'] = (counts['refused'] ?? 0) + 1;
    return;
  }
  let { latest_invoice } = changed;
  if (idOf(latest_invoice) === idOf(old.latest_invoice)) {
    const end = Math.min(...changed.items.data.map((item) => item.current_period_end));
    await sandbox.clock.advanceTo(end * 1_000 + HOUR);
    latest_invoice = (await stripe.subscriptions.retrieve(id)).latest_invoice;
  }
  const invoice = await stripe.invoices.retrieve(idOf(latest_invoice));
  expect(invoice.status).toBe('paid');
  expect(essence(invoice)).toEqual(essence(preview));
  counts['changes'] = (counts['changes'] ?? 0) + 1;
  counts['lines'] = (counts['lines'] ?? 0) + invoice.lines.data.length;
}

/** So many histories of one to three changes each. */
export async function previews({ runs, seed, counts }: Going): Promise<void> {
  Object.assign(counts, { changes: 0, lines: 0, refused: 0 });
  const { onCommit } = watch();
  const quiet = { onCommit, onFault: () => {} };
  const sandbox = await createSandbox({ seed: 'previews', now: () => START, frozen: true, ...checks(), ...quiet });
  const desk = new Desk(sandbox);
  await desk.furnish();
  const furnished = await sandbox.snapshot();
  const histories = fc.array(change, { minLength: 1, maxLength: 3 });
  try {
    await fc.assert(
      fc.asyncProperty(world, histories, async (start, wishes) => {
        // Timers may run between histories.
        await setImmediate();
        await sandbox.restore(furnished);
        const { id } = await desk.subscribe(start);
        for (const wish of wishes) await follow(desk, id, wish, counts);
      }),
      { numRuns: runs, seed },
    );
  } finally {
    await sandbox.close();
  }
}
