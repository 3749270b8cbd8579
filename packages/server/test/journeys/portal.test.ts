import { expect, test } from 'vitest';
import { testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp();
const minute_ms = 60_000;

async function customer(email: string): Promise<string> {
  const { id } = await farebox.seller.post('/v1/customers', { external_id: email, name: 'Ada', email });
  return id;
}

async function linkTo(customerId: string, body: object = {}): Promise<string> {
  const { provider, url } = await farebox.seller.post(`/v1/customers/${customerId}/portal_sessions`, body);
  expect(provider).toBe('farebox');
  return url;
}

const tokenOf = (url: string) => new URL(url).hash.slice('#token='.length);

async function enter(url: string) {
  const visitor = farebox.visitor();
  await visitor.post('/auth/portal', { token: tokenOf(url) });
  return visitor;
}

test('a link the seller asks for opens the dashboard of its customer and of nobody else, without an account', async () => {
  const id = await customer('linked@example.com');
  const other = await customer('other@example.com');
  const url = await linkTo(id, { return_url: 'https://app.skycast.example/billing' });
  expect((await farebox.visitor().request('GET', new URL(url).pathname)).status).toBe(200);
  const visitor = await enter(url);
  expect(await visitor.get('/v1/me')).toMatchObject({
    customer: { id, email: 'linked@example.com' },
    operator: null,
    portal: { return_url: 'https://app.skycast.example/billing' },
  });
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  expect((await visitor.get('/v1/subscriptions')).data).toMatchObject([
    { customer_id: id, plan_id: 'starter', status: 'active' },
  ]);
  expect((await farebox.verify((await visitor.post('/v1/keys/first')).secret)).customer_id).toBe(id);
  expect((await visitor.request('GET', `/v1/customers/${other}`)).status).toBe(404);
  expect((await visitor.request('GET', '/v1/admin/overview')).status).toBe(403);
});

test('a link is good once, of any number who open it at the same moment', async () => {
  const url = await linkTo(await customer('once@example.com'));
  const answers = await Promise.all(
    Array.from(
      { length: 20 },
      async () => (await farebox.visitor().request('POST', '/auth/portal', { token: tokenOf(url) })).status,
    ),
  );
  expect(answers.filter((status) => status === 200)).toHaveLength(1);
  expect(answers.filter((status) => status === 403)).toHaveLength(19);
});

test('a link is good for ten minutes, and what it opens for an hour', async () => {
  const id = await customer('late@example.com');
  const stale = await linkTo(id);
  await farebox.sandbox.clock.advance(10 * minute_ms);
  const refused = await farebox.visitor().answer('POST', '/auth/portal', { token: tokenOf(stale) });
  expect(refused).toMatchObject({ status: 403, json: { code: 'portal_link_invalid' } });
  const visitor = await enter(await linkTo(id));
  await farebox.sandbox.clock.advance(59 * minute_ms);
  expect((await visitor.get('/v1/me')).customer.id).toBe(id);
  await farebox.sandbox.clock.advance(minute_ms);
  expect((await visitor.request('GET', '/v1/me')).status).toBe(401);
});

test('leaving ends it; an own session goes on underneath, and signing in leaves it', async () => {
  const id = await customer('leaving@example.com');
  const visitor = await farebox.signUp('own@example.com');
  await visitor.post('/auth/portal', { token: tokenOf(await linkTo(id)) });
  expect((await visitor.get('/v1/me')).customer.id).toBe(id);
  await visitor.post('/auth/sign-out');
  expect((await visitor.get('/v1/me')).user.email).toBe('own@example.com');
  await visitor.post('/auth/portal', { token: tokenOf(await linkTo(id)) });
  await visitor.post('/auth/sign-in/email', { email: 'own@example.com', password: 'a long enough password' });
  expect((await visitor.get('/v1/me')).user.email).toBe('own@example.com');
});

test('only the seller’s program may ask for one, for a customer there is, with a way back that is an address', async () => {
  const id = await customer('asked@example.com');
  const path = `/v1/customers/${id}/portal_sessions`;
  const visitor = await enter(await linkTo(id));
  expect(await visitor.answer('POST', path, {})).toMatchObject({ status: 403, json: { code: 'forbidden' } });
  expect((await (await farebox.operator()).request('POST', path, {})).status).toBe(403);
  expect((await farebox.visitor().request('POST', path, {})).status).toBe(401);
  expect((await farebox.seller.request('POST', '/v1/customers/cust_none/portal_sessions', {})).status).toBe(404);
  const bad = await farebox.seller.answer('POST', path, { return_url: 'javascript:alert(1)' });
  expect(bad).toMatchObject({ status: 400, json: { code: 'invalid_request', param: 'return_url' } });
});

test('a deleted customer’s portals are closed', async () => {
  const id = await customer('deleted@example.com');
  const visitor = await enter(await linkTo(id));
  const unopened = await linkTo(id);
  expect((await farebox.seller.request('DELETE', `/v1/customers/${id}`)).ok).toBe(true);
  expect((await visitor.request('GET', '/v1/me')).status).toBe(401);
  expect((await farebox.visitor().request('POST', '/auth/portal', { token: tokenOf(unopened) })).status).toBe(403);
});

test('neither the link nor the session is stored as it is, and both acts are in the audit log', async () => {
  const id = await customer('audited@example.com');
  const url = await linkTo(id);
  await enter(url);
  const rows = await farebox.db.pool.query('select * from portal_session where customer_id = $1', [id]);
  expect(JSON.stringify(rows.rows)).not.toContain(tokenOf(url));
  const entries = await farebox.db.kysely
    .selectFrom('audit_entry')
    .select(['action', 'actor'])
    .where('customer_id', '=', id)
    .where('action', 'like', 'portal_session.%')
    .orderBy('action')
    .execute();
  expect(entries.map(({ action }) => action)).toEqual(['portal_session.created', 'portal_session.opened']);
  expect(entries[0]?.actor).toMatch(/^seller:/);
});
