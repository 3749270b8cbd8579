import { beforeAll, describe, expect, test } from 'vitest';
import fields from '../src/contract/fields.json' with { type: 'json' };
import { builtRoutes } from '../src/http/routes.ts';
import examples from '../vectors/examples.json' with { type: 'json' };
import { forget, shown, unseen } from './conform.ts';
import { probes } from './probes/all.ts';
import { runProbe } from './probes/probe.ts';

beforeAll(forget);

test('every built route is called through the official SDK by a probe', () => {
  const named = Object.values(probes).flatMap((each) => Object.keys(each));
  const missing = builtRoutes.filter((route) => !named.includes(route));
  const advice = `These routes are built and have no probe. Add one to the file of test/probes that fits, for example
  '${missing[0]}': async ({ stripe }) => {
    has(await stripe.….(…), { object: '…' });
  },
The probe gets a sandbox of its own, must reach the route with a 2xx, and every answer on the way is held against the
SDK's types. Run it with: npx vitest run packages/sandbox/test/probes.test.ts`;
  expect(missing, advice).toEqual([]);
  const routes = named.filter((name) => name.includes(' /'));
  expect(
    routes.filter((route) => !builtRoutes.includes(route)),
    'probes of routes that are not built',
  ).toEqual([]);
  expect(named.length, 'a route has two probes').toBe(new Set(named).size);
});

for (const [area, own] of Object.entries(probes)) {
  describe(area, () => {
    test.each(Object.entries(own))('%s', (name, run) => runProbe(name, run));
  });
}

test('what probes see set of every object is written down', () => {
  const advice = 'Probes set more or fewer fields than before: run npm run coverage -w @farebox/sandbox';
  expect(unseen(), advice).toEqual(fields);
});

/** What the examples show and answers here never have, each with the reason. */
const left_out: Record<string, string> = {
  'account capabilities controller created external_accounts future_requirements requirements tos_acceptance':
    'nobody asks who stands behind the seller of tests',
};

test('answers have every field that the examples of Stripe have', () => {
  const expected = Object.keys(left_out).flatMap((line) => {
    const [object = '', ...names] = line.split(' ');
    return names.map((name) => `${object} ${name}`);
  });
  const missing = Object.entries(examples.fields).flatMap(([object, names]) => {
    const own = shown(object);
    return names.filter((name) => !own.includes(name)).map((name) => `${object} ${name}`);
  });
  expect(missing.toSorted()).toEqual(expected.toSorted());
});
