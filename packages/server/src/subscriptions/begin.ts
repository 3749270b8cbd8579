import { isFree } from '@farebox/core';
import type { Database } from '../db/database.ts';
import { type Earlier, type Orders, requirePaid } from '../intents/orders.ts';
import type { Collected } from '../intents/kinds.ts';
import { invariant } from '../lib/invariant.ts';
import type { PlanVersion } from '../plans/store.ts';
import type { Clock, Payments, PaymentsDesk } from '../ports.ts';
import { Problem } from '../problem.ts';
import { type Buyer, createLinking } from './buyer.ts';
import { type Wish, addOnsOf, groupOf, priceOf, reductionOf, seatsOf, setupFeesOf, stripePriceOf } from './choose.ts';
import type { Wisher } from './life/turns.ts';
import { closeCheckout, openCheckouts } from './checkouts/store.ts';
import { refuseHeld } from './held.ts';
import { liveSubscription, trialLeft } from './store.ts';

/** A purchase without Stripe's checkout page. */
export interface BeginWish extends Wish {
  /** `card`: with the one that is saved; free plans need none. `invoice`: paid by an invoice that is sent. */
  collection: 'card' | 'invoice';
  days_until_due?: number | undefined;
  /** Unless said, the default one. */
  payment_method_id?: string | undefined;
}

export interface Begun {
  subscription_id: string;
  /** Null when nothing is left to do. */
  payment: Extract<Collected, { state: 'action_required' }> | null;
}

const usualDaysUntilDue = 30;

/**
 * Begins a subscription at once: a free plan, one that is paid with a saved card, or one that is invoiced. One purchase at a
 * time per customer; an open checkout of the same customer and group is closed first, so that nobody pays for the same thing twice.
 */
export function createBegin(deps: {
  db: Database;
  clock: Clock;
  payments: Pick<Payments, 'ensureCustomer' | 'closeCheckout' | 'syncCustomer'>;
  desk: Pick<PaymentsDesk, 'paymentMethods' | 'findPromotionCode'>;
  order: Orders;
  settleEarlier: Earlier;
  onSale(planId: string, customer: Buyer): Promise<PlanVersion>;
  versionById(id: string): Promise<PlanVersion | null>;
  findCustomer(id: string): Promise<Buyer>;
  linkStripe(customerId: string, stripeCustomerId: string): Promise<boolean>;
}) {
  const { db, payments } = deps;
  const ensureLinked = createLinking(deps);

  return async function begin(wisher: Wisher, customerId: string, wish: BeginWish): Promise<Begun> {
    if (wish.collection === 'invoice' && wisher.by === 'customer')
      throw new Problem('forbidden', 'Paying by invoice is arranged by the seller.', { param: 'collection' });
    const customer = await deps.findCustomer(customerId);
    const version = await deps.onSale(wish.plan_id, customer);
    const group = groupOf(version);
    const price = priceOf(version, wish);
    const quantity = seatsOf(version, wish);
    const addOns = await addOnsOf({ version, price }, wish, (id) => deps.onSale(id, customer));
    const stripe_price_id = stripePriceOf({ version, price });
    const add_ons = addOns.map((each) => ({ stripe_price_id: stripePriceOf(each), quantity: each.quantity }));
    const add_on_fees = setupFeesOf(addOns);
    const stripe_promotion_code_id = await reductionOf(deps.desk, wish);
    return await db.withLock(`begin:${customerId}`, async () => {
      await deps.settleEarlier(customerId, 'subscription.');
      const stripe_customer_id = await clear(customer, version);
      const trial = await trialLeft(db.kysely, customerId, version.content);
      const bought = [version, ...addOns.map((each) => each.version)];
      const needsCard = !bought.every(({ content }) => isFree(content)) && (trial === null || trial.card);
      const method = await payWith(stripe_customer_id, wish, needsCard);
      const { state, stripe_subscription_id } = await deps.order({
        kind: 'subscription.begin',
        actor: wisher.actor,
        action: 'subscription.begun',
        customer_id: customerId,
        object_id: customerId,
        data: {
          stripe_customer_id,
          stripe_price_id,
          stripe_setup_price_id: price.stripe_setup_price_id,
          quantity,
          add_ons,
          add_on_fees,
          trial_days: trial?.days ?? null,
          stripe_promotion_code_id,
          plan_version_id: version.id,
          stripe_payment_method_id: method,
          days_until_due: wish.collection === 'invoice' ? (wish.days_until_due ?? usualDaysUntilDue) : null,
        },
      });
      const collected = requirePaid(state);
      const live = await liveSubscription(db.kysely, customerId, group);
      invariant(live?.stripe_subscription_id === stripe_subscription_id, 'what was begun is what is mirrored');
      return { subscription_id: live.id, payment: collected.state === 'done' ? null : collected };
    });
  };

  /** Nothing is bought and nothing can be paid any more elsewhere; answers who buys, at Stripe. */
  async function clear(customer: Buyer, wanted: PlanVersion): Promise<string> {
    const linked = await ensureLinked(customer);
    const open = await openCheckouts(db.kysely, customer.id);
    const isUntouched = linked.is_new && open.length === 0;
    for (const held of open.filter(({ group }) => group === wanted.content.group)) {
      const { state } =
        held.stripe_session_id === null ? { state: 'expired' } : await payments.closeCheckout(held.stripe_session_id);
      if (state !== 'complete') await closeCheckout(db.kysely, held.id, 'expired');
    }
    if (!isUntouched) await payments.syncCustomer(customer.id);
    await refuseHeld(deps, customer.id, wanted);
    // The reading may have found that Stripe's customer was deleted there.
    const { stripe_customer_id } = isUntouched ? linked : await ensureLinked(customer);
    return stripe_customer_id;
  }

  /** The card to charge; null where an invoice is sent, and where none is needed and none is there. */
  async function payWith(stripeCustomerId: string, wish: BeginWish, isNeeded: boolean): Promise<string | null> {
    if (wish.collection === 'invoice') return null;
    const methods = await deps.desk.paymentMethods(stripeCustomerId);
    const asked = wish.payment_method_id;
    const found =
      asked === undefined
        ? (methods.find((method) => method.is_default) ?? methods[0])
        : methods.find((method) => method.id === asked);
    if (found !== undefined) return found.id;
    if (asked !== undefined)
      throw new Problem('not_found', 'There is no such payment method.', { param: 'payment_method_id' });
    if (!isNeeded) return null;
    throw new Problem('payment_method_required', 'There is no card to pay with. Add one, or open a checkout.');
  }
}
