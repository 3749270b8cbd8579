import Stripe from 'stripe';
import { afterEach, describe, expect, test } from 'vitest';
import amounts from '../vectors/amounts.json' with { type: 'json' };
import anchors from '../vectors/anchors.json' with { type: 'json' };
import prorations from '../vectors/prorations.json' with { type: 'json' };
import signatures from '../vectors/signatures.json' with { type: 'json' };
import usage from '../vectors/usage.json' with { type: 'json' };
import { type Bench, bench, DAY } from './harness.ts';

/**
 * The golden vectors, played through the official SDK. Those of billing modes, discounted items and of a price that changes within
 * a period take a story each and stand in subscription-changes, subscription-modes and usage.
 */

let b: Bench;
afterEach(() => b.close());

/** A sandbox that stands at this second. */
async function at(seconds: number): Promise<Stripe> {
  b = await bench({ now: () => seconds * 1000, frozen: true });
  return b.stripe;
}

async function payer(stripe: Stripe): Promise<string> {
  const customer = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  return customer.id;
}

type Recurring = NonNullable<Stripe.PriceCreateParams['recurring']>;

/** The interval that this period is one of. What lies before the sandbox's time is moved to a year of the same length. */
function played(period: readonly number[]): { start: number; recurring: Recurring } {
  const [start = 0, end = 0] = period;
  const days = (end - start) / 86_400;
  const from = start === 0 ? Date.UTC(2027, 0, 1) / 1000 : start;
  if (days === 365) return { start: from, recurring: { interval: 'year' } };
  const date = new Date(from * 1000);
  const next = new Date(date);
  next.setUTCMonth(date.getUTCMonth() + 1);
  if (next.getTime() / 1000 === from + end - start) return { start: from, recurring: { interval: 'month' } };
  return { start: from, recurring: { interval: 'day', interval_count: days } };
}

describe('a change within a period', () => {
  test.each(prorations.changes)('$name ($source)', async ({ period, at: moment, old, new: next, credit, charge }) => {
    const { start, recurring } = played(period);
    const stripe = await at(start);
    const price = async (unit_amount: number): Promise<string> =>
      (await stripe.prices.create({ currency: 'usd', unit_amount, recurring, product_data: { name: 'Pro' } })).id;
    const customer = await payer(stripe);
    const made = await stripe.subscriptions.create({ customer, items: [{ price: await price(old) }] });
    const [item] = made.items.data;
    expect([item?.current_period_start, item?.current_period_end]).toEqual([
      start,
      start + (period[1] ?? 0) - (period[0] ?? 0),
    ]);
    const proration_date = start + moment - (period[0] ?? 0);
    await b.sandbox.clock.advanceTo(proration_date * 1000);
    const change = { items: [{ id: item?.id ?? '', price: await price(next) }], proration_date };
    const preview = await stripe.invoices.createPreview({ subscription: made.id, subscription_details: change });
    expect(preview.total).toBe(credit + charge + next);
    await stripe.subscriptions.update(made.id, change);
    const pending = (await stripe.invoiceItems.list({ customer, pending: true })).data.map((each) => each.amount);
    expect(pending.toSorted((x, y) => x - y)).toEqual([credit, charge]);
  });
});

describe('periods', () => {
  test.each(anchors.vectors)('from $anchor', async ({ anchor, interval, boundaries }) => {
    const [first, ...rest] = boundaries.map((each) => Date.parse(each) / 1000);
    const stripe = await at((first ?? 0) - 86_400);
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: first ?? 0 });
    const customer = await stripe.customers.create({
      test_clock: clock.id,
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const recurring = { ...interval, interval: interval.interval as Recurring['interval'] };
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 900,
      recurring,
      product_data: { name: 'Pro' },
    });
    const made = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    expect(made.billing_cycle_anchor).toBe(first);
    const seen: (number | undefined)[] = [];
    for (const boundary of rest) {
      const item = (await stripe.subscriptions.retrieve(made.id)).items.data[0];
      seen.push(item?.current_period_end);
      await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: boundary });
      await expect
        .poll(async () => (await stripe.testHelpers.testClocks.retrieve(clock.id)).status, { timeout: 20_000 })
        .toBe('ready');
    }
    expect(seen, anchor).toEqual(rest);
  });
});

const open_tiers: Stripe.PriceCreateParams.Tier[] = amounts.tiers.map((tier) => ({
  up_to: tier.up_to ?? 'inf',
  unit_amount_decimal: Stripe.Decimal.from(tier.unit_amount_decimal),
}));

