import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { compare } from '../src/scenario/compare.ts';
import { record, recordFlaw } from '../src/scenario/record.ts';
import { readScenario } from '../src/scenario/scenario.ts';

/** Recording, with a second sandbox in the place of Stripe: its account has another name, and a fault. */

let stripe: Sandbox;
let base: string;
const key = 'sk_test_51Recording';

beforeAll(async () => {
  stripe = await createSandbox({ account_name: 'The other one' });
  base = (await stripe.listen({ port: 0 })).url;
});
afterAll(() => stripe.close());

test('ids, times and secrets differ between accounts and are no difference', async () => {
  const scenario = readScenario({
    steps: [
      { call: 'POST /v1/customers', with: { name: 'Ada' }, as: 'customer' },
      {
        call: 'POST /v1/payment_intents',
        with: { amount: 500, currency: 'usd', customer: '${customer.id}' },
        as: 'intent',
      },
      { call: 'GET /v1/customers/cus_none', fails: { code: 'resource_missing' } },
    ],
  });
  const { sandbox, steps, stripe: theirs } = await record(scenario, { key, base });
  expect([theirs.passed, sandbox.passed]).toEqual([true, true]);
  expect(
    steps.flatMap(({ differences }) => differences).filter(({ path }) => path !== 'error.request_log_url'),
  ).toEqual([]);
});

test('a field that differs is told by its path, on both sides', async () => {
  const scenario = readScenario({
    steps: [
      { call: 'POST /v1/customers', with: { name: 'Ada' }, as: 'customer' },
      { call: 'POST /v1/invoices', with: { customer: '${customer.id}' } },
    ],
  });
  const { steps } = await record(scenario, { key, base });
  expect(steps[1]?.differences).toContainEqual({
    path: 'account_name',
    says: 'another value',
    stripe: '"The other one"',
    sandbox: '"Your business"',
  });
});

test('what is there on one side only, another type and another length are told; secrets are not', () => {
  const theirs = {
    a: 1,
    secret: 'whsec_abc',
    list: [1, 2],
    url: 'https://a.test/x',
    id: 'cus_aaaaaaaaaaaa',
    gone: null,
  };
  const ours = {
    a: '1',
    secret: 'whsec_def',
    list: [1],
    url: 'http://b.test/y',
    id: 'cus_bbbbbbbbbbbb',
    more: 'sk_test_abc',
  };
  expect(compare(theirs, ours)).toEqual([
    { path: 'a', says: 'another type', stripe: '1', sandbox: '"1"' },
    { path: 'list', says: 'another length', stripe: '2', sandbox: '1' },
    { path: 'gone', says: 'only at Stripe', stripe: 'null', sandbox: null },
    { path: 'more', says: 'only in the sandbox', stripe: null, sandbox: '"***"' },
  ]);
  expect(compare({ created: 1_800_000_000 }, { created: 1_800_000_200 })).toEqual([]);
  expect(compare({ created: 1_800_000_000 }, { created: 1_800_000_400 })).toHaveLength(1);
  expect(compare({ id: 'cus_aaaaaaaaaaaa' }, { id: 'sub_aaaaaaaaaaaa' })).toHaveLength(1);
});

test('a live key, no key and a foreign address without https are refused before anything is sent', async () => {
  expect(recordFlaw({ key: 'sk_live_abc' })).toContain('A live key is never used');
  expect(recordFlaw({ key: '' })).toContain('STRIPE_SECRET_KEY');
  expect(recordFlaw({ key, base: 'http://api.example.com' })).toContain('https');
  expect(recordFlaw({ key })).toBeNull();
  await expect(record(readScenario({ steps: [{ expect: {} }] }), { key: 'rk_live_x', base })).rejects.toThrow('live');
});

test('the program prints the differences and ends with 1 when there are any', async () => {
  const bin = new URL('../src/bin.js', import.meta.url).pathname;
  const run = (environment: Record<string, string>): Promise<{ code: number; stdout: string; stderr: string }> =>
    promisify(execFile)(
      process.execPath,
      ['--conditions=farebox', bin, 'record', 'upgrade-mid-month', '--stripe-url', base],
      { env: { ...process.env, ...environment } },
    ).then(
      (ended) => ({ code: 0, ...ended }),
      (cause: unknown) => cause as { code: number; stdout: string; stderr: string },
    );
  const told = await run({ STRIPE_SECRET_KEY: key });
  expect(told.stderr).toBe('');
  expect(told.stdout).toContain('account_name: another value (Stripe "The other one", sandbox "Your business")');
  expect(told.stdout).toMatch(/12 answers compared, \d+ fields differ\.\n$/);
  expect(told.code).toBe(1);
  const refused = await run({ STRIPE_SECRET_KEY: 'sk_live_abc' });
  expect(refused.stderr).toContain('A live key is never used');
});
