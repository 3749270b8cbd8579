import { expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import { PlanFaults } from './faults.ts';
import type { PlanInput, PlanUsageInput } from './plan-file.ts';

const list = {
  seller: {
    name: 'Tidewatch',
    tagline: 'Tides for every harbour',
    description: 'Tide tables as an API.',
    support_email: 'help@tidewatch.example',
    key_prefix: 'tide',
    api_url: 'https://api.tidewatch.example',
  },
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request' }, bytes: { name: 'Bytes', unit: 'byte' } },
};

function faultOf(requests: PlanUsageInput, plan: Partial<PlanInput> = {}): string | undefined {
  try {
    definePlans({
      ...list,
      plans: { pro: { name: 'Pro', description: 'For business.', ...plan, usage: { requests } } },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof PlanFaults)) throw error;
    return error.faults.find(({ path }) => path === 'plans.pro.usage.requests.minimum')?.message;
  }
}

const overage = { unit_price: '1' };

test('a minimum is of an overage and more than nothing, in an add-on too', () => {
  expect(faultOf({ overage, minimum: '50' })).toBeUndefined();
  expect(faultOf({ included: 5, minimum: '10' })).toMatch(/no overage/);
  expect(faultOf({ overage, minimum: '0' })).toMatch(/is nothing/);
  expect(faultOf({ overage, minimum: '50' }, { add_on: true })).toBeUndefined();
});

function planFaultsOf(plan: Partial<PlanInput>): string[] {
  try {
    definePlans({ ...list, plans: { pro: { name: 'Pro', description: 'For business.', minimum: '50', ...plan } } });
    return [];
  } catch (error) {
    if (!(error instanceof PlanFaults)) throw error;
    return error.faults.filter(({ path }) => path === 'plans.pro.minimum').map(({ message }) => message);
  }
}

test('the minimum of a whole plan is of usage that is priced and billed together, and the only one', () => {
  const priced = { overage };
  expect(planFaultsOf({ usage: { requests: priced, bytes: priced } })).toEqual([]);
  expect(planFaultsOf({ usage: { requests: priced, bytes: { included: 5 } } })).toEqual([]);
  expect(planFaultsOf({})).toEqual([expect.stringContaining('no meter has an overage')]);
  expect(planFaultsOf({ usage: { requests: { included: 5 } } })).toHaveLength(1);
  const apart = { requests: priced, bytes: { ...priced, per: 'day' as const } };
  expect(planFaultsOf({ usage: apart })).toEqual([expect.stringContaining('billed together')]);
  expect(planFaultsOf({ usage: { requests: { ...priced, minimum: '5' } } })).toEqual([
    expect.stringContaining('leave one of them out'),
  ]);
  expect(planFaultsOf({ usage: { requests: priced }, minimum: '0' })).toEqual([expect.stringContaining('is nothing')]);
  expect(planFaultsOf({ usage: { requests: priced }, add_on: true })).toEqual([expect.stringContaining('add-on')]);
});
