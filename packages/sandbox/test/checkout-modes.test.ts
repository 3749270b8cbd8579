import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, goodCard, idOf, monthlyPrice, refusal, submit } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const success_url = 'http://shop.test/done?s={CHECKOUT_SESSION_ID}';
type Params = Stripe.Checkout.SessionCreateParams;

async function open(params: Partial<Params> & Pick<Params, 'mode'>): Promise<Stripe.Checkout.Session> {
  return await b.stripe.checkout.sessions.create({ success_url, ...params } as Params);
}

function bought(unit_amount: number, more: object = {}): NonNullable<Params['line_items']> {
  return [{ price_data: { currency: 'usd', unit_amount, product_data: { name: 'Mug' } }, quantity: 1, ...more }];
}

async function at(session: Stripe.Checkout.Session, fields: Record<string, string>): Promise<Response> {
  return await submit(`${b.url}/c/pay/${session.id}`, fields);
}

async function again(session: Stripe.Checkout.Session, expand: string[] = []): Promise<Stripe.Checkout.Session> {
  return await b.stripe.checkout.sessions.retrieve(session.id, { expand });
}

async function types(): Promise<string[]> {
  return (await b.stripe.events.list({ limit: 100 })).data.map((event) => event.type).toReversed();
}

describe('payment', () => {
  test('charges a guest once, with events as Stripe sends them', async () => {
    const session = await open({
      mode: 'payment',
      line_items: bought(1_250, { quantity: 2 }),
      payment_intent_data: { description: 'Two mugs', metadata: { order: '7' }, receipt_email: 'ada@example.com' },
    });
    expect(session).toMatchObject({ mode: 'payment', amount_total: 2_500, customer_creation: 'if_required' });
    const before = (await types()).length;
    const response = await at(session, goodCard);
    expect(response.headers.get('location')).toBe(`http://shop.test/done?s=${session.id}`);
    expect((await types()).slice(before)).toEqual([
      'charge.succeeded',
      'payment_intent.succeeded',
      'payment_intent.created',
      'checkout.session.completed',
      'charge.updated',
    ]);
    const done = await again(session, ['payment_intent.latest_charge', 'line_items']);
    expect(done).toMatchObject({ status: 'complete', payment_status: 'paid', customer: null, url: null });
    expect(done.customer_details?.email).toBe('ada@example.com');
    expect(done.payment_intent).toMatchObject({
      amount: 2_500,
      description: 'Two mugs',
      metadata: { order: '7' },
      latest_charge: { receipt_email: 'ada@example.com' },
    });
  });

  test('a refused card leaves a failed charge on an intent that the next card pays', async () => {
    const session = await open({ mode: 'payment', line_items: bought(900) });
    const refused = await at(session, { ...goodCard, number: '4000 0000 0000 9995' });
    expect(await refused.text()).toContain('insufficient funds');
    expect((await types()).slice(-3)).toEqual([
      'payment_intent.created',
      'charge.failed',
      'payment_intent.payment_failed',
    ]);
    await at(session, goodCard);
    const intents = (await b.stripe.paymentIntents.list()).data;
    expect(intents.map((each) => each.status)).toEqual(['succeeded']);
    expect((await again(session)).payment_intent).toBe(intents[0]?.id);
  });

  test('3-D Secure that fails is told, and the intent is given up when the session expires', async () => {
    const session = await open({ mode: 'payment', line_items: bought(900) });
    await at(session, { ...goodCard, number: '4000 0027 6000 3184' });
    await submit(`${b.url}/c/pay/${session.id}/authenticate`, { action: 'fail' });
    expect((await types()).slice(-1)).toEqual(['payment_intent.payment_failed']);
    await b.stripe.checkout.sessions.expire(session.id);
    expect((await types()).slice(-2)).toEqual(['payment_intent.canceled', 'checkout.session.expired']);
  });

  test('holds the amount where it is captured by hand', async () => {
    const session = await open({
      mode: 'payment',
      line_items: bought(900),
      payment_intent_data: { capture_method: 'manual' },
    });
    await at(session, goodCard);
    const held = await again(session);
    expect([held.status, held.payment_status]).toEqual(['complete', 'unpaid']);
    await b.stripe.paymentIntents.capture(idOf(held.payment_intent));
    expect((await again(session)).payment_status).toBe('paid');
  });

  test('makes a customer and a paid invoice where the seller wants them', async () => {
    const tax = await b.stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false });
    const session = await open({
      mode: 'payment',
      line_items: bought(1_000, { tax_rates: [tax.id] }),
      invoice_creation: { enabled: true, invoice_data: { footer: 'Thanks', metadata: { order: '7' } } },
    });
    expect([session.amount_total, session.total_details?.amount_tax]).toEqual([1_200, 200]);
    await at(session, goodCard);
    const done = await again(session, ['invoice', 'customer']);
    expect(done.customer).toMatchObject({ email: 'ada@example.com', name: 'Ada' });
    expect(done.invoice).toMatchObject({ status: 'paid', total: 1_200, footer: 'Thanks', metadata: { order: '7' } });
  });

  test('what costs nothing asks for no card', async () => {
    const coupon = await b.stripe.coupons.create({ percent_off: 100, duration: 'once' });
    const session = await open({ mode: 'payment', line_items: bought(900), discounts: [{ coupon: coupon.id }] });
    expect(await (await fetch(session.url ?? '')).text()).not.toContain('Card number');
    await at(session, { email: 'ada@example.com', action: 'pay' });
    expect(await again(session)).toMatchObject({ payment_status: 'no_payment_required', payment_intent: null });
    expect((await b.stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(1);
  });
});

