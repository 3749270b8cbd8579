import type { Taxes } from '@farebox/core';
import type Stripe from 'stripe';
import type { Carrier, Carriers, Collected } from '../intents/kinds.ts';
import { addOnChanges, addOnsOn, addedOnce, areSame, newItems, meteredOn } from './items.ts';
import { ownMetadata } from './client.ts';
import { baseItem, idOf } from './translate.ts';
import { trialOf } from './trial.ts';

type Kinds =
  | 'subscription.begin'
  | 'subscription.change'
  | 'subscription.schedule'
  | 'subscription.unschedule'
  | 'subscription.cancel'
  | 'subscription.keep'
  | 'subscription.pause'
  | 'subscription.unpause'
  | 'subscription.trial'
  | 'subscription.coupon';

interface Edge {
  stripe: Stripe;
  installation_id: string;
  taxes: Taxes;
}

const done = { state: 'done' } as const;

/** How a subscription is changed at Stripe through its life, and how each change is seen there once it was made. */
export function createSubscriptionCarriers(deps: Edge): Pick<Carriers, Kinds> {
  const { stripe } = deps;
  const read = (id: string) => stripe.subscriptions.retrieve(id, { expand: ['latest_invoice.payments'] });
  const verbs = createSimpleVerbs(stripe, read);
  return {
    'subscription.begin': begin(deps, read),
    'subscription.change': changeNow(stripe, read),
    'subscription.schedule': changeLater(stripe, read),
    ...verbs,
  };
}

type Read = (id: string) => Promise<Stripe.Subscription>;

/**
 * Begins a subscription and collects its first invoice in the same call. A card that is refused leaves nothing behind; a bank
 * that wants to be asked leaves it incomplete until it was, for a day at most.
 */
function begin(deps: Edge, read: Read): Carrier<'subscription.begin'> {
  const { stripe } = deps;
  return {
    async find({ id, data }) {
      for await (const each of stripe.subscriptions.list({
        customer: data.stripe_customer_id,
        status: 'all',
        limit: 100,
      }))
        if (each.metadata['farebox_intent'] === id) return await became(await read(each.id), `farebox:${id}:found`);
      return null;
    },

    async send({ id, data, customer_id }, idempotencyKey) {
      const made = await stripe.subscriptions.create(
        {
          customer: data.stripe_customer_id,
          items: [{ price: data.stripe_price_id, quantity: data.quantity }, ...newItems(data.add_ons ?? [])],
          ...addedOnce([
            ...(data.stripe_setup_price_id === null ? [] : [data.stripe_setup_price_id]),
            ...(data.add_on_fees ?? []),
          ]),
          ...(data.stripe_payment_method_id === null ? {} : { default_payment_method: data.stripe_payment_method_id }),
          ...(data.trial_days === null ? {} : trialOf(data.trial_days, data.stripe_payment_method_id === null)),
          ...(data.stripe_promotion_code_id === null
            ? {}
            : { discounts: [{ promotion_code: data.stripe_promotion_code_id }] }),
          ...(data.days_until_due === null
            ? // What costs nothing is active at once; asked for a card, Stripe would refuse who has none.
              { payment_behavior: data.stripe_payment_method_id === null ? 'default_incomplete' : 'allow_incomplete' }
            : { collection_method: 'send_invoice', days_until_due: data.days_until_due }),
          ...(deps.taxes.automatic ? { automatic_tax: { enabled: true } } : {}),
          metadata: ownMetadata(deps.installation_id, {
            farebox_customer: customer_id,
            farebox_intent: id,
            farebox_plan_version: data.plan_version_id,
          }),
          expand: ['latest_invoice.payments'],
        },
        { idempotencyKey },
      );
      return await became(made, idempotencyKey);
    },
  };

  async function became(subscription: Stripe.Subscription, key: string) {
    const { id: stripe_subscription_id, status } = subscription;
    const isOver = status === 'incomplete_expired' || status === 'canceled';
    const state = status === 'incomplete' || isOver ? await obstacle(stripe, subscription) : done;
    if (state.state !== 'declined') return { stripe_subscription_id, state };
    if (!isOver) await stripe.subscriptions.cancel(stripe_subscription_id, {}, { idempotencyKey: `${key}:end` });
    const invoice = subscription.latest_invoice;
    if (invoice !== null && typeof invoice !== 'string' && invoice.status === 'open')
      await stripe.invoices.voidInvoice(invoice.id, {}, { idempotencyKey: `${key}:void` });
    return { stripe_subscription_id, state };
  }
}

