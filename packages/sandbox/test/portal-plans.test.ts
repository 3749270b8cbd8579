import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, submit, subscriber } from './harness.ts';

const START = '2026-11-01T00:00:00Z';
const HALF = '2026-11-16T00:00:00Z';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
});
afterEach(() => b.close());

type Update = Stripe.BillingPortal.ConfigurationCreateParams.Features.SubscriptionUpdate;

interface Shop {
  basic: Stripe.Price;
  pro: Stripe.Price;
  yearly: Stripe.Price;
  configuration: string;
}

/** Three plans to choose among, and a portal that lets customers do it. */
async function shop(
  more: Partial<Update> = {},
  features: Stripe.BillingPortal.ConfigurationCreateParams.Features = {},
): Promise<Shop> {
  const [basic, pro] = [await monthlyPrice(b.stripe, 9_900, 'Basic'), await monthlyPrice(b.stripe, 49_900, 'Pro')];
  const yearly = await b.stripe.prices.create({
    currency: 'usd',
    unit_amount: 500_000,
    recurring: { interval: 'year' },
    product: idOf(pro.product),
  });
  const adjustable_quantity = { enabled: true, minimum: 1, maximum: 10 };
  const configuration = await b.stripe.billingPortal.configurations.create({
    features: {
      subscription_cancel: { enabled: true },
      subscription_update: {
        enabled: true,
        default_allowed_updates: ['price', 'quantity', 'promotion_code'],
        products: [
          { product: idOf(basic.product), prices: [basic.id], adjustable_quantity },
          { product: idOf(pro.product), prices: [pro.id, yearly.id], adjustable_quantity },
        ],
        proration_behavior: 'always_invoice',
        ...more,
      },
      ...features,
    },
  });
  return { basic, pro, yearly, configuration: configuration.id };
}

async function visit(
  { configuration }: Shop,
  price: Stripe.Price,
  flow_data?: (subscription: Stripe.Subscription) => Stripe.BillingPortal.SessionCreateParams.FlowData,
): Promise<{ url: string; subscription: Stripe.Subscription; customer: string }> {
  const { customer, subscription } = await subscriber(b.stripe, { price: price.id });
  const session = await b.stripe.billingPortal.sessions.create({
    customer: customer.id,
    configuration,
    return_url: 'http://shop.test/account',
    ...(flow_data === undefined ? {} : { flow_data: flow_data(subscription) }),
  });
  return { url: session.url, subscription, customer: customer.id };
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

async function follow(response: Response): Promise<string> {
  expect(response.status, await response.clone().text()).toBe(303);
  return await text(new URL(response.headers.get('location') ?? '', b.url).href);
}

/** What the confirmation page sends when its button is pressed. */
function hidden(page: string): Record<string, string> {
  const fields = [...page.matchAll(/<input\s+type="hidden"\s+name="(\w+)"\s+value="([^"]*)"/g)];
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]));
}