/** What a quantity of a price costs, as an invoice has it. */
async function cost(stripe: Stripe, quantity: number, more: Partial<Stripe.PriceCreateParams>): Promise<number> {
  const price = await stripe.prices.create({
    currency: 'usd',
    recurring: { interval: 'month' },
    product_data: { name: 'Calls' },
    ...more,
  });
  const preview = await stripe.invoices.createPreview({
    customer_details: { address: { country: 'US' } },
    currency: 'usd',
    subscription_details: { items: [{ price: price.id, quantity }] },
  });
  return preview.total;
}

describe('what a quantity costs', () => {
  test.each(['graduated', 'volume'] as const)('in %s tiers, to the boundary and beyond', async (tiers_mode) => {
    const stripe = await at(1_793_491_200);
    const tiers = { billing_scheme: 'tiered' as const, tiers_mode, tiers: open_tiers };
    for (const [quantity = 0, amount] of amounts[tiers_mode]) {
      // More is no quantity of an item, but usage.
      if (quantity > 999_999) continue;
      expect(await cost(stripe, quantity, tiers), `${tiers_mode} ${quantity}`).toBe(amount);
    }
  });

  test('in graduated tiers, by usage of a month', async () => {
    const stripe = await at(1_793_491_200);
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    });
    const price = await stripe.prices.create({
      currency: 'usd',
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
      product_data: { name: 'Calls' },
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: open_tiers,
    });
    for (const [quantity, amount] of amounts.graduated) {
      const customer = await payer(stripe);
      const made = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
      const payload = { stripe_customer_id: customer, value: String(quantity) };
      await stripe.billing.meterEvents.create({ event_name: 'calls', payload });
      expect((await stripe.invoices.createPreview({ subscription: made.id })).total, String(quantity)).toBe(amount);
    }
  });

  test.each(amounts.per_unit.filter(([unit]) => !String(unit).startsWith('-')))(
    'at %s a unit, %s of them',
    async (unit, quantity, amount) => {
      const stripe = await at(1_793_491_200);
      const price = { unit_amount_decimal: Stripe.Decimal.from(String(unit)) };
      expect(await cost(stripe, Number(quantity), price)).toBe(amount);
    },
  );

  test.each(usage.packages)('$quantity in packages of $divide_by, rounded $round', async (each) => {
    const stripe = await at(1_793_491_200);
    const amount = await cost(stripe, Number(each.quantity), {
      unit_amount: Number(each.unit_amount),
      transform_quantity: { divide_by: each.divide_by, round: each.round as 'down' | 'up' },
    });
    expect(amount).toBe(each.amount);
  });
});

describe('signatures', () => {
  const refused = Stripe.errors.StripeSignatureVerificationError;

  test.each(signatures.vectors)('$header', async ({ secret, payload, timestamp, header }) => {
    const { webhooks } = await at(timestamp);
    const read = (after: number): unknown =>
      webhooks.constructEvent(payload, header, secret, 300, undefined, (timestamp + after) * 1000);
    expect(read(299)).toMatchObject({ id: 'evt_1' });
    expect(read(300)).toMatchObject({ id: 'evt_1' });
    expect(() => read(301)).toThrow(refused);
    expect(() => webhooks.constructEvent(payload, header, `${secret}x`, 0)).toThrow(refused);
  });

  test('what the sandbox sends verifies at 299 seconds and not at 301, with either secret while a rolled one overlaps', async () => {
    const sent: { body: string; header: string }[] = [];
    b = await bench({
      now: () => 1_793_491_200_000,
      frozen: true,
      send: (_url, init) => {
        sent.push({
          body: String(init.body as string),
          header: new Headers(init.headers).get('stripe-signature') ?? '',
        });
        return Promise.resolve(new Response('ok'));
      },
    });
    const { stripe, sandbox } = b;
    const hook = await stripe.webhookEndpoints.create({
      url: 'https://shop.test/hook',
      enabled_events: ['product.created'],
    });
    const old = hook.secret ?? '';
    const fresh = await sandbox.webhooks.rollSecret(hook.id, { overlap_ms: DAY });
    await stripe.products.create({ name: 'While both hold' });
    await sandbox.webhooks.settled();
    const [first] = sent;
    const read = (secret: string, after: number, each = first): string =>
      stripe.webhooks.constructEvent(
        each?.body ?? '',
        each?.header ?? '',
        secret,
        300,
        undefined,
        1_793_491_200_000 + after * 1000,
      ).type;
    for (const secret of [old, fresh]) {
      expect(read(secret, 299)).toBe('product.created');
      expect(() => read(secret, 301)).toThrow(refused);
    }
    await sandbox.clock.advance(DAY + 1_000);
    await stripe.products.create({ name: 'The new one alone' });
    await sandbox.webhooks.settled();
    expect(read(fresh, 86_401, sent[1])).toBe('product.created');
    expect(() => read(old, 86_401, sent[1])).toThrow(refused);
  });
});
