import { afterAll, expect, test } from 'vitest';
import contract from '../src/contract/contract.json' with { type: 'json' };
import { canLoad } from '../src/http/expansions.ts';
import { builtRoutes } from '../src/http/routes.ts';
import { bench, DAY, refusal, subscriber } from './harness.ts';
import { probes } from './probes/all.ts';
import { runProbe, type World } from './probes/probe.ts';

const expandable: Record<string, Record<string, string>> = contract.expandable;
const embedded: Record<string, Record<string, string>> = contract.embedded;

/** Lists that need nothing to be asked, with the object each holds. */
const lists = builtRoutes
  .filter(
    (route) =>
      /^GET \/v1\/[^{]*$/.test(route) &&
      !/search|balance$|account$|summary$|preview|credit_balance|subscription_items|setup_attempts/.test(route),
  )
  .map((route) => route.slice(4));

/** `charge payment_intent`: the ways that an id was seen at and replaced, and those that were null. */
const expanded = new Set<string>();
const empty = new Set<string>();

interface Way {
  /** From the object of the list. */
  path: string;
  object: string;
  way: string;
}

/** Every way below an object, also through the objects and lists that stand inside it. */
function waysOf(object: string, prefix = '', depth = 0): Way[] {
  const own = Object.keys(expandable[object] ?? {}).map((way) => ({ path: `${prefix}${way}`, object, way }));
  if (depth > 1) return own;
  const inner = Object.entries(embedded[object] ?? {}).flatMap(([way, held]) =>
    held.split('|').flatMap((each) => {
      const is_list = ['items', 'lines', 'payments', 'subscriptions', 'tax_ids', 'refunds', 'line_items'].includes(way);
      return waysOf(each, `${prefix}${way}.${is_list ? 'data.' : ''}`, depth + 1);
    }),
  );
  return [...own, ...inner];
}

/** What stands at a way, of lists all that stands there. */
function at(value: unknown, keys: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => at(each, keys));
  const [key, ...rest] = keys;
  if (key === undefined) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return at((value as Record<string, unknown>)[key], rest);
}

/** The page of a list that asks for nothing else, expanded. */
async function page({ sandbox }: World, path: string, expand?: string): Promise<{ object: string }[]> {
  const asked = `${path}?limit=100${expand === undefined ? '' : `&expand[]=${expand}`}`;
  const request = new Request(`http://stripe.test${asked}`, { headers: { authorization: 'Bearer sk_test_probe' } });
  const answer = await sandbox.fetch(request);
  const body = (await answer.json()) as { data: { object: string }[] };
  expect(answer.status, `${asked} ${JSON.stringify(body)}`).toBe(200);
  return body.data;
}

async function expandEverything(world: World): Promise<void> {
  for (const path of lists) {
    const data = await page(world, path);
    for (const object of new Set(data.map((each) => each.object))) {
      for (const way of waysOf(object)) {
        const keys = way.path.split('.');
        const name = `${way.object} ${way.way}`;
        // Once is enough.
        if (expanded.has(name)) continue;
        const before = at(data, keys).filter((each) => each !== null && each !== undefined);
        const targets = (expandable[way.object]?.[way.way] ?? '').split('|');
        if (before.some((each) => typeof each === 'string') && !canLoad(targets)) continue;
        if (keys.filter((key) => key !== 'data').length > 4 || (before.length === 0 && empty.has(name))) continue;
        const after = at(await page(world, path, `data.${way.path}`), keys);
        for (const each of after.filter((found) => found !== null && found !== undefined)) {
          expect(targets, `${way.path}: ${JSON.stringify(each)}`).toContain((each as { object?: string }).object);
          expanded.add(name);
        }
        if (before.length === 0) empty.add(name);
      }
    }
  }
}

test.each(['fields', 'money', 'subscriptions', 'invoices', 'schedules', 'usage', 'hosted'])(
  'everything that may be expanded expands, in the worlds of the probes of %s',
  async (area) => {
    for (const [name, run] of Object.entries(probes[area] ?? {})) await runProbe(name, run, expandEverything);
  },
);

afterAll(() => {
  const all = Object.values(expandable).reduce((sum, ways) => sum + Object.keys(ways).length, 0);
  const without = [...empty].filter((name) => !expanded.has(name)).length;
  process.stdout.write(
    `expansion: ${all} ways in the contract, ${expanded.size} shown as objects, ${without} accepted and null\n`,
  );
  expect(expanded.size).toBeGreaterThan(50);
});

test('four levels are expanded, through lists, and a fifth is refused', async () => {
  const b = await bench();
  const { subscription } = await subscriber(b.stripe);
  const deep = await b.stripe.subscriptions.list({
    expand: ['data.latest_invoice.payments.data.payment.payment_intent'],
  });
  expect(deep.data[0]?.latest_invoice).toMatchObject({
    payments: { data: [{ payment: { payment_intent: { amount: 49_900 } } }] },
  });
  const four = ['latest_invoice.customer.invoice_settings.default_payment_method'];
  expect(await b.stripe.subscriptions.retrieve(subscription.id, { expand: four })).toMatchObject({
    id: subscription.id,
  });
  const five = ['latest_invoice.customer.subscriptions.data.customer.test_clock'];
  expect(await refusal(b.stripe.subscriptions.retrieve(subscription.id, { expand: five }))).toMatchObject({
    statusCode: 400,
    code: 'property_expansion_max_depth',
    param: 'expand',
  });
  await b.close();
});

test('what cannot be expanded is refused in the words of Stripe, also below what is null', async () => {
  const b = await bench();
  const { customer } = await subscriber(b.stripe);
  for (const path of [
    'metadata',
    'nothing',
    'email',
    'invoice_settings',
    'subscriptions.data.nothing',
    'address.city',
  ]) {
    const error = await refusal(b.stripe.customers.retrieve(customer.id, { expand: [path] }));
    expect(error).toMatchObject({ message: `This property cannot be expanded (${path}).`, param: 'expand' });
  }
  const listed = await refusal(b.stripe.customers.list({ expand: ['invoice_settings.default_payment_method'] }));
  expect(listed.message).toBe('This property cannot be expanded (invoice_settings.default_payment_method).');
  const below_null = await refusal(b.stripe.subscriptions.list({ expand: ['data.schedule.nothing'] }));
  expect(below_null.message).toBe('This property cannot be expanded (data.schedule.nothing).');
  await b.close();
});

test('a test clock expands in what lives on it', async () => {
  const b = await bench();
  const clock = await b.stripe.testHelpers.testClocks.create({
    frozen_time: Math.floor(Date.now() / 1000) + DAY / 1000,
  });
  const customer = await b.stripe.customers.create({ test_clock: clock.id, expand: ['test_clock'] });
  expect(customer.test_clock).toMatchObject({ object: 'test_helpers.test_clock', id: clock.id });
  await b.close();
});