/** What stands in the way of a subscription's latest invoice. */
async function obstacle(stripe: Stripe, subscription: Stripe.Subscription): Promise<Collected> {
  const invoice = subscription.latest_invoice;
  if (invoice === null || typeof invoice === 'string') return done;
  const payment = invoice.payments?.data[0]?.payment.payment_intent;
  const intent = payment == null ? null : await stripe.paymentIntents.retrieve(idOf(payment));
  if (intent?.status === 'requires_action' || intent?.status === 'requires_confirmation')
    return { state: 'action_required', url: invoice.hosted_invoice_url ?? null };
  return { state: 'declined', reason: intent?.last_payment_error?.message ?? 'There is no card to charge.' };
}

/**
 * At once, with the difference collected in the same call. What cannot be collected leaves the old price: a bank that wants
 * to be asked keeps the change waiting, a refused card ends it, so that no later payment brings an upgrade nobody expects.
 */
function changeNow(stripe: Stripe, read: Read): Carrier<'subscription.change'> {
  return {
    async find({ id, data }) {
      const subscription = await read(data.stripe_subscription_id);
      const item = baseItem(subscription);
      const isMoved = item.price.id === data.stripe_price_id && item.quantity === data.quantity;
      const wanted = data.add_ons ?? addOnsOn(subscription);
      if (isMoved && areSame(addOnsOn(subscription), wanted)) return done;
      if (subscription.pending_update === null) return null;
      return await collected(subscription, data.off_session, `farebox:${id}:found`);
    },

    async send({ data }, idempotencyKey) {
      const proration_behavior = data.proration_behavior ?? 'always_invoice';
      const before = await stripe.subscriptions.retrieve(data.stripe_subscription_id);
      if (before.schedule !== null)
        await stripe.subscriptionSchedules.release(
          idOf(before.schedule),
          {},
          { idempotencyKey: `${idempotencyKey}:free` },
        );
      const updated = await stripe.subscriptions.update(
        data.stripe_subscription_id,
        {
          items: [
            { id: baseItem(before).id, price: data.stripe_price_id, quantity: data.quantity },
            ...addOnChanges(before, data.add_ons),
          ],
          ...addedOnce(data.add_on_fees),
          proration_behavior,
          ...(proration_behavior === 'none' ? {} : { proration_date: Math.floor(data.proration_at / 1000) }),
          // Only what is invoiced at once can fail to be paid.
          ...(proration_behavior === 'always_invoice' ? { payment_behavior: 'pending_if_incomplete' as const } : {}),
          ...(data.resets_anchor ? { billing_cycle_anchor: { type: 'now' } as const } : {}),
          expand: ['latest_invoice.payments'],
        },
        { idempotencyKey },
      );
      return await collected(updated, data.off_session, idempotencyKey);
    },
  };

  async function collected(
    subscription: Stripe.Subscription,
    offSession: boolean | undefined,
    key: string,
  ): Promise<Collected> {
    const invoice = subscription.latest_invoice;
    if (subscription.pending_update === null || invoice === null || typeof invoice === 'string') return done;
    const found = await obstacle(stripe, subscription);
    const state: Collected =
      found.state === 'action_required' && offSession === true
        ? { state: 'declined', reason: "The customer's bank wants to ask them, and nobody is there to answer." }
        : found;
    if (state.state === 'declined')
      await stripe.invoices.voidInvoice(invoice.id, {}, { idempotencyKey: `${key}:void` });
    return state;
  }
}

