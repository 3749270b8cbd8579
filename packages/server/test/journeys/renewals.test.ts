import { expect, onTestFinished, test, vi } from 'vitest';
import list from '../fixtures/import.config.ts';
import { buyerOf } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10.
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer(interval = 'month') {
  const visitor = await farebox.signUp();
  const { url, id } = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter', interval });
  await payOnPage(url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${id}`);
  const customer_id: string = subscription.customer_id;
  return {
    visitor,
    customer_id,
    id: String(subscription.id),
    use: (quantity: number) =>
      seller.post('/v1/usage/events', { id: customer_id, type: 'requests', customer_id, quantity }),
    /** The clock is so long before the end of the period that runs, and what is due is done. */
    async isDaysBefore(days: number) {
      const { current_period_end_at } = await visitor.get(`/v1/subscriptions/${subscription.id}`);
      await sandbox.clock.advance(Date.parse(current_period_end_at) - days * dayMs - sandbox.clock.now());
      await app.settle();
    },
    events: async () => (await visitor.get('/v1/events?type=invoice.upcoming')).data,
    async mails() {
      const { rows } = await farebox.db.pool.query<{ data: Record<string, unknown>; state: string }>(
        "select data, state from notice where kind = 'upcoming_invoice' and customer_id = $1 order by created_at",
        [customer_id],
      );
      return rows.map(({ data, state }) => ({ ...data, state }));
    },
  };
}

/** Stripe tells of a subscription's next invoice, in an event of its own. */
async function stripeTells(id: string, customer_id: string, at: number): Promise<void> {
  const { rows } = await farebox.db.pool.query<{ subscription: string; customer: string }>(
    `select s.stripe_subscription_id as subscription, c.stripe_customer_id as customer
     from subscription s join customer c on c.id = s.customer_id where c.id = $1`,
    [customer_id],
  );
  const [found] = rows;
  const parent = { type: 'subscription_details', subscription_details: { subscription: found?.subscription } };
  const payload = JSON.stringify({
    id,
    object: 'event',
    type: 'invoice.upcoming',
    api_version: '2026-10-28.endive',
    created: Math.floor(at / 1000),
    livemode: false,
    data: { object: { object: 'invoice', customer: found?.customer, parent } },
  });
  const { webhook_secret: secret, stripe } = farebox;
  const timestamp = Math.floor(sandbox.clock.now() / 1000);
  const signature = stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  const answer = await fetch(`${farebox.url}/v1/stripe/webhooks`, {
    method: 'POST',
    headers: { 'stripe-signature': signature },
    body: payload,
  });
  expect(answer.status).toBe(200);
  await app.settle();
}

test('a week ahead the next invoice is told once by several workers, and by mail where usage is in it', async () => {
  const [quiet, busy, leaving] = [await buyer(), await buyer(), await buyer()];
  await leaving.visitor.post(`/v1/subscriptions/${leaving.id}/cancel`, { reason: 'other' });
  await busy.use(8);
  await quiet.isDaysBefore(7.5);
  for (const each of [quiet, busy, leaving]) expect(await each.events()).toEqual([]);
  await sandbox.clock.advance(dayMs);
  await Promise.all(Array.from({ length: 4 }, () => app.renewals.sweep()));
  await app.settle();
  const [told, ...more] = await quiet.events();
  expect(more).toEqual([]);
  expect(told.data.object).toEqual(await quiet.visitor.get('/v1/invoices/upcoming'));
  expect(await quiet.mails()).toEqual([]);
  expect(await busy.events()).toMatchObject([{ data: { object: { subscription_id: busy.id, usage_minor: 60 } } }]);
  const next = await busy.visitor.get('/v1/invoices/upcoming');
  expect(await busy.mails()).toMatchObject([
    {
      state: 'sent',
      amount: `$${(next.estimated_total_minor / 100).toFixed(2)}`,
      lines: expect.arrayContaining([{ description: 'API requests, so far', amount: '$0.60' }]),
      has_usage: true,
    },
  ]);
  expect(await leaving.events()).toEqual([]);
  await sandbox.clock.advance(10 * dayMs);
  await app.settle();
  expect(await quiet.events()).toHaveLength(1);
  await quiet.isDaysBefore(6);
  expect(await quiet.events()).toHaveLength(2);
  expect(await busy.mails()).toHaveLength(1);
});

test('what comes once a year is told a month ahead, by mail too', async () => {
  const customer = await buyer('year');
  await customer.isDaysBefore(31);
  expect(await customer.events()).toEqual([]);
  await customer.isDaysBefore(29);
  expect(await customer.events()).toHaveLength(1);
  expect(await customer.mails()).toMatchObject([{ state: 'sent', has_usage: false }]);
});

test('the local Stripe’s own event is taken from the inbox and told, before it would be by the clock here', async () => {
  const own = await testApp({ list, sandbox: { frozen: true, upcoming_days: 15 } }, onTestFinished);
  const { visitor } = await buyerOf(own);
  const events = async () => (await visitor.get('/v1/events?type=invoice.upcoming')).data;
  await own.sandbox.clock.advance(14 * dayMs);
  await own.app.settle();
  expect(await events()).toEqual([]);
  await own.sandbox.clock.advance(2 * dayMs);
  await own.sandbox.webhooks.settled();
  await own.app.settle();
  expect(await events()).toHaveLength(1);
  await own.sandbox.clock.advance(10 * dayMs);
  await own.app.settle();
  expect(await events()).toHaveLength(1);
  const { rows } = await own.db.pool.query("select state from stripe_event where type = 'invoice.upcoming'");
  expect(rows).toEqual([{ state: 'done' }]);
});

test('Stripe’s own word counts where it comes earlier, once however often it comes, and late not for the next period', async () => {
  const customer = await buyer();
  const began = sandbox.clock.now();
  await customer.isDaysBefore(20);
  for (const id of ['evt_upcoming_1', 'evt_upcoming_1', 'evt_upcoming_2'])
    await stripeTells(id, customer.customer_id, sandbox.clock.now());
  expect(await customer.events()).toHaveLength(1);
  await customer.isDaysBefore(-1);
  await stripeTells('evt_upcoming_3', customer.customer_id, began + 10 * dayMs);
  expect(await customer.events()).toHaveLength(1);
});
