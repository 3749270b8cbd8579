import fc from 'fast-check';
import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { HOUR, idOf, monthlyPrice, refusal, standing, subscriber, checks } from './harness.ts';

const START = '2026-01-31T10:20:30Z';
const RUNS = 200;

let sandbox: Sandbox;
let stripe: Stripe;

async function open(): Promise<void> {
  sandbox = await createSandbox({ seed: 'preview', now: standing(START), frozen: true, ...checks() });
  const httpClient = Stripe.createFetchHttpClient(((url: string, init: RequestInit) =>
    sandbox.fetch(new Request(url, init))) as typeof fetch);
  stripe = new Stripe('sk_test_preview', { httpClient, maxNetworkRetries: 0 });
}

beforeEach(open);
afterEach(() => sandbox.close());

/** What two invoices must have in common to be the same to the cent and line. */
function essence(invoice: Stripe.Invoice): object {
  const { amount_due, starting_balance, subtotal, total, currency, period_start, period_end } = invoice;
  return {
    amount_due,
    starting_balance,
    subtotal,
    total,
    currency,
    period_start,
    period_end,
    lines: invoice.lines.data.map((line) => ({
      amount: line.amount,
      description: line.description,
      discounts: line.discount_amounts?.map((each) => each.amount),
      period: line.period,
      price: line.pricing?.price_details?.price,
      proration: line.parent?.subscription_item_details?.proration,
      quantity: line.quantity,
    })),
  };
}

async function counts(): Promise<number[]> {
  const all = await Promise.all([
    stripe.invoices.list({ limit: 100 }),
    stripe.invoiceItems.list({ limit: 100 }),
    stripe.events.list({ limit: 100 }),
  ]);
  return all.map((list) => list.data.length);
}

test('the docs example: credit, charge and renewal add up to 36.27, and nothing is stored', async () => {
  await sandbox.close();
  sandbox = await createSandbox({ seed: 'docs', now: () => 1_596_749_288_000, frozen: true, ...checks() });
  const old = await monthlyPrice(stripe, 1_000, 'Small');
  const next = await monthlyPrice(stripe, 3_252, 'Large');
  const { subscription, customer } = await subscriber(stripe, { price: old.id });
  await sandbox.clock.advanceTo(1_598_982_148_000);
  const before = await counts();
  const preview = await stripe.invoices.createPreview({
    customer: customer.id,
    subscription: subscription.id,
    subscription_details: {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: next.id }],
      proration_date: 1_598_982_148,
    },
  });
  expect(preview.lines.data.map((line) => line.amount)).toEqual([541, -166, 3_252]);
  expect(preview).toMatchObject({
    billing_reason: 'upcoming',
    number: null,
    status: 'draft',
    total: 3_627,
    parent: { subscription_details: { subscription: subscription.id, subscription_proration_date: 1_598_982_148 } },
  });
  expect(preview.id).toMatch(/^upcoming_in_/);
  expect(preview.lines.data.map((line) => line.id.slice(0, 7))).toEqual(['il_tmp_', 'il_tmp_', 'il_tmp_']);
  expect(await counts()).toEqual(before);
  expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
    items: { data: [{ price: { id: old.id } }] },
  });
});

test('without a change it is the next renewal, with what is pending and the balance', async () => {
  const { subscription, customer, price } = await subscriber(stripe);
  await stripe.invoiceItems.create({ customer: customer.id, amount: 750, currency: 'usd' });
  await stripe.customers.createBalanceTransaction(customer.id, { amount: -10_000, currency: 'usd' });
  const preview = await stripe.invoices.createPreview({ customer: customer.id });
  expect(preview).toMatchObject({ total: 50_650, starting_balance: -10_000, amount_due: 40_650 });
  await sandbox.clock.advance(29 * 24 * HOUR);
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  expect(renewal && essence(renewal)).toEqual(essence(preview));
  expect(price).toBe(renewal?.lines.data.at(-1)?.pricing?.price_details?.price);
});

test('of a subscription that is only thought of it is its first invoice', async () => {
  const price = await monthlyPrice(stripe);
  const customer = await stripe.customers.create({});
  const items = [{ price: price.id, quantity: 3 }];
  const preview = await stripe.invoices.createPreview({ customer: customer.id, subscription_details: { items } });
  expect(preview).toMatchObject({ total: 149_700, amount_due: 149_700 });
  expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
  expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ next_invoice_sequence: 1 });
});