/** At the period's end, by a schedule of two phases that then lets the subscription go. A newer wish takes an older one's place. */
function changeLater(stripe: Stripe, read: Read): Carrier<'subscription.schedule'> {
  return {
    async find({ data }) {
      const subscription = await read(data.stripe_subscription_id);
      if (subscription.schedule === null) return null;
      const schedule = await stripe.subscriptionSchedules.retrieve(idOf(subscription.schedule));
      const items = (schedule.phases.at(-1)?.items ?? []).map(({ price, quantity }) => ({
        stripe_price_id: idOf(price),
        quantity: quantity ?? 1,
      }));
      const base = { stripe_price_id: data.stripe_price_id, quantity: data.quantity };
      const metered = meteredOn(subscription).map(({ price }) => ({ stripe_price_id: price.id, quantity: 1 }));
      return areSame(items, [base, ...(data.add_ons ?? addOnsOn(subscription)), ...metered]) ? done : null;
    },

    async send({ data }, idempotencyKey) {
      const subscription = await stripe.subscriptions.retrieve(data.stripe_subscription_id);
      const schedule =
        subscription.schedule === null
          ? await stripe.subscriptionSchedules.create(
              { from_subscription: subscription.id },
              { idempotencyKey: `${idempotencyKey}:make` },
            )
          : await stripe.subscriptionSchedules.retrieve(idOf(subscription.schedule));
      const item = baseItem(subscription);
      // They stay until what they still bill is settled; those of the new plan come with its first usage.
      const metered = meteredOn(subscription).map(({ price }) => ({ price: price.id }));
      const current = schedule.phases.find((phase) => phase.start_date === schedule.current_phase?.start_date);
      const discounts = (current?.discounts ?? []).flatMap(({ discount }) =>
        discount === null ? [] : [{ discount: idOf(discount) }],
      );
      await stripe.subscriptionSchedules.update(
        schedule.id,
        {
          end_behavior: 'release',
          phases: [
            {
              items: [
                { price: item.price.id, quantity: item.quantity ?? 1 },
                ...newItems(addOnsOn(subscription)),
                ...metered,
              ],
              start_date: current?.start_date ?? item.current_period_start,
              end_date: item.current_period_end,
              ...(discounts.length === 0 ? {} : { discounts }),
            },
            {
              items: [
                { price: data.stripe_price_id, quantity: data.quantity },
                ...newItems(data.add_ons ?? addOnsOn(subscription)),
                ...metered,
              ],
              ...addedOnce(data.add_on_fees),
              duration: { interval: data.interval, interval_count: data.interval_count },
              proration_behavior: 'none',
              ...(discounts.length === 0 ? {} : { discounts }),
            },
          ],
        },
        { idempotencyKey },
      );
      return done;
    },
  };
}

type Simple = Exclude<Kinds, 'subscription.begin' | 'subscription.change' | 'subscription.schedule'>;

