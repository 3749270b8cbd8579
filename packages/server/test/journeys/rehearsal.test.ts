import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Plan, type PriceList, toPlanFile } from '@farebox/core';
import { afterAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { planFileText } from '../../src/plans/catalog/file-text.ts';
import { createRehearsal } from '../../src/usage/rehearsal/service.ts';
import { buyerOf, nextMonth } from '../buyer.ts';
import { runCommand } from '../command.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10.
// Usage of Pro comes to a dollar at least.
const small = smallList(5);
const list = {
  ...small,
  plans: small.plans.map((plan) =>
    plan.id === 'pro' ? { ...plan, usage: plan.usage.map((usage) => ({ ...usage, minimum: { usd: 100 } })) } : plan,
  ),
};
const farebox = await testApp({ list, sandbox: { frozen: true, now: systemClock.now } });
const { app, seller, db } = farebox;
const rehearse = createRehearsal(db.kysely);

const cache = join(import.meta.dirname, '../../../../node_modules/.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'rehearsal-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function changed(change: (plan: Plan) => Plan | null): PriceList {
  return { ...list, plans: list.plans.flatMap((plan) => change(plan) ?? []) };
}

/** Starter for ten dollars more, its usage at 5 cents each; Pro leaves the list. */
const cheaperUsage = changed((plan) => {
  if (plan.id === 'pro') return null;
  if (plan.id !== 'starter') return plan;
  return {
    ...plan,
    prices: plan.prices.map((price) => ({ ...price, amount_minor: price.amount_minor + 1000 })),
    usage: plan.usage.map((usage) => ({
      ...usage,
      overage: { usd: { type: 'per_unit' as const, unit_price_decimal: '5' } },
    })),
  };
});

async function buyer(uses: number[], plan_id = 'starter') {
  const { visitor, customer_id } = await buyerOf(farebox, plan_id);
  for (const [at, quantity] of uses.entries())
    await seller.post('/v1/usage/events', { id: `e${at}`, type: 'requests', customer_id, quantity });
  return { customer_id, visitor };
}

const capped = await buyer([30]);
const corrected = await buyer([8, 4]);
const own = await buyer([9]);
const quiet = await buyer([2]);
const kept = await buyer([8], 'pro');
await capped.visitor.answer('PUT', `/v1/customers/${capped.customer_id}/spend_cap`, { amount_minor: 100 });
await seller.post(`/v1/customers/${capped.customer_id}/grants`, { name: 'Credit', amount_minor: 30 });
await seller.answer('PUT', `/v1/customers/${own.customer_id}/overrides`, {
  included: { requests: 8 },
  reason: 'their own terms',
});
await nextMonth(farebox);
await seller.post('/v1/usage/corrections', {
  customer_id: corrected.customer_id,
  event_id: 'e1',
  quantity: 1,
  reason: 'one of them',
});
await app.settle();
const fresh = await buyer([50]);
const everybody = [capped, corrected, own, quiet, kept, fresh];

test('the list that is published makes no difference to any invoice', async () => {
  const same = await rehearse(list);
  expect(same).toMatchObject({ changes: false, customers: everybody.length, changed: [], kept: [], uncounted: [] });
  let invoiced = 0;
  for await (const { amount, metadata } of farebox.stripe.invoiceItems.list({ limit: 100 }))
    if (metadata?.['farebox_credit_report'] === undefined) invoiced += amount;
  const [total] = same.totals;
  expect(total?.now).toEqual(total?.rehearsed);
  expect(total?.now.usage_minor).toBe(invoiced);
  expect(total?.now.usage_minor).toBe(100 + 70 + 25 + 0 + 100);
});

test('a changed list is held against what everybody was billed: caps, corrections, overrides and who stays', async () => {
  const rehearsal = await rehearse(cheaperUsage);
  const of = ({ customer_id }: { customer_id: string }) =>
    rehearsal.changed.find((customer) => customer.customer_id === customer_id);
  // Twenty-five requests past the included ones at 5 cents, of which the cap lets a dollar be billed.
  expect(of(capped)?.periods).toMatchObject([{ quantity: 30, billed_minor: 100, rehearsed_minor: 100 }]);
  expect(of(corrected)?.periods).toMatchObject([{ quantity: 9, billed_minor: 70, rehearsed_minor: 20 }]);
  expect(of(own)?.periods).toMatchObject([{ quantity: 9, billed_minor: 25, rehearsed_minor: 5 }]);
  expect(of(quiet)).toMatchObject({
    now: { usage_minor: 0 },
    rehearsed: { usage_minor: 0 },
    plans: [{ plan_id: 'starter' }],
  });
  expect([of(kept), of(fresh)?.periods]).toEqual([undefined, []]);
  expect(rehearsal).toMatchObject({
    changes: true,
    without_period: 1,
    kept: [{ plan_id: 'pro', code: 'plan_not_found', customers: 1 }],
    totals: [{ customers: 6, more: 5, less: 0 }],
  });
  const [total] = rehearsal.totals;
  expect((total?.rehearsed.base_minor ?? 0) - (total?.now.base_minor ?? 0)).toBe(5 * 1000);
  expect((total?.rehearsed.usage_minor ?? 0) - (total?.now.usage_minor ?? 0)).toBe(-50 - 20);
});

test('the API answers the same, some at a time, and only to the seller', async () => {
  const price_list = toPlanFile(cheaperUsage);
  const { status, json } = await seller.answer('POST', '/v1/catalog/rehearse?limit=2', { price_list });
  expect([status, json['changed'].length, json['more']]).toEqual([200, 2, 3]);
  const { status: refused, json: fault } = await seller.answer('POST', '/v1/catalog/rehearse', {
    price_list: { ...price_list, vat: 3 },
  });
  expect([refused, fault['errors'][0]]).toMatchObject([400, { param: 'price_list.vat' }]);
  expect((await kept.visitor.request('POST', '/v1/catalog/rehearse', { price_list })).status).toBe(403);
});

test('the command says it in a terminal and for a pull request, and ends with 2 when somebody would pay something else', async () => {
  const cli = async (wished: PriceList, ...args: string[]) => {
    const config = join(folder, 'list.config.mjs');
    writeFileSync(config, planFileText(toPlanFile(wished)));
    const environment = { DATABASE_URL: db.url, FAREBOX_CONFIG: config, FAREBOX_DATA_DIR: folder };
    return await runCommand(['rehearse', ...args], environment);
  };
  const before = await db.pool.query('select * from plan_version order by id');
  const same = await cli(list);
  expect([same.code, same.err]).toEqual([0, '']);
  expect(same.out).toContain('By this price list 6 paying customers would pay what they pay.');

  const told = await cli(cheaperUsage, '--limit', '1');
  expect(told.code).toBe(2);
  expect(told.out).toContain('By this price list 5 of 6 paying customers would pay something else a month.');
  expect(told.out).toContain('Usage     $2.95 → $2.25 a month (−$0.70, −23.7 %)');
  expect(told.out).toContain('… and 4 more with smaller differences');
  expect(told.out).toContain('1 customer stays as they are: The plan file has no "pro".');
  const markdown = await cli(cheaperUsage, '--markdown');
  expect(markdown.out).toMatch(/\| .* `cust_\w+` \| starter v1 \| \$\S+ \| \$\S+ \| \+\$\S+, \+\S+ % \|/);
  const json = JSON.parse((await cli(cheaperUsage, '--json', '--limit', '2')).out);
  expect([json.changes, json.changed.length]).toEqual([true, 2]);
  expect((await db.pool.query('select * from plan_version order by id')).rows).toEqual(before.rows);
});
