import type Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { propertySeed } from '../../../test/property-seed.ts';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { checks, HOUR, insideClient, monthlyPrice, refusal, standing, subscriber } from './harness.ts';
import { essence, previews } from './proofs/previews.ts';

const START = '2026-01-31T10:20:30Z';
const RUNS = 60;

let sandbox: Sandbox;
let stripe: Stripe;

async function open(start = START): Promise<void> {
  sandbox = await createSandbox({ seed: 'preview', now: standing(start), frozen: true, ...checks() });
  stripe = insideClient(sandbox);
}

beforeEach(() => open());
afterEach(() => sandbox.close());

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
  await open(new Date(1_596_749_288_000).toISOString());
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

// The long form is `npm run previews -w @farebox/sandbox -- --long`.
test(
  'is equal to the invoice that follows, to the cent and line, whatever the change',
  { timeout: 60_000 },
  async () => {
    await previews({ runs: RUNS, seed: propertySeed, counts: {} });
  },
);
