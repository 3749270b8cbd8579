import type { PriceList } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 180_000 });

const small = smallList(5);
/** Starter bills packages of three, Pro tiers. */
const list: PriceList = {
  ...small,
  plans: small.plans.map((plan) =>
    plan.id === 'starter'
      ? {
          ...plan,
          usage: plan.usage.map((usage) => ({
            ...usage,
            overage: { usd: { type: 'package' as const, package_price_decimal: '50', package_size: 3 } },
          })),
        }
      : plan,
  ),
};
const farebox = await testApp({ list });

async function buyer(plan_id: string): Promise<{ visitor: Visitor; path: string; secret: string }> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { secret } = await visitor.post('/v1/keys/first');
  return { visitor, path: `/v1/subscriptions/${subscription.id}`, secret };
}

async function use(key: string, calls: number, endpoint: string): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    const response = await fetch(`${farebox.url}/v1/keys/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key, endpoint }),
    });
    expect(await response.json()).toMatchObject({ valid: true });
  }
}

async function month(): Promise<void> {
  await farebox.sandbox.clock.advance(31 * dayMs + 7_200_000);
  await farebox.app.settle();
}

/** Every line of the newest invoice with its explanation; of each the parts sum to the line. */
async function explained(visitor: Visitor) {
  const [invoice] = (await visitor.get('/v1/invoices')).data;
  const found = [];
  for (const line of invoice.lines) {
    const answer = await visitor.get(`/v1/invoices/${invoice.id}/lines/${line.id}/explain`);
    const sum = answer.parts.reduce((total: number, part: { amount_minor: number }) => total + part.amount_minor, 0);
    expect(sum).toBe(line.amount_minor);
    found.push({ line, answer });
  }
  return { invoice, found };
}

test('a line of usage leads to its tiers, and to the keys and endpoints that used it', async () => {
  const { visitor, secret } = await buyer('pro');
  const second = await visitor.post('/v1/keys', { name: 'Second' });
  await use(secret, 5, '/v1/forecast');
  await use(second.secret, 3, '/v1/history');
  await month();
  const { invoice, found } = await explained(visitor);
  const overage = found.filter(({ line }) => line.kind === 'overage');
  expect(overage).toHaveLength(2);
  for (const { answer } of overage) {
    expect(answer.words).toBe('8 requests: 5 included, 2 × $0.25 = $0.50, 1 × $0.10 = $0.10');
    expect(answer.usage).toMatchObject({
      quantity: 8,
      included: 5,
      by_key: { shares: [{ quantity: 5 }, { source: second.id, quantity: 3 }], others: 0 },
      by_endpoint: {
        shares: [
          { source: '/v1/forecast', quantity: 5 },
          { source: '/v1/history', quantity: 3 },
        ],
      },
    });
    const [mine] = answer.usage.tiers.filter((tier: { is_this_line: boolean }) => tier.is_this_line);
    expect(mine.amount_minor).toBe(answer.amount_minor);
  }
  const base = found.find(({ line }) => line.kind === 'base');
  expect(base?.answer).toMatchObject({ words: 'Pro: $499.00 a month', usage: null, plan: { plan_id: 'pro' } });

  const stranger = await farebox.signUp();
  const path = `/v1/invoices/${invoice.id}/lines/${invoice.lines[0].id}/explain`;
  expect((await stranger.request('GET', path)).status).toBe(404);
  expect((await visitor.request('GET', `/v1/invoices/${invoice.id}/lines/il_none/explain`)).status).toBe(404);
});

test('packages are told as packages, on the invoice and in its explanation', async () => {
  const { visitor, secret } = await buyer('starter');
  await use(secret, 9, '/v1/forecast');
  await month();
  const { found } = await explained(visitor);
  const [packages] = found.filter(({ line }) => line.kind === 'overage');
  expect(packages?.line.formula).toBe('4, in 2 × 3 at $0.50 = $1.00');
  expect(packages?.answer.words).toBe('9 requests: 5 included, 4, in 2 × 3 at $0.50 = $1.00');
});

test('a change within a period is told as the parts of the two plans that it is', async () => {
  const { visitor, path } = await buyer('starter');
  await farebox.sandbox.clock.advance(12 * dayMs);
  await visitor.post(`${path}/change`, { plan_id: 'pro' });
  const { found } = await explained(visitor);
  expect(found).toHaveLength(2);
  const [back] = found.filter(({ line }) => line.amount_minor < 0);
  const [charged] = found.filter(({ line }) => line.amount_minor > 0);
  expect(back?.answer.words).toMatch(
    /^\d+ days? .*of \d+ days of Starter at \$99\.00 a month = -\$[\d.]+, given back$/,
  );
  expect(charged?.answer.words).toMatch(/ of Pro at \$499\.00 a month = \$[\d.]+$/);
  // Nothing is left over: the rule is Stripe's, to the cent.
  for (const { answer } of found) expect(answer.parts).toHaveLength(1);
});
