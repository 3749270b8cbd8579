import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSandbox } from '../src/index.ts';
import { type Bench, bench, clientOf, refusal, subscriber, idOf, checks } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

const raw = (path: string, init: RequestInit = {}, key = 'Bearer sk_test_x'): Promise<Response> => {
  const headers = new Headers(init.headers);
  if (key !== '') headers.set('authorization', key);
  return fetch(`${b.url}${path}`, { ...init, headers });
};

interface Envelope {
  error: { type: string; message: string; code?: string; param?: string };
}

describe('errors', () => {
  test('every refusal carries the envelope, a request id and the API version', async () => {
    const answers = await Promise.all([
      raw('/v1/customers', {}, ''),
      raw('/v1/customers', {}, 'Bearer pk_test_x'),
      raw('/v1/customers', {}, 'Bearer sk_live_x'),
      raw('/v1/foo'),
      raw('/v1/customers/', { method: 'PUT' }),
      raw('/v1/coupons', { method: 'POST' }),
      raw('/v2/billing/meter_events', { method: 'POST', body: '{}' }),
      raw('/v1/customers', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
      raw('/v1/customers', {
        method: 'POST',
        body: 'a[b=1',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      raw('/v1/customers', {
        method: 'POST',
        body: 'name=%E0%A4%A',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
      raw('/v1/customers/cus_x'),
      raw(`/v1/customers?email=${'a'.repeat(15_900)}`),
    ]);
    for (const answer of answers) {
      const body = (await answer.json()) as Envelope;
      expect(body.error.message).toBeTypeOf('string');
      expect(body.error.type).toMatch(/_error$/);
      expect(answer.headers.get('request-id')).toMatch(/^req_/);
      expect(answer.headers.get('stripe-version')).toBe('2026-10-28.endive');
    }
    expect(answers.map((answer) => answer.status)).toEqual([
      401, 401, 401, 404, 404, 400, 400, 400, 400, 400, 404, 400,
    ]);
  });

  test('texts, codes and params are those consumers match on', async () => {
    const { stripe } = b;
    await stripe.products.create({ name: 'Something to list' });
    const cases: [() => Promise<unknown>, Partial<Stripe.errors.StripeError>][] = [
      [() => stripe.products.create({ name: '' }), { code: 'parameter_invalid_empty', param: 'name' }],
      [
        () => stripe.rawRequest('POST', '/v1/products', {}),
        { code: 'parameter_missing', param: 'name', message: 'Missing required param: name.' },
      ],
      [
        () => stripe.rawRequest('POST', '/v1/customers', { phases: [{ iterations: 1 }] }),
        { code: 'parameter_unknown', message: 'Received unknown parameter: phases' },
      ],
      [
        () =>
          stripe.rawRequest('POST', '/v1/checkout/sessions', { mode: 'subscription', payment_method_types: ['card'] }),
        { code: 'parameter_unknown', param: 'payment_method_types' },
      ],
      [
        () => stripe.customers.retrieve('cus_x'),
        { code: 'resource_missing', param: 'id', message: "No such customer: 'cus_x'" },
      ],
      [
        () => stripe.rawRequest('GET', '/v1/foo'),
        {
          message:
            'Unrecognized request URL (GET: /v1/foo). If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. Please see https://stripe.com/docs or we can help at https://support.stripe.com/.',
        },
      ],
      [() => stripe.paymentLinks.create({ line_items: [] }), { code: 'unsupported' }],
      [
        () => stripe.customers.create({ cash_balance: { settings: { reconciliation_mode: 'manual' } } }),
        { code: 'unsupported', param: 'cash_balance' },
      ],
      [() => stripe.customers.list({ limit: 101 }), { code: 'parameter_invalid_integer', param: 'limit' }],
      [() => stripe.rawRequest('GET', '/v1/customers?limit=x'), { message: 'Invalid integer: x' }],
      [
        () => stripe.customers.create({ metadata: { ['k'.repeat(41)]: 'v' } }),
        { param: `metadata[${'k'.repeat(41)}]` },
      ],
      [
        () => stripe.products.list({ expand: ['data.metadata'] }),
        { message: 'This property cannot be expanded (data.metadata).' },
      ],
      [() => stripe.products.list({ expand: ['a.b.c.d.e'] }), { code: 'property_expansion_max_depth' }],
      [
        () =>
          stripe.paymentMethods.create({
            type: 'card',
            card: { number: '4012888888881881', exp_month: 1, exp_year: 2040 },
          }),
        { code: 'card_declined', statusCode: 402, decline_code: 'test_mode_live_card' },
      ],
    ];
    for (const [ask, expected] of cases) expect(await refusal(ask())).toMatchObject(expected);
  });

  test('state errors say what Stripe says', async () => {
    const { stripe } = b;
    const { customer, subscription, price } = await subscriber(stripe);
    const once = await stripe.prices.create({ currency: 'usd', unit_amount: 5, product_data: { name: 'Once' } });
    const euro = await stripe.prices.create({
      currency: 'eur',
      unit_amount: 5,
      recurring: { interval: 'month' },
      product_data: { name: 'Euro' },
    });
    await stripe.prices.update(euro.id, { active: false });
    const bare = await stripe.customers.create();
    const items = [{ price }];
    const of = (promise: Promise<unknown>): Promise<string> => refusal(promise).then((error) => error.message);
    expect(await of(stripe.subscriptions.create({ customer: bare.id, items }))).toContain(
      'has no attached payment source',
    );
    expect(
      await of(
        stripe.subscriptions.create({
          customer: customer.id,
          items: [{ price: once.id }],
          payment_behavior: 'default_incomplete',
        }),
      ),
    ).toContain('set to `type=one_time`');
    expect(
      await of(
        stripe.subscriptions.create({
          customer: customer.id,
          items: [{ price: euro.id }],
          payment_behavior: 'default_incomplete',
        }),
      ),
    ).toContain('The price specified is inactive.');
    const missing = await refusal(
      stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: 'price_x' }],
        payment_behavior: 'default_incomplete',
      }),
    );
    expect(missing).toMatchObject({ statusCode: 400, param: 'items[0][price]', message: "No such price: 'price_x'" });
    const paid = idOf(subscription.latest_invoice);
    expect(await of(stripe.invoices.voidInvoice(paid))).toBe(
      "You can only pass in open invoices. This invoice isn't open.",
    );
    expect(await of(stripe.invoices.pay(paid))).toBe('Invoice is already paid');
    expect(
      await of(stripe.invoiceItems.create({ customer: customer.id, invoice: paid, amount: 1, currency: 'usd' })),
    ).toContain('is not a draft');
    await stripe.subscriptions.cancel(subscription.id);
    expect(await of(stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true }))).toBe(
      'A canceled subscription can only update its cancellation_details.',
    );
    await stripe.subscriptions.update(subscription.id, { metadata: { kept: 'yes' } });
  });

  test('error_if_incomplete leaves nothing behind', async () => {
    const { customer, price } = await subscriber(b.stripe);
    const bad = await b.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
    const before = (await b.stripe.events.list({ limit: 100 })).data.length;
    const error = await refusal(
      b.stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price }],
        default_payment_method: bad.id,
        payment_behavior: 'error_if_incomplete',
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined' });
    expect((await b.stripe.subscriptions.list({ status: 'all' })).data).toHaveLength(1);
    expect((await b.stripe.events.list({ limit: 100 })).data).toHaveLength(before);
  });
});

