import { expect, test } from 'vitest';
import { fakeClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { createErrorAnswer } from '../http/answer.ts';
import { createStripe, stripeApiVersion } from './client.ts';
import { handledTypes, wayOf } from './event-types.ts';
import type { Received } from './inbox.ts';
import { createStripeWebhook } from './webhook.ts';
import { stepsOf } from './backfill.ts';

const stripe = createStripe({ secret_key: 'sk_test_webhook', address: null });
const clock = fakeClock(Date.parse('2026-03-01T00:00:00Z'));
const secrets = ['whsec_the_new_one_of_two', 'whsec_the_old_one_of_two'];
const lines: string[] = [];
const received: Received[] = [];
const app = createStripeWebhook({
  clock,
  stripe,
  secrets,
  log: createLog('debug', { write: (line) => void lines.push(line) }),
  receive: (event) => {
    received.push(event);
    return Promise.resolve(true);
  },
});
app.onError(createErrorAnswer(createLog('silent')));

async function deliver(body: object | string, options: { secret?: string; ahead_s?: number } = {}) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const signature = stripe.webhooks.generateTestHeaderString({
    payload,
    secret: options.secret ?? secrets[0] ?? '',
    timestamp: clock.now() / 1000 + (options.ahead_s ?? 0),
  });
  return await app.request('/v1/stripe/webhooks', {
    method: 'POST',
    headers: { 'stripe-signature': signature },
    body: payload,
  });
}

const event = {
  id: 'evt_1',
  object: 'event',
  type: 'customer.updated',
  api_version: stripeApiVersion,
  created: 1_772_000_000,
  livemode: false,
  data: { object: { id: 'cus_1', object: 'customer' } },
};

test('while a secret is rolled both are taken, and no other', async () => {
  for (const secret of secrets) expect((await deliver(event, { secret })).status).toBe(200);
  expect((await deliver(event, { secret: 'whsec_somebody_elses' })).status).toBe(400);
});

test('a signature from more than 300 s away is refused, on either side; 30 s off is an alarm', async () => {
  expect((await deliver(event, { ahead_s: 301 })).status).toBe(400);
  expect((await deliver(event, { ahead_s: -301 })).status).toBe(400);
  const before = lines.length;
  expect((await deliver(event, { ahead_s: 10 })).status).toBe(200);
  expect(lines.slice(before).join('')).not.toContain('skew_s');
  expect((await deliver(event, { ahead_s: -60 })).status).toBe(200);
  expect(lines.slice(before).join('')).toContain('"skew_s":-60');
});

test('what is signed and is no event is refused, never a silent 200', async () => {
  const { type, ...untyped } = event;
  expect(type).toBe('customer.updated');
  for (const body of [untyped, { ...event, id: 7 }, { ...event, created: 'soon' }, [], 'not json'])
    expect((await deliver(body)).status).toBe(400);
});

test('a thin event is taken with its own form of time; another API version is taken and said', async () => {
  const thin = {
    ...event,
    object: 'v2.core.event',
    type: 'v1.billing.meter.no_meter_found',
    created: '2026-03-01T00:00:00Z',
  };
  expect((await deliver(thin)).status).toBe(200);
  expect(received.at(-1)).toMatchObject({
    created_at: new Date('2026-03-01T00:00:00Z'),
    signed_at: new Date(clock.now()),
  });
  const before = lines.length;
  expect((await deliver({ ...event, api_version: '2024-06-20' })).status).toBe(200);
  expect(lines.slice(before).join('')).toContain('2024-06-20');
});

test('at least 40 types are handled, among them all that a subscription business must hear', () => {
  expect(handledTypes.length).toBeGreaterThanOrEqual(40);
  const needed = `checkout.session.completed checkout.session.expired checkout.session.async_payment_succeeded
    checkout.session.async_payment_failed customer.subscription.created customer.subscription.updated
    customer.subscription.deleted customer.subscription.paused customer.subscription.resumed
    customer.subscription.trial_will_end customer.subscription.pending_update_applied
    customer.subscription.pending_update_expired invoice.created invoice.finalized invoice.finalization_failed invoice.paid
    invoice.payment_failed invoice.payment_action_required invoice.payment_attempt_required invoice.updated invoice.upcoming
    invoice.overdue invoice.overpaid invoice.voided invoice.marked_uncollectible invoice.sent invoice_payment.paid
    payment_method.attached payment_method.detached payment_method.updated payment_method.automatically_updated
    setup_intent.succeeded setup_intent.setup_failed customer.updated customer.deleted customer.tax_id.updated
    subscription_schedule.updated subscription_schedule.released subscription_schedule.canceled charge.refunded
    refund.updated refund.failed charge.dispute.created charge.dispute.closed credit_note.created credit_note.voided
    price.updated product.updated billing.alert.triggered billing.credit_grant.created billing.credit_grant.updated
    v1.billing.meter.error_report_triggered v1.billing.meter.no_meter_found`.split(/\s+/);
  expect(needed.filter((type) => !['customer', 'catalog', 'meter'].includes(wayOf(type) ?? ''))).toEqual([]);
  expect(wayOf('v1.customer.updated')).toBe('customer');
  expect(wayOf('payment_intent.created')).toBe('nothing');
  expect(wayOf('issuing_card.created')).toBeNull();
});

test('after a downtime the list is read in steps that tile the time from the cursor, less an overlap, to now', () => {
  const now = Date.parse('2026-03-20T00:00:00Z');
  for (const absent_ms of [0, 60_000, 86_400_000, 25 * 86_400_000, 400 * 86_400_000]) {
    const steps = stepsOf(now - absent_ms, now);
    expect(steps.length).toBeLessThanOrEqual(60);
    expect(steps[0]?.from).toBe(Math.max(now - absent_ms - 15 * 60_000, now - 30 * 86_400_000));
    expect(steps.at(-1)?.to).toBeGreaterThan(now);
    for (const [index, step] of steps.entries()) if (index > 0) expect(step.from).toBe(steps[index - 1]?.to);
  }
});