describe('a plan change', () => {
  test('shows what it costs to the cent, and charges exactly that', async () => {
    const own = await shop();
    await b.sandbox.clock.advanceTo(Date.parse(START));
    const { url, subscription } = await visit(own, own.basic);
    await b.sandbox.clock.advance(4 * 60_000);
    const path = `${url}/subscriptions/${subscription.id}`;
    const choose = await text(`${path}/update`);
    for (const each of ['Basic', 'Your plan', '$499.00 per month', '$5,000.00 per year', 'Promotion code']) {
      expect(choose).toContain(each);
    }
    const page = await text(`${path}/confirm?price=${own.pro.id}&quantity=2&code=`);
    const asked = /<strong>Total<\/strong><strong>\$([\d.,]+)/.exec(page)?.[1]?.replaceAll(/[.,]/g, '');
    expect(page).toContain('It is charged now.');
    expect(await follow(await submit(`${path}/confirm`, hidden(page)))).toContain('Pro');
    const changed = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    expect(changed.items.data.map((item) => [item.price.id, item.quantity])).toEqual([[own.pro.id, 2]]);
    const invoice = changed.latest_invoice as Stripe.Invoice;
    expect(invoice).toMatchObject({ status: 'paid', billing_reason: 'subscription_update' });
    expect(String(invoice.total)).toBe(asked);
  });

  test('that takes something away waits for the end of the period, and can be taken back until then', async () => {
    const conditions = [{ type: 'decreasing_item_amount' as const }, { type: 'shortening_interval' as const }];
    const own = await shop({ schedule_at_period_end: { conditions } });
    const { url, subscription } = await visit(own, own.pro);
    const path = `${url}/subscriptions/${subscription.id}`;
    const page = await text(`${path}/confirm?price=${own.basic.id}&quantity=1`);
    expect(page).toContain('Nothing is charged today');
    const home = await follow(await submit(`${path}/confirm`, hidden(page)));
    expect(home).toMatch(/Changes to\s+<strong>Basic</);
    const managed = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['schedule'] });
    expect(managed.schedule).toMatchObject({ status: 'active', phases: [{}, { items: [{ price: own.basic.id }] }] });
    expect(await text(`${path}/update`)).toContain('a change planned already');
    expect(await follow(await submit(`${path}/keep`, {}))).not.toContain('Changes to');
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).schedule).toBeNull();
    await submit(`${path}/confirm`, hidden(page));
    await b.sandbox.clock.advance(30 * DAY + HOUR);
    const changed = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    expect(changed.items.data.map((item) => item.price.id)).toEqual([own.basic.id]);
    expect(changed.latest_invoice).toMatchObject({ total: 9_900, status: 'paid' });
  });

  test('upwards is made at once although other changes wait', async () => {
    const own = await shop({ schedule_at_period_end: { conditions: [{ type: 'decreasing_item_amount' }] } });
    const { url, subscription } = await visit(own, own.basic);
    await submit(`${url}/subscriptions/${subscription.id}/confirm`, { price: own.pro.id, quantity: '1' });
    expect(await b.stripe.subscriptions.retrieve(subscription.id)).toMatchObject({
      schedule: null,
      items: { data: [{ price: { id: own.pro.id } }] },
    });
  });

  test('keeps to the plans, quantities and codes that are offered, and says what cannot be', async () => {
    const own = await shop();
    const other = await monthlyPrice(b.stripe, 100, 'Secret');
    const { url, subscription } = await visit(own, own.basic);
    const path = `${url}/subscriptions/${subscription.id}/confirm`;
    const answers: [string, string][] = [
      [`price=${other.id}&quantity=1`, 'This plan cannot be chosen.'],
      [`price=${own.pro.id}&quantity=11`, 'The quantity must be at most 10.'],
      [`price=${own.pro.id}&quantity=0`, 'The quantity must be at least 1.'],
      [`price=${own.pro.id}&quantity=x`, 'The quantity must be at least 1.'],
      [`price=${own.basic.id}&quantity=1`, 'This is the plan you have.'],
      [`price=${own.pro.id}&quantity=1&code=NOPE`, 'This promotion code is not valid.'],
    ];
    for (const [query, answer] of answers) {
      expect(await text(`${path}?${query}`)).toContain(answer);
      const pressed = await submit(path, Object.fromEntries(new URLSearchParams(query)));
      expect(await pressed.text()).toContain(answer);
    }
    expect(await b.stripe.subscriptions.retrieve(subscription.id)).toEqual(subscription);
  });

  test('with a promotion code redeems it with the change, and shows it before', async () => {
    const own = await shop();
    const coupon = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    await b.stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: 'HALF' });
    const { url, subscription } = await visit(own, own.basic);
    const path = `${url}/subscriptions/${subscription.id}/confirm`;
    const page = await text(`${path}?price=${own.pro.id}&quantity=1&code=half`);
    expect((await b.stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(0);
    await follow(await submit(path, hidden(page)));
    const changed = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    expect(changed.discounts).toHaveLength(1);
    expect((changed.latest_invoice as Stripe.Invoice).total).toBe(24_950 - 9_900);
    expect((await b.stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(1);
  });

  test('that the bank declines changes nothing and says why', async () => {
    const own = await shop();
    const { url, subscription } = await visit(own, own.basic);
    b.sandbox.faults.add({ type: 'decline', times: 1 });
    const pressed = await submit(`${url}/subscriptions/${subscription.id}/confirm`, {
      price: own.pro.id,
      quantity: '1',
    });
    expect(await pressed.text()).toContain('Your card');
    const same = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(same.items.data.map((item) => item.price.id)).toEqual([own.basic.id]);
  });

  test('in a trial ends it, or goes on in it, as the configuration says', async () => {
    for (const trial_update_behavior of ['end_trial', 'continue_trial'] as const) {
      const own = await shop({ trial_update_behavior });
      const customer = await b.stripe.customers.create({
        payment_method: 'pm_card_visa',
        invoice_settings: { default_payment_method: 'pm_card_visa' },
      });
      const subscription = await b.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: own.basic.id }],
        trial_period_days: 14,
      });
      const { configuration } = own;
      const { url } = await b.stripe.billingPortal.sessions.create({ customer: customer.id, configuration });
      await submit(`${url}/subscriptions/${subscription.id}/confirm`, { price: own.pro.id, quantity: '1' });
      const changed = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
      const ends = trial_update_behavior === 'end_trial';
      expect(changed.status).toBe(ends ? 'active' : 'trialing');
      expect((changed.latest_invoice as Stripe.Invoice).total).toBe(ends ? 49_900 : 0);
    }
  });
});

