import { expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import { PlanFaults } from './faults.ts';
import type { PlanInput, PlanUsageInput } from './plan-file.ts';

function faultOf(requests: PlanUsageInput, plan: Partial<PlanInput> = {}): string | undefined {
  try {
    definePlans({
      seller: {
        name: 'Tidewatch',
        tagline: 'Tides for every harbour',
        description: 'Tide tables as an API.',
        support_email: 'help@tidewatch.example',
        key_prefix: 'tide',
        api_url: 'https://api.tidewatch.example',
      },
      currency: 'usd',
      meters: { requests: { name: 'Requests', unit: 'request' } },
      plans: { pro: { name: 'Pro', description: 'For business.', ...plan, usage: { requests } } },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof PlanFaults)) throw error;
    return error.faults.find(({ path }) => path === 'plans.pro.usage.requests.minimum')?.message;
  }
}

const overage = { unit_price: '1' };

test('a minimum is of an overage, more than nothing, and of a plan of its own', () => {
  expect(faultOf({ overage, minimum: '50' })).toBeUndefined();
  expect(faultOf({ included: 5, minimum: '10' })).toMatch(/no overage/);
  expect(faultOf({ overage, minimum: '0' })).toMatch(/is nothing/);
  expect(faultOf({ overage, minimum: '50' }, { add_on: true })).toMatch(/add-on/);
});
