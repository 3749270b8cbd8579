import { describe, expect, test } from 'vitest';
import { definePlans } from './define-plans.ts';
import {
  type PricedPlan,
  atPrice,
  currenciesOf,
  findPrice,
  isAddOn,
  isFree,
  isOfferedTo,
  withAddOns,
} from './priced-plan.ts';

const list = definePlans({
  seller: {
    name: 'Skycast',
    tagline: 'Weather.',
    description: 'A weather API.',
    support_email: 'help@skycast.example',
    key_prefix: 'sky',
    api_url: 'https://api.skycast.example',
  },
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request' }, tiles: { name: 'Map tiles', unit: 'tile' } },
  features: { history: { name: 'History', description: 'Back to 1979.' } },
  plans: {
    free: { name: 'Free', description: 'To try.', usage: { requests: { included: 100 } } },
    pay_as_you_go: {
      name: 'Pay as you go',
      description: 'Usage alone.',
      usage: { requests: { overage: { unit_price: '0.001' } } },
    },
    pro: {
      name: 'Pro',
      description: 'For business.',
      price: { month: { usd: '99', eur: '89' }, year: { usd: '990', eur: '890' } },
      usage: { requests: { included: 1000, overage: { unit_price: { usd: '0.001', eur: '0.0009' } } } },
      limits: [{ limit: 10, window: '1s' }],
    },
    acme: { name: 'Acme', description: 'As agreed.', customer: 'crm-7', price: { month: '4200' } },
    more: {
      name: 'More',
      description: 'A block of requests, map tiles and history.',
      add_on: ['pro'],
      price: { month: '20' },
      usage: { requests: { included: 500 }, tiles: { included: 10 } },
      limits: [{ limit: 5, window: '1s' }],
      features: { history: true },
    },
  },
});

const [free, payAsYouGo, pro, acme, more] = list.plans;
if (!free || !payAsYouGo || !pro || !acme || !more) throw new Error('The list has five plans.');

function monthly(plan: typeof pro, currency = 'usd'): PricedPlan {
  if (plan === undefined) throw new Error('There is such a plan.');
  return atPrice(plan, { currency, interval: 'month' });
}

describe('who is offered a plan', () => {
  test('a public plan is offered to everybody', () => {
    expect(isOfferedTo(pro, null)).toBe(true);
    expect(isOfferedTo(pro, { id: 'cust_1', external_id: null })).toBe(true);
  });

  test.each([
    ['who has no account', null, false],
    ['another customer', { id: 'cust_1', external_id: null }, false],
    ["its customer, by the seller's id", { id: 'cust_1', external_id: 'crm-7' }, true],
    ["its customer, by Farebox's id", { id: 'crm-7', external_id: null }, true],
  ])('a custom plan, to %s', (_, customer, offered) => {
    expect(isOfferedTo(acme, customer)).toBe(offered);
  });
});

describe('the price somebody pays', () => {
  test.each([
    [{}, 'usd month 9900'],
    [{ interval: 'year' as const }, 'usd year 99000'],
    [{ currency: 'eur' }, 'eur month 8900'],
    [{ currency: 'eur', interval: 'year' as const }, 'eur year 89000'],
    [{ currency: 'gbp' }, null],
    [{ interval: 'week' as const }, null],
  ])('asked for %o it is %s', (asked, expected) => {
    const price = findPrice(pro, asked);
    expect(price && `${price.currency} ${price.interval} ${price.amount_minor}`).toBe(expected);
  });

  test('a plan at a price has the overage of its currency', () => {
    expect(monthly(pro, 'eur').usage[0]?.overage).toEqual({ type: 'per_unit', unit_price_decimal: '0.09' });
    expect(() => monthly(pro, 'gbp')).toThrow(RangeError);
  });

  test('only what never costs anything is free', () => {
    expect([free, payAsYouGo, pro].map((plan) => isFree(plan))).toEqual([true, false, false]);
    expect(currenciesOf(list)).toEqual(['usd', 'eur']);
  });
});

describe('a plan with add-ons', () => {
  test('adds its units and limits as often as it was bought; brings its own meters; turns features on', () => {
    expect([isAddOn(pro), isAddOn(more)]).toEqual([false, true]);
    const grown = withAddOns(monthly(pro), [{ plan: monthly(more), quantity: 3 }]);
    expect(grown.usage.map((usage) => [usage.meter_id, usage.included, usage.quota])).toEqual([
      ['requests', 2500, 'soft'],
      ['tiles', 30, 'hard'],
    ]);
    expect(grown.limits.map((limit) => limit.limit)).toEqual([25]);
    expect(grown.features).toEqual({ history: true });
    expect(withAddOns(monthly(pro), [])).toEqual(monthly(pro));
  });

  test('adds its minimums as often as it was bought, to those of the meter or of the whole plan', () => {
    const least = (plan: PricedPlan, minimum_minor: number): PricedPlan => ({
      ...plan,
      usage: plan.usage.map((usage) => ({ ...usage, minimum_minor })),
    });
    const tiles = monthly(payAsYouGo).usage.map((usage) => ({ ...usage, meter_id: 'tiles', minimum_minor: 50 }));
    const added = {
      plan: { ...least(monthly(more), 200), usage: [...least(monthly(more), 200).usage.slice(0, 1), ...tiles] },
      quantity: 3,
    };
    const minimums = ({ usage }: PricedPlan) => usage.map(({ minimum_minor }) => minimum_minor);
    expect(minimums(withAddOns(least(monthly(pro), 1000), [added]))).toEqual([1600, 150]);
    expect(minimums(withAddOns(monthly(pro), [added]))).toEqual([600, 150]);
    const whole = withAddOns({ ...monthly(pro), minimum: { interval: 'month', amount_minor: 5000 } }, [added]);
    expect(whole.minimum).toEqual({ interval: 'month', amount_minor: 5000 + 750 });
    expect(minimums(whole)).toEqual([undefined, undefined]);
  });
});
