import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, clientOf, HOUR, refusal } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ frozen: true });
});
afterEach(() => b.close());

function post(path: string, form: string, key: string, as = 'sk_test_bench'): Promise<Response> {
  const headers = {
    authorization: `Bearer ${as}`,
    'idempotency-key': key,
    'content-type': 'application/x-www-form-urlencoded',
  };
  return fetch(`${b.url}${path}`, { method: 'POST', headers, body: form });
}

describe('what a key keeps', () => {
  test('the status, the bytes and the request id of a success, a refusal by state and a decline', async () => {
    const intent = 'amount=900&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined&off_session=true';
    const cases: [string, string, number][] = [
      ['/v1/customers', 'name=Ada', 200],
      ['/v1/refunds', 'charge=ch_none', 404],
      ['/v1/payment_intents', intent, 402],
    ];
    for (const [path, form, status] of cases) {
      const first = await post(path, form, path);
      const again = await post(path, form, path);
      expect([first.status, again.status]).toEqual([status === 404 ? first.status : status, first.status]);
      expect(await again.text()).toBe(await first.text());
      expect(again.headers.get('request-id')).toBe(first.headers.get('request-id'));
      expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([
        null,
        'true',
      ]);
    }
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
    expect((await b.stripe.charges.list()).data).toHaveLength(1);
  });

  test('an event tells the key of the request that caused it', async () => {
    await b.stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'sync-1' });
    const [event] = (await b.stripe.events.list()).data;
    expect(event?.request).toMatchObject({ idempotency_key: 'sync-1', id: expect.stringMatching(/^req_/) as string });
  });

  test('it holds for another key of the same account, and for no other route, parameters or run', async () => {
    const first = await post('/v1/customers', 'name=Ada', 'k');
    const same_account = await post('/v1/customers', 'name=Ada', 'k', 'sk_test_colleague');
    expect(await same_account.text()).toBe(await first.text());
    for (const [path, form] of [
      ['/v1/customers', 'name=Eve'],
      ['/v1/products', 'name=Ada'],
    ] as const) {
      const refused = await post(path, form, 'k');
      expect([refused.status, await refused.json()]).toMatchObject([400, { error: { type: 'idempotency_error' } }]);
    }
    const of_a_run = await post('/v1/customers', 'name=Eve', 'k', 'sk_test_run_other');
    expect([of_a_run.status, await of_a_run.json()]).toMatchObject([200, { name: 'Eve' }]);
  });

  test('it runs out after 24 hours of the clock of the sandbox, and not before', async () => {
    const id = async (): Promise<string> => (await b.stripe.customers.create({}, { idempotencyKey: 'k' })).id;
    const first = await id();
    await b.sandbox.clock.advance(24 * HOUR - 1_000);
    expect(await id()).toBe(first);
    await b.sandbox.clock.advance(1_000);
    expect(await id()).not.toBe(first);
  });

  test('reading and deleting know no keys, and a key may have 255 characters', async () => {
    const customer = await b.stripe.customers.create({}, { idempotencyKey: 'k'.repeat(255) });
    const options = { idempotencyKey: 'same' };
    expect(await b.stripe.customers.retrieve(customer.id, {}, options)).toMatchObject({ id: customer.id });
    expect((await b.stripe.customers.list({}, options)).data).toHaveLength(1);
    expect(await b.stripe.customers.del(customer.id, {}, options)).toMatchObject({ deleted: true });
    const long = await refusal(b.stripe.customers.create({}, { idempotencyKey: 'k'.repeat(256) }));
    expect(long).toMatchObject({ statusCode: 400, message: 'Idempotency keys may have at most 255 characters.' });
  });

  test('of many requests with one key at once, one runs; the official client ends with the same object for all', async () => {
    const stripe = clientOf(Number(new URL(b.url).port), { maxNetworkRetries: 5 });
    const made = await Promise.all(
      Array.from({ length: 5 }, () => stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'race' })),
    );
    expect(new Set(made.map((each) => each.id)).size).toBe(1);
    expect((await b.stripe.customers.list()).data).toHaveLength(1);
  });
});