describe('setup', () => {
  test('keeps a card for a customer, and a refused one fails the setup', async () => {
    const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
    const session = await open({
      mode: 'setup',
      currency: 'usd',
      customer: customer.id,
      setup_intent_data: { metadata: { why: 'later' } },
    });
    expect(session).toMatchObject({ amount_total: null, payment_status: 'no_payment_required' });
    await at(session, { ...goodCard, number: '4000 0000 0000 0002' });
    expect((await types()).slice(-1)).toEqual(['setup_intent.setup_failed']);
    await at(session, { ...goodCard, number: '4000 0025 0000 3155' });
    await submit(`${b.url}/c/pay/${session.id}/authenticate`, { action: 'authenticate' });
    const done = await again(session, ['setup_intent']);
    expect(done.setup_intent).toMatchObject({ status: 'succeeded', metadata: { why: 'later' } });
    const saved = await b.stripe.customers.listPaymentMethods(customer.id);
    expect(saved.data.map((method) => method.card?.last4)).toEqual(['3155']);
  });
});

describe('subscription', () => {
  test('bills one-time things on the first invoice only', async () => {
    const price = await monthlyPrice(b.stripe, 1_000);
    const once = await b.stripe.prices.create({ currency: 'usd', unit_amount: 300, product_data: { name: 'Setup' } });
    const session = await open({
      mode: 'subscription',
      line_items: [
        { price: price.id, quantity: 1 },
        { price: once.id, quantity: 1 },
      ],
    });
    expect(session.amount_total).toBe(1_300);
    await at(session, goodCard);
    const done = await again(session, ['invoice', 'subscription']);
    expect((done.invoice as Stripe.Invoice).amount_paid).toBe(1_300);
    expect((done.subscription as Stripe.Subscription).items.data).toHaveLength(1);
    await b.sandbox.clock.advance(33 * DAY);
    const [renewal] = (await b.stripe.invoices.list()).data;
    expect(renewal).toMatchObject({ billing_reason: 'subscription_cycle', total: 1_000 });
  });

  test('asks for no card where a trial begins and the seller wants one only when money is due', async () => {
    const price = await monthlyPrice(b.stripe, 1_000);
    const session = await open({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1 }],
      payment_method_collection: 'if_required',
      subscription_data: {
        trial_period_days: 7,
        trial_settings: { end_behavior: { missing_payment_method: 'cancel' } },
      },
    });
    expect(await (await fetch(session.url ?? '')).text()).not.toContain('Card number');
    await at(session, { email: 'ada@example.com', action: 'pay' });
    const done = await again(session, ['subscription']);
    expect(done).toMatchObject({ payment_status: 'no_payment_required', subscription: { status: 'trialing' } });
    await b.sandbox.clock.advance(8 * DAY);
    const ended = await b.stripe.subscriptions.retrieve(idOf(done.subscription));
    expect(ended.status).toBe('canceled');
  });

  test('a saved card pays without being typed, and can be removed', async () => {
    const price = await monthlyPrice(b.stripe, 1_000);
    const customer = await b.stripe.customers.create({ email: 'ada@example.com', name: 'Ada' });
    const card = await b.stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
    await b.stripe.paymentMethods.update(card.id, { allow_redisplay: 'always' });
    const hidden = await b.stripe.paymentMethods.attach('pm_card_amex', { customer: customer.id });
    const params = {
      mode: 'subscription' as const,
      customer: customer.id,
      line_items: [{ price: price.id, quantity: 1 }],
      saved_payment_method_options: { payment_method_remove: 'enabled' as const },
    };
    const session = await open(params);
    const page = await (await fetch(session.url ?? '')).text();
    expect(page).toContain('Mastercard ending in 4444');
    expect(page).not.toContain('American Express');
    await at(session, { method: hidden.id, action: 'pay', email: 'ada@example.com' });
    expect((await again(session)).status).toBe('open');
    await at(session, { method: card.id, action: 'pay' });
    const done = await again(session, ['subscription']);
    expect(done.subscription).toMatchObject({ default_payment_method: card.id, status: 'active' });
    const other = await open(params);
    await at(other, { action: 'remove', card: card.id });
    expect((await b.stripe.paymentMethods.retrieve(card.id)).customer).toBeNull();
  });
});

