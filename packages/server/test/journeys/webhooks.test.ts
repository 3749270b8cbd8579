import { verifyWebhook } from '@farebox/sdk';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { startReceiver } from '../receiver.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 120_000 });

const minuteMs = 60_000;
const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { seller, app, sandbox } = farebox;
const receiver = await startReceiver();
afterAll(() => receiver.close());
const now = () => sandbox.clock.now();

type Endpoint = { id: string; secret: string; status: string };

async function listen(as: Visitor, event_types: string[] = ['*'], path = ''): Promise<Endpoint> {
  return await as.post('/v1/webhook_endpoints', { url: `${receiver.url}${path}`, event_types });
}

async function pass(ms: number): Promise<void> {
  await sandbox.clock.advance(ms);
  await app.settle();
}

async function customer(name = 'Acme'): Promise<string> {
  const { id } = await seller.post('/v1/customers', { name, email: 'billing@acme.example' });
  await app.settle();
  return id;
}

async function subscribe(): Promise<{ visitor: Visitor; id: string; customer_id: string }> {
  const visitor = await farebox.signUp();
  const { url, id } = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${id}`);
  await app.settle();
  return { visitor, id: subscription.id, customer_id: subscription.customer_id };
}

async function deliveries(query = ''): Promise<Record<string, unknown>[]> {
  return (await seller.get(`/v1/webhook_deliveries?${query}`))['data'];
}

beforeEach(async () => {
  for (const { id } of (await seller.get('/v1/webhook_endpoints?limit=100'))['data'])
    await seller.request('DELETE', `/v1/webhook_endpoints/${id}`);
  receiver.received.length = 0;
  receiver.answer = () => ({ status: 200, body: 'thanks' });
});

test('an event arrives signed, says what changed and how it was, and is the one that REST answers', async () => {
  const { secret, id: endpoint_id } = await listen(seller, ['customer.created', 'customer.updated']);
  const id = await customer();
  await seller.request('PATCH', `/v1/customers/${id}`, { name: 'Acme Ltd' });
  await seller.request('PATCH', `/v1/customers/${id}`, { name: 'Acme Ltd' });
  await app.settle();
  expect(receiver.received.map(({ event }) => event.type).toSorted()).toEqual(['customer.created', 'customer.updated']);
  for (const { headers, body, event } of receiver.received) {
    const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    await expect(verifyWebhook(secret, plain, body, { now: now() })).resolves.toEqual(event);
    expect(headers['webhook-id']).toBe(event.id);
    expect(await seller.get(`/v1/events/${event.id}`)).toEqual(event);
  }
  const [updated] = receiver.of('customer.updated');
  expect(updated?.event).toMatchObject({
    object: 'event',
    livemode: false,
    api_version: '0.1.0',
    data: { object: await seller.get(`/v1/customers/${id}`), previous_attributes: { name: 'Acme' } },
  });
  expect(Object.keys(updated?.event.data.previous_attributes ?? {})).toEqual(['name']);
  const sent = await deliveries(`endpoint_id=${endpoint_id}&state=succeeded`);
  expect(sent).toHaveLength(2);
  expect(sent[0]).toMatchObject({ attempts: 1, status: 200, answer: 'thanks', failure: null, next_attempt_at: null });
});

test('a purchase is told once, however often Stripe tells of it and whatever is read again', async () => {
  await listen(seller);
  const { id, customer_id } = await subscribe();
  const operator = await farebox.operator();
  const { rows } = await farebox.db.pool.query<{ id: string }>("select id from stripe_event where state = 'done'");
  for (let round = 0; round < 3; round += 1) {
    await sandbox.clock.advance(2 * minuteMs);
    for (const event of rows.slice(-8)) await operator.post(`/v1/admin/stripe_events/${event.id}/replay`);
    await app.settle();
  }
  const told = receiver.received.filter(({ event }) => JSON.stringify(event.data.object).includes(customer_id));
  const types = told.map(({ event }) => event.type).toSorted();
  expect(types).toEqual([
    'api_key.created',
    'customer.created',
    'customer.state_changed',
    'invoice.finalized',
    'invoice.paid',
    'subscription.activated',
    'subscription.created',
  ]);
  const [activated] = receiver.of('subscription.activated');
  expect(activated?.event.data.object).toEqual(await seller.get(`/v1/subscriptions/${id}`));
  const [paid] = receiver.of('invoice.paid');
  expect(paid?.event.data.object).toMatchObject({ object: 'invoice', status: 'paid', customer_id });
});

test('the life of a subscription is told turn by turn', async () => {
  await listen(seller, ['*']);
  const { visitor, id, customer_id } = await subscribe();
  const path = `/v1/subscriptions/${id}`;
  receiver.received.length = 0;
  await visitor.post(`${path}/change`, { plan_id: 'pro' });
  await app.settle();
  const [changed] = receiver.of('subscription.changed');
  expect(changed?.event.data).toMatchObject({
    object: { id, plan_id: 'pro' },
    previous_attributes: { plan_id: 'starter' },
  });
  await visitor.post(`${path}/change`, { plan_id: 'starter' });
  await visitor.request('DELETE', `${path}/scheduled_change`);
  await visitor.post(`${path}/cancel`, { reason: 'other' });
  await visitor.post(`${path}/resume`);
  await visitor.post(`${path}/pause`);
  await pass(minuteMs);
  await visitor.post(`${path}/unpause`);
  await app.settle();
  await pass(32 * dayMs);
  await seller.post(`${path}/cancel`, { at: 'now' });
  await app.settle();
  const types = new Set(
    receiver.received.filter(({ event }) => event.data.object['id'] === id).map(({ event }) => event.type),
  );
  for (const type of [
    'change_scheduled',
    'cancel_scheduled',
    'cancel_undone',
    'paused',
    'resumed',
    'renewed',
    'canceled',
  ])
    expect([...types], type).toContain(`subscription.${type}`);
  const ids = receiver.received.map(({ event }) => event.id);
  expect(new Set(ids).size).toBe(ids.length);
  const [refunded] = (await visitor.get('/v1/invoices'))['data'].filter(
    (invoice: { amount_paid_minor: number }) => invoice.amount_paid_minor > 1000,
  );
  await seller.post(`/v1/invoices/${refunded.id}/refund`, { amount_minor: 900 });
  await app.settle();
  expect(receiver.of('refund.created').map(({ event }) => event.data.object)).toMatchObject([
    { object: 'charge', customer_id, amount_refunded_minor: 900 },
  ]);
});

test('a failed payment is told, and that it was made good', async () => {
  await listen(seller);
  const { visitor, id } = await subscribe();
  const { url } = await visitor.post('/v1/payment_methods/setup');
  await payOnPage(url, '4000000000000341');
  const [bad] = (await visitor.get('/v1/payment_methods'))['data'];
  await visitor.post(`/v1/payment_methods/${bad.id}/default`);
  await pass(31 * dayMs + 2 * 60 * minuteMs);
  expect(receiver.of('subscription.past_due').map(({ event }) => event.data.object)).toMatchObject([{ id }]);
  expect(receiver.of('invoice.payment_failed')).toHaveLength(1);
  const more = await visitor.post('/v1/payment_methods/setup');
  await payOnPage(more['url']);
  const [good] = (await visitor.get('/v1/payment_methods'))['data'];
  await visitor.post(`/v1/payment_methods/${good.id}/default`);
  const [owed] = (await visitor.get('/v1/invoices'))['data'];
  await visitor.post(`/v1/invoices/${owed.id}/retry`);
  await app.settle();
  expect(receiver.of('subscription.recovered').map(({ event }) => event.data.object)).toMatchObject([{ id }]);
});

test('what becomes of a key is told, and no secret with it', async () => {
  await listen(seller, ['api_key.created', 'api_key.updated', 'api_key.rotated', 'api_key.revoked']);
  const customer_id = await customer();
  const key = await seller.post('/v1/keys', { customer_id, name: 'CI' });
  await seller.request('PATCH', `/v1/keys/${key['id']}`, { name: 'Build' });
  const { secret } = await seller.post(`/v1/keys/${key['id']}/rotate`, { grace_seconds: 60 });
  await seller.post(`/v1/keys/${key['id']}/revoke`);
  await seller.post(`/v1/keys/${key['id']}/revoke`);
  await app.settle();
  const types = ['created', 'revoked', 'rotated', 'updated'].map((verb) => `api_key.${verb}`);
  expect(receiver.received.map(({ event }) => event.type).toSorted()).toEqual(types);
  expect(receiver.of('api_key.updated')[0]?.event.data.previous_attributes).toEqual({ name: 'CI' });
  expect(receiver.of('api_key.revoked')[0]?.event.data.previous_attributes).toEqual({ status: 'active' });
  const bodies = receiver.received.map(({ body }) => body).join();
  expect(bodies).not.toContain(key['secret']);
  expect(bodies).not.toContain(secret);
});

test('what fails is sent again as the clock goes on, under the same id and with the same body', async () => {
  const { id: endpoint_id } = await listen(seller, ['customer.created']);
  receiver.answer = () => ({ status: 500, body: 'x'.repeat(100_000) });
  await customer();
  expect(receiver.received).toHaveLength(1);
  for (const [wait, tries] of [
    [4_000, 1],
    [2_000, 2],
    [6 * minuteMs, 3],
    [20 * minuteMs, 3],
    [15 * minuteMs, 4],
  ] as const) {
    await pass(wait);
    expect(receiver.received, `after ${wait} ms`).toHaveLength(tries);
  }
  const [waiting] = await deliveries(`endpoint_id=${endpoint_id}`);
  expect(waiting).toMatchObject({ state: 'pending', attempts: 4, status: 500, failure: 'It answered 500.' });
  expect(String(waiting?.['answer'])).toHaveLength(2048);
  receiver.answer = () => ({ status: 204 });
  await pass(3 * 60 * minuteMs);
  expect(await deliveries(`endpoint_id=${endpoint_id}`)).toMatchObject([
    { state: 'succeeded', attempts: 5, status: 204 },
  ]);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(5);
});

test('an endpoint that takes nothing for five days is switched off, with a mail and an event', async () => {
  const { id } = await listen(seller, ['customer.created'], '/dead');
  await listen(seller, ['webhook_endpoint.disabled'], '/alive');
  receiver.answer = ({ path }) => ({ status: path.endsWith('/dead') ? 503 : 200 });
  await customer();
  for (let hour = 0; hour < 150; hour += 3) await pass(3 * 60 * minuteMs);
  const tries = receiver.of('customer.created').length;
  // Hours pass three at a time, so that the eleventh may be late enough to be the last.
  expect([11, 12]).toContain(tries);
  expect(await seller.get(`/v1/webhook_endpoints/${id}`)).toMatchObject({
    status: 'disabled',
    disabled_reason: 'failing',
  });
  expect(receiver.of('webhook_endpoint.disabled').map(({ event }) => event.data)).toMatchObject([
    { object: { id, status: 'disabled' }, previous_attributes: { status: 'enabled', disabled_reason: null } },
  ]);
  const mails = await farebox.db.kysely
    .selectFrom('inbox_mail')
    .select(['subject', 'text'])
    .where('recipient', '=', farebox.list.seller.support_email)
    .execute();
  expect(mails.filter(({ subject }) => subject.includes('switched off'))).toHaveLength(1);
  await customer('While it is off');
  expect(receiver.of('customer.created')).toHaveLength(tries);

  const [failed] = await deliveries(`endpoint_id=${id}`);
  const retry = `/v1/webhook_deliveries/${String(failed?.['id'])}/retry`;
  expect(await seller.answer('POST', retry)).toMatchObject({
    status: 409,
    json: { code: 'webhook_endpoint_disabled' },
  });
  await seller.request('PATCH', `/v1/webhook_endpoints/${id}`, { enabled: true });
  receiver.answer = () => ({ status: 200 });
  await seller.post(retry);
  await app.settle();
  expect(await deliveries(`endpoint_id=${id}`)).toMatchObject([{ state: 'succeeded', attempts: tries + 1 }]);
});

test('410 Gone switches an endpoint off at once', async () => {
  const { id } = await listen(seller, ['customer.created']);
  receiver.answer = () => ({ status: 410 });
  await customer();
  expect(await seller.get(`/v1/webhook_endpoints/${id}`)).toMatchObject({
    status: 'disabled',
    disabled_reason: 'gone',
  });
  expect(await deliveries(`endpoint_id=${id}`)).toMatchObject([{ state: 'failed', attempts: 1 }]);
});

test('while a secret is rotated both sign, then the new one alone', async () => {
  const first = await listen(seller, ['customer.created']);
  const path = `/v1/webhook_endpoints/${first.id}`;
  const second = await seller.post<Endpoint>(`${path}/rotate_secret`, { overlap_seconds: 3600 });
  expect(second.secret).not.toBe(first.secret);
  const checks = async (secret: string) => {
    const { headers, body } = receiver.received.at(-1) ?? { headers: {}, body: '' };
    const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    return await verifyWebhook(secret, plain, body, { now: now() }).then(
      () => true,
      () => false,
    );
  };
  await customer();
  expect([await checks(first.secret), await checks(second.secret)]).toEqual([true, true]);
  expect(await seller.get(path)).toMatchObject({ former_until_at: new Date(now() + 3_600_000).toISOString() });
  await pass(3_600_001);
  await customer();
  expect([await checks(first.secret), await checks(second.secret)]).toEqual([false, true]);
  const third = await seller.post<Endpoint>(`${path}/rotate_secret`, { overlap_seconds: 0 });
  await customer();
  expect([await checks(second.secret), await checks(third.secret)]).toEqual([false, true]);
  expect(JSON.stringify(await seller.get(path))).not.toContain('whsec_');
  const { rows } = await farebox.db.pool.query<{ text: string }>(
    "select encode(sealed_secret, 'escape') as text from webhook_endpoint",
  );
  for (const { text } of rows) expect(text).not.toContain(third.secret);
});

test('a redirect is not followed, and is a failure that says so', async () => {
  const { id } = await listen(seller, ['customer.created']);
  receiver.answer = () => ({ status: 307, headers: { location: `${receiver.url}/elsewhere` } });
  await customer();
  expect(receiver.received.map(({ path }) => path)).toEqual(['/hooks']);
  const [failed] = await deliveries(`endpoint_id=${id}`);
  expect(failed).toMatchObject({ status: 307, failure: 'It answered 307: redirects are not followed.' });
});

test('a test is sent at once, to this endpoint alone, and is not repeated', async () => {
  const { id } = await listen(seller, ['invoice.paid'], '/one');
  await listen(seller, ['*'], '/other');
  const good = await seller.post(`/v1/webhook_endpoints/${id}/test`);
  expect(good).toMatchObject({
    state: 'succeeded',
    status: 200,
    answer: 'thanks',
    event_type: 'webhook_endpoint.test',
  });
  receiver.answer = () => ({ status: 404, body: 'no such page' });
  const bad = await seller.post(`/v1/webhook_endpoints/${id}/test`);
  expect(bad).toMatchObject({ state: 'failed', status: 404, answer: 'no such page' });
  await pass(10 * minuteMs);
  expect(receiver.received.map(({ path }) => path)).toEqual(['/hooks/one', '/hooks/one']);
  expect(await seller.get(`/v1/webhook_endpoints/${id}`)).toMatchObject({ failing_since_at: null });
});

test('a customer hears of itself alone, and sees neither another one nor the seller', async () => {
  const ada = await farebox.signUp();
  const bob = await farebox.signUp();
  const own = await listen(ada, ['*'], '/ada');
  const theirs = await listen(bob, ['*'], '/bob');
  const sellers = await listen(seller, ['plan.published'], '/seller');
  const id = (await ada.get('/v1/me'))['customer'].id;
  await ada.post('/v1/keys', { name: 'CI' });
  await bob.post('/v1/keys', { name: 'CI' });
  await app.settle();
  for (const { path, event } of receiver.received)
    expect([path, event.data.object['customer_id'] === id]).toEqual([path, path === '/hooks/ada']);
  expect(receiver.received).toHaveLength(2);

  expect((await ada.get('/v1/webhook_endpoints'))['data']).toMatchObject([{ id: own.id, customer_id: id }]);
  const [foreign] = (await bob.get('/v1/webhook_deliveries'))['data'];
  const absent = async (method: string, path: string, body?: unknown) => {
    const { status, json } = await ada.answer(method, path, body);
    expect([status, json['code']], `${method} ${path}`).toEqual([404, 'not_found']);
  };
  for (const other of [theirs.id, sellers.id, 'whk_nobody']) {
    await absent('GET', `/v1/webhook_endpoints/${other}`);
    await absent('PATCH', `/v1/webhook_endpoints/${other}`, { enabled: false });
    await absent('DELETE', `/v1/webhook_endpoints/${other}`);
    await absent('POST', `/v1/webhook_endpoints/${other}/test`);
    await absent('POST', `/v1/webhook_endpoints/${other}/rotate_secret`, {});
  }
  await absent('GET', `/v1/events/${foreign.event_id}`);
  await absent('POST', `/v1/webhook_deliveries/${foreign.id}/retry`);
  await absent('POST', '/v1/webhook_endpoints', {
    customer_id: (await bob.get('/v1/me'))['customer'].id,
    url: receiver.url,
    event_types: ['*'],
  });
  expect((await ada.get(`/v1/webhook_deliveries?endpoint_id=${theirs.id}`))['data']).toEqual([]);
  for (const event of (await ada.get('/v1/events?limit=100'))['data']) {
    const { object } = event.data;
    expect([object.customer_id, object.id]).toContain(id);
  }
  expect(await seller.get(`/v1/webhook_endpoints/${theirs.id}`)).toMatchObject({ status: 'enabled' });
});

test('lists have pages and filters', async () => {
  const { id } = await listen(seller, ['customer.created']);
  await listen(seller, ['customer.updated']);
  await pass(1000);
  for (const name of ['A', 'B', 'C']) {
    await customer(name);
    await pass(1000);
  }
  const first = await seller.get('/v1/events?type=customer.created&limit=2');
  const second = await seller.get(`/v1/events?type=customer.created&limit=2&starting_after=${first['next_cursor']}`);
  const names = [...first['data'], ...second['data']].map((event) => event.data.object.name);
  expect(names.slice(0, 3)).toEqual(['C', 'B', 'A']);
  const page = await seller.get(`/v1/webhook_deliveries?endpoint_id=${id}&limit=2`);
  expect([page['data'].length, page['has_more']]).toEqual([2, true]);
  expect((await seller.get('/v1/webhook_endpoints?owner=seller'))['data']).toHaveLength(2);
  expect((await seller.get('/v1/webhook_endpoints?owner=customer'))['data']).toHaveLength(0);
});

test('a customer who is deleted is told of to the seller, and its endpoints are gone', async () => {
  await listen(seller, ['customer.deleted']);
  const id = await customer();
  await seller.post('/v1/webhook_endpoints', { customer_id: id, url: receiver.url, event_types: ['*'] });
  await seller.request('DELETE', `/v1/customers/${id}`);
  await app.settle();
  expect(receiver.of('customer.deleted').map(({ event }) => event.data.object)).toMatchObject([{ id, name: 'Acme' }]);
  expect((await seller.get('/v1/webhook_endpoints'))['data']).toHaveLength(1);
});

test('one endpoint that hangs has four under way at most, and holds up nobody else', async () => {
  const held = Promise.withResolvers<{ status: number }>();
  const { id } = await listen(seller, ['customer.created'], '/slow');
  await listen(seller, ['customer.created'], '/quick');
  receiver.answer = ({ path }) => (path.endsWith('/slow') ? held.promise : { status: 200 });
  for (let n = 0; n < 10; n += 1) await seller.post('/v1/customers', { name: `Customer ${n}`, email: 'a@example.com' });
  await expect.poll(() => receiver.received.filter(({ path }) => path.endsWith('/quick')).length).toBe(10);
  expect(receiver.received.filter(({ path }) => path.endsWith('/slow'))).toHaveLength(4);
  held.resolve({ status: 200 });
  await app.settle();
  expect(receiver.received.filter(({ path }) => path.endsWith('/slow'))).toHaveLength(10);
  expect(await deliveries(`endpoint_id=${id}&state=succeeded`)).toHaveLength(10);
});

test('what was sent and not marked, because the process was killed in between, is sent again under the same id', async () => {
  const { id } = await listen(seller, ['customer.created']);
  await customer();
  // As a process leaves it that dies after the answer and before the mark.
  await farebox.db.pool.query(
    "update webhook_delivery set state = 'sending', leased_until_at = $1, status = null where endpoint_id = $2",
    [new Date(now() + 30_000), id],
  );
  await app.settle();
  expect(receiver.received, 'while the lease runs nobody else sends it').toHaveLength(1);
  await pass(31_000);
  expect(receiver.received).toHaveLength(2);
  expect(receiver.received[1]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id']);
  expect(await deliveries(`endpoint_id=${id}`)).toMatchObject([{ state: 'succeeded', attempts: 2 }]);
});

test.each([
  ['no types', { event_types: [] }, 'event_types'],
  ['an unknown type', { event_types: ['invoice.eaten'] }, 'event_types[0]'],
  ['no address', { url: 'nowhere' }, 'url'],
  ['an unknown field', { colour: 'red' }, 'colour'],
])('%s is refused, and nothing is made', async (_, wrong, param) => {
  const wish = { url: receiver.url, event_types: ['*'], ...wrong };
  const { status, json } = await seller.answer('POST', '/v1/webhook_endpoints', wish);
  expect([status, json['code'], json['param']]).toEqual([400, 'invalid_request', param]);
  expect((await seller.get('/v1/webhook_endpoints'))['data']).toEqual([]);
});

test('twenty endpoints are the most', async () => {
  for (let n = 0; n < 20; n += 1) await listen(seller, ['invoice.paid']);
  const wish = { url: receiver.url, event_types: ['*'] };
  const { status, json } = await seller.answer('POST', '/v1/webhook_endpoints', wish);
  expect([status, json['code']]).toEqual([409, 'webhook_endpoint_limit_reached']);
});

test('a key that ends is told of a week ahead and when it has, each once, and again where its end is moved', async () => {
  await listen(seller, ['api_key.expiring', 'api_key.expired']);
  const id = await customer();
  const ends = (ms: number) => new Date(now() + ms).toISOString();
  const key = await seller.post('/v1/keys', { customer_id: id, name: 'short', expires_at: ends(10 * dayMs) });
  const gone = await seller.post('/v1/keys', { customer_id: id, name: 'gone', expires_at: ends(10 * dayMs) });
  await seller.post(`/v1/keys/${gone.id}/revoke`);
  await pass(minuteMs);
  const told = () => receiver.received.map(({ event }) => [event.type, event.data.object['id']]);
  expect(told()).toEqual([]);
  await pass(4 * dayMs);
  await pass(minuteMs);
  expect(told()).toEqual([['api_key.expiring', key.id]]);
  await seller.request('PATCH', `/v1/keys/${key.id}`, { expires_at: ends(2 * dayMs) });
  await pass(minuteMs);
  expect(told()).toHaveLength(2);
  await pass(3 * dayMs);
  await pass(minuteMs);
  expect(told().slice(2)).toEqual([['api_key.expired', key.id]]);
  expect(receiver.of('api_key.expired')[0]?.event.data.object).toMatchObject({ status: 'expired' });
});

test('the card that pays is told of when it is there, with the customer’s own endpoint hearing of it', async () => {
  await listen(seller, ['payment_method.attached', 'payment_method.updated', 'payment_method.expiring']);
  const { customer_id } = await subscribe();
  await pass(minuteMs);
  const found = receiver.of('payment_method.attached');
  expect(found).toHaveLength(1);
  expect(found[0]?.event.data.object).toMatchObject({ object: 'payment_method', type: 'card', is_default: true });
  const events = (await seller.get(`/v1/events?customer_id=${customer_id}`)).data;
  expect(events.map(({ type }: { type: string }) => type)).toContain('payment_method.attached');
});

test('what a customer may use is told where it becomes different: overridden for a time, by another plan, and gone with the subscription', async () => {
  await listen(seller, ['entitlement.granted', 'entitlement.changed', 'entitlement.revoked']);
  const { visitor, id, customer_id } = await subscribe();
  const told = () =>
    receiver.received.splice(0).map(({ event }) => `${event.type} ${String(event.data.object['feature_id'])}`);
  expect(told()).toEqual([]);
  const overrides = { features: { history: true }, expires_at: new Date(now() + dayMs).toISOString(), reason: 'trial' };
  expect((await seller.request('PUT', `/v1/customers/${customer_id}/overrides`, overrides)).status).toBe(200);
  await app.settle();
  expect(told()).toEqual(['entitlement.granted history']);
  await pass(dayMs + minuteMs);
  expect(told()).toEqual(['entitlement.revoked history']);
  await pass(minuteMs);
  expect(told()).toEqual([]);
  await visitor.post(`/v1/subscriptions/${id}/change`, { plan_id: 'pro' });
  await app.settle();
  expect(receiver.of('entitlement.granted')[0]?.event.data).toMatchObject({
    object: { object: 'entitlement', customer_id, feature_id: 'history', name: 'Historical data', enabled: true },
    previous_attributes: { enabled: false },
  });
  expect(told()).toEqual(['entitlement.granted history']);
  await visitor.post(`/v1/subscriptions/${id}/cancel`, { at: 'now' });
  await app.settle();
  expect(told()).toEqual(['entitlement.revoked history']);
});
