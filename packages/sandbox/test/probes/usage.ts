import { deepStrictEqual } from 'node:assert';
import type Stripe from 'stripe';
import { has, lists, type Probes } from './probe.ts';

async function meterOf(stripe: Stripe): Promise<Stripe.Billing.Meter> {
  return await stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
}

async function grantOf(stripe: Stripe): Promise<Stripe.Billing.CreditGrant> {
  return await stripe.billing.creditGrants.create({
    customer: (await stripe.customers.create()).id,
    amount: { type: 'monetary', monetary: { currency: 'usd', value: 1_000 } },
    applicability_config: { scope: { price_type: 'metered' } },
    category: 'promotional',
    priority: 10,
  });
}

async function alertOf(stripe: Stripe): Promise<Stripe.Billing.Alert> {
  return await stripe.billing.alerts.create({
    alert_type: 'usage_threshold',
    title: 'Much',
    usage_threshold: { gte: 100, meter: (await meterOf(stripe)).id, recurrence: 'one_time' },
  });
}

/** The usage of one customer in the hour around an event, as Stripe sums it up. */
async function summed(stripe: Stripe, meter: string, customer: string, timestamp: number): Promise<number> {
  const start_time = timestamp - (timestamp % 60);
  const span = { customer, start_time, end_time: start_time + 60 };
  return (await stripe.billing.meters.listEventSummaries(meter, span)).data[0]?.aggregated_value ?? 0;
}

