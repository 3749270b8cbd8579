import { subscriber } from '../harness.ts';
import { has, type Probes } from './probe.ts';

const page = { object: 'search_result', has_more: false, next_page: null } as const;

/** Searching. */
export const searchProbes: Probes = {
  'GET /v1/customers/search': async ({ stripe }) => {
    const { id } = await stripe.customers.create({ name: 'Ada', metadata: { tier: 'gold' } });
    const query = 'name:"ada" AND metadata["tier"]:"gold"';
    const found = await stripe.customers.search({ query, expand: ['total_count'] });
    has(found, { ...page, data: [{ id }], total_count: 1, url: '/v1/customers/search' });
  },
  'GET /v1/charges/search': async ({ stripe }) => {
    await subscriber(stripe);
    has(await stripe.charges.search({ query: 'amount>100 AND status:"succeeded"' }), { ...page, data: [{}] });
  },
  'GET /v1/invoices/search': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe);
    const found = await stripe.invoices.search({ query: `subscription:"${subscription.id}"` });
    has(found, { ...page, data: [{ object: 'invoice', status: 'paid' }] });
  },
  'GET /v1/payment_intents/search': async ({ stripe }) => {
    const { customer } = await subscriber(stripe);
    const found = await stripe.paymentIntents.search({ query: `customer:"${customer.id}"` });
    has(found, { ...page, data: [{ object: 'payment_intent', customer: customer.id }] });
  },
  'GET /v1/prices/search': async ({ stripe }) => {
    const { price } = await subscriber(stripe);
    has(await stripe.prices.search({ query: 'active:"true"' }), { ...page, data: [{ id: price }] });
  },
  'GET /v1/products/search': async ({ stripe }) => {
    const { id } = await stripe.products.create({ name: 'Lamp', description: 'Bright and small' });
    has(await stripe.products.search({ query: 'description~"bright"' }), { ...page, data: [{ id }] });
  },
  'GET /v1/subscriptions/search': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe, { metadata: { team: 'a' } });
    const found = await stripe.subscriptions.search({ query: 'status:"active" AND -metadata["team"]:null' });
    has(found, { ...page, data: [{ id: subscription.id }] });
  },
};
