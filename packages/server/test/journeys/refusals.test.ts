import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp();

async function verify(key: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  const body: unknown = await response.json();
  return { status: response.status, ...Object(body) };
}

describe('bad input is refused with a reason and changes nothing', () => {
  test('a price list with five faults is refused with five messages, each with its path', () => {
    const run = spawnSync(process.execPath, ['--conditions=farebox', 'packages/server/src/main.ts', 'check'], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'] ?? '',
        FAREBOX_CONFIG: 'packages/server/test/fixtures/five-faults.config.ts',
        FAREBOX_SECRET: 'x'.repeat(32),
      },
    });
    expect(run.status).toBe(1);
    for (const path of [
      'seller.key_prefix',
      'plans.starter.price.month',
      'plans.starter.limits[0].window',
      'plans.pro.usage.calls',
      'tiers',
    ]) {
      expect(run.stderr).toContain(path);
    }
    expect(
      run.stderr
        .trim()
        .split('\n')
        .filter((line) => /^\s*\d+[.)]/.test(line)),
    ).toHaveLength(5);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  test('a declined card leads back to the pricing page, which says why', async () => {
    const visitor = await farebox.signUp();
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
    const declined = await payOnPage(checkout.url, '4000000000009995');
    expect(declined.status).toBe(200);
    const page = await declined.text();
    expect(page).toContain('insufficient funds');
    const back = /href="([^"]*checkout=canceled[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const pricing = await (await fetch(back)).text();
    expect(pricing).toContain('Your card has insufficient funds. Nothing was charged.');
    expect((await visitor.get('/v1/subscriptions')).data).toEqual([]);
  });

  test('a link cannot put words of its own on the pricing page', async () => {
    const page = await (await fetch(`${farebox.url}/?checkout=canceled&error=<script>alert(1)</script>`)).text();
    expect(page).not.toContain('alert(1)');
    expect(page).toContain('The payment did not go through.');
  });

  test('garbage, a foreign brand, a revoked key: each its code; a key of nobody costs no look-up', async () => {
    const visitor = await farebox.signUp();
    const made = await visitor.post('/v1/keys', { name: 'One' });
    expect(await verify('garbage')).toMatchObject({ status: 200, valid: false, code: 'NOT_FOUND' });
    expect(await verify(made.secret.replace('sky_', 'sea_'))).toMatchObject({ valid: false, code: 'NOT_FOUND' });
    expect(await verify(made.secret)).toMatchObject({ valid: false, code: 'SUBSCRIPTION_INACTIVE' });
    await visitor.post(`/v1/keys/${made.id}/revoke`);
    expect(await verify(made.secret)).toMatchObject({ valid: false, code: 'REVOKED' });
    expect(await verify(17)).toMatchObject({ status: 400, code: 'invalid_request', param: 'key' });
  });

  test("another customer's objects answer exactly as ones that do not exist", async () => {
    const owner = await farebox.signUp();
    const stranger = await farebox.signUp();
    const key = await owner.post('/v1/keys', { name: 'Mine' });
    const checkout = await owner.post('/v1/checkout_sessions', { plan_id: 'starter' });
    for (const [method, there, absent] of [
      ['POST', `/v1/keys/${key.id}/revoke`, '/v1/keys/key_00000000/revoke'],
      ['GET', `/v1/checkout_sessions/${checkout.id}`, '/v1/checkout_sessions/chks_00000000'],
    ] as const) {
      const foreign = await stranger.request(method, there);
      const missing = await stranger.request(method, absent);
      expect([foreign.status, missing.status]).toEqual([404, 404]);
      const words = ({ code, detail }: { code: string; detail: string }) => [code, detail.replaceAll(/"[^"]*"/g, '""')];
      expect(words(Object(await foreign.json()))).toEqual(words(Object(await missing.json())));
    }
    expect((await owner.get('/v1/keys')).data).toMatchObject([{ status: 'active' }]);
  });
});