describe('idempotency', () => {
  test('the same key replays the stored bytes, also of an error, and runs nothing', async () => {
    const post = (): Promise<Response> =>
      raw('/v1/customers', {
        method: 'POST',
        body: 'name=Ada',
        headers: { 'idempotency-key': 'k1', 'content-type': 'application/x-www-form-urlencoded' },
      });
    const first = await post();
    const second = await post();
    expect(await second.text()).toBe(await first.text());
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('request-id')).toBe(first.headers.get('request-id'));
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
    const failing = (): Promise<unknown> => b.stripe.refunds.create({ charge: 'ch_x' }, { idempotencyKey: 'k2' });
    expect((await refusal(failing())).requestId).toBe((await refusal(failing())).requestId);
  });

  test('the same key with other parameters is refused; a failed validation leaves the key unused', async () => {
    const { stripe } = b;
    await stripe.customers.create({ name: 'a' }, { idempotencyKey: 'k' });
    const error = await refusal(stripe.customers.create({ name: 'b' }, { idempotencyKey: 'k' }));
    expect(error).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(error.message).toBe(
      "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than 'k' if you meant to execute a different request.",
    );
    await refusal(stripe.customers.create({ email: 'no' }, { idempotencyKey: 'again' }));
    expect((await stripe.customers.create({ email: 'a@b.test' }, { idempotencyKey: 'again' })).email).toBe('a@b.test');
  });

  test('a key in flight is 409, and the official client gets the first answer by trying again', async () => {
    const post = (): Promise<Response> =>
      b.sandbox.fetch(
        new Request(`${b.url}/v1/customers`, {
          method: 'POST',
          headers: { authorization: 'Bearer sk_test_x', 'idempotency-key': 'race' },
          body: new URLSearchParams({ name: 'Ada' }),
        }),
      );
    const answers = await Promise.all([post(), post()]);
    expect(answers.map((answer) => answer.status).toSorted((x, y) => x - y)).toEqual([200, 409]);
    const refused = answers.find((answer) => answer.status === 409);
    expect(await refused?.json()).toMatchObject({ error: { code: 'idempotency_key_in_use' } });
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
  });

  test('a key is new again after a day', async () => {
    await b.stripe.customers.create({}, { idempotencyKey: 'k' });
    await b.sandbox.clock.advance(25 * 3_600_000);
    await b.stripe.customers.create({}, { idempotencyKey: 'k' });
    expect((await b.stripe.customers.list()).data).toHaveLength(2);
  });
});