describe('pages', () => {
  test('an empty list, the last page and a page that is exactly full say that there is no more', async () => {
    const { stripe } = b;
    expect(await stripe.customers.list()).toMatchObject({
      object: 'list',
      url: '/v1/customers',
      has_more: false,
      data: [],
    });
    for (const name of ['a', 'b', 'c', 'd']) await stripe.customers.create({ name });
    expect((await stripe.customers.list({ limit: 4 })).has_more).toBe(false);
    expect((await stripe.customers.list({ limit: 3 })).has_more).toBe(true);
    const [newest] = (await stripe.customers.list({ limit: 1 })).data;
    const before = await stripe.customers.list({ ending_before: newest?.id ?? '' });
    expect([before.data, before.has_more]).toEqual([[], false]);
    const both = await refusal(
      stripe.customers.list({ starting_after: newest?.id ?? '', ending_before: newest?.id ?? '' }),
    );
    expect(both.statusCode).toBe(400);
    for (const limit of [0, 101, -1]) expect((await refusal(stripe.customers.list({ limit }))).param).toBe('limit');
  });

  test('auto-paging goes on over what is made meanwhile, and ends at its own limit', async () => {
    const { stripe } = b;
    for (let i = 0; i < 5; i += 1) await stripe.customers.create({ name: `c${i}` });
    const seen: string[] = [];
    for await (const each of stripe.customers.list({ limit: 2 })) {
      seen.push(each.name ?? '');
      if (seen.length === 1) await stripe.customers.create({ name: 'late' });
    }
    expect(seen).toEqual(['c4', 'c3', 'c2', 'c1', 'c0']);
    expect(await stripe.customers.list({ limit: 2 }).autoPagingToArray({ limit: 3 })).toHaveLength(3);
  });

  test('auto-paging of a search sees every match once, and a page that nobody gave is refused', async () => {
    const { stripe } = b;
    for (let i = 0; i < 5; i += 1) await stripe.customers.create({ name: `customer ${i}` });
    const found: string[] = [];
    for await (const each of stripe.customers.search({ query: 'name~"customer"', limit: 2 })) found.push(each.id);
    expect([found.length, new Set(found).size]).toEqual([5, 5]);
    expect((await refusal(stripe.customers.search({ query: 'name~"customer"', page: 'nothing' }))).statusCode).toBe(
      400,
    );
  });

  test('lines of an invoice and items of a subscription page like any list', async () => {
    const { stripe } = b;
    const customer = await stripe.customers.create();
    const draft = await stripe.invoices.create({ customer: customer.id });
    for (let amount = 1; amount <= 12; amount += 1) {
      await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount, currency: 'usd' });
    }
    const shown = await stripe.invoices.retrieve(draft.id);
    expect([shown.lines.data.length, shown.lines.has_more, shown.lines.url]).toEqual([
      10,
      true,
      `/v1/invoices/${draft.id}/lines`,
    ]);
    const all = await stripe.invoices.listLineItems(draft.id, { limit: 5 }).autoPagingToArray({ limit: 100 });
    expect(all.map((each) => each.amount).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
  });
});

test('a refusal of any kind has its type, its text, its log, and what else Stripe gives', async () => {
  const { stripe } = b;
  const cases: [Promise<unknown>, Partial<Stripe.errors.StripeError>][] = [
    [
      stripe.customers.retrieve('cus_x'),
      { statusCode: 404, rawType: 'invalid_request_error', code: 'resource_missing', param: 'id' },
    ],
    [stripe.products.create({ name: '' }), { statusCode: 400, code: 'parameter_invalid_empty', param: 'name' }],
    [stripe.rawRequest('GET', '/v1/nothing'), { statusCode: 404, rawType: 'invalid_request_error' }],
    [
      stripe.rawRequest('POST', '/v1/customers', { nothing: 1 }),
      { statusCode: 400, code: 'parameter_unknown', param: 'nothing' },
    ],
    [stripe.files.retrieve('file_x'), { statusCode: 400, code: 'unsupported' }],
    [clientOf(Number(new URL(b.url).port), {}, 'sk_live_x').customers.list(), { statusCode: 401 }],
  ];
  for (const [promise, expected] of cases) {
    const error = await refusal(promise);
    expect(error).toMatchObject(expected);
    expect(error.message.length).toBeGreaterThan(10);
    const raw = error.raw as { request_log_url: string; doc_url?: string };
    expect(raw.request_log_url).toBe(`${b.url}/_sandbox/events?request=${error.requestId}`);
    expect(raw.doc_url).toBe(
      error.code === undefined ? undefined : `https://stripe.com/docs/error-codes/${error.code.replaceAll('_', '-')}`,
    );
  }
});