test('there is none when nothing will be billed', async () => {
  const { subscription, customer } = await subscriber(stripe);
  const ending = stripe.invoices.createPreview({
    subscription: subscription.id,
    subscription_details: { cancel_at_period_end: true },
  });
  expect(await refusal(ending)).toMatchObject({ code: 'invoice_upcoming_none', statusCode: 404 });
  await stripe.subscriptions.cancel(subscription.id);
  const preview = stripe.invoices.createPreview({ customer: customer.id });
  expect(await refusal(preview)).toMatchObject({ code: 'invoice_upcoming_none' });
});

interface Change {
  after_s: number;
  dated: number;
  price: number;
  quantity: number;
  adds: number | null;
  removes: boolean;
  anchor: boolean;
  behavior: 'always_invoice' | 'create_prorations' | 'none';
}

const change: fc.Arbitrary<Change> = fc.record({
  after_s: fc.integer({ min: 1, max: 12 * 86_400 }),
  dated: fc.nat(1_000),
  price: fc.nat(4),
  quantity: fc.integer({ min: 0, max: 40 }),
  adds: fc.option(fc.nat(2)),
  removes: fc.boolean(),
  anchor: fc.boolean(),
  behavior: fc.constantFrom('always_invoice' as const, 'create_prorations' as const, 'none' as const),
});

/** A change as both the preview and the update take it. */
function asked(subscription: Stripe.Subscription, prices: string[], wish: Change, now_s: number) {
  const [first, second] = subscription.items.data;
  const used = new Set(subscription.items.data.slice(1).map((item) => item.price.id));
  const wanted = prices[wish.price] ?? '';
  const price = used.has(wanted) ? (first?.price.id ?? '') : wanted;
  const extra = prices[5 + (wish.adds ?? 0)] ?? '';
  const start = first?.current_period_start ?? 0;
  const items: Stripe.SubscriptionUpdateParams.Item[] = [{ id: first?.id ?? '', price, quantity: wish.quantity }];
  if (second !== undefined && wish.removes) items.push({ id: second.id, deleted: true });
  else if (wish.adds !== null && !used.has(extra)) items.push({ price: extra, quantity: wish.quantity + 1 });
  return {
    items,
    proration_behavior: wish.behavior,
    proration_date: start + Math.floor(((now_s - start) * wish.dated) / 1_000),
    ...(wish.anchor ? { billing_cycle_anchor: { type: 'now' as const } } : {}),
  };
}

/** Previews each change, makes it, and compares with the invoice that follows: at once, or at the period's end. */
async function follow(wishes: Change[], percent_off: number | null): Promise<void> {
  const amounts = [1, 999, 3_252, 49_900, 500_000, 7, 1_234, 99_999];
  const prices: string[] = [];
  for (const [index, amount] of amounts.entries())
    prices.push((await monthlyPrice(stripe, amount, `Plan ${index}`)).id);
  let { subscription } = await subscriber(stripe, { price: prices[1] ?? '' });
  if (percent_off !== null) {
    const { id } = await stripe.coupons.create({ percent_off, duration: 'forever' });
    await stripe.subscriptions.update(subscription.id, { discounts: [{ coupon: id }] });
  }
  for (const wish of wishes) {
    await sandbox.clock.advance(wish.after_s * 1_000);
    subscription = await stripe.subscriptions.retrieve(subscription.id);
    const details = asked(subscription, prices, wish, Math.floor(sandbox.clock.now() / 1_000));
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: details,
    });
    const last = idOf(subscription.latest_invoice);
    subscription = await stripe.subscriptions.update(subscription.id, details);
    if (idOf(subscription.latest_invoice) === last) {
      const end = subscription.items.data[0]?.current_period_end ?? 0;
      await sandbox.clock.advanceTo(end * 1_000 + HOUR);
      subscription = await stripe.subscriptions.retrieve(subscription.id);
    }
    const invoice = await stripe.invoices.retrieve(idOf(subscription.latest_invoice));
    expect(invoice.status).toBe('paid');
    expect(essence(invoice)).toEqual(essence(preview));
  }
}

test(
  'is equal to the invoice that follows, to the cent and line, whatever the change',
  { timeout: 120_000 },
  async () => {
    const percent = fc.option(fc.integer({ min: 1, max: 100 }), { freq: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), percent, async (wishes, percent_off) => {
        await sandbox.close();
        await open();
        await follow(wishes, percent_off);
      }),
      { numRuns: RUNS },
    );
  },
);
