import { monthlyPrice, subscriber } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

/** Subscriptions, their items, and test clocks. */
export const subscriptionProbes: Probes = {
  'POST /v1/subscriptions': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe);
    has(subscription, { object: 'subscription', status: 'active', billing_mode: { type: 'flexible' } });
    const item = subscription.items.data[0];
    has(item ?? {}, { object: 'subscription_item', current_period_start: subscription.start_date });
  },
  'GET /v1/subscriptions/{id}': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    const found = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice.payments', 'customer'] });
    has(found, { id, latest_invoice: { status: 'paid', parent: { subscription_details: { subscription: id } } } });
  },
  'POST /v1/subscriptions/{id}': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    const changed = await stripe.subscriptions.update(id, { cancel_at_period_end: true });
    has(changed, { id, cancel_at_period_end: true, status: 'active' });
  },
  'DELETE /v1/subscriptions/{id}': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    const ended = await stripe.subscriptions.cancel(id, { cancellation_details: { comment: 'Bye' } });
    has(ended, { id, status: 'canceled', cancellation_details: { comment: 'Bye', reason: 'cancellation_requested' } });
  },
  'GET /v1/subscriptions': async ({ stripe }) => {
    const { customer, subscription } = await subscriber(stripe);
    lists(await stripe.subscriptions.list({ customer: customer.id, status: 'active' }), subscription.id);
  },
  'POST /v1/subscriptions/{id}/pause': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    has(await stripe.subscriptions.pause(id, { type: 'subscription' }), { id, status: 'paused' });
  },
  'POST /v1/subscriptions/{id}/resume': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    await stripe.subscriptions.pause(id, { type: 'subscription' });
    has(await stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'now' } }), { id, status: 'active' });
  },
  'POST /v1/subscriptions/{id}/migrate': async ({ stripe }) => {
    const customer = (await stripe.customers.create({ email: 'ada@example.com' })).id;
    const default_payment_method = (await stripe.paymentMethods.attach('pm_card_visa', { customer })).id;
    const { id, billing_mode } = await stripe.subscriptions.create({
      customer,
      default_payment_method,
      items: [{ price: (await monthlyPrice(stripe)).id }],
      billing_mode: { type: 'classic' },
    });
    has(billing_mode, { type: 'classic' });
    const migrated = await stripe.subscriptions.migrate(id, { billing_mode: { type: 'flexible' } });
    has(migrated, { id, billing_mode: { type: 'flexible' } });
  },
  'DELETE /v1/subscriptions/{id}/discount': async ({ stripe }) => {
    const { id } = (await subscriber(stripe)).subscription;
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'forever' })).id;
    await stripe.subscriptions.update(id, { discounts: [{ coupon }] });
    has(await stripe.subscriptions.deleteDiscount(id), { object: 'discount', deleted: true });
  },
  'POST /v1/subscription_items': async ({ stripe }) => {
    const subscription = (await subscriber(stripe)).subscription.id;
    const price = (await monthlyPrice(stripe, 900, 'Seats')).id;
    const item = await stripe.subscriptionItems.create({ subscription, price, quantity: 3 });
    has(item, { object: 'subscription_item', subscription, quantity: 3, price: { id: price } });
  },
  'GET /v1/subscription_items/{id}': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe);
    const id = subscription.items.data[0]?.id ?? '';
    has(await stripe.subscriptionItems.retrieve(id), { id, subscription: subscription.id, current_trial: null });
  },
  'POST /v1/subscription_items/{id}': async ({ stripe }) => {
    const id = (await subscriber(stripe)).subscription.items.data[0]?.id ?? '';
    has(await stripe.subscriptionItems.update(id, { quantity: 4, proration_behavior: 'none' }), { id, quantity: 4 });
  },
  'DELETE /v1/subscription_items/{id}': async ({ stripe }) => {
    const subscription = (await subscriber(stripe)).subscription.id;
    const price = (await monthlyPrice(stripe, 900, 'Seats')).id;
    const { id } = await stripe.subscriptionItems.create({ subscription, price });
    has(await stripe.subscriptionItems.del(id), { id, object: 'subscription_item', deleted: true });
  },
  'GET /v1/subscription_items': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe);
    lists(await stripe.subscriptionItems.list({ subscription: subscription.id }), subscription.items.data[0]?.id ?? '');
  },
  'POST /v1/test_helpers/test_clocks': async ({ stripe }) => {
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000, name: 'Renewals' });
    has(clock, { object: 'test_helpers.test_clock', frozen_time: 1_800_000_000, status: 'ready', name: 'Renewals' });
  },
  'GET /v1/test_helpers/test_clocks/{id}': async ({ stripe }) => {
    const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 });
    has(await stripe.testHelpers.testClocks.retrieve(id), { id, status: 'ready' });
  },
  'GET /v1/test_helpers/test_clocks': async ({ stripe }) => {
    const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 });
    lists(await stripe.testHelpers.testClocks.list(), id);
  },
  'POST /v1/test_helpers/test_clocks/{id}/advance': async ({ stripe }) => {
    const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 });
    const moved = await stripe.testHelpers.testClocks.advance(id, { frozen_time: 1_800_086_400 });
    has(moved, { id, status: 'advancing', status_details: { advancing: { target_frozen_time: 1_800_086_400 } } });
  },
  'DELETE /v1/test_helpers/test_clocks/{id}': async ({ stripe }) => {
    const { id } = await stripe.testHelpers.testClocks.create({ frozen_time: 1_800_000_000 });
    has(await stripe.testHelpers.testClocks.del(id), { id, deleted: true });
  },
};
