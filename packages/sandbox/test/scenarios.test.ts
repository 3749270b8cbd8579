import { afterEach, beforeEach, expect, test } from 'vitest';
import { shippedScenarios } from '../src/package-files.ts';
import { runScenario, type ScenarioResult } from '../src/scenario/run.ts';
import { readScenario, ScenarioFlaw } from '../src/scenario/scenario.ts';
import { filled, mismatch } from '../src/scenario/values.ts';
import { sandboxWorld } from '../src/scenario/world.ts';
import { type Bench, bench, standing } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2026-11-24T09:00:00Z') });
});
afterEach(() => b.close());

async function run(document: unknown): Promise<ScenarioResult> {
  const world = sandboxWorld(b.sandbox, (request) => b.sandbox.fetch(request), b.url, 'sk_test_scenario');
  return await runScenario(readScenario(document), world);
}

function flawOf(document: unknown): ScenarioFlaw {
  try {
    readScenario(document);
  } catch (cause) {
    if (cause instanceof ScenarioFlaw) return cause;
    throw cause;
  }
  throw new Error('It has no flaw.');
}

async function post(body: object): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`${b.url}/_sandbox/scenarios`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, answer: await response.json() };
}

test('every scenario that comes with the package passes', async () => {
  const shipped = await shippedScenarios();
  expect([...shipped.keys()]).toEqual(['failed-card', 'first-purchase', 'metered-overage', 'upgrade-mid-month']);
  for (const [name, document] of shipped) {
    expect({ name, failure: (await run(document)).failure }).toEqual({ name, failure: null });
  }
});

test('a step that comes out otherwise ends the run and is named with its place', async () => {
  const result = await run({
    name: 'Wrong',
    steps: [
      { call: 'POST /v1/customers', with: { name: 'Ada' }, as: 'customer' },
      { call: 'GET /v1/customers/${customer.id}', expect: { name: 'Grace' } },
      { call: 'POST /v1/products', with: { name: 'Never' } },
    ],
  });
  expect(result).toMatchObject({ passed: false, of_steps: 3 });
  expect(result.steps).toHaveLength(1);
  expect(result.failure).toEqual({
    step: 2,
    path: 'steps[1].expect["name"]',
    message: 'name: expected "Grace", got "Ada"',
  });
  expect((await b.stripe.products.list()).data).toEqual([]);
});

test('a refusal of the API is told with the parameter, a name that is not there with those that are', async () => {
  const refused = await run({ steps: [{ call: 'POST /v1/customers', with: { nmae: 'Ada' } }] });
  expect(refused.failure).toMatchObject({
    step: 1,
    path: 'steps[0].with.nmae',
    message: '400: Received unknown parameter: nmae (nmae)',
  });
  const unknown = await run({
    steps: [
      { call: 'POST /v1/customers', as: 'customer' },
      { call: 'POST /v1/customers/${customer.di}', with: {} },
    ],
  });
  expect(unknown.failure?.path).toBe('steps[1].call');
  expect(unknown.failure?.message).toContain('customer has no `di`, but id, object');
});

test('faults, the own clock, hosted pages and expected refusals are steps too', async () => {
  const result = await run({
    steps: [
      { call: 'POST /v1/products', with: { name: 'Pro' }, as: 'product' },
      { call: 'POST /v1/prices', with: { product: '${product.id}', currency: 'usd', unit_amount: 900 }, as: 'price' },
      {
        call: 'POST /v1/checkout/sessions',
        with: {
          mode: 'payment',
          line_items: [{ price: '${price.id}', quantity: 2 }],
          success_url: 'http://shop.test/done',
        },
        as: 'session',
      },
      { fault: { type: 'decline', decline_code: 'lost_card', times: null } },
      {
        call: 'POST /v1/payment_intents',
        with: {
          amount: 500,
          currency: 'usd',
          payment_method: 'pm_card_visa',
          confirm: true,
          automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        },
        fails: { code: 'card_declined', decline_code: 'lost_card', status: 402 },
      },
      { clear_faults: true },
      {
        submit: '${session.url}',
        with: {
          email: 'ada@example.com',
          number: '4242424242424242',
          exp: '12 / 40',
          cvc: '123',
          name: 'Ada',
          action: 'pay',
        },
      },
      { call: 'GET /v1/checkout/sessions/${session.id}', as: 'session', expect: { status: 'complete' } },
      { advance: { days: 1, hours: 2 } },
      { expect: { 'session.amount_total': { $gte: 1800, $lt: 1801 }, 'price.currency': { $not: 'eur' } } },
    ],
  });
  expect(result.failure).toBeNull();
  expect(b.sandbox.clock.now()).toBe(Date.parse('2026-11-25T11:00:00Z'));
  expect(b.sandbox.faults.list()).toEqual([]);
});

