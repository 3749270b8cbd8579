import Stripe from 'stripe';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, goodCard, HOUR, idOf, refusal, submit, subscriber } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const RETURN = 'http://shop.test/account';

async function open(
  more: Partial<Stripe.BillingPortal.SessionCreateParams> = {},
): Promise<{ url: string; customer: string; subscription: string; session: Stripe.BillingPortal.Session }> {
  const { customer, subscription } = await subscriber(b.stripe);
  const session = await b.stripe.billingPortal.sessions.create({ customer: customer.id, return_url: RETURN, ...more });
  return { url: session.url, customer: customer.id, subscription: subscription.id, session };
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

const saveCard = { ...goodCard, number: '5555 5555 5555 4444', action: 'save' };

test('a session has the shape of the API, and its link leads to plan, cards, billing information and invoices', async () => {
  const { url, customer, session } = await open();
  const [made] = (await b.stripe.billingPortal.configurations.list({ is_default: true })).data;
  expect(session).toMatchObject({
    object: 'billing_portal.session',
    configuration: made?.id,
    customer,
    flow: null,
    livemode: false,
    return_url: RETURN,
  });
  expect(session.id).toMatch(/^bps_/);
  const page = await text(url);
  for (const each of [
    'Pro',
    '$499.00 per month',
    'Next invoice on',
    'Visa ending in 4242',
    'ada@example.com',
    RETURN,
  ]) {
    expect(page).toContain(each);
  }
  const [invoice] = (await b.stripe.invoices.list({ customer })).data;
  expect(page).toContain(new URL(invoice?.hosted_invoice_url ?? '').pathname);
  expect(page).toContain(`${new URL(invoice?.invoice_pdf ?? '').pathname}`);
  const events = (await b.stripe.events.list({ types: ['billing_portal.*'] })).data.map((event) => event.type);
  expect(events).toEqual(['billing_portal.session.created', 'billing_portal.configuration.created']);
});

test('a plan is canceled at the end of its period with a reason, and the cancellation can be taken back', async () => {
  const { url, subscription } = await open();
  const path = `${url}/subscriptions/${subscription}`;
  expect(await text(`${path}/cancel`)).toContain('Some features are missing');
  const done = await submit(`${path}/cancel`, { feedback: 'missing_features', comment: 'No radar' });
  expect([done.status, done.headers.get('location')]).toEqual([303, new URL(url).pathname]);
  const canceled = await b.stripe.subscriptions.retrieve(subscription);
  expect(canceled).toMatchObject({
    status: 'active',
    cancel_at_period_end: true,
    cancellation_details: { feedback: 'missing_features', comment: 'No radar', reason: 'cancellation_requested' },
  });
  expect(await text(url)).toContain('Your subscription ends on');
  await submit(`${path}/renew`, {});
  expect(await b.stripe.subscriptions.retrieve(subscription)).toMatchObject({ cancel_at: null, canceled_at: null });
  expect(await text(url)).toContain('Next invoice on');
});

test('another card becomes the default, also of subscriptions with a card of their own', async () => {
  const { url, customer, subscription } = await open();
  const filled = await (await submit(`${url}/payment-methods/add`, { fill: '4242424242424242' })).text();
  expect(filled).toContain('value="4242 4242 4242 4242"');
  const wrong = await (await submit(`${url}/payment-methods/add`, { ...saveCard, number: '4000000000000002' })).text();
  expect(wrong).toContain('Your card was declined.');
  expect((await submit(`${url}/payment-methods/add`, saveCard)).status).toBe(303);
  const owner = (await b.stripe.customers.retrieve(customer)) as Stripe.Customer;
  const method = idOf(owner.invoice_settings.default_payment_method);
  expect((await b.stripe.subscriptions.retrieve(subscription)).default_payment_method).toBe(method);
  const methods = (await b.stripe.paymentMethods.list({ customer })).data;
  expect(new Set(methods.map((each) => each.card?.brand))).toEqual(new Set(['mastercard', 'visa']));
  const old = methods.find((each) => each.id !== method)?.id ?? '';
  await submit(`${url}/payment-methods/default`, { payment_method: old });
  expect((await b.stripe.subscriptions.retrieve(subscription)).default_payment_method).toBe(old);
  await submit(`${url}/payment-methods/remove`, { payment_method: method });
  expect((await b.stripe.paymentMethods.list({ customer })).data.map((each) => each.id)).toEqual([old]);
});

test('a card that asks for its holder is saved after the step, and not when it fails', async () => {
  const { url, customer, subscription } = await open();
  const card = { ...saveCard, number: '4000 0025 0000 3155' };
  const asked = await submit(`${url}/payment-methods/add`, card);
  expect(asked.headers.get('location')).toBe(`${new URL(url).pathname}/payment-methods/authenticate`);
  const failed = await submit(`${url}/payment-methods/authenticate`, { action: 'fail' });
  expect(await failed.text()).toContain('unable to authenticate');
  expect((await b.stripe.paymentMethods.list({ customer })).data).toHaveLength(1);
  await submit(`${url}/payment-methods/add`, card);
  await submit(`${url}/payment-methods/authenticate`, { action: 'authenticate' });
  expect((await b.stripe.paymentMethods.list({ customer })).data).toHaveLength(2);
  await b.sandbox.clock.advance(32 * DAY);
  expect((await b.stripe.subscriptions.retrieve(subscription)).status).toBe('active');
});

test('billing information is changed by the rules of the API, and a fault says why', async () => {
  const { url, customer } = await open();
  const bad = await submit(`${url}/billing`, { name: 'Grace <b>', email: 'nobody' });
  const page = await bad.text();
  expect(page).toContain('Invalid email address: nobody');
  expect(page).toContain('Grace &lt;b&gt;');
  expect(((await b.stripe.customers.retrieve(customer)) as Stripe.Customer).name).toBe('Ada');
  await submit(`${url}/billing`, {
    name: 'Grace',
    email: 'grace@example.com',
    line1: 'Quay 1',
    country: 'NL',
    phone: '',
  });
  expect(await b.stripe.customers.retrieve(customer)).toMatchObject({
    name: 'Grace',
    email: 'grace@example.com',
    address: { line1: 'Quay 1', country: 'NL', city: null },
  });
});

test('a deep link leads to its task only, and then where it was told', async () => {
  const { customer, subscription } = await subscriber(b.stripe);
  const flow = (after: Stripe.BillingPortal.SessionCreateParams.FlowData.AfterCompletion) =>
    b.stripe.billingPortal.sessions.create({
      customer: customer.id,
      flow_data: {
        type: 'subscription_cancel',
        subscription_cancel: { subscription: subscription.id },
        after_completion: after,
      },
    });
  const session = await flow({ type: 'redirect', redirect: { return_url: 'http://shop.test/bye' } });
  expect(session.flow).toMatchObject({
    type: 'subscription_cancel',
    subscription_cancel: { subscription: subscription.id, retention: null },
    after_completion: { type: 'redirect', redirect: { return_url: 'http://shop.test/bye' } },
  });
  const first = await fetch(session.url, { redirect: 'manual' });
  const path = `${new URL(session.url).pathname}/subscriptions/${subscription.id}/cancel`;
  expect(first.headers.get('location')).toBe(path);
  expect((await fetch(`${session.url}/billing`, { redirect: 'manual' })).headers.get('location')).toBe(path);
  const done = await submit(`${b.url}${path}`, {});
  expect(done.headers.get('location')).toBe('http://shop.test/bye');
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).cancel_at_period_end).toBe(true);
  const again = await refusal(flow({ type: 'portal_homepage' }));
  expect(again.message).toContain('already set to be canceled');
  const confirmed = await b.stripe.billingPortal.sessions.create({
    customer: customer.id,
    flow_data: {
      type: 'payment_method_update',
      after_completion: { type: 'hosted_confirmation', hosted_confirmation: { custom_message: 'Thank you, Ada.' } },
    },
  });
  expect(await text(confirmed.url)).toContain('Add payment method');
  const saved = await submit(`${confirmed.url}/payment-methods/add`, saveCard);
  expect(await text(`${b.url}${saved.headers.get('location')}`)).toContain('Thank you, Ada.');
});

