import type Stripe from 'stripe';
import { idOf, refusal } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

const auto = { automatic_payment_methods: { enabled: true, allow_redirects: 'never' } } as const;

async function paid(stripe: Stripe, payment_method = 'pm_card_visa'): Promise<Stripe.PaymentIntent> {
  return await stripe.paymentIntents.create({ amount: 2_000, currency: 'usd', payment_method, confirm: true, ...auto });
}

async function disputed(stripe: Stripe): Promise<Stripe.Dispute> {
  await paid(stripe, 'pm_card_createDispute');
  const [dispute] = (await stripe.disputes.list()).data;
  if (dispute === undefined) throw new Error('The charge was not disputed.');
  return dispute;
}

/** Payment methods, intents, charges, refunds, disputes. */
export const paymentProbes: Probes = {
  'POST /v1/payment_methods': async ({ stripe }) => {
    const card = { number: '4242424242424242', exp_month: 12, exp_year: 2040, cvc: '123' };
    const method = await stripe.paymentMethods.create({ type: 'card', card });
    has(method, { object: 'payment_method', type: 'card', customer: null, card: { brand: 'visa', last4: '4242' } });
  },
  'GET /v1/payment_methods/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    has(await stripe.paymentMethods.retrieve(id), { id, card: { last4: '4242' } });
  },
  'POST /v1/payment_methods/{id}': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    const changed = await stripe.paymentMethods.update(id, { billing_details: { name: 'Ada' } });
    has(changed, { id, billing_details: { name: 'Ada' } });
  },
  'GET /v1/payment_methods': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    lists(await stripe.paymentMethods.list({ customer, type: 'card' }), id);
  },
  'POST /v1/payment_methods/{id}/attach': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    has(await stripe.paymentMethods.attach('pm_card_mastercard', { customer }), {
      customer,
      card: { brand: 'mastercard' },
    });
  },
  'POST /v1/payment_methods/{id}/detach': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    has(await stripe.paymentMethods.detach(id), { id, customer: null });
  },
  'POST /v1/setup_intents': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const intent = await stripe.setupIntents.create({ customer, usage: 'off_session' });
    has(intent, { object: 'setup_intent', status: 'requires_payment_method', usage: 'off_session', customer });
  },
  'GET /v1/setup_intents/{id}': async ({ stripe }) => {
    const { id } = await stripe.setupIntents.create();
    has(await stripe.setupIntents.retrieve(id), { id, object: 'setup_intent' });
  },
  'POST /v1/setup_intents/{id}': async ({ stripe }) => {
    const { id } = await stripe.setupIntents.create();
    has(await stripe.setupIntents.update(id, { description: 'Later' }), { id, description: 'Later' });
  },
  'POST /v1/setup_intents/{id}/confirm': async ({ stripe }) => {
    const customer = (await stripe.customers.create()).id;
    const { id } = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_visa', ...auto });
    has(await stripe.setupIntents.confirm(id), { id, status: 'succeeded' });
  },
  'POST /v1/setup_intents/{id}/cancel': async ({ stripe }) => {
    const { id } = await stripe.setupIntents.create();
    has(await stripe.setupIntents.cancel(id), { id, status: 'canceled' });
  },
  'GET /v1/setup_intents': async ({ stripe }) => {
    const { id } = await stripe.setupIntents.create();
    lists(await stripe.setupIntents.list(), id);
  },
  'POST /v1/payment_intents': async ({ stripe }) => {
    has(await paid(stripe), { object: 'payment_intent', status: 'succeeded', amount_received: 2_000 });
  },
  'GET /v1/payment_intents/{id}': async ({ stripe }) => {
    const { id } = await paid(stripe);
    const found = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge', 'payment_method'] });
    has(found, { id, latest_charge: { object: 'charge', paid: true }, payment_method: { type: 'card' } });
  },
  'POST /v1/payment_intents/{id}': async ({ stripe }) => {
    const { id } = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    has(await stripe.paymentIntents.update(id, { amount: 150 }), { id, amount: 150 });
  },
  'POST /v1/payment_intents/{id}/confirm': async ({ stripe }) => {
    const { id } = await stripe.paymentIntents.create({ amount: 100, currency: 'usd', ...auto });
    has(await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }), { id, status: 'succeeded' });
  },
  'POST /v1/payment_intents/{id}/capture': async ({ stripe }) => {
    const { id, status } = await stripe.paymentIntents.create({
      amount: 100,
      currency: 'usd',
      capture_method: 'manual',
      payment_method: 'pm_card_visa',
      confirm: true,
      ...auto,
    });
    has({ status }, { status: 'requires_capture' });
    has(await stripe.paymentIntents.capture(id), { id, status: 'succeeded', amount_received: 100 });
  },
  'POST /v1/payment_intents/{id}/cancel': async ({ stripe }) => {
    const { id } = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    has(canceled, { id, status: 'canceled', cancellation_reason: 'abandoned' });
  },
  'GET /v1/payment_intents': async ({ stripe }) => {
    const { id } = await paid(stripe);
    lists(await stripe.paymentIntents.list(), id);
  },
  'GET /v1/charges/{id}': async ({ stripe }) => {
    const id = idOf((await paid(stripe)).latest_charge);
    has(await stripe.charges.retrieve(id), { id, amount: 2_000, captured: true, refunded: false });
  },
  'GET /v1/charges': async ({ stripe }) => {
    const { id, latest_charge } = await paid(stripe);
    lists(await stripe.charges.list({ payment_intent: id }), idOf(latest_charge));
  },
  'POST /v1/refunds': async ({ stripe }) => {
    const payment_intent = (await paid(stripe)).id;
    has(await stripe.refunds.create({ payment_intent, amount: 500 }), {
      object: 'refund',
      amount: 500,
      status: 'succeeded',
    });
  },
  'GET /v1/refunds/{id}': async ({ stripe }) => {
    const { id } = await stripe.refunds.create({ payment_intent: (await paid(stripe)).id });
    has(await stripe.refunds.retrieve(id), { id, amount: 2_000 });
  },
  'GET /v1/refunds': async ({ stripe }) => {
    const payment_intent = (await paid(stripe)).id;
    const { id } = await stripe.refunds.create({ payment_intent });
    lists(await stripe.refunds.list({ payment_intent }), id);
  },
  'GET /v1/radar/early_fraud_warnings': async ({ stripe }) => {
    has(await stripe.radar.earlyFraudWarnings.list({ limit: 3 }), { object: 'list', data: [], has_more: false });
  },
  'GET /v1/radar/early_fraud_warnings/{id}': async ({ stripe }) => {
    const asked = stripe.radar.earlyFraudWarnings.retrieve('issfr_none');
    has(await refusal(asked), { code: 'resource_missing', statusCode: 404 });
  },
  'GET /v1/disputes': async ({ stripe }) => {
    has(await disputed(stripe), { object: 'dispute', amount: 2_000, status: 'needs_response' });
  },
  'GET /v1/disputes/{id}': async ({ stripe }) => {
    const { id } = await disputed(stripe);
    has(await stripe.disputes.retrieve(id), { id, reason: 'fraudulent' });
  },
  'POST /v1/disputes/{id}': async ({ stripe }) => {
    const { id } = await disputed(stripe);
    const evidence = { uncategorized_text: 'winning_evidence' };
    has(await stripe.disputes.update(id, { evidence, submit: true }), { id, status: 'won' });
  },
  'POST /v1/disputes/{id}/close': async ({ stripe }) => {
    const { id } = await disputed(stripe);
    has(await stripe.disputes.close(id), { id, status: 'lost' });
  },
};
