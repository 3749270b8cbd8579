import { expect, test, vi } from 'vitest';
import { buyerOf } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 240_000 });

const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, db, sandbox, seller, stripe } = farebox;
const wish = { threshold_minor: 500, amount_minor: 1000, monthly_limit_minor: 3000 };

async function buyer() {
  const { visitor, customer_id: id } = await buyerOf(farebox);
  const path = `/v1/customers/${id}/auto_top_up`;
  const stripeId = async () => (await app.customers.get(id)).stripe_customer_id ?? '';
  return {
    id,
    visitor,
    path,
    set: async (change: object = {}) => await visitor.answer('PUT', path, { ...wish, ...change }),
    read: async () => await visitor.get(path),
    /** What is to be bought is, or has failed: an answer of Stripe that was late is asked for again by the sweep. */
    settled: async () => {
      const state = async () => {
        await app.settle();
        return (await visitor.get(path)).state;
      };
      await expect.poll(state, { timeout: 60_000 }).not.toBe('buying');
    },
    topUps: async () => (await visitor.get(`/v1/customers/${id}/top_ups`)).data,
    balance: async () => (await visitor.get(`/v1/customers/${id}/credits`)).balance_minor,
    /** Takes so much of what is left, as usage would. */
    empty: async () => {
      const { data } = await visitor.get(`/v1/customers/${id}/grants`);
      for (const grant of data)
        if (grant.remaining_minor > 0) await seller.post(`/v1/customers/${id}/grants/${grant.id}/void`);
    },
    /** The card that subscriptions and top-ups are paid with from now on. */
    card: async (number: string) => {
      const { url } = await visitor.post('/v1/payment_methods/setup');
      const page = await payOnPage(url, number);
      const step = new URL(page.headers.get('location') ?? '', url);
      if (step.pathname.endsWith('/authenticate'))
        await fetch(step, {
          method: 'POST',
          body: new URLSearchParams({ action: 'authenticate' }),
          redirect: 'manual',
        });
      const { data } = await visitor.get('/v1/payment_methods');
      await visitor.post(`/v1/payment_methods/${data[0].id}/default`);
    },
    /** What Stripe took for credit, and the invoices of it by status. */
    charged: async () => {
      const invoices = await stripe.invoices.list({ customer: await stripeId(), limit: 100 });
      const own = invoices.data.filter(({ metadata }) => metadata?.['farebox_top_up'] !== undefined);
      return {
        minor: own.reduce((sum, { amount_paid }) => sum + amount_paid, 0),
        statuses: own.map(({ status }) => String(status)).toSorted(),
      };
    },
    mails: async () =>
      (await db.kysely.selectFrom('inbox_mail').select(['subject', 'recipient', 'text']).execute()).filter(
        ({ recipient, subject }) => recipient === visitorMail(id) && subject.includes('automatic top-up'),
      ),
  };
}

const emails = new Map<string, string>();
const visitorMail = (id: string) => emails.get(id);

async function known(customer: { id: string }): Promise<void> {
  emails.set(customer.id, (await app.customers.get(customer.id)).email);
}

test('off by default; once it is on, what falls below the threshold is bought, once, and stands on an invoice', async () => {
  const customer = await buyer();
  await app.settle();
  expect(await customer.read()).toMatchObject({ state: 'off', threshold_minor: null });
  expect(await customer.topUps()).toEqual([]);
  expect(await customer.set()).toMatchObject({ status: 200, json: { ...wish, state: 'buying', month_minor: 1000 } });
  await customer.settled();
  for (let again = 0; again < 3; again += 1) await app.settle();
  expect(await customer.topUps()).toMatchObject([{ kind: 'automatic', state: 'paid', amount_minor: 1000, url: null }]);
  expect(await customer.balance()).toBe(1000);
  expect(await customer.read()).toMatchObject({ state: 'on', month_minor: 1000, failures: 0 });
  expect(await customer.charged()).toEqual({ minor: 1000, statuses: ['paid'] });
  const { data } = await customer.visitor.get('/v1/invoices');
  expect(data).toContainEqual(expect.objectContaining({ status: 'paid', total_minor: 1000, subscription_id: null }));
  const { found } = await app.stripe.reconcile({ repair: false });
  expect(found.filter(({ customer_id }) => customer_id === customer.id)).toEqual([]);
});

