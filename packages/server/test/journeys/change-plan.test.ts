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

async function verify(key: string) {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  expect(response.status).toBe(200);
  return await response.json();
}
