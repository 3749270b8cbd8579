import { refusal } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

const vat = { type: 'eu_vat', value: 'DE123456789' } as const;

/** Customers, what belongs to them, and the account. */
export const customerProbes: Probes = {
  'GET /v1/account': async ({ stripe }) => {
    has(await stripe.accounts.retrieveCurrent(), { object: 'account', charges_enabled: true });
  },
  'POST /v1/customers': async ({ stripe }) => {
    const customer = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada', metadata: { seats: 3 } });
    has(customer, { object: 'customer', email: 'ada@example.com', balance: 0, metadata: { seats: '3' } });
  },
  'GET /v1/customers/{id}': async ({ stripe }) => {
    const { id } = await stripe.customers.create({ name: 'Ada' });
    const found = await stripe.customers.retrieve(id, { expand: ['subscriptions', 'tax_ids'] });
    has(found, { id, subscriptions: { object: 'list', data: [] }, tax_ids: { data: [] } });
  },
  'POST /v1/customers/{id}': async ({ stripe }) => {
    const { id } = await stripe.customers.create({ name: 'Ada', metadata: { a: '1', b: '2' } });
    const changed = await stripe.customers.update(id, { name: '', metadata: { a: '' } });
    has(changed, { id, name: null, metadata: { b: '2' } });
  },
  'DELETE /v1/customers/{id}': async ({ stripe }) => {
    const { id } = await stripe.customers.create();
    has(await stripe.customers.del(id), { id, object: 'customer', deleted: true });
    has(await stripe.customers.retrieve(id), { id, deleted: true });
  },
  'DELETE /v1/customers/{id}/discount': async ({ stripe }) => {
    const { id } = await stripe.customers.create();
    has(await refusal(stripe.customers.deleteDiscount(id)), { type: 'StripeInvalidRequestError' });
  },
  'GET /v1/customers': async ({ stripe }) => {
    const { id, created } = await stripe.customers.create({ email: 'ada@example.com' });
    lists(await stripe.customers.list({ email: 'ada@example.com', created: { gte: created } }), id);
  },
  'GET /v1/customers/{id}/payment_methods': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    lists(await stripe.customers.listPaymentMethods(customer, { type: 'card' }), id);
  },
  'POST /v1/customers/{id}/tax_ids': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    has(await stripe.customers.createTaxId(customer, vat), { object: 'tax_id', customer, ...vat, country: 'DE' });
  },
  'GET /v1/customers/{id}/tax_ids': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createTaxId(customer, vat);
    lists(await stripe.customers.listTaxIds(customer), id);
  },
  'GET /v1/customers/{id}/tax_ids/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createTaxId(customer, vat);
    has(await stripe.customers.retrieveTaxId(customer, id), { id, ...vat });
  },
  'DELETE /v1/customers/{id}/tax_ids/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createTaxId(customer, vat);
    has(await stripe.customers.deleteTaxId(customer, id), { id, object: 'tax_id', deleted: true });
  },
  'POST /v1/tax_ids': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const made = await stripe.taxIds.create({ ...vat, owner: { type: 'customer', customer } });
    has(made, { object: 'tax_id', owner: { type: 'customer', customer } });
  },
  'GET /v1/tax_ids/{id}': async ({ stripe }) => {
    const { id } = await stripe.taxIds.create({ ...vat, owner: { type: 'self' } });
    has(await stripe.taxIds.retrieve(id), { id, owner: { type: 'self' } });
  },
  'GET /v1/tax_ids': async ({ stripe }) => {
    const { id } = await stripe.taxIds.create({ ...vat, owner: { type: 'self' } });
    lists(await stripe.taxIds.list({ owner: { type: 'self' } }), id);
  },
  'DELETE /v1/tax_ids/{id}': async ({ stripe }) => {
    const { id } = await stripe.taxIds.create({ ...vat, owner: { type: 'self' } });
    has(await stripe.taxIds.del(id), { id, deleted: true });
  },
  'POST /v1/customers/{id}/balance_transactions': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const made = await stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: 'usd' });
    has(made, { object: 'customer_balance_transaction', amount: -500, ending_balance: -500, type: 'adjustment' });
  },
  'GET /v1/customers/{id}/balance_transactions': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: 'usd' });
    lists(await stripe.customers.listBalanceTransactions(customer), id);
  },
  'GET /v1/customers/{id}/balance_transactions/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: 'usd' });
    has(await stripe.customers.retrieveBalanceTransaction(customer, id), { id, amount: -500 });
  },
  'POST /v1/customers/{id}/balance_transactions/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.customers.createBalanceTransaction(customer, { amount: -500, currency: 'usd' });
    const changed = await stripe.customers.updateBalanceTransaction(customer, id, { description: 'Sorry' });
    has(changed, { id, description: 'Sorry' });
  },
};
