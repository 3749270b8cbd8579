import fc from 'fast-check';
import type { PriceList } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 300_000 });

// Five requests are included, the next two cost 25 cents, every further one 10; each unit of traffic costs 30.
const small = smallList(5);
const perUnit = { usd: { type: 'per_unit' as const, unit_price_decimal: '30' } };
const list: PriceList = {
  ...small,
  meters: [...small.meters, { id: 'traffic', name: 'Traffic', unit: 'gigabyte', aggregation: 'count' }],
  plans: small.plans.map((plan) => ({
    ...plan,
    limits: [],
    usage: [...plan.usage, { meter_id: 'traffic', included: 0, quota: 'soft', interval: 'month', overage: perUnit }],
  })),
};
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, seller } = farebox;

async function buyer() {
  const { visitor, customer_id } = await buyerOf(farebox);
  const { secret } = await visitor.post('/v1/keys/first');
  const path = `/v1/customers/${customer_id}/spend_cap`;
  let sent = 0;
  return {
    customer_id,
    visitor,
    path,
    cap: async (amount_minor: number | null) => await visitor.answer('PUT', path, { amount_minor }),
    read: async () => await visitor.get(path),
    verify: async (cost = 1, meter?: string) =>
      await seller.post('/v1/keys/verify', { key: secret, cost, ...(meter === undefined ? {} : { meter }) }),
    send: async (type: string, quantity: number) =>
      await seller.post('/v1/usage/events', { id: `e${(sent += 1)}`, type, customer_id, quantity }),
    summary: async () => await visitor.get('/v1/usage/summary'),
    invoices: async () => (await visitor.get('/v1/invoices')).data,
  };
}

interface Line {
  kind: string;
  amount_minor: number;
}
const usageOf = (lines: Line[]) =>
  lines
    .filter(({ kind }) => kind === 'overage' || kind === 'cap')
    .reduce((sum, { amount_minor }) => sum + amount_minor, 0);

test('a cap counts with the next request, stops what would cost more, and says which and where it is raised', async () => {
  const customer = await buyer();
  expect(await customer.cap(60)).toMatchObject({
    status: 200,
    json: { customer_minor: 60, seller_minor: null, in_force: { owner: 'customer', amount_minor: 60 } },
  });
  // Five are included, two at 25 cents and one at 10: sixty cents.
  for (let call = 0; call < 8; call += 1) expect(await customer.verify()).toMatchObject({ valid: true });
  const refused = await customer.verify();
  expect(refused).toMatchObject({
    valid: false,
    code: 'SPEND_CAP_REACHED',
    denied_by: { kind: 'spend_cap', name: 'customer', limit: 60 },
    upgrade_url: `${farebox.url}/dashboard`,
    quota: { included: 5, used: 8, remaining: 0 },
  });
  expect(refused.detail).toContain('Your spend cap of $0.60 is reached');
  expect(refused.detail).toContain(`${farebox.url}/dashboard`);
  // What costs nothing passes; a higher cap counts at once, and nothing was counted of what was refused.
  expect(await customer.verify(0)).toMatchObject({ valid: true });
  await customer.cap(80);
  expect(await customer.verify(2)).toMatchObject({ valid: true, quota: { used: 10 } });
  expect(await customer.verify()).toMatchObject({ code: 'SPEND_CAP_REACHED' });
  await app.settle();
  expect(await customer.summary()).toMatchObject({
    cost_so_far_minor: 80,
    spend_cap: { owner: 'customer', amount_minor: 80, remaining_minor: 0 },
  });
  // The next period has the whole cap again.
  await nextMonth(farebox);
  expect(await customer.verify()).toMatchObject({ valid: true, quota: { used: 1 } });
  expect(usageOf((await customer.invoices())[0].lines)).toBe(80);
});

test('of both caps the lower counts; without any, usage goes on', async () => {
  const customer = await buyer();
  await customer.cap(500);
  expect(await seller.answer('PUT', customer.path, { amount_minor: 25 })).toMatchObject({
    json: { customer_minor: 500, seller_minor: 25, in_force: { owner: 'seller', amount_minor: 25 } },
  });
  for (let call = 0; call < 6; call += 1) expect(await customer.verify()).toMatchObject({ valid: true });
  const refused = await customer.verify();
  expect(refused).toMatchObject({ code: 'SPEND_CAP_REACHED', denied_by: { name: 'seller', limit: 25 } });
  expect(refused.detail).toContain('was set for you');
  await seller.answer('PUT', customer.path, { amount_minor: null });
  expect(await customer.verify()).toMatchObject({ valid: true });
  expect(await customer.cap(500)).toMatchObject({ status: 409, json: { code: 'no_change' } });
});