describe('a deep link', () => {
  test('to a change leads through choosing and confirming, and then where it was told', async () => {
    const own = await shop();
    const { url, subscription } = await visit(own, own.basic, ({ id }) => ({
      type: 'subscription_update',
      subscription_update: { subscription: id },
      after_completion: { type: 'redirect', redirect: { return_url: 'http://shop.test/thanks' } },
    }));
    const path = `${new URL(url).pathname}/subscriptions/${subscription.id}`;
    const first = await fetch(url, { redirect: 'manual' });
    expect(first.headers.get('location')).toBe(`${path}/update`);
    const page = await text(`${b.url}${path}/confirm?price=${own.pro.id}&quantity=1`);
    const done = await submit(`${b.url}${path}/confirm`, hidden(page));
    expect(done.headers.get('location')).toBe('http://shop.test/thanks');
  });

  test('to confirm a change asks for just that one, with its discount', async () => {
    const own = await shop({ default_allowed_updates: ['price', 'quantity'] });
    const coupon = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    const { url, subscription } = await visit(own, own.basic, ({ id, items }) => ({
      type: 'subscription_update_confirm',
      subscription_update_confirm: {
        subscription: id,
        items: [{ id: items.data[0]?.id ?? '', price: own.pro.id, quantity: 3 }],
        discounts: [{ coupon: coupon.id }],
      },
      after_completion: { type: 'hosted_confirmation', hosted_confirmation: { custom_message: 'Enjoy Pro.' } },
    }));
    const page = await text(url);
    expect(page).toContain('Pro × 3');
    const path = `${url}/subscriptions/${subscription.id}/confirm`;
    // What a form claims besides does not count.
    const done = await follow(await submit(path, { ...hidden(page), price: own.basic.id, quantity: '9' }));
    expect(done).toContain('Enjoy Pro.');
    const changed = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(changed.items.data.map((item) => [item.price.id, item.quantity])).toEqual([[own.pro.id, 3]]);
    expect(changed.discounts).toHaveLength(1);
  });

  test('is refused for what its portal does not do', async () => {
    const own = await shop();
    const { subscription, customer } = await visit(own, own.basic);
    const { configuration } = own;
    const item = subscription.items.data[0]?.id ?? '';
    const open = (flow_data: Stripe.BillingPortal.SessionCreateParams.FlowData) =>
      refusal(b.stripe.billingPortal.sessions.create({ customer, configuration, flow_data }));
    const path = 'flow_data[subscription_update_confirm]';
    const confirm = (change: { id?: string; price?: string; quantity?: number }) =>
      open({
        type: 'subscription_update_confirm',
        subscription_update_confirm: { subscription: subscription.id, items: [{ id: item, ...change }] },
      });
    expect((await confirm({ price: 'price_x' })).param).toBe(`${path}[items][0][price]`);
    expect((await confirm({ quantity: 99 })).param).toBe(`${path}[items][0][quantity]`);
    expect((await confirm({ id: 'si_x' })).param).toBe(`${path}[items][0][id]`);
    const paused = await open({ type: 'subscription_pause', subscription_pause: { subscription: subscription.id } });
    expect(paused.param).toBe('flow_data[type]');
    const schedule = await b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const managed = await open({ type: 'subscription_update', subscription_update: { subscription: subscription.id } });
    expect(managed.message).toContain('planned already');
    await b.stripe.subscriptionSchedules.release(schedule.id);
  });
});

