import type Stripe from 'stripe';
import { monthlyPrice, subscriber } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

async function scheduleOf(stripe: Stripe): Promise<Stripe.SubscriptionSchedule> {
  const { subscription } = await subscriber(stripe);
  return await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
}

/** Subscription schedules. */
export const scheduleProbes: Probes = {
  'POST /v1/subscription_schedules': async ({ stripe }) => {
    const { subscription } = await subscriber(stripe);
    const made = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    has(made, { object: 'subscription_schedule', status: 'active', subscription: subscription.id });
  },
  'GET /v1/subscription_schedules/{id}': async ({ stripe }) => {
    const { id } = await scheduleOf(stripe);
    has(await stripe.subscriptionSchedules.retrieve(id), { id, end_behavior: 'release' });
  },
  'POST /v1/subscription_schedules/{id}': async ({ stripe }) => {
    const { id, phases } = await scheduleOf(stripe);
    const [now] = phases;
    if (now === undefined) throw new Error('A schedule from a subscription has its phase.');
    const next = (await monthlyPrice(stripe, 900, 'Max')).id;
    const changed = await stripe.subscriptionSchedules.update(id, {
      end_behavior: 'cancel',
      phases: [
        {
          start_date: now.start_date,
          end_date: now.end_date,
          items: now.items.map((item) => ({ price: typeof item.price === 'string' ? item.price : item.price.id })),
        },
        { items: [{ price: next }], duration: { interval: 'month', interval_count: 2 } },
      ],
    });
    has(changed, { id, end_behavior: 'cancel', phases: [{}, { items: [{ price: next }] }] });
  },
  'POST /v1/subscription_schedules/{id}/cancel': async ({ stripe }) => {
    const { id } = await scheduleOf(stripe);
    has(await stripe.subscriptionSchedules.cancel(id), { id, status: 'canceled' });
  },
  'POST /v1/subscription_schedules/{id}/release': async ({ stripe }) => {
    const { id, subscription } = await scheduleOf(stripe);
    const released = await stripe.subscriptionSchedules.release(id);
    has(released, { id, status: 'released', released_subscription: subscription });
  },
  'GET /v1/subscription_schedules': async ({ stripe }) => {
    const { id } = await scheduleOf(stripe);
    lists(await stripe.subscriptionSchedules.list({ scheduled: false }), id);
  },
};
