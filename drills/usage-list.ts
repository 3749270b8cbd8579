import { definePlans } from '../packages/core/src/index.ts';
import { drillSeller } from './drill-seller.ts';

/** What a unit of each meter costs, in whole cents: what is billed can be worked out without any rule of rounding. */
export const unitCents = { requests: 1, seconds: 2, connections: 5, people: 10 } as const;

const from = (meter: keyof typeof unitCents) => ({
  overage: { unit_price: `0.${String(unitCents[meter]).padStart(2, '0')}` },
});

/** What the drill of usage sells: a meter of each way to count, of which two are fed by the same events. */
export default definePlans({
  seller: drillSeller,
  currency: 'usd',
  meters: {
    requests: { name: 'API requests', unit: 'request' },
    seconds: {
      name: 'Render time',
      unit: 'second',
      aggregation: 'sum',
      events: ['render'],
      value: 'seconds',
      group_by: ['region'],
    },
    connections: {
      name: 'Connections at once',
      unit: 'connection',
      aggregation: 'max',
      events: ['sample'],
      value: 'open',
    },
    people: {
      name: 'Active people',
      unit: 'person',
      aggregation: 'unique',
      events: ['render', 'sample'],
      value: 'person',
    },
  },
  plans: {
    drill: {
      name: 'Drill',
      description: 'Everything by use.',
      price: { month: '49' },
      usage: {
        requests: from('requests'),
        seconds: from('seconds'),
        connections: from('connections'),
        people: from('people'),
      },
    },
  },
});
