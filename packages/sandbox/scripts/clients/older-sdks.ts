import type Stripe from 'stripe';
import { type Desk, must } from './desk.ts';

/** The answers of former versions hold what today's types do not know. */
type Former = Record<string, unknown> & { id: string };

interface FormerMethods {
  create(params: object): Promise<Former>;
  retrieveUpcoming(params: object): Promise<Former>;
}

/** The SDKs of former years, each asking for the version it was made for. */
export const olderSdks = ['14.25.0', '16.12.0', '17.7.0', '18.5.0', '20.4.1', '22.6.2'] as const;

interface Shop {
  customer: string;
  price: string;
  bigger: string;
}

async function open(stripe: Stripe): Promise<Shop> {
  const product = await stripe.products.create({ name: 'Pro' });
  const monthly = { product: product.id, currency: 'usd', recurring: { interval: 'month' } } as const;
  const price = await stripe.prices.create({ ...monthly, unit_amount: 2_000 });
  const bigger = await stripe.prices.create({ ...monthly, unit_amount: 5_000 });
  const customer = await stripe.customers.create({ email: 'ada@example.com', metadata: { tenant: '42' } });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
  return { customer: customer.id, price: price.id, bigger: bigger.id };
}

/** What every SDK does alike. */
async function alike(desk: Desk, stripe: Stripe, shop: Shop): Promise<void> {
  const { bigger, customer, price } = shop;
  await desk.check('checkout', async () => {
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer,
      line_items: [{ price, quantity: 1 }],
      success_url: 'http://shop.test/done',
      cancel_url: 'http://shop.test/back',
    });
    must(session.url !== null, 'There is no address.');
  });
  await desk.check('subscribe, upgrade, list, cancel', async () => {
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price }],
      expand: ['latest_invoice'],
    });
    must(subscription.status === 'active', `It is ${subscription.status}.`);
    const items = [{ id: subscription.items.data[0]?.id ?? '', price: bigger }];
    await stripe.subscriptions.update(subscription.id, { items, proration_behavior: 'always_invoice' });
    let lines = 0;
    for await (const invoice of stripe.invoices.list({ subscription: subscription.id, limit: 1 })) {
      lines += invoice.lines.data.length;
    }
    must(lines === 3, `There are ${lines} lines.`);
    must((await stripe.subscriptions.cancel(subscription.id)).status === 'canceled', 'It is not canceled.');
  });
  await desk.check('portal', () => stripe.billingPortal.sessions.create({ customer, return_url: 'http://shop.test/' }));
  await desk.check('idempotency', async () => {
    const options = { idempotencyKey: `once-${customer}` };
    const one = await stripe.customers.create({ name: 'Once' }, options);
    const two = await stripe.customers.create({ name: 'Once' }, options);
    must(one.id === two.id, 'A key made two customers.');
  });
  await desk.check('errors', async () => {
    const refused: unknown = await stripe.customers.retrieve('cus_none').catch((cause: unknown) => cause);
    const { code, statusCode } = refused as Stripe.errors.StripeError;
    must(code === 'resource_missing' && statusCode === 404, `It is ${code}, ${statusCode}.`);
  });
  await desk.check('decline', async () => {
    const asked = {
      amount: 500,
      currency: 'usd',
      payment_method: 'pm_card_chargeDeclined',
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    } as const;
    const refused: unknown = await stripe.paymentIntents.create(asked).catch((cause: unknown) => cause);
    must((refused as Stripe.errors.StripeError).code === 'card_declined', 'It was not declined.');
  });
}

/** What tutorials of the time did, in the words and fields of the time. */
async function ofItsTime(desk: Desk, stripe: Stripe, shop: Shop, major: number): Promise<void> {
  const { bigger, customer, price } = shop;
  // The methods of that SDK took what those of today do not know.
  const of = (resource: object): FormerMethods => resource as FormerMethods;
  await desk.check('payment_method_types', async () => {
    await of(stripe.setupIntents).create({ customer, payment_method_types: ['card'] });
  });
  if (major < 22) {
    await desk.check('embedded checkout', async () => {
      const session = await of(stripe.checkout.sessions).create({
        mode: 'subscription',
        ui_mode: 'embedded',
        line_items: [{ price, quantity: 1 }],
        return_url: 'http://shop.test/done',
      });
      must(session['ui_mode'] === 'embedded', `It is ${String(session['ui_mode'])}.`);
    });
  }
  if (major >= 18) return;
  await desk.check('coupon, current_period_end, latest_invoice.payment_intent, upcoming invoice', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'forever' });
    const made = await of(stripe.subscriptions).create({
      customer,
      items: [{ price }],
      coupon: coupon.id,
      payment_behavior: 'default_incomplete',
      expand: ['latest_invoice.payment_intent'],
    });
    must(typeof made['current_period_end'] === 'number', 'It has no current_period_end.');
    const invoice = made['latest_invoice'] as { payment_intent: { client_secret: string } };
    must(invoice.payment_intent.client_secret.startsWith('pi_'), 'Its invoice has no intent.');
    const told = await of(stripe.invoices).retrieveUpcoming({ customer, subscription_items: [{ price: bigger }] });
    must(told['object'] === 'invoice', 'There is no upcoming invoice.');
  });
}

/** Drives one former SDK. */
export async function driveOlderSdk(desk: Desk, version: string): Promise<void> {
  const Old = desk.load<{ default?: typeof Stripe } & typeof Stripe>(`stripe-${version}`);
  const key = `sk_test_run_v${version.replaceAll('.', '_')}`;
  const stripe = new (Old.default ?? Old)(key, { host: '127.0.0.1', port: desk.port, protocol: 'http' });
  const shop = await desk.check('catalogue, customer, card', () => open(stripe));
  if (shop === null) return;
  await alike(desk, stripe, shop);
  await ofItsTime(desk, stripe, shop, Number(version.split('.')[0]));
}