describe('one sale', () => {
  test('a double click gets the same checkout; another plan closes the first one', async () => {
    const visitor = await farebox.signUp();
    const [one, two] = await Promise.all([
      visitor.post('/v1/checkout_sessions', { plan_id: 'pro' }),
      visitor.post('/v1/checkout_sessions', { plan_id: 'pro' }),
    ]);
    expect(two.url).toBe(one.url);
    const other = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
    expect(other.id).not.toBe(one.id);
    expect((await payOnPage(one.url)).status).not.toBe(303);
    expect((await payOnPage(other.url)).status).toBe(303);
  });

  test('the second tab that pays again is refused, and so is another checkout', async () => {
    const visitor = await farebox.signUp();
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
    const answers = await Promise.all([payOnPage(checkout.url), payOnPage(checkout.url), payOnPage(checkout.url)]);
    expect(answers.some((answer) => answer.status === 303)).toBe(true);
    const again = await visitor.request('POST', '/v1/checkout_sessions', { plan_id: 'starter' });
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'already_subscribed', param: 'plan_id' });
    const { data: invoices } = await visitor.get('/v1/invoices');
    expect(invoices).toHaveLength(1);
    const { customer } = await visitor.get('/v1/me');
    expect(await chargesOf(customer.id)).toEqual([{ amount: 49_900, refunded: 0 }]);
  });

  test('two subscriptions of one customer, however they came about: the later one is ended and paid back', async () => {
    const visitor = await farebox.signUp();
    const { customer } = await visitor.get('/v1/me');
    const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
    await payOnPage(checkout.url);
    await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
    const [first] = (await farebox.stripe.subscriptions.list({ customer: await stripeIdOf(customer.id) })).data;
    if (first === undefined) throw new Error('no subscription at Stripe');
    await farebox.stripe.subscriptions.create({
      customer: await stripeIdOf(customer.id),
      items: [{ price: first.items.data[0]?.price.id ?? '' }],
      default_payment_method: typeof first.default_payment_method === 'string' ? first.default_payment_method : '',
      metadata: first.metadata,
    });
    await farebox.sandbox.webhooks.settled();
    await farebox.app.queue.idle();
    await farebox.app.settle();
    const { data } = await visitor.get('/v1/subscriptions');
    expect(data.map((subscription: { status: string }) => subscription.status).toSorted()).toEqual([
      'active',
      'canceled',
    ]);
    expect((await chargesOf(customer.id)).toSorted((a, b) => a.refunded - b.refunded)).toEqual([
      { amount: 49_900, refunded: 0 },
      { amount: 49_900, refunded: 49_900 },
    ]);
    expect(await farebox.app.livePlanOf(customer.id)).toBe('pro');
  });
});

describe('the door for Stripe', () => {
  test('a forged, altered or unsigned event is 400 and leaves no row', async () => {
    const before = await countEvents();
    const body = JSON.stringify({ id: 'evt_forged', type: 'invoice.paid', data: { object: {} } });
    for (const signature of [undefined, 't=1,v1=00', `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}`]) {
      const response = await fetch(`${farebox.url}/v1/stripe/webhooks`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          ...(signature === undefined ? {} : { 'stripe-signature': signature }),
        },
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_signature' });
    }
    expect(await countEvents()).toBe(before);
  });

  test('what this installation did not make is not adopted', async () => {
    const foreign = await farebox.stripe.customers.create({ name: 'Somebody else', email: 'else@example.com' });
    await farebox.sandbox.webhooks.settled();
    await farebox.app.settle();
    const rows = await farebox.db.kysely
      .selectFrom('stripe_event')
      .select(['state', 'type'])
      .where('stripe_customer_id', '=', foreign.id)
      .execute();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.every((row) => row.state === 'ignored')).toBe(true);
  });
});

async function countEvents(): Promise<number> {
  const { count } = await farebox.db.kysely
    .selectFrom('stripe_event')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('id', '=', 'evt_forged')
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function stripeIdOf(customerId: string): Promise<string> {
  const row = await farebox.db.kysely
    .selectFrom('customer')
    .select('stripe_customer_id')
    .where('id', '=', customerId)
    .executeTakeFirstOrThrow();
  return row.stripe_customer_id ?? '';
}

async function chargesOf(customerId: string): Promise<{ amount: number; refunded: number }[]> {
  const charges = await farebox.stripe.charges.list({ customer: await stripeIdOf(customerId), limit: 100 });
  return charges.data
    .filter((charge) => charge.paid)
    .map((charge) => ({ amount: charge.amount, refunded: charge.amount_refunded }));
}
