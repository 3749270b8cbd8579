import type Stripe from 'stripe';
import { idOf, refusal } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

const auto = { automatic_payment_methods: { enabled: true, allow_redirects: 'never' } } as const;
const card = { number: '4242424242424242', exp_month: '12', exp_year: '2040', cvc: '123' };

async function paid(stripe: Stripe): Promise<Stripe.PaymentIntent> {
  const payment_method = 'pm_card_visa';
  return await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd', payment_method, confirm: true, ...auto });
}

async function setUp(stripe: Stripe): Promise<Stripe.SetupIntent> {
  return await stripe.setupIntents.create({
    customer: (await stripe.customers.create()).id,
    payment_method: 'pm_card_visa',
    confirm: true,
    mandate_data: { customer_acceptance: { type: 'offline' } },
    ...auto,
  });
}

/** What stands around a payment: the balance, tokens, mandates, attempts. */
export const moneyProbes: Probes = {
  'GET /v1/balance': async ({ stripe }) => {
    await paid(stripe);
    has(await stripe.balance.retrieve(), { object: 'balance', livemode: false });
  },
  'GET /v1/balance_transactions': async ({ stripe }) => {
    const charge = idOf((await paid(stripe)).latest_charge);
    has(await stripe.balanceTransactions.list({ source: charge }), { data: [{ amount: 2_000, source: charge }] });
  },
  'GET /v1/balance_transactions/{id}': async ({ stripe }) => {
    await paid(stripe);
    const id = (await stripe.balanceTransactions.list()).data[0]?.id ?? '';
    has(await stripe.balanceTransactions.retrieve(id), { id, object: 'balance_transaction', type: 'charge' });
  },
  'POST /v1/charges/{id}': async ({ stripe }) => {
    const id = idOf((await paid(stripe)).latest_charge);
    has(await stripe.charges.update(id, { description: 'Lamp' }), { id, description: 'Lamp' });
  },
  'POST /v1/refunds/{id}': async ({ stripe }) => {
    const { id } = await stripe.refunds.create({ payment_intent: (await paid(stripe)).id });
    has(await stripe.refunds.update(id, { metadata: { why: 'late' } }), { id, metadata: { why: 'late' } });
  },
  'POST /v1/refunds/{id}/cancel': async ({ stripe }) => {
    const { id } = await stripe.refunds.create({ payment_intent: (await paid(stripe)).id });
    has(await refusal(stripe.refunds.cancel(id)), { type: 'StripeInvalidRequestError' });
  },
  'GET /v1/setup_attempts': async ({ stripe }) => {
    const setup_intent = (await setUp(stripe)).id;
    const found = await stripe.setupAttempts.list({ setup_intent });
    has(found, { data: [{ object: 'setup_attempt', setup_intent, status: 'succeeded' }] });
  },
  'GET /v1/mandates/{id}': async ({ stripe }) => {
    const id = idOf((await setUp(stripe)).mandate);
    has(await stripe.mandates.retrieve(id), { id, object: 'mandate', status: 'active', type: 'multi_use' });
  },
  'GET /v1/customers/{id}/payment_methods/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    has(await stripe.customers.retrievePaymentMethod(customer, id), { id, customer });
    lists(await stripe.customers.listPaymentMethods(customer), id);
  },
  'POST /v1/tokens': async ({ stripe }) => {
    has(await stripe.tokens.create({ card }), { object: 'token', type: 'card', used: false, card: { last4: '4242' } });
  },
  'GET /v1/tokens/{id}': async ({ stripe }) => {
    const { id } = await stripe.tokens.create({ card });
    has(await stripe.tokens.retrieve(id), { id, type: 'card' });
  },
  'POST /v1/test_helpers/confirmation_tokens': async ({ stripe }) => {
    const made = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
    has(made, { object: 'confirmation_token', livemode: false });
  },
  'GET /v1/confirmation_tokens/{id}': async ({ stripe }) => {
    const { id } = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
    has(await stripe.confirmationTokens.retrieve(id), { id, payment_method_preview: { type: 'card' } });
  },
  'POST /v1/customer_sessions': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const components = { payment_element: { enabled: true } };
    const made = await stripe.customerSessions.create({ customer, components });
    has(made, { object: 'customer_session', customer, components });
  },
};
