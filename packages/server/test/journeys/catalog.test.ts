import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Plan, type PriceList, toPlanFile } from '@farebox/core';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { planFileText } from '../../src/plans/catalog/file-text.ts';
import { loadPriceList } from '../../src/plans/load.ts';
import { type Run, runCommand } from '../command.ts';
import { testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp({ sandbox: { now: systemClock.now } });
const root = join(import.meta.dirname, '../../../..');
// Where a plan file finds @farebox/core, as a seller's does. JavaScript, since Node strips no types below node_modules.
const cache = join(root, 'node_modules/.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'catalog-'));
const outside = mkdtempSync(join(tmpdir(), 'farebox-catalog-'));
afterAll(() => {
  for (const path of [folder, outside]) rmSync(path, { recursive: true, force: true });
});

/** `farebox …` as a process of its own, on the tests' database and this price list. */
async function cli(args: string[], list: PriceList, environment: Record<string, string> = {}): Promise<Run> {
  const config = join(folder, `list-${Math.random().toString(36).slice(2)}.config.mjs`);
  writeFileSync(config, planFileText(toPlanFile(list)));
  return await runCommand(args, {
    DATABASE_URL: farebox.db.url,
    FAREBOX_CONFIG: config,
    FAREBOX_DATA_DIR: outside,
    ...environment,
  });
}

function changed(change: (plan: Plan) => Plan | null): PriceList {
  return { ...farebox.list, plans: farebox.list.plans.flatMap((plan) => change(plan) ?? []) };
}

/** Pro for $599, Starter gone. */
const dearer = changed((plan) => {
  if (plan.id === 'starter') return null;
  if (plan.id !== 'pro') return plan;
  return { ...plan, prices: plan.prices.map((price) => ({ ...price, amount_minor: 59_900 })) };
});

async function subscribe(plan_id: string): Promise<void> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id });
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
}

const asSeller = async (method: string, path: string, body?: unknown) =>
  await fetch(farebox.url + path, {
    method,
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test('diff says what a push would change, at Stripe too, and whom it touches; it changes nothing', async () => {
  await subscribe('pro');
  await subscribe('starter');
  const same = await cli(['diff'], farebox.list);
  expect(same).toEqual({ code: 0, out: 'No change: 3 plans are as published.\n', err: '' });

  const before = await farebox.db.kysely.selectFrom('plan_version').selectAll().execute();
  const diff = await cli(['diff'], dearer);
  expect(diff.code).toBe(2);
  expect(diff.out.trim().split('\n')).toEqual([
    '~ pro: version 2',
    '    price.month.usd  $499.00 → $599.00',
    '    Stripe: new price pro:2:usd:month, $599.00 a month',
    '    1 customer stays on older versions: $499.00 a month.',
    '    On version 2 they would pay $599.00 a month (+$100.00 MRR).',
    '',
    '- starter: leaves the list',
    '    1 customer keeps it: $99.00 a month.',
    '',
    'Plans: 1 changed, 1 no longer sold, 1 unchanged. 2 customers on these plans, and nobody is moved by a push.',
  ]);
  expect(await farebox.db.kysely.selectFrom('plan_version').selectAll().execute()).toEqual(before);
});

test('the same is said for a pull request, as JSON, and by the API', async () => {
  const markdown = await cli(['diff', '--markdown'], dearer);
  expect(markdown.out).toContain('| `price.month.usd` | $499.00 | $599.00 |');
  expect(markdown.code).toBe(2);
  const json = JSON.parse((await cli(['diff', '--json'], dearer)).out);
  expect(json.plans.map((plan: { type: string }) => plan.type)).toEqual(['changed', 'unchanged', 'archived']);
  const answered = await asSeller('POST', '/v1/catalog/plan', { price_list: toPlanFile(dearer) });
  expect(await answered.json()).toEqual({ object: 'catalog_report', ...json });
});

test('push publishes once; pull writes a file that is the list again', async () => {
  const [first, second] = [await cli(['push'], dearer), await cli(['push'], dearer)];
  expect([first, second]).toMatchObject([
    { code: 0, err: '' },
    { code: 0, err: '' },
  ]);
  expect(first.out).toContain('~ pro: version 2');
  expect(second.out).toContain('No change: 2 plans are as published.');
  await farebox.app.queue.idle();
  const versions = await (await asSeller('GET', '/v1/plans/pro/versions')).json();
  expect(versions).toMatchObject({
    data: [
      { version: 2, on_sale: true, prices: [{ amount_minor: 59_900 }] },
      { version: 1, on_sale: false, prices: [{ amount_minor: 49_900 }] },
    ],
  });

  const file = join(folder, 'pulled.config.mjs');
  const pulled = await cli(['pull', '--out', file], farebox.list);
  expect([pulled.code, pulled.out.trim()]).toEqual([0, `Wrote 2 plans to ${file}.`]);
  expect(await loadPriceList(file)).toEqual(dearer);
  const again = await cli(['pull', '--out', file], farebox.list);
  expect([again.code, again.err]).toEqual([1, `${file} exists. Name another file, or add --force to replace it.\n`]);
  expect((await cli(['pull'], farebox.list)).out).toBe(readFileSync(file, 'utf8'));
  const exported = await (await asSeller('GET', '/v1/catalog/export')).json();
  expect(exported).toMatchObject({ price_list: toPlanFile(dearer), source: readFileSync(file, 'utf8') });
});

test('an option that is not known and a list with faults are said, every fault at once', async () => {
  const unknown = await cli(['diff', '--colour'], farebox.list);
  expect([unknown.code, unknown.out]).toEqual([1, '']);
  expect(unknown.err).toContain("Unknown option '--colour'");
  const answer = await asSeller('POST', '/v1/catalog/plan', { price_list: { currency: 'usd', plans: {}, vat: 3 } });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    code: 'invalid_request',
    errors: [
      { param: 'price_list.vat' },
      { param: 'price_list.seller', detail: 'is missing' },
      { param: 'price_list.plans' },
    ],
  });
  const missing = await farebox.visitor().request('GET', '/v1/plans/gold');
  expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'plan_not_found', param: 'id' }]);
  expect((await farebox.visitor().request('POST', '/v1/catalog/plan', { price_list: {} })).status).toBe(401);
});