describe('what the payer may change and is asked', () => {
  test('quantities within their bounds, and things offered besides', async () => {
    const price = await monthlyPrice(b.stripe, 1_000);
    const extra = await monthlyPrice(b.stripe, 250, 'Support');
    const session = await open({
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 2, adjustable_quantity: { enabled: true, minimum: 1, maximum: 5 } }],
      optional_items: [{ price: extra.id, quantity: 1 }],
    });
    const [line] = (await b.stripe.checkout.sessions.listLineItems(session.id)).data;
    await at(session, { action: 'quantity', line: line?.id ?? '', quantity: '40' });
    expect((await again(session)).amount_total).toBe(5_000);
    await at(session, { action: 'optional', price: extra.id });
    expect((await again(session)).amount_total).toBe(5_250);
    await at(session, { action: 'optional', price: price.id });
    await at(session, goodCard);
    const done = await again(session, ['subscription']);
    const items = (done.subscription as Stripe.Subscription).items.data;
    expect(items.map((item) => [item.price.id, item.quantity])).toEqual([
      [price.id, 5],
      [extra.id, 1],
    ]);
  });

  test('answers are checked, kept on the session and given to the customer', async () => {
    const session = await open({
      mode: 'payment',
      line_items: bought(900),
      customer_creation: 'always',
      billing_address_collection: 'required',
      phone_number_collection: { enabled: true },
      tax_id_collection: { enabled: true },
      shipping_address_collection: { allowed_countries: ['GB'] },
      consent_collection: { terms_of_service: 'required', promotions: 'auto' },
      custom_fields: [
        {
          key: 'size',
          type: 'dropdown',
          label: { type: 'custom', custom: 'Size' },
          dropdown: { options: [{ label: 'S', value: 's' }] },
        },
        {
          key: 'note',
          type: 'text',
          optional: true,
          label: { type: 'custom', custom: 'Note' },
          text: { maximum_length: 5 },
        },
      ],
    });
    const good = {
      ...goodCard,
      phone: '+44 20 7946 0000',
      billing_country: 'GB',
      billing_line1: '1 Main St',
      billing_city: 'London',
      billing_postal_code: 'N1 9GU',
      shipping_name: 'Ada',
      shipping_country: 'GB',
      shipping_line1: '1 Main St',
      shipping_city: 'London',
      shipping_postal_code: 'N1 9GU',
      tax_id_type: 'gb_vat',
      tax_id_value: 'GB123456789',
      custom_size: 's',
      terms: 'on',
    };
    const faults: [Partial<typeof good> & { custom_note?: string }, string][] = [
      [{ phone: '' }, 'phone number'],
      [{ billing_country: '' }, 'choose a country'],
      [{ shipping_country: 'FR' }, 'does not send'],
      [{ tax_id_value: '1' }, 'tax ID is not valid'],
      [{ custom_size: 'xl' }, 'choose an answer'],
      [{ custom_note: 'too long' }, 'at most 5'],
      [{ terms: '' }, 'accept the terms'],
    ];
    for (const [wrong, said] of faults) {
      const text = await (await at(session, { ...good, ...wrong })).text();
      expect(text).toContain(said);
      expect(text).toContain('4242 4242 4242 4242');
    }
    await at(session, good);
    const done = await again(session, ['customer.tax_ids']);
    expect(done).toMatchObject({
      status: 'complete',
      consent: { terms_of_service: 'accepted', promotions: 'opt_out' },
      collected_information: { shipping_details: { name: 'Ada', address: { country: 'GB' } } },
      customer_details: { phone: good.phone, address: { city: 'London' }, tax_ids: [{ type: 'gb_vat' }] },
    });
    expect(done.custom_fields[0]?.dropdown?.value).toBe('s');
    expect(done.customer).toMatchObject({ phone: good.phone, address: { city: 'London' } });
    expect((done.customer as Stripe.Customer).tax_ids?.data[0]?.value).toBe('GB123456789');
  });
});