test('what another meter costs counts under the same cap, also what did not come through the gate', async () => {
  const customer = await buyer();
  await customer.cap(100);
  expect(await customer.verify(7)).toMatchObject({ valid: true });
  // Fifty of the hundred are spent; one unit of traffic costs thirty.
  await expect
    .poll(async () => (await customer.verify(2, 'traffic')).code, { timeout: 20_000 })
    .toBe('SPEND_CAP_REACHED');
  expect(await customer.verify(1, 'traffic')).toMatchObject({ valid: true });
  await customer.send('traffic', 5);
  await expect.poll(async () => (await customer.verify(1)).code, { timeout: 20_000 }).toBe('SPEND_CAP_REACHED');
  expect(await customer.read()).toMatchObject({ months: [{ spent_minor: 100, remaining_minor: 0 }] });
});

test('usage that was sent past the cap is not billed; the invoice says so, and the forecast says the same', async () => {
  const customer = await buyer();
  await customer.cap(100);
  await customer.send('requests', 9);
  await customer.send('traffic', 5);
  // Seventy and a hundred and fifty, of which a hundred are billed.
  expect(await customer.summary()).toMatchObject({
    cost_so_far_minor: 100,
    capped_minor: 120,
    projection: { cost_minor: 100 },
  });
  expect(await customer.visitor.get('/v1/invoices/upcoming')).toMatchObject({
    usage_minor: 100,
    usage: [{ capped_minor: 0 }, { capped_minor: 120 }],
  });
  await seller.post(`/v1/customers/${customer.customer_id}/grants`, { name: 'Credit', amount_minor: 30 });
  await nextMonth(farebox);
  const [invoice] = await customer.invoices();
  expect(usageOf(invoice.lines)).toBe(100);
  expect(invoice.lines.filter(({ kind }: Line) => kind === 'cap')).toMatchObject([{ amount_minor: -120 }]);
  expect(invoice.total_minor).toBe(9900 + 100 - 30);
  const { found } = await app.stripe.reconcile({ repair: false });
  expect(found.filter(({ customer_id }) => customer_id === customer.customer_id)).toEqual([]);
  // A correction of what was billed stays under the cap of that month.
  const more = { customer_id: customer.customer_id, event_id: 'e2', quantity: 50, reason: 'counted too little' };
  expect(await seller.post('/v1/usage/corrections', more)).toMatchObject({ adjustments: [] });
  const less = { ...more, quantity: 0, reason: 'none of it' };
  expect(await seller.post('/v1/usage/corrections', less)).toMatchObject({ adjustments: [{ amount_minor: -30 }] });
});

test('whatever is used and whenever a cap is set, no invoice bills more than it, and as much as is under it', async () => {
  const use = fc.record({
    kind: fc.constantFrom('requests' as const, 'traffic' as const),
    quantity: fc.nat({ max: 12 }),
  });
  const people = fc.sample(
    fc.record({ uses: fc.array(use, { maxLength: 5 }), cap: fc.option(fc.nat({ max: 250 })), late: fc.boolean() }),
    { numRuns: 16, seed: 7 },
  );
  const all = [];
  for (const plan of people) {
    const customer = await buyer();
    if (!plan.late && plan.cap !== null) await customer.cap(plan.cap);
    for (const { kind, quantity } of plan.uses) await customer.send(kind, quantity);
    if (plan.late && plan.cap !== null) await customer.cap(plan.cap);
    all.push({ ...plan, customer, forecast: (await customer.summary()).cost_so_far_minor });
  }
  await nextMonth(farebox);
  for (const { uses, cap, customer, forecast } of all) {
    const sum = (kind: string) =>
      uses.filter((each) => each.kind === kind).reduce((all, each) => all + each.quantity, 0);
    const beyond = Math.max(0, sum('requests') - 5);
    const cost = Math.min(beyond, 2) * 25 + Math.max(0, beyond - 2) * 10 + sum('traffic') * 30;
    const billed = usageOf((await customer.invoices())[0].lines);
    expect(billed).toBe(cap === null ? cost : Math.min(cost, cap));
    expect(forecast).toBe(billed);
  }
});

test('bad amounts are refused with the field named; another’s cap does not exist', async () => {
  const customer = await buyer();
  for (const amount_minor of [-1, 1.5, 'many', undefined])
    expect(await customer.visitor.answer('PUT', customer.path, { amount_minor })).toMatchObject({
      status: 400,
      json: { param: 'amount_minor' },
    });
  const stranger = await farebox.signUp();
  expect((await stranger.request('GET', customer.path)).status).toBe(404);
  expect((await stranger.request('PUT', customer.path, { amount_minor: 0 })).status).toBe(404);
  expect(await customer.read()).toMatchObject({ in_force: null, months: [] });
});
