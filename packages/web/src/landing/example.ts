import type { LandingProps } from './props.ts';

/** A small price list in the shape the server hands over: what the tests of this folder render. */
export const exampleProps: LandingProps = {
  seller: {
    name: 'Skycast',
    tagline: 'Weather for software',
    description: 'Hourly forecasts and forty years of history for any point on Earth.',
    support_email: 'help@skycast.example',
    api_url: 'http://localhost:4010',
    currency: 'usd',
    meters: [{ id: 'requests', name: 'API requests', unit: 'request', aggregation: 'count' }],
    top_ups: null,
    livemode: false,
    inbox_url: null,
    groups: [{ id: 'main', name: 'Main' }],
    clock_movable: false,
    example_path: '/',
    key_prefix: 'sky',
  },
  plans: [
    {
      object: 'plan',
      id: 'starter',
      name: 'Starter',
      description: 'For a first product.',
      highlighted: true,
      group: 'main',
      adds_to: [],
      prices: [{ amount_minor: 9_900, currency: 'usd', interval: 'month', setup_fee_minor: 0 }],
      seats: null,
      trial: null,
      usage: [
        {
          meter_id: 'requests',
          included: 100_000,
          quota: 'soft',
          interval: 'month',
          overage: { usd: { type: 'per_unit', unit_price_decimal: '0.12' } },
        },
      ],
      limits: [
        { name: '1s', limit: 10, window_ms: 1_000 },
        { name: '1m', limit: 300, window_ms: 60_000 },
      ],
      features: [
        { id: 'history', name: 'Historical data', description: '', type: 'boolean', enabled: false, value: null },
      ],
      action: 'subscribe',
    },
  ],
  features: [{ id: 'history', name: 'Historical data', description: '40 years of hourly observations' }],
  signedIn: false,
  notice: null,
};