describe('ways of showing it', () => {
  test('embedded sessions have a secret and no address, and can be completed on our page', async () => {
    const params = { mode: 'payment' as const, line_items: bought(900) };
    const wrong = { ui_mode: 'embedded_page' as const, ...params, success_url };
    expect((await refusal(b.stripe.checkout.sessions.create(wrong))).param).toBe('success_url');
    expect((await refusal(b.stripe.checkout.sessions.create({ ui_mode: 'elements', ...params }))).param).toBe(
      'return_url',
    );
    const session = await b.stripe.checkout.sessions.create({
      ...params,
      ui_mode: 'embedded_page',
      return_url: success_url,
    });
    expect(session.url).toBeNull();
    expect(session.client_secret).toMatch(new RegExp(`^${session.id}_secret_`));
    const response = await at(session, goodCard);
    expect(response.headers.get('location')).toBe(`http://shop.test/done?s=${session.id}`);
    expect((await again(session)).client_secret).toBeNull();
    const silent = await b.stripe.checkout.sessions.create({
      ...params,
      ui_mode: 'embedded_page',
      redirect_on_completion: 'never',
    });
    expect(await (await at(silent, goodCard)).text()).toContain('Thank you');
  });

  test('what Stripe took away is refused, and what belongs to another mode', async () => {
    const unknown = { payment_method_types: ['card'] } as object;
    const error = await refusal(open({ mode: 'payment', line_items: bought(900), ...unknown }));
    expect(error).toMatchObject({ code: 'parameter_unknown', param: 'payment_method_types' });
    const table: [Partial<Params> & Pick<Params, 'mode'>, string][] = [
      [{ mode: 'payment', line_items: bought(1), subscription_data: { description: 'a' } }, 'subscription_data'],
      [{ mode: 'setup', currency: 'usd', line_items: bought(1) }, 'line_items'],
      [{ mode: 'setup' }, 'currency'],
      [{ mode: 'payment', line_items: bought(1), customer_update: { name: 'auto' } }, 'customer_update'],
      [{ mode: 'payment', line_items: [] }, 'line_items'],
    ];
    for (const [params, param] of table) expect((await refusal(open(params))).param).toBe(param);
  });

  test('an expired session is recovered in a copy', async () => {
    const session = await open({
      mode: 'payment',
      line_items: bought(900),
      after_expiration: { recovery: { enabled: true, allow_promotion_codes: true } },
    });
    await b.sandbox.clock.advance(DAY);
    const expired = await again(session);
    const url = expired.after_expiration?.recovery?.url ?? '';
    expect(await (await fetch(url)).text()).toContain('Continue to checkout');
    const response = await submit(url, {});
    const copy = await b.stripe.checkout.sessions.retrieve(response.headers.get('location')?.split('/').at(-1) ?? '');
    expect(copy).toMatchObject({ status: 'open', recovered_from: session.id, allow_promotion_codes: true });
    await at(copy, goodCard);
    expect((await again(copy)).status).toBe('complete');
  });

  test('an open session changes its lines, a closed one only its metadata; lists filter', async () => {
    const session = await open({ mode: 'payment', line_items: bought(900) });
    const [line] = (await b.stripe.checkout.sessions.listLineItems(session.id)).data;
    const changed = await b.stripe.checkout.sessions.update(session.id, {
      line_items: [{ id: line?.id ?? '', quantity: 3 }],
      metadata: { a: '1' },
    });
    expect([changed.amount_total, changed.metadata?.['a']]).toEqual([2_700, '1']);
    await at(session, goodCard);
    const late = b.stripe.checkout.sessions.update(session.id, { line_items: [{ id: line?.id ?? '', quantity: 1 }] });
    expect((await refusal(late)).param).toBe('line_items');
    const intent = idOf((await again(session)).payment_intent);
    expect((await b.stripe.checkout.sessions.list({ payment_intent: intent })).data).toHaveLength(1);
    expect(
      (await b.stripe.checkout.sessions.list({ customer_details: { email: 'nobody@example.com' } })).data,
    ).toHaveLength(0);
  });
});