test('a link lapses when it is not opened, and when it is not used', async () => {
  const { url, customer } = await open();
  await b.sandbox.clock.advance(6 * 60_000);
  const unopened = await fetch(url);
  expect([unopened.status, (await unopened.text()).includes(RETURN)]).toEqual([410, true]);
  const { url: used } = await b.stripe.billingPortal.sessions.create({ customer });
  for (let times = 0; times < 3; times += 1) {
    expect((await fetch(used)).status).toBe(200);
    await b.sandbox.clock.advance(0.9 * HOUR);
  }
  await b.sandbox.clock.advance(0.2 * HOUR);
  expect((await fetch(used)).status).toBe(410);
  expect((await submit(`${used}/billing`, { name: 'X' })).status).toBe(410);
  expect((await fetch(`${b.url}/p/session/none`)).status).toBe(404);
});

test('what a configuration does not enable is neither shown nor done', async () => {
  const configuration = await b.stripe.billingPortal.configurations.create({
    features: { invoice_history: { enabled: true } },
    business_profile: { headline: 'Your weather', privacy_policy_url: 'http://shop.test/privacy' },
    name: 'Narrow',
  });
  expect(configuration).toMatchObject({ is_default: false, active: true, name: 'Narrow' });
  const { url, customer, subscription } = await open({ configuration: configuration.id });
  const page = await text(url);
  expect(page).toContain('Your weather');
  for (const each of ['Cancel plan', 'Payment methods', 'Update information']) expect(page).not.toContain(each);
  await submit(`${url}/subscriptions/${subscription}/cancel`, {});
  await submit(`${url}/billing`, { name: 'Grace' });
  await submit(`${url}/payment-methods/add`, saveCard);
  expect((await b.stripe.subscriptions.retrieve(subscription)).cancel_at_period_end).toBe(false);
  expect(await b.stripe.customers.retrieve(customer)).toMatchObject({ name: 'Ada' });
  const flow = b.stripe.billingPortal.sessions.create({
    customer,
    configuration: configuration.id,
    flow_data: { type: 'payment_method_update' },
  });
  expect((await refusal(flow)).param).toBe('flow_data[type]');
  await b.stripe.billingPortal.configurations.update(configuration.id, {
    features: { subscription_cancel: { enabled: true, mode: 'immediately' } },
  });
  await submit(`${url}/subscriptions/${subscription}/cancel`, {});
  expect((await b.stripe.subscriptions.retrieve(subscription)).status).toBe('canceled');
  await b.stripe.billingPortal.configurations.update(configuration.id, { active: false });
  const inactive = b.stripe.billingPortal.sessions.create({ customer, configuration: configuration.id });
  expect((await refusal(inactive)).param).toBe('configuration');
});

test('another customer’s things are out of reach', async () => {
  const { url } = await open();
  const other = await subscriber(b.stripe);
  const [method] = (await b.stripe.paymentMethods.list({ customer: other.customer.id })).data;
  await submit(`${url}/subscriptions/${other.subscription.id}/cancel`, {});
  await submit(`${url}/payment-methods/remove`, { payment_method: method?.id ?? '' });
  expect((await b.stripe.subscriptions.retrieve(other.subscription.id)).cancel_at_period_end).toBe(false);
  expect((await b.stripe.paymentMethods.list({ customer: other.customer.id })).data).toHaveLength(1);
});