test('a document is read whole before anything runs, and a flaw names its step and place', () => {
  const step = (value: unknown): [number | null, string, string] => {
    const { message, path, step: number } = flawOf({ steps: [{ call: 'GET /v1/balance' }, value] });
    return [number, path, message];
  };
  expect(step({ call: 'PUT /v1/customers' })).toEqual([
    2,
    'steps[1].call',
    expect.stringContaining('a method and a path'),
  ]);
  expect(step({ call: 'GET /v1/x', wiht: {} })).toEqual([2, 'steps[1].wiht', 'A step with `call` has no `wiht`.']);
  expect(step({ advance: { weeks: 1 } })[1]).toBe('steps[1].advance.weeks');
  expect(step({ advance: {} })[2]).toContain('Say how far');
  expect(step({ advance: { to: 'tomorrow' } })[1]).toBe('steps[1].advance.to');
  expect(step({ call: 'GET /v1/x', as: 'a b' })[1]).toBe('steps[1].as');
  expect(step({ wait: 1 })[2]).toContain('A step has one of call, advance');
  expect(step('go')[2]).toBe('A step is an object.');
  expect(flawOf({ steps: [] }).path).toBe('steps');
  expect(flawOf({ stops: [] }).path).toBe('stops');
  expect(flawOf({ steps: Array.from({ length: 501 }, () => ({ expect: {} })) }).message).toContain('at most 500');
});

test('values keep their type where they stand alone, and expectations say what they found', () => {
  const names = { a: { n: 5, list: [{ id: 'x' }] } };
  expect(filled({ one: '${a.n}', two: 'n=${a.n}', three: ['${a.list[0].id}'] }, names)).toEqual({
    one: 5,
    two: 'n=5',
    three: ['x'],
  });
  expect(filled({ $time: '2026-01-01T00:00:00Z' }, {})).toBe(1_767_225_600);
  expect(() => filled('${a.list[1].id}', names)).toThrow('a.list has 1 entries');
  const cases: [unknown, unknown, string | null][] = [
    [[{ id: 1, b: 2 }], [{ id: 1 }], null],
    [[1], [1, 2], 'expected 2 entries, got 1'],
    [[{ id: 1 }], { $contains: { id: 2 } }, 'expected $contains {"id":2}, got [{"id":1}]'],
    ['in_1', { $matches: '^in_' }, null],
    [null, { a: 1 }, 'expected {"a":1}, got null'],
    [3, { $more: 2 }, 'there is no $more, only'],
  ];
  for (const [found, wanted, why] of cases) {
    const said = mismatch(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(wanted)));
    if (why === null) expect(said).toBeNull();
    else expect(said).toContain(why);
  }
});

test('a program posts a scenario: 200 when it passes, 422 when it does not, 400 when it is none', async () => {
  const steps = [{ call: 'POST /v1/customers', with: { name: 'Ada' }, expect: { name: 'Ada' } }];
  expect(await post({ name: 'Ok', steps })).toMatchObject({ status: 200, answer: { passed: true, name: 'Ok' } });
  expect(await post({ steps: [{ ...steps[0], expect: { name: 'Eve' } }] })).toMatchObject({
    status: 422,
    answer: { passed: false, failure: { step: 1, path: 'steps[0].expect["name"]' } },
  });
  expect(await post({ steps: [{}] })).toMatchObject({ status: 400, answer: { error: { step: 1, path: 'steps[0]' } } });
});

test('the control room runs an example and one of your own, and shows where it failed', async () => {
  const page = async (form?: Record<string, string>): Promise<string> => {
    const init = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
    return await (await fetch(`${b.url}/_sandbox/scenarios`, init)).text();
  };
  expect(await page()).toContain('Run First purchase and renewal');
  expect(await page({ shipped: 'first-purchase' })).toContain('First purchase and renewal: passed');
  expect(await page({ scenario: '{"steps": [' })).toContain('The scenario is not JSON');
  const failed = await page({ scenario: JSON.stringify({ steps: [{ call: 'GET /v1/customers/cus_none' }] }) });
  expect(failed).toContain('Step 1 failed');
  expect(failed).toContain('No such customer: &#39;cus_none&#39;');
});
