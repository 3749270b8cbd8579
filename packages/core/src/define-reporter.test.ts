import { expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import { PlanFaults } from './faults.ts';
import type { PlanInput, PriceListInput } from './plan-file.ts';

const base = { name: 'Pro', description: 'For business.', reporter: 'meters' } satisfies PlanInput;

function listOf(pro: PlanInput): PriceListInput {
  return {
    seller: {
      name: 'Tidewatch',
      tagline: 'Tides for every harbour',
      description: 'Tide tables as an API.',
      support_email: 'help@tidewatch.example',
      key_prefix: 'tide',
      api_url: 'https://api.tidewatch.example',
    },
    currency: 'usd',
    meters: {
      requests: { name: 'Requests', unit: 'request' },
      people: { name: 'People', unit: 'person', aggregation: 'unique', value: 'person' },
    },
    plans: { pro },
  };
}

function faultsOf(pro: PlanInput): Record<string, string> {
  try {
    definePlans(listOf(pro));
    return {};
  } catch (error) {
    if (!(error instanceof PlanFaults)) throw error;
    return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
  }
}

const at = (unit_price: string) => ({ unit_price });

test('a plan chooses its reporter; what is only bounded is sent nowhere', () => {
  const { plans } = definePlans(
    listOf({ ...base, usage: { requests: { included: 10, overage: at('0.01') }, people: { included: 5 } } }),
  );
  expect(plans[0]?.usage.map(({ meter_id, reporter }) => [meter_id, reporter])).toEqual([
    ['requests', 'meters'],
    ['people', undefined],
  ]);
  const { reporter: _, ...plain } = base;
  const without = definePlans(listOf({ ...plain, usage: { requests: { overage: at('0.01') } } }));
  expect(without.plans[0]?.usage[0]).not.toHaveProperty('reporter');
});

const tiers = [
  { up_to: 10, unit_price: '0.02' },
  { up_to: null, unit_price: '0.01' },
];

test.each<[string, PlanInput, string, RegExp]>([
  ['different people of hours', { ...base, usage: { people: { overage: at('1') } } }, 'people', /"unique" cannot be/],
  [
    'a quota by the month at a price by the year',
    { ...base, price: { year: '99' }, usage: { requests: { overage: at('1') } } },
    'requests',
    /a quota per month cannot go with a price by the year/,
  ],
  [
    'a volume price of what is past the included amount',
    { ...base, usage: { requests: { included: 5, overage: { volume: tiers } } } },
    'requests',
    /the included ones too/,
  ],
  [
    'packages of what is past the included amount',
    { ...base, usage: { requests: { included: 5, overage: { package_price: '1', package_size: 10 } } } },
    'requests',
    /begin with the first unit/,
  ],
])('%s is refused with why Stripe cannot', (_, plan, meter, why) => {
  expect(faultsOf(plan)[`plans.pro.usage.${meter}`]).toMatch(why);
});

test('an add-on chooses it as a plan does, and is refused what a plan is', () => {
  const addOn = { ...base, add_on: true };
  expect(faultsOf({ ...addOn, usage: { requests: { overage: at('1') } } })).toEqual({});
  expect(faultsOf({ ...addOn, usage: { people: { overage: at('1') } } })['plans.pro.usage.people']).toMatch(/"unique"/);
});