describe('a pause', () => {
  test('lasts until it is taken back', async () => {
    const own = await shop({}, { subscription_pause: { enabled: true } });
    const { url, subscription } = await visit(own, own.basic);
    const path = `${url}/subscriptions/${subscription.id}`;
    expect(await text(`${path}/pause`)).toContain('until you resume it here');
    const home = await follow(await submit(`${path}/pause`, {}));
    expect(home).toContain('Resume plan');
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('paused');
    expect(await follow(await submit(`${path}/resume`, {}))).toContain('Next invoice on');
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  test('of a chosen length ends by itself, also past the end of the period', async () => {
    const own = await shop(
      {},
      {
        subscription_pause: {
          enabled: true,
          duration: {
            type: 'interval_options',
            interval_options: [{ interval: 'week' }, { interval: 'month', interval_count: 2 }],
          },
        },
      },
    );
    await b.sandbox.clock.advanceTo(Date.parse(HALF));
    const { url, subscription } = await visit(own, own.basic);
    const path = `${url}/subscriptions/${subscription.id}`;
    const page = await text(`${path}/pause`);
    expect([page.includes('One week'), page.includes('2 months')]).toEqual([true, true]);
    expect(await (await submit(`${path}/pause`, { length: '7' })).text()).toContain('Choose for how long.');
    expect(await follow(await submit(`${path}/pause`, { length: '1' }))).toContain('16 Jan 2027');
    await b.sandbox.clock.advance(50 * DAY);
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('paused');
    await b.sandbox.clock.advance(12 * DAY);
    expect(await b.stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ status: 'active', schedule: null });
  });
});

describe('canceling', () => {
  test('is answered with an offer where the link makes one; who takes it stays', async () => {
    const own = await shop();
    const coupon = await b.stripe.coupons.create({ percent_off: 20, duration: 'repeating', duration_in_months: 3 });
    const flow = ({ id }: Stripe.Subscription): Stripe.BillingPortal.SessionCreateParams.FlowData => ({
      type: 'subscription_cancel',
      subscription_cancel: {
        subscription: id,
        retention: { type: 'coupon_offer', coupon_offer: { coupon: coupon.id } },
      },
    });
    const one = await visit(own, own.basic, flow);
    expect(await text(one.url)).toContain('20% off for 3 months');
    await follow(await submit(`${one.url}/subscriptions/${one.subscription.id}/retain`, {}));
    expect(await b.stripe.subscriptions.retrieve(one.subscription.id)).toMatchObject({
      cancel_at_period_end: false,
      discounts: [expect.stringMatching(/^di_/)],
    });
    const two = await visit(own, own.basic, flow);
    const path = `${two.url}/subscriptions/${two.subscription.id}/cancel`;
    expect(await text(`${path}?declined=1`)).toContain('stays available until');
    await follow(await submit(path, {}));
    expect((await b.stripe.subscriptions.retrieve(two.subscription.id)).cancel_at_period_end).toBe(true);
  });

  test('drops the change that was planned for the plan, and gives back the rest where it should', async () => {
    const conditions = [{ type: 'decreasing_item_amount' as const }];
    const cancel = { enabled: true, mode: 'immediately' as const, proration_behavior: 'always_invoice' as const };
    const own = await shop({ schedule_at_period_end: { conditions } }, { subscription_cancel: cancel });
    const { customer, subscription } = await subscriber(b.stripe, { price: own.pro.id });
    await b.sandbox.clock.advanceTo(Date.parse(HALF));
    const { configuration } = own;
    const { url } = await b.stripe.billingPortal.sessions.create({ customer: customer.id, configuration });
    const path = `${url}/subscriptions/${subscription.id}`;
    await submit(`${path}/confirm`, { price: own.basic.id, quantity: '1' });
    expect(await text(`${path}/cancel`)).toContain('credited to your balance');
    await follow(await submit(`${path}/cancel`, {}));
    const ended = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
    expect(ended).toMatchObject({ status: 'canceled', latest_invoice: { total: -24_950 } });
    expect(((await b.stripe.customers.retrieve(customer.id)) as Stripe.Customer).balance).toBe(-24_950);
  });
});

test('tax ids are added by the rules of the API, shown on the invoice, and removed', async () => {
  const { customer } = await subscriber(b.stripe);
  const { url } = await b.stripe.billingPortal.sessions.create({ customer: customer.id });
  const wrong = await submit(`${url}/tax-ids/add`, { type: 'eu_vat', value: '12' });
  expect(await wrong.text()).toContain('Invalid value for eu_vat');
  const home = await follow(await submit(`${url}/tax-ids/add`, { type: 'eu_vat', value: 'ATU12345678' }));
  expect(home).toContain('ATU12345678');
  await b.sandbox.clock.advance(31 * DAY);
  const [invoice] = (await b.stripe.invoices.list({ customer: customer.id })).data;
  expect(invoice?.customer_tax_ids).toEqual([{ type: 'eu_vat', value: 'ATU12345678' }]);
  const [id] = (await b.stripe.customers.listTaxIds(customer.id)).data;
  const { url: next } = await b.stripe.billingPortal.sessions.create({ customer: customer.id });
  await submit(`${next}/tax-ids/remove`, { tax_id: id?.id ?? '' });
  expect((await b.stripe.customers.listTaxIds(customer.id)).data).toEqual([]);
});

test('a login page gives a link to who has the address, and a lapsed link leads back to it', async () => {
  const own = await shop();
  const login = await b.stripe.billingPortal.configurations.update(own.configuration, {
    login_page: { enabled: true },
  });
  const page = login.login_page.url ?? '';
  expect(await text(page)).toContain('type="email"');
  const { customer } = await subscriber(b.stripe, { price: own.basic.id });
  expect(await (await submit(page, { email: 'nobody@example.com' })).text()).toContain('No customer has this address.');
  const found = await (await submit(page, { email: 'ADA@example.com' })).text();
  const link = /href="(\/p\/session\/[^"]+)"/.exec(found)?.[1] ?? '';
  expect(await text(`${b.url}${link}`)).toContain('Basic');
  const session = await b.stripe.billingPortal.sessions.create({
    customer: customer.id,
    configuration: own.configuration,
    after_expiration: { type: 'customer_login' },
  });
  expect(session.after_expiration).toEqual({ type: 'customer_login', customer_login: { expires_at: null } });
  await b.sandbox.clock.advance(6 * 60_000);
  const lapsed = await fetch(session.url);
  expect(lapsed.status).toBe(410);
  expect(await lapsed.text()).toContain(new URL(page).pathname);
  await b.stripe.billingPortal.configurations.update(own.configuration, { login_page: { enabled: false } });
  expect((await fetch(page)).status).toBe(404);
});

