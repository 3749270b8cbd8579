import { expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp({ list: smallList(5) });

async function subscriber(plan_id: string, card?: string) {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url, card);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  return { visitor, id: subscription.id as string, path: `/v1/subscriptions/${subscription.id}` };
}

test('an upgrade costs what its preview said, to the cent, and counts with the next request', async () => {
  const { visitor, path } = await subscriber('starter');
  const { secret } = await visitor.post('/v1/keys/first');
  await farebox.sandbox.clock.advance(12 * dayMs);
  expect(await verify(secret)).toMatchObject({ valid: true, plan_id: 'starter', quota: { used: 1 } });

  const preview = await visitor.post(`${path}/preview`, { plan_id: 'pro' });
  expect(preview).toMatchObject({ effect: 'now', direction: 'upgrade', recurring_minor: 49_900 });
  expect(preview.invoice.subtotal_minor).toBe(preview.proration.net_minor);
  const changed = await visitor.post(`${path}/change`, { plan_id: 'pro', proration_at: preview.proration_at });
  expect(changed).toMatchObject({ effect: 'now', payment: null, subscription: { plan_id: 'pro', status: 'active' } });

  const { data } = await visitor.get('/v1/invoices');
  expect(data[0]).toMatchObject({
    billing_reason: 'subscription_update',
    status: 'paid',
    total_minor: preview.invoice.total_minor,
  });
  expect(data[0].lines.map((line: { kind: string }) => line.kind)).toEqual(['proration', 'proration']);
  expect(await verify(secret)).toMatchObject({ valid: true, plan_id: 'pro', quota: { used: 2 } });
});

test('a card that is refused leaves the old plan and owes nothing', async () => {
  const { visitor, path } = await subscriber('starter');
  farebox.sandbox.faults.add({ type: 'decline', decline_code: 'insufficient_funds', route: 'POST /v1/subscriptions' });
  const refused = await visitor.request('POST', `${path}/change`, { plan_id: 'pro' });
  expect(refused.status).toBe(402);
  expect(await refused.json()).toMatchObject({ code: 'payment_failed' });
  expect(await visitor.get(path)).toMatchObject({ plan_id: 'starter', status: 'active', pending_until_at: null });
  const { data } = await visitor.get('/v1/invoices');
  expect(data.map((invoice: { status: string }) => invoice.status)).toEqual(['void', 'paid']);
  expect(await visitor.post(`${path}/change`, { plan_id: 'pro' })).toMatchObject({ subscription: { plan_id: 'pro' } });
});

