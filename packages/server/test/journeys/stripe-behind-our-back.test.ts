import { beforeEach, expect, test } from 'vitest';
import { testApp } from '../harness.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

const farebox = await testApp();
const { app, db, sandbox, stripe } = farebox;
const operator = await farebox.operator();

beforeEach(() => {
  sandbox.webhooks.policy = 'deliver';
});

interface Buyer {
  visitor: Visitor;
  id: string;
  stripe_customer_id: string;
}

let buyers = 0;
async function buyer(card?: string): Promise<Buyer> {
  buyers += 1;
  const visitor = await farebox.signUp(`buyer${buyers}@example.com`);
  await buy(visitor, card);
  const { customer } = await visitor.get('/v1/me');
  return { visitor, id: customer.id, stripe_customer_id: (await stripeIdOf(customer.id)) ?? '' };
}

async function buy(visitor: Visitor, card?: string): Promise<void> {
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  expect((await payOnPage(checkout.url, card)).status).toBe(303);
  await arrived();
}

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.queue.idle();
}

async function stripeIdOf(customerId: string): Promise<string | null> {
  const row = await db.kysely.selectFrom('customer').selectAll().where('id', '=', customerId).executeTakeFirstOrThrow();
  return row.stripe_customer_id;
}

async function statuses(visitor: Visitor): Promise<string[]> {
  const { data } = await visitor.get<{ data: { status: string }[] }>('/v1/subscriptions');
  return data.map(({ status }) => status);
}

async function eventsOf(type: string, state: string) {
  const { data } = await operator.get<{ data: { id: string; reason: string | null; object_id: string }[] }>(
    `/v1/admin/stripe_events?type=${type}&state=${state}`,
  );
  return data;
}

test('a customer deleted at Stripe loses access, and can buy again as a new one', async () => {
  const { visitor, id, stripe_customer_id } = await buyer();
  expect(await statuses(visitor)).toEqual(['active']);
  await stripe.customers.del(stripe_customer_id);
  await arrived();
  expect(await statuses(visitor)).toEqual(['canceled']);
  expect(await stripeIdOf(id)).toBeNull();
  await buy(visitor);
  expect((await statuses(visitor)).toSorted()).toEqual(['active', 'canceled']);
  const again = await stripeIdOf(id);
  expect(again).not.toBeNull();
  expect(again).not.toBe(stripe_customer_id);
});

test('what is wished of a subscription whose customer was deleted at Stripe is refused: it has ended', async () => {
  const { visitor, stripe_customer_id } = await buyer();
  const [held] = (await visitor.get('/v1/subscriptions')).data;
  await stripe.customers.del(stripe_customer_id);
  const of = `/v1/subscriptions/${held.id}`;
  const wishes: [string, string, object][] = [
    ['POST', `${of}/change`, { plan_id: 'starter' }],
    ['POST', `${of}/preview`, { plan_id: 'enterprise' }],
    ['PATCH', `${of}/seats`, { seats: 1 }],
    ['POST', `${of}/cancel`, {}],
    ['POST', `${of}/pause`, {}],
    ['POST', `${of}/coupons`, { code: 'ANY' }],
  ];
  for (const [method, path, body] of wishes) {
    const answer = await visitor.request(method, path, body);
    expect([path, answer.status, await answer.json()]).toMatchObject([path, 409, { code: 'subscription_ended' }]);
  }
});

test('a card that was declined at the checkout is seen', async () => {
  const visitor = await farebox.signUp('declined@example.com');
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url, '4000000000000002');
  await arrived();
  const { customer } = await visitor.get('/v1/me');
  const { data } = await operator.get(`/v1/admin/charges?customer_id=${customer.id}`);
  expect(data).toMatchObject([{ status: 'failed', amount_minor: 49_900 }]);
});

test('what somebody bought who was deleted at Stripe before we heard of it is known: paid, and over', async () => {
  const visitor = await farebox.signUp('soon-gone@example.com');
  sandbox.webhooks.policy = 'drop';
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  const [bought] = (await stripe.customers.list({ email: 'soon-gone@example.com' })).data;
  await stripe.customers.del(bought?.id ?? '');
  sandbox.webhooks.policy = 'deliver';
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect(await statuses(visitor)).toEqual(['canceled']);
  expect((await visitor.get('/v1/invoices')).data).toMatchObject([{ status: 'paid', total_minor: 49_900 }]);
});

test('a customer deleted without our hearing of it can still buy', async () => {
  const { visitor, id, stripe_customer_id } = await buyer();
  sandbox.webhooks.policy = 'drop';
  await stripe.customers.del(stripe_customer_id);
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  expect((await payOnPage(checkout.url)).status).toBe(303);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect((await statuses(visitor)).toSorted()).toEqual(['active', 'canceled']);
  expect(await stripeIdOf(id)).not.toBe(stripe_customer_id);
});