/** One call each, on a subscription that no schedule holds any more. */
function createSimpleVerbs(stripe: Stripe, read: Read): Pick<Carriers, Simple> {
  return {
    'subscription.unschedule': {
      find: async ({ data }) => ((await read(data.stripe_subscription_id)).schedule === null ? done : null),
      async send({ data }, idempotencyKey) {
        await release(data.stripe_subscription_id, idempotencyKey);
        return done;
      },
    },
    'subscription.cancel': {
      async find({ data }) {
        const subscription = await read(data.stripe_subscription_id);
        const isEnded = subscription.status === 'canceled' || subscription.status === 'incomplete_expired';
        return isEnded || (data.at === 'period_end' && subscription.cancel_at !== null) ? done : null;
      },
      send: ({ data }, idempotencyKey) => cancel(data, idempotencyKey),
    },
    'subscription.keep': {
      find: async ({ data }) => ((await read(data.stripe_subscription_id)).cancel_at === null ? done : null),
      async send({ data }, idempotencyKey) {
        const { cancel_at_period_end } = await read(data.stripe_subscription_id);
        const undo = cancel_at_period_end ? { cancel_at_period_end: false } : { cancel_at: '' as const };
        await stripe.subscriptions.update(data.stripe_subscription_id, undo, { idempotencyKey });
        return done;
      },
    },
    'subscription.pause': {
      find: async ({ data }) => ((await read(data.stripe_subscription_id)).status === 'paused' ? done : null),
      async send({ data }, idempotencyKey) {
        await release(data.stripe_subscription_id, idempotencyKey);
        // What is unused is given back by the next invoice; usage is Farebox's to bill.
        await stripe.subscriptions.pause(
          data.stripe_subscription_id,
          {
            type: 'subscription',
            invoicing_behavior: 'pending_invoice_item',
            bill_for: { unused_time_from: { type: 'now' }, outstanding_usage_through: { type: 'none' } },
          },
          { idempotencyKey },
        );
        return done;
      },
    },
    'subscription.unpause': {
      find: async ({ data }) => ((await read(data.stripe_subscription_id)).status === 'paused' ? null : done),
      async send({ data }, idempotencyKey) {
        await stripe.subscriptions.resume(
          data.stripe_subscription_id,
          { billing_cycle_anchor: { type: 'now' } },
          { idempotencyKey },
        );
        return done;
      },
    },
    'subscription.trial': {
      async find({ data }) {
        const { status, trial_end } = await read(data.stripe_subscription_id);
        const isThere = data.end_at === 'now' ? status !== 'trialing' : trial_end === Math.floor(data.end_at / 1000);
        return isThere ? done : null;
      },
      async send({ data }, idempotencyKey) {
        const trial_end = data.end_at === 'now' ? ('now' as const) : Math.floor(data.end_at / 1000);
        await stripe.subscriptions.update(
          data.stripe_subscription_id,
          { trial_end, proration_behavior: 'none' },
          { idempotencyKey },
        );
        return done;
      },
    },
    'subscription.coupon': {
      async find({ data }) {
        const subscription = await stripe.subscriptions.retrieve(data.stripe_subscription_id, {
          expand: ['discounts'],
        });
        return subscription.discounts.some((each) => codeOf(each) === data.stripe_promotion_code_id) ? done : null;
      },
      async send({ data }, idempotencyKey) {
        const { discounts } = await stripe.subscriptions.retrieve(data.stripe_subscription_id);
        const kept = discounts.map((discount) => ({ discount: idOf(discount) }));
        const wish = { discounts: [...kept, { promotion_code: data.stripe_promotion_code_id }] };
        await stripe.subscriptions.update(data.stripe_subscription_id, wish, { idempotencyKey });
        return done;
      },
    },
  };

  /** What is arranged for later would outlive the wish, and Stripe ends or pauses nothing that a schedule holds. */
  async function release(id: string, key: string): Promise<void> {
    const { schedule } = await read(id);
    if (schedule !== null)
      await stripe.subscriptionSchedules.release(idOf(schedule), {}, { idempotencyKey: `${key}:free` });
  }

  async function cancel(
    data: Parameters<Carriers['subscription.cancel']['send']>[0]['data'],
    idempotencyKey: string,
  ): Promise<Collected> {
    await release(data.stripe_subscription_id, idempotencyKey);
    const cancellation_details = {
      ...(data.comment === null ? {} : { comment: data.comment }),
      ...(data.reason === null ? {} : { feedback: data.reason }),
    };
    if (data.at === 'period_end') {
      const wish = { cancel_at_period_end: true, cancellation_details };
      await stripe.subscriptions.update(data.stripe_subscription_id, wish, { idempotencyKey });
    } else {
      // What waits for an invoice gets one now: there will be no other.
      const wish = { invoice_now: true, prorate: data.gives_back, cancellation_details };
      await stripe.subscriptions.cancel(data.stripe_subscription_id, wish, { idempotencyKey });
    }
    return done;
  }
}

function codeOf(discount: string | Stripe.Discount): string | null {
  if (typeof discount === 'string') return null;
  return discount.promotion_code === null ? null : idOf(discount.promotion_code);
}
