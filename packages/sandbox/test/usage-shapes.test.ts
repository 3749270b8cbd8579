import { expect, test } from 'vitest';
import { faultsOf } from './conform.ts';
import { bench, HOUR, DAY, standing } from './harness.ts';

test('every object of usage and credits is what the API says, to the last field', async () => {
  const { stripe, sandbox, close } = await bench({ now: standing('2026-11-02T09:00:00Z'), frozen: true });
  const { billing, v2 } = stripe;
  const meter = await billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
  const price = await stripe.prices.create({
    currency: 'usd',
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [
      { up_to: 10, unit_amount: 5, flat_amount: 100 },
      { up_to: 'inf', unit_amount: 3 },
    ],
    currency_options: { eur: { tiers: [{ up_to: 'inf', unit_amount: 4 }] } },
    product_data: { name: 'Requests' },
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    expand: ['tiers', 'currency_options'],
  });
  const customer = (await stripe.customers.create({ email: 'ada@example.com', payment_method: 'pm_card_visa' })).id;
  const [method] = (await stripe.customers.listPaymentMethods(customer)).data;
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price: price.id }],
    default_payment_method: method?.id ?? '',
  });
  const grant = await billing.creditGrants.create({
    customer,
    amount: { type: 'monetary', monetary: { currency: 'usd', value: 50 } },
    applicability_config: { scope: { prices: [{ id: price.id }] } },
  });
  const alert = await billing.alerts.create({
    alert_type: 'usage_threshold',
    title: 'Some',
    usage_threshold: { gte: 5, meter: meter.id, recurrence: 'one_time', filters: [{ type: 'customer', customer }] },
  });
  const destination = await v2.core.eventDestinations.create({
    name: 'Here',
    type: 'webhook_endpoint',
    event_payload: 'thin',
    enabled_events: ['*'],
    webhook_endpoint: { url: 'http://127.0.0.1:9' },
    include: ['webhook_endpoint.signing_secret', 'webhook_endpoint.url'],
  });
  await sandbox.clock.advance(HOUR);
  const event = { event_name: 'requests', payload: { stripe_customer_id: customer, value: '12.5' } };
  const cancel = { event_name: 'requests', type: 'cancel' as const };
  const made: unknown[] = [
    meter,
    price,
    subscription,
    grant,
    alert,
    destination,
    await billing.meterEvents.create({ ...event, identifier: 'one' }),
    await billing.meterEvents.create(event),
    await v2.billing.meterEvents.create({ ...event, identifier: 'two' }),
    await billing.meterEvents.create({ event_name: 'nowhere', payload: { value: '1' } }),
    await billing.meterEvents.create({ event_name: 'requests', payload: { value: '1' } }),
    await billing.meterEventAdjustments.create({ ...cancel, cancel: { identifier: 'one' } }),
    await v2.billing.meterEventAdjustments.create({ ...cancel, cancel: { identifier: 'two' } }),
    await v2.billing.meterEventSession.create(),
    await v2.core.eventDestinations.ping(destination.id),
  ];
  await sandbox.clock.advance(30 * DAY + HOUR);
  const filter = { type: 'credit_grant' as const, credit_grant: grant.id };
  const span = { customer, start_time: meter.created, end_time: meter.created + 86_400 };
  made.push(
    await billing.creditBalanceTransactions.list({ customer }),
    await billing.creditBalanceSummaries.retrieve({ customer, filter }),
    await billing.meters.listEventSummaries(meter.id, span),
    await stripe.invoices.list({ customer }),
    ...(await stripe.invoices.list({ customer })).data.flatMap((invoice) => invoice.lines.data),
    await stripe.events.list({ limit: 100 }),
    ...(await v2.core.events.list({ limit: 100 })).data,
  );
  const [invoice] = (await stripe.invoices.list({ customer })).data;
  expect(invoice?.lines.data.map((line) => [line.amount, line.quantity_decimal?.toString()])).toEqual([
    [50, '10'],
    [100, '1'],
    [8, '2.5'],
  ]);
  expect(made.flatMap((each) => faultsOf(JSON.parse(JSON.stringify(each))))).toEqual([]);
  await close();
});

test('a customer on a test clock uses and is billed in the time of that clock', async () => {
  const { stripe, close } = await bench({ now: standing('2026-11-02T09:00:00Z'), frozen: true });
  const frozen_time = Date.parse('2030-01-01T00:00:00Z') / 1000;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time });
  const meter = await stripe.billing.meters.create({
    display_name: 'Requests',
    event_name: 'requests',
    default_aggregation: { formula: 'sum' },
  });
  const customer = (await stripe.customers.create({ test_clock: clock.id })).id;
  const payload = { stripe_customer_id: customer, value: '3' };
  const sent = await stripe.billing.meterEvents.create({ event_name: 'requests', payload });
  expect(sent.timestamp).toBe(frozen_time);
  const span = { customer, start_time: frozen_time, end_time: frozen_time + 60 };
  const [summary] = (await stripe.billing.meters.listEventSummaries(meter.id, span)).data;
  expect(summary?.aggregated_value).toBe(3);
  await close();
});