test('refunds and disputes made in the dashboard are seen', async () => {
  const refunded = await buyer();
  const [charge] = (await stripe.charges.list({ customer: refunded.stripe_customer_id })).data;
  await stripe.refunds.create({ charge: charge?.id ?? '', amount: 500 });
  const disputed = await buyer('4000000000000259');
  await arrived();
  const seen = await operator.get(`/v1/admin/charges?customer_id=${refunded.id}`);
  expect(seen.data).toMatchObject([{ id: charge?.id, amount_refunded_minor: 500, dispute_status: null }]);
  const { data } = await operator.get('/v1/admin/charges?disputed=true');
  expect(data).toMatchObject([{ customer_id: disputed.id, dispute_status: 'needs_response' }]);
  const [dispute] = (await stripe.disputes.list({ limit: 1 })).data;
  await stripe.disputes.update(dispute?.id ?? '', {
    evidence: { uncategorized_text: 'winning_evidence' },
    submit: true,
  });
  await arrived();
  const after = await operator.get('/v1/admin/charges?disputed=true');
  expect(after.data).toMatchObject([{ dispute_status: 'won' }]);
});

test('what is given back of what a customer paid who was deleted at Stripe since is seen, also when they bought again', async () => {
  const { visitor, id, stripe_customer_id } = await buyer();
  const [charge] = (await stripe.charges.list({ customer: stripe_customer_id })).data;
  const given = async () => {
    await arrived();
    const { data } = await operator.get<{ data: { id: string; amount_refunded_minor: number }[] }>(
      `/v1/admin/charges?customer_id=${id}`,
    );
    return data.find((each) => each.id === charge?.id)?.amount_refunded_minor;
  };
  await stripe.customers.del(stripe_customer_id);
  expect(await given()).toBe(0);
  await stripe.refunds.create({ charge: charge?.id ?? '', amount: 500 });
  expect(await given()).toBe(500);
  await buy(visitor);
  await stripe.refunds.create({ charge: charge?.id ?? '', amount: 300 });
  expect(await given()).toBe(800);
});

test('what nobody delivered is read from the list after a downtime, through the same inbox', async () => {
  sandbox.webhooks.policy = 'drop';
  await app.stripe.backfill();
  const visitor = await farebox.signUp('downtime@example.com');
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  await sandbox.webhooks.settled();
  expect(await statuses(visitor)).toEqual([]);
  const { found } = await operator.post('/v1/admin/stripe_events/backfill');
  expect(found).toBeGreaterThan(3);
  await app.queue.idle();
  expect(await statuses(visitor)).toEqual(['active']);
  expect(await operator.post('/v1/admin/stripe_events/backfill')).toMatchObject({ found: 0 });
});

test('a price archived behind our back is parked with its reason; repaired and replayed it is done', async () => {
  const sold = await db.kysely
    .selectFrom('plan_price as price')
    .innerJoin('plan_version as version', 'version.id', 'price.plan_version_id')
    .select('price.stripe_price_id')
    .where('version.plan_id', '=', 'pro')
    .executeTakeFirst();
  const price = sold?.stripe_price_id ?? '';
  await stripe.prices.update(price, { active: false });
  await arrived();
  const [parked] = await eventsOf('price.updated', 'parked');
  expect(parked).toMatchObject({ object_id: price, reason: expect.stringContaining('archived at Stripe') });
  await stripe.prices.update(price, { active: true });
  await arrived();
  expect(await operator.post('/v1/admin/stripe_events/replay_parked')).toMatchObject({ replayed: 1 });
  await app.queue.idle();
  expect(await eventsOf('price.updated', 'parked')).toEqual([]);
});

test('only what names this installation is taken in; a second Stripe customer of one of ours is parked', async () => {
  const foreign = await stripe.customers.create({ metadata: { farebox_installation: 'inst_another' } });
  const { id, stripe_customer_id } = await buyer();
  const own = (await stripe.customers.retrieve(stripe_customer_id)) as { metadata: Record<string, string> };
  const second = await stripe.customers.create({ metadata: own.metadata });
  await arrived();
  const ignored = await eventsOf('customer.created', 'ignored');
  expect(ignored.map((event) => event.object_id)).toEqual([foreign.id]);
  const [parked] = await eventsOf('customer.created', 'parked');
  expect(parked).toMatchObject({
    object_id: second.id,
    reason: expect.stringContaining(`second Stripe customer of ${id}`),
  });
});

test('a type of event that Farebox does not know is counted and shown', async () => {
  const row = { state: 'received', livemode: false, body: '{}', received_at: new Date(sandbox.clock.now()) };
  await db.transaction(async (tx) => {
    const type = 'issuing_card.created';
    await tx
      .insertInto('stripe_event')
      .values({ ...row, id: 'evt_new', type, stripe_created_at: row.received_at })
      .execute();
    await app.queue.enqueue(tx, { name: 'stripe.event', data: { event_id: 'evt_new' } });
  });
  await app.queue.idle();
  const health = await operator.get('/v1/admin/stripe_health');
  expect(health.unknown_types).toMatchObject([{ type: 'issuing_card.created', count: 1 }]);
  expect(health.api_versions).toEqual([health.expected_api_version]);
  expect(Math.abs(health.clock_skew_s)).toBeLessThanOrEqual(2);
});

