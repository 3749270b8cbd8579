import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, goodCard, monthlyPrice, refusal, submit } from './harness.ts';

let b: Bench;
let session: Stripe.Checkout.Session;

beforeEach(async () => {
  b = await bench();
  const price = await monthlyPrice(b.stripe);
  session = await b.stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'http://shop.test/done?session={CHECKOUT_SESSION_ID}',
    cancel_url: 'http://shop.test/pricing?plan=pro',
    metadata: { order: '7' },
    subscription_data: { metadata: { tenant: 't1' } },
  });
});
afterEach(() => b.close());

const url = (): string => session.url ?? '';

describe('the hosted checkout', () => {
  test('shows seller, product, price and a labelled card form without any script', async () => {
    const response = await fetch(url());
    const markup = await response.text();
    expect(response.status).toBe(200);
    expect(url().startsWith(`${b.url}/c/pay/cs_test_`)).toBe(true);
    for (const text of ['Skycast', 'Pro', '$499.00', 'per month', 'autocomplete="cc-number"', 'for="cvc"']) {
      expect(markup).toContain(text);
    }
    expect(markup).not.toContain('<script');
    expect(markup).toContain('href="http://shop.test/pricing?plan=pro"');
  });

  test('a paid session has a customer, an active subscription and a paid invoice', async () => {
    const response = await submit(url(), goodCard);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(`http://shop.test/done?session=${session.id}`);
    const done = await b.stripe.checkout.sessions.retrieve(session.id, {
      expand: ['subscription.latest_invoice.payments', 'line_items', 'customer'],
    });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      metadata: { order: '7' },
      amount_total: 49_900,
      customer_details: { email: 'ada@example.com', name: 'Ada' },
      customer: { email: 'ada@example.com', name: 'Ada' },
      subscription: {
        status: 'active',
        metadata: { tenant: 't1' },
        latest_invoice: { status: 'paid', amount_paid: 49_900, billing_reason: 'subscription_create' },
      },
    });
    expect(done.line_items?.data).toMatchObject([{ description: 'Pro', quantity: 1, amount_total: 49_900 }]);
    const events = await b.stripe.events.list({ limit: 100 });
    expect(
      events.data
        .map((event) => event.type)
        .toReversed()
        .slice(2),
    ).toEqual([
      'charge.succeeded',
      'payment_method.attached',
      'customer.created',
      'customer.updated',
      'checkout.session.completed',
      'customer.subscription.created',
      'payment_intent.created',
      'payment_intent.succeeded',
      'invoice.created',
      'invoice.finalized',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
    ]);
  });

  test('a customer given at creation is kept and not asked for an email', async () => {
    const customer = await b.stripe.customers.create({ email: 'grace@example.com' });
    const price = await monthlyPrice(b.stripe);
    const own = await b.stripe.checkout.sessions.create({
      mode: 'subscription',
      customer: customer.id,
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: 'http://shop.test/done',
    });
    await submit(own.url ?? '', { ...goodCard, email: 'someone@else.test' });
    const done = await b.stripe.checkout.sessions.retrieve(own.id);
    expect(done.customer).toBe(customer.id);
    expect(done.customer_details?.email).toBe('grace@example.com');
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
  });

  test('a declined card says why, goes back with the reason, and can be followed by a good one', async () => {
    const declined = await submit(url(), { ...goodCard, number: '4000 0000 0000 9995' });
    const markup = await declined.text();
    expect(declined.status).toBe(200);
    expect(markup).toContain('Your card has insufficient funds.');
    expect(markup).toContain('href="http://shop.test/pricing?plan=pro&amp;error=insufficient_funds"');
    expect((await b.stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    expect((await b.stripe.subscriptions.list({ status: 'all' })).data).toEqual([]);
    expect((await submit(url(), goodCard)).status).toBe(303);
    expect((await b.stripe.subscriptions.list()).data).toHaveLength(1);
  });

  test('what cannot be a card is refused before the bank is asked', async () => {
    const fault = async (change: Record<string, string>): Promise<string> => {
      const response = await submit(url(), { ...goodCard, ...change });
      expect(response.status).toBe(200);
      return await response.text();
    };
    expect(await fault({ number: '4242 4242 4242 4241' })).toContain('Your card number is incorrect.');
    expect(await fault({ exp: '01 / 20' })).toContain('expiration year is in the past');
    expect(await fault({ cvc: '1' })).toContain('security code is invalid');
    expect(await fault({ number: '4012888888881881' })).toContain('used a non test card');
    expect(await fault({ cvc: '1', name: '"><script>alert(1)</script>' })).not.toContain('<script>alert');
  });

  test('a test-card button fills in the form and keeps what was typed', async () => {
    const response = await submit(url(), { ...goodCard, number: '', name: 'Typed', fill: '4000000000000002' });
    const markup = await response.text();
    expect(response.status).toBe(200);
    expect(markup).toContain('value="4000 0000 0000 0002"');
    expect(markup).toContain('value="Typed"');
  });

  test('3-D Secure: passing pays and renews, failing returns to the form', async () => {
    const card = { ...goodCard, number: '4000002500003155' };
    const first = await submit(url(), card);
    expect(first.headers.get('location')).toBe(`/c/pay/${session.id}/authenticate`);
    const step = `${b.url}/c/pay/${session.id}/authenticate`;
    expect(await (await fetch(step)).text()).toContain('Complete authentication');
    const failed = await submit(step, { action: 'fail' });
    expect(failed.headers.get('location')).toBe(`/c/pay/${session.id}`);
    expect(await (await fetch(url())).text()).toContain('unable to authenticate');
    await submit(url(), card);
    const passed = await submit(step, { action: 'authenticate' });
    expect(passed.headers.get('location')).toContain('shop.test/done');
    await b.sandbox.clock.advance(32 * DAY);
    const invoices = await b.stripe.invoices.list({ status: 'paid' });
    expect(invoices.data).toHaveLength(2);
  });

  test('two presses at once pay once', async () => {
    const answers = await Promise.all([submit(url(), goodCard), submit(url(), goodCard), submit(url(), goodCard)]);
    expect(new Set(answers.map((answer) => answer.headers.get('location'))).size).toBe(1);
    expect((await b.stripe.subscriptions.list({ status: 'all' })).data).toHaveLength(1);
    expect((await b.stripe.charges.list()).data).toHaveLength(1);
  });

  test('complete and expired sessions say so and take no card', async () => {
    await submit(url(), goodCard);
    expect(await (await fetch(url())).text()).toContain('Already paid');
    const price = await monthlyPrice(b.stripe);
    const other = await b.stripe.checkout.sessions.create({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: 'http://shop.test/done',
    });
    await b.sandbox.clock.advance(DAY);
    expect((await b.stripe.checkout.sessions.retrieve(other.id)).status).toBe('expired');
    const gone = await submit(other.url ?? '', goodCard);
    expect(gone.status).toBe(410);
    expect((await b.stripe.events.list({ type: 'checkout.session.expired' })).data).toHaveLength(1);
    const error = await refusal(b.stripe.checkout.sessions.expire(other.id));
    expect(error.message).toContain('Only Checkout Sessions with a status in ["open"] can be expired.');
  });

  test('a form sent from another site is refused', async () => {
    const response = await fetch(url(), {
      method: 'POST',
      headers: { origin: 'http://evil.test' },
      body: new URLSearchParams(goodCard),
    });
    expect(response.status).toBe(403);
  });
});