test('usage that eats the credit brings more of it, up to what a month may cost; the next month begins anew', async () => {
  const customer = await buyer();
  await customer.set();
  await customer.settled();
  // Five are included, two cost 25 cents, the rest ten: six dollars of the ten that are there.
  const used = { id: 'much', type: 'requests', customer_id: customer.id, quantity: 62 };
  expect(await seller.post('/v1/usage/events', used)).toMatchObject({ accepted: 1 });
  await customer.settled();
  expect(await customer.balance()).toBe(2000);
  for (let round = 0; round < 4; round += 1) {
    await customer.empty();
    await customer.settled();
  }
  expect(await customer.charged()).toMatchObject({ minor: 3000 });
  expect(await customer.read()).toMatchObject({ state: 'limit_reached', month_minor: 3000 });
  await sandbox.clock.advance(32 * dayMs);
  await app.settle();
  expect((await customer.charged()).minor).toBeGreaterThan(3000);
});

test('looks at the same time in several processes buy once for one shortfall', async () => {
  const customer = await buyer();
  await Promise.all(Array.from({ length: 4 }, () => customer.set()));
  await Promise.all(Array.from({ length: 6 }, () => app.settle()));
  await customer.settled();
  expect(await customer.charged()).toEqual({ minor: 1000, statuses: ['paid'] });
  expect(await customer.topUps()).toHaveLength(1);
});

/** Every call that changes something at Stripe on the way of a purchase. */
const routes = [
  'POST /v1/invoices',
  'POST /v1/invoiceitems',
  'POST /v1/invoices/{id}/finalize',
  'POST /v1/invoices/{id}/pay',
] as const;

test.each(routes.flatMap((route) => (['before', 'after'] as const).map((when) => [route, when] as const)))(
  'an answer of %s that is lost %s its effect is unknown, and found out by reading: one charge',
  async (route, when) => {
    const customer = await buyer();
    const fault = sandbox.faults.add({ type: 'disconnect', when, route, times: null });
    await customer.set();
    await app.settle();
    expect(await customer.topUps()).toMatchObject([{ state: 'open' }]);
    expect(await customer.balance()).toBe(0);
    sandbox.faults.clear(fault.id);
    // Nobody carries it out any more; the sweep finds it, as after a kill.
    for (let round = 0; round < 3; round += 1) {
      await sandbox.clock.advance(5 * 60_000);
      await customer.settled();
    }
    expect(await customer.topUps()).toMatchObject([{ state: 'paid' }]);
    expect(await customer.charged()).toEqual({ minor: 1000, statuses: ['paid'] });
    expect(await customer.balance()).toBe(1000);
  },
);