/** Meters, their events, credit grants and alerts. */
export const usageProbes: Probes = {
  'POST /v1/billing/meters': async ({ stripe }) => {
    has(await meterOf(stripe), {
      object: 'billing.meter',
      status: 'active',
      customer_mapping: { type: 'by_id', event_payload_key: 'stripe_customer_id' },
      value_settings: { event_payload_key: 'value' },
    });
  },
  'GET /v1/billing/meters/{id}': async ({ stripe }) => {
    const { id } = await meterOf(stripe);
    has(await stripe.billing.meters.retrieve(id), { id, event_name: 'requests' });
  },
  'POST /v1/billing/meters/{id}': async ({ stripe }) => {
    const { id } = await meterOf(stripe);
    has(await stripe.billing.meters.update(id, { display_name: 'Calls' }), { id, display_name: 'Calls' });
  },
  'GET /v1/billing/meters': async ({ stripe }) => {
    const { id } = await meterOf(stripe);
    lists(await stripe.billing.meters.list({ status: 'active' }), id);
  },
  'POST /v1/billing/meters/{id}/deactivate': async ({ stripe }) => {
    const { id } = await meterOf(stripe);
    has(await stripe.billing.meters.deactivate(id), { id, status: 'inactive' });
  },
  'POST /v1/billing/meters/{id}/reactivate': async ({ stripe }) => {
    const { id } = await meterOf(stripe);
    await stripe.billing.meters.deactivate(id);
    has(await stripe.billing.meters.reactivate(id), { id, status: 'active' });
  },
  'POST /v1/billing/meter_events': async ({ stripe }) => {
    await meterOf(stripe);
    const payload = { stripe_customer_id: (await stripe.customers.create()).id, value: '3' };
    const event = await stripe.billing.meterEvents.create({ event_name: 'requests', payload, identifier: 'one' });
    has(event, { object: 'billing.meter_event', event_name: 'requests', identifier: 'one', payload });
  },
  'GET /v1/billing/meters/{id}/event_summaries': async ({ stripe, sandbox }) => {
    const { id } = await meterOf(stripe);
    const customer = (await stripe.customers.create()).id;
    const timestamp = Math.floor(sandbox.clock.now() / 1000);
    const payload = { stripe_customer_id: customer, value: '3' };
    await stripe.billing.meterEvents.create({ event_name: 'requests', payload, timestamp });
    deepStrictEqual(await summed(stripe, id, customer, timestamp), 3);
  },
  'POST /v1/billing/meter_event_adjustments': async ({ stripe }) => {
    await meterOf(stripe);
    const payload = { stripe_customer_id: (await stripe.customers.create()).id, value: '3' };
    await stripe.billing.meterEvents.create({ event_name: 'requests', payload, identifier: 'one' });
    const cancel = { identifier: 'one' };
    const made = await stripe.billing.meterEventAdjustments.create({ event_name: 'requests', type: 'cancel', cancel });
    has(made, { object: 'billing.meter_event_adjustment', type: 'cancel', cancel });
  },
  'POST /v2/billing/meter_events': async ({ stripe }) => {
    await meterOf(stripe);
    const payload = { stripe_customer_id: (await stripe.customers.create()).id, value: '3' };
    const event = await stripe.v2.billing.meterEvents.create({ event_name: 'requests', payload });
    has(event, { object: 'v2.billing.meter_event', event_name: 'requests', payload });
  },
  'POST /v2/billing/meter_event_adjustments': async ({ stripe }) => {
    await meterOf(stripe);
    const payload = { stripe_customer_id: (await stripe.customers.create()).id, value: '3' };
    await stripe.v2.billing.meterEvents.create({ event_name: 'requests', payload, identifier: 'one' });
    const cancel = { identifier: 'one' };
    const adjustments = stripe.v2.billing.meterEventAdjustments;
    const made = await adjustments.create({ event_name: 'requests', type: 'cancel', cancel });
    has(made, { object: 'v2.billing.meter_event_adjustment', type: 'cancel', cancel });
  },
  'POST /v2/billing/meter_event_session': async ({ stripe }) => {
    const session = await stripe.v2.billing.meterEventSession.create();
    deepStrictEqual(Date.parse(session.expires_at) - Date.parse(session.created), 15 * 60_000);
  },
  'POST /v2/billing/meter_event_stream': async ({ stripe, sandbox, client }) => {
    const { id } = await meterOf(stripe);
    const customer = (await stripe.customers.create()).id;
    const now_ms = sandbox.clock.now();
    const session = await stripe.v2.billing.meterEventSession.create();
    const payload = { stripe_customer_id: customer, value: '5' };
    const timestamp = new Date(now_ms).toISOString();
    await client(session.authentication_token).v2.billing.meterEventStream.create({
      events: [{ event_name: 'requests', payload, timestamp }],
    });
    deepStrictEqual(await summed(stripe, id, customer, Math.floor(now_ms / 1000)), 5);
  },
  'POST /v1/billing/credit_grants': async ({ stripe }) => {
    has(await grantOf(stripe), { object: 'billing.credit_grant', category: 'promotional', priority: 10 });
  },
  'GET /v1/billing/credit_grants/{id}': async ({ stripe }) => {
    const { id } = await grantOf(stripe);
    has(await stripe.billing.creditGrants.retrieve(id), { id, amount: { monetary: { value: 1_000 } } });
  },
  'POST /v1/billing/credit_grants/{id}': async ({ stripe }) => {
    const { id } = await grantOf(stripe);
    has(await stripe.billing.creditGrants.update(id, { metadata: { why: 'launch' } }), {
      id,
      metadata: { why: 'launch' },
    });
  },
  'GET /v1/billing/credit_grants': async ({ stripe }) => {
    const { id } = await grantOf(stripe);
    lists(await stripe.billing.creditGrants.list(), id);
  },
  'POST /v1/billing/credit_grants/{id}/expire': async ({ stripe }) => {
    const { id, expires_at } = await grantOf(stripe);
    const expired = await stripe.billing.creditGrants.expire(id);
    has({ before: expires_at, is_set: typeof expired.expires_at }, { before: null, is_set: 'number' });
  },
  'POST /v1/billing/credit_grants/{id}/void': async ({ stripe }) => {
    const voided = await stripe.billing.creditGrants.voidGrant((await grantOf(stripe)).id);
    has({ is_set: typeof voided.voided_at }, { is_set: 'number' });
  },
  'GET /v1/billing/credit_balance_summary': async ({ stripe }) => {
    const { customer } = await grantOf(stripe);
    const summary = await stripe.billing.creditBalanceSummaries.retrieve({
      customer: customer as string,
      filter: { type: 'applicability_scope', applicability_scope: { price_type: 'metered' } },
    });
    has(summary, { balances: [{ available_balance: { monetary: { currency: 'usd', value: 1_000 } } }] });
  },
  'GET /v1/billing/credit_balance_transactions': async ({ stripe }) => {
    const { id, customer } = await grantOf(stripe);
    const found = await stripe.billing.creditBalanceTransactions.list({ customer: customer as string });
    has(found, { data: [{ object: 'billing.credit_balance_transaction', credit_grant: id, type: 'credit' }] });
  },
  'GET /v1/billing/credit_balance_transactions/{id}': async ({ stripe }) => {
    const { customer } = await grantOf(stripe);
    const [first] = (await stripe.billing.creditBalanceTransactions.list({ customer: customer as string })).data;
    const id = first?.id ?? '';
    has(await stripe.billing.creditBalanceTransactions.retrieve(id), { id, credit: { type: 'credits_granted' } });
  },
  'POST /v1/billing/alerts': async ({ stripe }) => {
    has(await alertOf(stripe), { object: 'billing.alert', status: 'active', usage_threshold: { gte: 100 } });
  },
  'GET /v1/billing/alerts/{id}': async ({ stripe }) => {
    const { id } = await alertOf(stripe);
    has(await stripe.billing.alerts.retrieve(id), { id, title: 'Much' });
  },
  'GET /v1/billing/alerts': async ({ stripe }) => {
    const { id } = await alertOf(stripe);
    lists(await stripe.billing.alerts.list(), id);
  },
  'POST /v1/billing/alerts/{id}/deactivate': async ({ stripe }) => {
    const { id } = await alertOf(stripe);
    has(await stripe.billing.alerts.deactivate(id), { id, status: 'inactive' });
  },
  'POST /v1/billing/alerts/{id}/activate': async ({ stripe }) => {
    const { id } = await alertOf(stripe);
    await stripe.billing.alerts.deactivate(id);
    has(await stripe.billing.alerts.activate(id), { id, status: 'active' });
  },
  'POST /v1/billing/alerts/{id}/archive': async ({ stripe }) => {
    const { id } = await alertOf(stripe);
    has(await stripe.billing.alerts.archive(id), { id, status: 'archived' });
  },
};