describe('reading', () => {
  test('lists go newest first in both directions, and auto-paging sees everything once', async () => {
    const { stripe } = b;
    for (const name of ['a', 'b', 'c', 'd', 'e']) await stripe.customers.create({ name });
    const list = (params: Stripe.CustomerListParams): Promise<[string, boolean]> =>
      stripe.customers.list(params).then((found) => [found.data.map((each) => each.name).join(''), found.has_more]);
    const ids = (await stripe.customers.list()).data.map((each) => each.id);
    expect(await list({ limit: 2 })).toEqual(['ed', true]);
    expect(await list({ limit: 2, starting_after: ids[1] ?? '' })).toEqual(['cb', true]);
    expect(await list({ limit: 2, starting_after: ids[3] ?? '' })).toEqual(['a', false]);
    expect(await list({ limit: 2, ending_before: ids[4] ?? '' })).toEqual(['cb', true]);
    expect(await list({ limit: 3, ending_before: ids[2] ?? '' })).toEqual(['ed', false]);
    const seen: string[] = [];
    for await (const customer of stripe.customers.list({ limit: 2 })) seen.push(customer.name ?? '');
    expect(seen.join('')).toBe('edcba');
    expect((await refusal(stripe.customers.list({ starting_after: 'cus_x' }))).code).toBe('resource_missing');
  });

  test('expansion goes four levels deep, through lists, and answers what only expansion shows', async () => {
    const { subscription } = await subscriber(b.stripe);
    const deep = await b.stripe.subscriptions.retrieve(subscription.id, {
      expand: [
        'latest_invoice.payments.data.payment.payment_intent',
        'items.data.price.product',
        'customer',
        'schedule',
      ],
    });
    const invoice = deep.latest_invoice as Stripe.Invoice;
    expect(invoice.payments?.data[0]?.payment.payment_intent).toMatchObject({ status: 'succeeded', amount: 49_900 });
    expect(deep.items.data[0]?.price.product).toMatchObject({ name: 'Pro' });
    expect(deep.schedule).toBeNull();
    const plain = await b.stripe.invoices.retrieve(invoice.id);
    expect(plain).not.toHaveProperty('payments');
    expect(plain).not.toHaveProperty('confirmation_secret');
    const [listed] = (await b.stripe.subscriptions.list({ expand: ['data.default_payment_method'] })).data;
    expect(listed?.default_payment_method).toMatchObject({ card: { last4: '4242' } });
  });

  test('metadata: the empty string removes a key, and clears all', async () => {
    const { stripe } = b;
    const customer = await stripe.customers.create({ metadata: { a: '1', b: '2', c: 3 } });
    expect(customer.metadata).toEqual({ a: '1', b: '2', c: '3' });
    expect((await stripe.customers.update(customer.id, { metadata: { a: '', d: '4' } })).metadata).toEqual({
      b: '2',
      c: '3',
      d: '4',
    });
    expect((await stripe.customers.update(customer.id, { metadata: '' })).metadata).toEqual({});
    const [event] = (await stripe.events.list({ type: 'customer.updated' })).data;
    expect(event?.data.previous_attributes).toEqual({ metadata: { b: '2', c: '3', d: '4' } });
  });

  test('a lookup key moves to the price that takes it over', async () => {
    const { stripe } = b;
    const old = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      lookup_key: 'pro',
      product_data: { name: 'Pro' },
    });
    const create = (transfer_lookup_key: boolean): Promise<Stripe.Price> =>
      stripe.prices.create({
        currency: 'usd',
        unit_amount: 2,
        lookup_key: 'pro',
        transfer_lookup_key,
        product: idOf(old.product),
      });
    expect((await refusal(create(false))).message).toContain('already uses that lookup key');
    const fresh = await create(true);
    const found = await stripe.prices.list({ lookup_keys: ['pro'], active: true });
    expect(found.data.map((price) => price.id)).toEqual([fresh.id]);
    expect((await stripe.prices.retrieve(old.id)).lookup_key).toBeNull();
  });

  test('a deleted customer is a stub and its subscriptions end', async () => {
    const { customer, subscription } = await subscriber(b.stripe);
    await b.stripe.customers.del(customer.id);
    expect(await b.stripe.customers.retrieve(customer.id)).toMatchObject({ id: customer.id, deleted: true });
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect((await b.stripe.customers.list()).data).toEqual([]);
  });

  test('a charge can be refunded in parts and no further', async () => {
    const { customer } = await subscriber(b.stripe);
    const [charge] = (await b.stripe.charges.list({ customer: customer.id })).data;
    await b.stripe.refunds.create({ charge: charge?.id ?? '', amount: 900 });
    const rest = await b.stripe.refunds.create({ payment_intent: idOf(charge?.payment_intent) });
    expect(rest.amount).toBe(49_000);
    expect(await b.stripe.charges.retrieve(charge?.id ?? '')).toMatchObject({
      refunded: true,
      amount_refunded: 49_900,
    });
    expect((await refusal(b.stripe.refunds.create({ charge: charge?.id ?? '' }))).code).toBe('charge_already_refunded');
  });
});