test('a double click buys one upgrade', async () => {
  const { visitor, path } = await subscriber('starter');
  const answers = await Promise.all([1, 2, 3].map(() => visitor.request('POST', `${path}/change`, { plan_id: 'pro' })));
  expect(answers.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
  const { data } = await visitor.get('/v1/invoices');
  expect(data).toHaveLength(2);
});

test('a downgrade waits for the end of the period, can be undone, and leaves the old period on its plan', async () => {
  const { visitor, path } = await subscriber('pro');
  const { secret } = await visitor.post('/v1/keys/first');
  const refused = await visitor.request('POST', `${path}/change`, { plan_id: 'starter', when: 'now' });
  expect(await refused.json()).toMatchObject({ code: 'downgrade_at_period_end' });

  const preview = await visitor.post(`${path}/preview`, { plan_id: 'starter' });
  expect(preview).toMatchObject({ effect: 'period_end', direction: 'downgrade', invoice: null, recurring_minor: 9900 });
  const scheduled = await visitor.post(`${path}/change`, { plan_id: 'starter' });
  expect(scheduled.subscription).toMatchObject({ plan_id: 'pro', scheduled_change: { plan_id: 'starter' } });
  expect(scheduled.subscription.scheduled_change.at).toBe(scheduled.subscription.current_period_end_at);
  const undone = await visitor.request('DELETE', `${path}/scheduled_change`);
  expect(await undone.json()).toMatchObject({ plan_id: 'pro', scheduled_change: null });
  expect((await visitor.request('DELETE', `${path}/scheduled_change`)).status).toBe(409);

  await visitor.post(`${path}/change`, { plan_id: 'starter' });
  for (let call = 0; call < 8; call += 1) await verify(secret);
  await farebox.sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await farebox.app.settle();
  expect(await visitor.get(path)).toMatchObject({ plan_id: 'starter', scheduled_change: null, status: 'active' });
  const { data } = await visitor.get('/v1/invoices');
  const lines = data[0].lines.map((line: { kind: string; amount_minor: number }) => [line.kind, line.amount_minor]);
  // Eight calls on Pro, five of them included: two at 25 cents and one at 10, whatever Starter would have asked.
  expect(lines.toSorted()).toEqual([
    ['base', 9900],
    ['overage', 10],
    ['overage', 50],
  ]);
});

test('a cancellation can be undone; when it happens, the last usage is billed and the key stops', async () => {
  const { visitor, path } = await subscriber('pro');
  const { secret } = await visitor.post('/v1/keys/first');
  const canceling = await visitor.post(`${path}/cancel`, { reason: 'too_expensive', comment: 'For now.' });
  expect(canceling).toMatchObject({ status: 'active', cancel_reason: 'too_expensive' });
  expect(canceling.cancel_at).toBe(canceling.current_period_end_at);
  expect(await visitor.post(`${path}/resume`)).toMatchObject({ cancel_at: null });
  expect((await visitor.request('POST', `${path}/resume`)).status).toBe(409);

  for (let call = 0; call < 8; call += 1) await verify(secret);
  // Stripe counts whole seconds: what is used in the second of the end falls to the customer.
  await farebox.sandbox.clock.advance(1000);
  expect(await visitor.post(`${path}/cancel`, { at: 'now' })).toMatchObject({ status: 'canceled' });
  await farebox.app.settle();
  expect(await verify(secret)).toMatchObject({ valid: false, code: 'SUBSCRIPTION_INACTIVE' });
  const { data } = await visitor.get('/v1/invoices');
  expect(data[0]).toMatchObject({ status: 'paid', total_minor: 60 });
  expect(data[0].lines.map((line: { formula: string }) => line.formula).toSorted()).toEqual([
    '1 × $0.10 = $0.10',
    '2 × $0.25 = $0.50',
  ]);
  expect((await visitor.request('POST', `${path}/change`, { plan_id: 'starter' })).status).toBe(409);
});

test('a pause stops access and invoices; going on begins a new period', async () => {
  const { visitor, path } = await subscriber('pro');
  const { secret } = await visitor.post('/v1/keys/first');
  await farebox.sandbox.clock.advance(10 * dayMs);
  expect(await visitor.post(`${path}/pause`)).toMatchObject({ status: 'paused' });
  expect(await verify(secret)).toMatchObject({ valid: false, code: 'SUBSCRIPTION_INACTIVE' });
  await farebox.sandbox.clock.advance(60 * dayMs);
  await farebox.app.settle();
  expect((await visitor.get('/v1/invoices')).data).toHaveLength(1);
  expect(await visitor.post(`${path}/unpause`)).toMatchObject({ status: 'active', paused_at: null });
  expect(await verify(secret)).toMatchObject({ valid: true });
  const { data } = await visitor.get('/v1/invoices');
  // What was paid for and not used comes off.
  expect(data[0].total_minor).toBeLessThan(49_900);
});

test('nobody changes what is another customer’s, and a customer gives itself no money', async () => {
  const { path } = await subscriber('starter');
  const stranger = await farebox.signUp();
  for (const [verb, body] of [
    ['preview', { plan_id: 'pro' }],
    ['change', { plan_id: 'pro' }],
    ['cancel', {}],
    ['pause', {}],
  ] as const)
    expect((await stranger.request('POST', `${path}/${verb}`, body)).status).toBe(404);
  const own = await subscriber('starter');
  expect((await own.visitor.request('POST', `${own.path}/cancel`, { at: 'now', gives_back: true })).status).toBe(403);
  expect((await own.visitor.request('POST', `${own.path}/trial`, { end_at: '2030-01-01T00:00:00Z' })).status).toBe(403);
  expect((await own.visitor.request('POST', `${own.path}/change`, { plan_id: 'nope' })).status).toBe(404);
  expect((await own.visitor.request('POST', `${own.path}/coupons`, { code: 'NOPE' })).status).toBe(409);
});

test('each transition is told once', async () => {
  await farebox.app.settle();
  const kinds = await farebox.db.kysely.selectFrom('notice').select(['kind', 'dedupe_key', 'state']).execute();
  const told = new Set(kinds.map((notice) => notice.kind));
  for (const kind of [
    'plan_changed',
    'change_scheduled',
    'cancellation_confirmed',
    'subscription_ended',
    'subscription_paused',
    'subscription_resumed',
  ])
    expect(told).toContain(kind);
  expect(kinds.every((notice) => notice.state === 'sent')).toBe(true);
});

async function verify(key: string) {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  expect(response.status).toBe(200);
  return await response.json();
}
