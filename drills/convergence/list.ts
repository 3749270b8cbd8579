import { definePlans } from '@farebox/core';
import { drillSeller } from '../drill-seller.ts';

/** A plan of each kind, and a reduction for ever and for once. */
export const list = definePlans({
  seller: drillSeller,
  currency: 'usd',
  meters: { requests: { name: 'Requests', unit: 'request', aggregation: 'count' } },
  plans: {
    starter: { name: 'Starter', description: 'Small.', price: { month: '99', year: '990' } },
    pro: { name: 'Pro', description: 'Large.', price: { month: '499' }, setup_fee: '25' },
    team: { name: 'Team', description: 'By the seat.', price: { month: '19.99' }, seats: { maximum: 50 } },
    tried: { name: 'Tried', description: 'With a trial.', price: { month: '49' }, trial: { days: 14 } },
    free: { name: 'Free', description: 'Costs nothing.', price: { month: '0' } },
  },
  coupons: {
    ten: { name: 'Ten percent', percent_off: '10', duration: 'forever', codes: { TENOFF: {} } },
    half: { name: 'Half once', percent_off: '50', duration: 'once', codes: { HALFONCE: {} } },
  },
});