test('usage that Stripe would not count is told by thin events, which are parked with what was wrong', async () => {
  await stripe.v2.core.eventDestinations.create({
    name: 'thin',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['v1.billing.meter.no_meter_found'],
    webhook_endpoint: { url: 'http://127.0.0.1:9/elsewhere' },
  });
  await stripe.billing.meterEvents.create({
    event_name: 'no_such_meter',
    payload: { stripe_customer_id: 'cus_x', value: '1' },
  });
  await sandbox.clock.advance(20_000);
  const { data } = await stripe.v2.core.events.list({ types: ['v1.billing.meter.no_meter_found'] });
  const { id, type, created } = data[0] ?? {};
  const payload = JSON.stringify({ id, object: 'v2.core.event', type, created, livemode: false, related_object: null });
  const timestamp = Math.floor(sandbox.clock.now() / 1000);
  const signature = stripe.webhooks.generateTestHeaderString({ payload, secret: farebox.webhook_secret, timestamp });
  const headers = { 'stripe-signature': signature };
  const answer = await fetch(`${farebox.url}/v1/stripe/webhooks`, { method: 'POST', headers, body: payload });
  expect(answer.status).toBe(200);
  await app.queue.idle();
  const [parked] = await eventsOf('v1.billing.meter.no_meter_found', 'parked');
  expect(parked?.reason).toMatch(/^Stripe did not count usage sent to a meter that does not exist\. ./);
});

test('a dispute that is decided unheard, after its customer was deleted at Stripe, is found by the next comparison', async () => {
  const { id, stripe_customer_id } = await buyer('4000000000000259');
  const [charge] = (await stripe.charges.list({ customer: stripe_customer_id })).data;
  await stripe.customers.del(stripe_customer_id);
  await arrived();
  sandbox.webhooks.policy = 'drop';
  const [dispute] = (await stripe.disputes.list({ charge: charge?.id ?? '' })).data;
  const evidence = { uncategorized_text: 'losing_evidence' };
  await stripe.disputes.update(dispute?.id ?? '', { evidence, submit: true });
  const states = async () =>
    (await operator.get(`/v1/admin/charges?customer_id=${id}`)).data.map(
      ({ dispute_status }: { dispute_status: string }) => dispute_status,
    );
  expect(await states()).toEqual(['needs_response']);
  const { found } = await app.stripe.reconcile({ repair: true });
  expect(found.find(({ object_id }) => object_id === charge?.id)).toMatchObject({ customer_id: id, repaired: true });
  expect(await states()).toEqual(['lost']);
});

test('in a copy of the database that is two months old, one comparison finds what came after it', async () => {
  const visitor = await farebox.signUp('unheard@example.com');
  const { customer } = await visitor.get('/v1/me');
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url, '4000000000000002');
  await sandbox.clock.advance(60 * 86_400_000);
  await arrived();
  const charges = async () => (await operator.get(`/v1/admin/charges?customer_id=${customer.id}`)).data;
  const seen = await charges();
  expect(seen).toMatchObject([{ status: 'failed', amount_minor: 49_900 }]);
  await db.pool.query('delete from stripe_charge where customer_id = $1', [customer.id]);
  await db.pool.query('delete from reconciliation_run');
  await app.stripe.reconcile({ repair: true });
  expect(await charges()).toEqual(seen);
});

test('a customer that was deleted at Stripe before its link was kept here is made anew', async () => {
  const visitor = await farebox.signUp('unlinked@example.com');
  const { customer } = await visitor.get('/v1/me');
  const fault = sandbox.faults.add({ type: 'disconnect', when: 'after', route: 'POST /v1/customers', times: null });
  sandbox.webhooks.policy = 'drop';
  expect((await visitor.answer('POST', '/v1/checkout_sessions', { plan_id: 'pro' })).status).toBe(503);
  sandbox.faults.clear(fault.id);
  expect(await stripeIdOf(customer.id)).toBeNull();
  const { data: made } = await stripe.customers.list({ email: 'unlinked@example.com' });
  expect(made).toHaveLength(1);
  await stripe.customers.del(made[0]?.id ?? '');
  sandbox.webhooks.policy = 'deliver';
  await buy(visitor);
  expect(await statuses(visitor)).toEqual(['active']);
  const linked = (await stripeIdOf(customer.id)) ?? '';
  expect(linked).not.toBe(made[0]?.id);
  expect((await stripe.customers.retrieve(linked)).deleted).not.toBe(true);
});