test('a configuration keeps every feature as it was sent, and refuses what cannot be', async () => {
  const own = await shop({
    billing_cycle_anchor: 'now',
    schedule_at_period_end: { conditions: [{ type: 'shortening_interval' }] },
  });
  const made = await b.stripe.billingPortal.configurations.retrieve(own.configuration);
  expect(made.features.subscription_update).toMatchObject({
    enabled: true,
    billing_cycle_anchor: 'now',
    default_allowed_updates: ['price', 'quantity', 'promotion_code'],
    proration_behavior: 'always_invoice',
    schedule_at_period_end: { conditions: [{ type: 'shortening_interval' }] },
    trial_update_behavior: 'end_trial',
  });
  expect(made.features.subscription_update.products?.[1]).toEqual({
    product: idOf(own.pro.product),
    prices: [own.pro.id, own.yearly.id],
    adjustable_quantity: { enabled: true, minimum: 1, maximum: 10 },
  });
  const path = 'features[subscription_update][products]';
  const products = (product: string, prices: string[]) => ({
    features: {
      subscription_update: {
        enabled: true,
        default_allowed_updates: ['price' as const],
        products: [{ product, prices }],
      },
    },
  });
  const wrong: [Stripe.BillingPortal.ConfigurationCreateParams, string][] = [
    [{ features: { subscription_update: { enabled: true, default_allowed_updates: ['price'] } } }, path],
    [products('prod_x', [own.pro.id]), `${path}[0][product]`],
    [products(idOf(own.pro.product), [own.basic.id]), `${path}[0][prices][0]`],
    [
      { features: { subscription_pause: { enabled: true, duration: { type: 'interval_options' } } } },
      'features[subscription_pause][duration][interval_options]',
    ],
  ];
  for (const [params, param] of wrong) {
    expect(await refusal(b.stripe.billingPortal.configurations.create(params))).toMatchObject({
      statusCode: 400,
      param,
    });
  }
});