test('without a port the official client reaches it through fetch', async () => {
  const sandbox = await createSandbox(checks());
  const httpClient = Stripe.createFetchHttpClient((url, init) => sandbox.fetch(new Request(url as string, init)));
  const stripe = new Stripe('sk_test_x', { httpClient });
  const product_data = { name: 'Pro' };
  const price = await stripe.prices.create({ currency: 'usd', unit_amount: 49_900, product_data });
  expect(price.unit_amount_decimal?.toString()).toBe('49900');
  expect(price.lastResponse.requestId).toMatch(/^req_/);
  await sandbox.close();
});

test('the same seed gives the same ids', async () => {
  const ids = async (): Promise<string[]> => {
    const own = await bench({ seed: 'same' });
    const { customer, subscription } = await subscriber(own.stripe);
    await own.close();
    return [customer.id, subscription.id, idOf(subscription.latest_invoice)];
  };
  expect(await ids()).toEqual(await ids());
});

describe('keys and versions', () => {
  test('a restricted key that may only read is refused with 403, and a publishable one may do what a browser does', async () => {
    const reader = clientOf(Number(new URL(b.url).port), {}, 'rk_test_readonly');
    expect((await reader.customers.list()).data).toEqual([]);
    const refused = await refusal(reader.customers.create({ name: 'Ada' }));
    expect(refused).toBeInstanceOf(Stripe.errors.StripePermissionError);
    expect(refused.message).toContain("Having the 'rak_customer_write' permission");
    const browser = clientOf(Number(new URL(b.url).port), {}, 'pk_test_x');
    expect((await refusal(browser.customers.list())).code).toBe('secret_key_required');
    const made = await b.stripe.paymentIntents.create({
      amount: 100,
      currency: 'usd',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    });
    const client_secret = made.client_secret ?? '';
    expect((await browser.paymentIntents.retrieve(made.id, { client_secret })).id).toBe(made.id);
    expect((await refusal(browser.paymentIntents.retrieve(made.id))).param).toBe('client_secret');
    const confirm = { client_secret, payment_method: 'pm_card_visa' };
    await browser.rawRequest('POST', `/v1/payment_intents/${made.id}/confirm`, confirm);
    expect((await b.stripe.paymentIntents.retrieve(made.id)).status).toBe('succeeded');
  });

  test('another version that Stripe has is answered with a notice, one it has not is refused', async () => {
    const asked = (version: string): Promise<Response> =>
      raw('/v1/customers', { headers: { 'stripe-version': version } });
    const older = await asked('2024-06-20');
    expect([older.status, older.headers.get('stripe-version')]).toEqual([200, '2026-10-28.endive']);
    expect(older.headers.get('stripe-notice')).toContain('asked for 2024-06-20');
    expect((await asked('2026-10-28.endive')).headers.get('stripe-notice')).toBeNull();
    const unknown = await asked('2019-99-99');
    expect(unknown.status).toBe(400);
    expect(((await unknown.json()) as Envelope).error.message).toBe('Invalid Stripe API version: 2019-99-99');
  });

  test('there is no other account to act for', async () => {
    const other = clientOf(Number(new URL(b.url).port), { stripeAccount: 'acct_other' });
    expect((await refusal(other.customers.list())).code).toBe('account_invalid');
  });

  test('a page of any origin may ask and call', async () => {
    const asked = await raw(
      '/v1/payment_methods',
      {
        method: 'OPTIONS',
        headers: { origin: 'http://shop.test', 'access-control-request-headers': 'authorization, stripe-version' },
      },
      '',
    );
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-headers')).toBe('authorization, stripe-version');
    const answer = await raw('/v1/customers', { headers: { origin: 'http://shop.test' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });
});
