import { definePlans } from '@farebox/core';

/** What `npm start` sells: Skycast, an invented weather API. Replace it with your own. */
export default definePlans({
  seller: {
    name: 'Skycast',
    tagline: 'Weather for any point on Earth, in one request',
    description:
      'Skycast answers with current conditions, a ten-day forecast and four decades of hourly observations for any latitude and ' +
      'longitude. One JSON endpoint, updated every fifteen minutes from satellites, radar and 38,000 ground stations.',
    support_email: 'help@skycast.example',
    key_prefix: 'sky',
    api_url: 'http://localhost:4010',
    example_path: '/v1/forecast?city=Oslo',
  },
  currency: 'usd',
  meters: {
    requests: { name: 'API requests', unit: 'request', aggregation: 'count' },
  },
  features: {
    history: { name: 'Historical data', description: 'Hourly observations for any place, back to 1985.' },
  },
  plans: {
    starter: {
      name: 'Starter',
      description: 'For a first app in production: live conditions and forecasts, with room to grow.',
      price: { month: '99' },
      usage: {
        requests: { included: 100_000, quota: 'soft', overage: { unit_price: '0.0012' } },
      },
      limits: [
        { limit: 10, window: '1s' },
        { limit: 300, window: '1m' },
      ],
      features: { history: false },
    },
    pro: {
      name: 'Pro',
      description:
        'For products that people check every morning. Ten times the requests, and the past as well as the future.',
      highlighted: true,
      price: { month: '499' },
      usage: {
        requests: {
          included: 1_000_000,
          quota: 'soft',
          overage: {
            tiers: [
              { up_to: 1_000_000, unit_price: '0.0008' },
              { up_to: 5_000_000, unit_price: '0.0006' },
              { up_to: null, unit_price: '0.0005' },
            ],
          },
        },
      },
      limits: [
        { limit: 100, window: '1s' },
        { limit: 3_000, window: '1m' },
      ],
      features: { history: true },
    },
    enterprise: {
      name: 'Enterprise',
      description:
        'For fleets, grids and trading desks, where the weather decides the day. The highest limits and the lowest price per request.',
      price: { month: '5000' },
      usage: {
        requests: { included: 20_000_000, quota: 'soft', overage: { unit_price: '0.0003' } },
      },
      limits: [
        { limit: 1_000, window: '1s' },
        { limit: 30_000, window: '1m' },
      ],
      features: { history: true },
    },
  },
  top_ups: { packs: ['10', '50', '200'], minimum: '5', maximum: '1000', expires_after_days: 365 },
  dunning: [
    { step: 'warn', after_days: 0 },
    { step: 'slow', after_days: 3, rate: '25%' },
    { step: 'read_only', after_days: 7 },
    { step: 'block', after_days: 14 },
  ],
});
