import type { Verification } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 180_000 });

const hourMs = 3_600_000;
const farebox = await testApp({
  list: {
    ...smallList(1000),
    dunning: [
      { step: 'warn', after_days: 0, rate_percent: 100 },
      { step: 'slow', after_days: 2, rate_percent: 10 },
      { step: 'read_only', after_days: 4, rate_percent: 10 },
      { step: 'block', after_days: 6, rate_percent: 10 },
    ],
  },
});
// Stripe tries again on days 3 and 5, and then leaves the invoice open.
farebox.sandbox.dunning = { schedule_days: [3, 5, 20], after_all_fail: 'past_due' };

async function ask(key: string, scope: string) {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key, scope }),
  });
  const body = (await response.json()) as Verification;
  return { told: response.headers.get('farebox-payment'), body };
}

test('a card that fails hardens access day by day, through Stripe and the gate; paying restores all of it at once', async () => {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  const { customer_id } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  const { stripe_customer_id } = await farebox.app.customers.get(customer_id);
  const attach = async (number: string) => {
    const card = { number, exp_month: 12, exp_year: 2034, cvc: '123' };
    const { id } = await farebox.stripe.paymentMethods.create({ type: 'card', card });
    await farebox.stripe.paymentMethods.attach(id, { customer: stripe_customer_id ?? '' });
    await visitor.post(`/v1/payment_methods/${id}/default`);
  };
  await attach('4000000000000341');
  const paying = await ask(secret, 'forecast:write');
  expect([paying.told, paying.body.payment]).toEqual([null, null]);
  const full = paying.body.limits[0]?.limit ?? 0;
  expect(full).toBeGreaterThan(0);

  const advance = async (ms: number) => {
    await farebox.sandbox.clock.advance(ms);
    await farebox.app.settle();
  };
  await advance(31 * dayMs + 2 * hourMs);
  const [owed] = (await visitor.get('/v1/invoices')).data;
  expect(owed).toMatchObject({ status: 'open', payment_state: 'declined' });
  expect(owed.next_attempt_at).not.toBeNull();

  const warned = await ask(secret, 'forecast:write');
  expect(warned.told).toMatch(/^past_due; step=warn; since=.*; next=slow; next_at=/);
  expect(warned.body).toMatchObject({ valid: true, payment: { step: 'warn' } });
  expect(warned.body.limits[0]?.limit).toBe(full);

  await advance(2 * dayMs);
  const slowed = await ask(secret, 'forecast:write');
  expect(slowed.body).toMatchObject({ valid: true, payment: { step: 'slow', rate_percent: 10 } });
  expect(slowed.body.limits[0]?.limit).toBe(full / 10);

  await advance(2 * dayMs);
  expect((await ask(secret, 'forecast:write')).body).toMatchObject({ valid: false, code: 'PAYMENT_PAST_DUE' });
  expect((await ask(secret, 'forecast:read')).body).toMatchObject({ valid: true, payment: { step: 'read_only' } });

  await advance(2 * dayMs);
  const blocked = await ask(secret, 'forecast:read');
  expect(blocked.body).toMatchObject({
    valid: false,
    code: 'PAYMENT_PAST_DUE',
    payment: { step: 'block', next: null },
  });
  const state = await visitor.get(`/v1/customers/${customer_id}/state`);
  expect(state).toMatchObject({ access: 'past_due', dunning: { step: 'block' } });
  // Every retry of Stripe's was made and mirrored, and none of them paid.
  expect((await visitor.get(`/v1/invoices/${owed.id}`)).payment_state).toBe('declined');

  await attach('4242424242424242');
  expect(await visitor.post(`/v1/invoices/${owed.id}/retry`)).toMatchObject({
    payment: null,
    invoice: { status: 'paid' },
  });
  const restored = await ask(secret, 'forecast:write');
  expect([restored.told, restored.body.valid, restored.body.payment]).toEqual([null, true, null]);
  expect(restored.body.limits[0]?.limit).toBe(full);
  expect(await visitor.get(`/v1/customers/${customer_id}/state`)).toMatchObject({
    access: 'granted',
    dunning: null,
    owed: [],
  });
});