test('while the database takes no purchase, nothing is charged; afterwards once', async () => {
  const customer = await buyer();
  await db.pool.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise 'read-only'; end $$`,
  );
  await db.pool.query(`create trigger refuse before insert on credit_top_up for each row execute function refuse()`);
  expect((await customer.set()).status).toBe(500);
  await expect(app.settle()).rejects.toThrow('read-only');
  expect(await customer.charged()).toEqual({ minor: 0, statuses: [] });
  await db.pool.query('drop trigger refuse on credit_top_up; drop function refuse');
  for (let again = 0; again < 2; again += 1) await customer.settled();
  expect(await customer.charged()).toEqual({ minor: 1000, statuses: ['paid'] });
});

test('a declined card is tried three times, an hour and a day apart; then it is paused, with a mail each time', async () => {
  const customer = await buyer();
  await known(customer);
  await customer.card('4000000000000341');
  await customer.set();
  await customer.settled();
  expect(await customer.read()).toMatchObject({ state: 'waiting', failures: 1, month_minor: 0 });
  await app.settle();
  expect(await customer.topUps()).toMatchObject([{ state: 'failed', failure_reason: 'Your card was declined.' }]);
  await sandbox.clock.advance(61 * 60_000);
  await customer.settled();
  expect(await customer.read()).toMatchObject({ state: 'waiting', failures: 2 });
  await sandbox.clock.advance(25 * 3_600_000);
  await customer.settled();
  expect(await customer.read()).toMatchObject({ state: 'paused', pause_reason: 'declined', failures: 3 });
  await sandbox.clock.advance(20 * dayMs);
  await app.settle();
  expect(await customer.charged()).toEqual({ minor: 0, statuses: ['void', 'void', 'void'] });
  const mails = await customer.mails();
  expect(mails).toHaveLength(3);
  expect(mails.filter(({ text }) => text.includes('paused until you turn them on again'))).toHaveLength(1);
  // Nothing of it is owed, and access does not suffer.
  const state = await customer.visitor.get(`/v1/customers/${customer.id}/state`);
  expect(state).toMatchObject({ access: 'granted', dunning: null, owed: [] });
  await customer.card('4242424242424242');
  await customer.set();
  await customer.settled();
  expect(await customer.read()).toMatchObject({ state: 'on', failures: 0 });
  expect(await customer.charged()).toMatchObject({ minor: 1000 });
});

test('where the bank wants to ask its customer, it is paused at once, and the mail says what to do', async () => {
  const customer = await buyer();
  await known(customer);
  await customer.card('4000002760003184');
  await customer.set();
  await customer.settled();
  expect(await customer.read()).toMatchObject({ state: 'paused', pause_reason: 'authentication_required' });
  expect(await customer.charged()).toEqual({ minor: 0, statuses: ['void'] });
  expect((await customer.mails())[0]?.text).toContain('your bank asks you on the payment page');
});

test('credit whose payment was given back is not bought again by itself', async () => {
  const customer = await buyer();
  await customer.set();
  await customer.settled();
  const { data } = await customer.visitor.get('/v1/invoices');
  const invoice = data.find(({ subscription_id }: { subscription_id: string | null }) => subscription_id === null);
  await seller.post(`/v1/invoices/${invoice.id}/refund`, {});
  for (let again = 0; again < 3; again += 1) await app.settle();
  expect(await customer.balance()).toBe(0);
  expect(await customer.read()).toMatchObject({ state: 'paused', pause_reason: 'payment_returned' });
  expect(await customer.topUps()).toHaveLength(1);
});

test('only the customer turns it on, with a card and within bounds; the seller sees it and turns it off', async () => {
  const customer = await buyer();
  for (const [change, param] of [
    [{ threshold_minor: 0 }, 'threshold_minor'],
    [{ threshold_minor: 1001 }, 'threshold_minor'],
    [{ amount_minor: 499, threshold_minor: 100 }, 'amount_minor'],
    [{ amount_minor: 200_000 }, 'amount_minor'],
    [{ monthly_limit_minor: 999 }, 'monthly_limit_minor'],
  ] as const)
    expect(await customer.set(change), param).toMatchObject({ status: 400, json: { param } });
  expect((await seller.request('PUT', customer.path, wish)).status).toBe(403);
  const stranger = await farebox.signUp();
  expect((await stranger.request('PUT', customer.path, wish)).status).toBe(404);
  const { customer: own } = await stranger.get('/v1/me');
  expect(await stranger.answer('PUT', `/v1/customers/${own.id}/auto_top_up`, wish)).toMatchObject({
    status: 402,
    json: { code: 'payment_method_required' },
  });
  expect(await customer.topUps()).toEqual([]);
  await customer.set();
  expect(await seller.answer('DELETE', customer.path)).toMatchObject({ status: 200, json: { state: 'off' } });
  expect(await seller.answer('DELETE', customer.path)).toMatchObject({ status: 409, json: { code: 'no_change' } });
  await app.settle();
  // What was under way when it was turned off was agreed to, and is done.
  expect(await customer.topUps()).toHaveLength(1);
  await customer.empty();
  await app.settle();
  expect(await customer.topUps()).toHaveLength(1);
});
