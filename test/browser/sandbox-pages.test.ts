import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, idOf, monthlyPrice } from '../../packages/sandbox/test/harness.ts';
import { chromiumPath, openBrowser } from './chromium.ts';

/** The pages of the local Stripe in a browser: readable for everybody, on a phone and on a desk, by day and by night. */
describe.skipIf(chromiumPath === null)('the pages of the local Stripe', () => {
  let b: Bench;
  let browser: Browser;
  let pages: Record<string, string>;

  beforeAll(async () => {
    b = await bench();
    browser = await openBrowser();
    pages = await populated(b);
  });
  afterAll(async () => {
    await browser?.close();
    await b?.close();
  });

  test('every page passes axe and fits its screen, on a phone by night and on a desk by day', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    const check = async (what: string, axe: AxeBuilder): Promise<void> => {
      // In the page itself: there are no frames, for which axe would open a second one.
      const { violations } = await axe.setLegacyMode().analyze();
      for (const { id, nodes } of violations) faults.push(`${what}: ${id}: ${nodes[0]?.html.slice(0, 160)}`);
      const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      if (wide !== 0) faults.push(`${what}: ${String(wide)} pixels wider than the screen`);
    };
    for (const [what, url] of Object.entries(pages)) {
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(url);
      await check(`${what}, phone, dark`, new AxeBuilder({ page }));
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1280, height: 900 });
      // What another screen can change: the rest was looked at.
      const rules = ['color-contrast', 'scrollable-region-focusable', 'target-size'];
      await check(`${what}, desk, light`, new AxeBuilder({ page }).withRules(rules));
    }
    await context.close();
    expect(faults).toEqual([]);
  }, 240_000);
});

/** A business with something to see on every page. */
async function populated({ sandbox, stripe, url }: Bench): Promise<Record<string, string>> {
  const small = await monthlyPrice(stripe, 3_000, 'Starter');
  const large = await monthlyPrice(stripe, 9_000, 'Scale');
  const customer = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada', balance: -500 });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever', name: 'Friends' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: small.id }],
    default_payment_method: card.id,
    default_tax_rates: [rate.id],
    discounts: [{ coupon: coupon.id }],
  });
  await sandbox.clock.advance(10 * DAY);
  const changed = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0]?.id ?? '', price: large.id }],
    proration_behavior: 'always_invoice',
  });
  sandbox.faults.add({ type: 'server_error', route: '/v1/refunds', times: 3 });
  await stripe.webhookEndpoints.create({ url: `${url}/hook`, enabled_events: ['*'] });
  sandbox.webhooks.policy = 'hold';
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer: customer.id,
    line_items: [{ price: large.id, quantity: 1 }],
    allow_promotion_codes: true,
    success_url: 'http://shop.test/done',
    cancel_url: 'http://shop.test/back',
  });
  const portal = await stripe.billingPortal.sessions.create({ customer: customer.id });
  const open = await openInvoice(stripe, customer.id);
  return {
    'control room': `${url}/_sandbox`,
    events: `${url}/_sandbox/events`,
    scenarios: `${url}/_sandbox/scenarios`,
    coverage: `${url}/_sandbox/coverage`,
    'explained proration': `${url}/_sandbox/invoices/${idOf(changed.latest_invoice)}`,
    'explained tiers': `${url}/_sandbox/invoices/${open.id}`,
    'hosted invoice': open.hosted_invoice_url ?? '',
    checkout: session.url ?? '',
    portal: portal.url,
  };
}

/** An invoice that waits for its payment, with tiers. */
async function openInvoice(stripe: Stripe, customer: string): Promise<Stripe.Invoice> {
  const tiered = await stripe.prices.create({
    currency: 'usd',
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [
      { up_to: 10, unit_amount: 500 },
      { up_to: 'inf', unit_amount: 300, flat_amount: 1_000 },
    ],
    recurring: { interval: 'month' },
    product_data: { name: 'Seats' },
  });
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price: tiered.id, quantity: 14 }],
    collection_method: 'send_invoice',
    days_until_due: 30,
  });
  return await stripe.invoices.finalizeInvoice(idOf(subscription.latest_invoice));
}
