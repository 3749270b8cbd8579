import { isDeepStrictEqual } from 'node:util';
import type { Clock, Payments, PaymentsDesk } from '../ports.ts';
import type { Database } from '../db/database.ts';
import { isFree } from '@farebox/core';
import type { Earlier } from '../intents/orders.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { PlanVersion } from '../plans/store.ts';
import { Problem } from '../problem.ts';
import { type Buyer, createLinking } from './buyer.ts';
import { type Wish, addOnsOf, groupOf, priceOf, reductionOf, seatsOf, setupFeesOf, stripePriceOf } from './choose.ts';
import {
  type CheckoutRow,
  checkoutById,
  closeCheckout,
  openCheckouts,
  recordCheckout,
  reserveCheckout,
} from './checkouts/store.ts';
import { refuseHeld } from './held.ts';
import { trialLeft } from './store.ts';

/** How long a checkout can be paid. Stripe allows 30 minutes to 24 hours. */
const checkoutLifetimeMs = 60 * 60_000;
/** Stripe refuses a session whose expiry is nearer than 30 minutes; a reservation left by a crash is not re-used later than this. */
const checkoutOpeningMs = 20 * 60_000;

/** What is being bought, as the reservation holds it. */
type Wanted = Pick<
  CheckoutRow,
  | 'customer_id'
  | 'group'
  | 'plan_version_id'
  | 'plan_price_id'
  | 'quantity'
  | 'add_ons'
  | 'trial_days'
  | 'stripe_promotion_code_id'
>;

/**
 * Opens a checkout. One purchase at a time per customer and group: a reservation row is committed before Stripe hears of it, a
 * double click gets the same session again, another plan of the group closes the older session first, and who already pays for
 * one is refused.
 */
export function createSubscribe(deps: {
  db: Database;
  clock: Clock;
  payments: Payments;
  desk: Pick<PaymentsDesk, 'findPromotionCode'>;
  base_url: string;
  onSale(planId: string, customer: Buyer): Promise<PlanVersion>;
  versionById(id: string): Promise<PlanVersion | null>;
  findCustomer(id: string): Promise<Buyer>;
  settleEarlier: Earlier;
  /** Whether there are codes a customer could type at the checkout. */
  hasCodes(): Promise<boolean>;
  linkStripe(customerId: string, stripeCustomerId: string): Promise<boolean>;
}) {
  const { db, clock, payments } = deps;
  const ensureLinked = createLinking(deps);

  async function open(customerId: string, wish: Wish): Promise<CheckoutRow> {
    const planId = wish.plan_id;
    const customer = await deps.findCustomer(customerId);
    const version = await deps.onSale(planId, customer);
    const group = groupOf(version);
    const price = priceOf(version, wish);
    const quantity = seatsOf(version, wish);
    const addOns = await addOnsOf({ version, price }, wish, (id) => deps.onSale(id, customer));
    const stripe_promotion_code_id = await reductionOf(deps.desk, wish);
    const stripe_price_id = stripePriceOf({ version, price });
    const add_ons = addOns.map((each) => ({ stripe_price_id: stripePriceOf(each), quantity: each.quantity }));
    const add_on_fees = setupFeesOf(addOns);
    await deps.settleEarlier(customerId, 'subscription.');
    const linked = await ensureLinked(customer);
    // A payment may have gone through without our hearing of it; ask before selling the same thing again.
    if (!linked.is_new) await payments.syncCustomer(customerId);
    await refuseHeld(deps, customerId, version);
    // The reading may have found that Stripe's customer was deleted there.
    const { stripe_customer_id } = linked.is_new ? linked : await ensureLinked(customer);

    const trial = await trialLeft(db.kysely, customerId, version.content);
    const trial_days = trial?.days ?? null;
    const wanted = {
      customer_id: customerId,
      group,
      plan_version_id: version.id,
      plan_price_id: price.id,
      quantity,
      add_ons: addOns.map((each) => ({
        plan_id: each.version.plan_id,
        plan_price_id: each.price.id,
        quantity: each.quantity,
      })),
      trial_days,
      stripe_promotion_code_id,
    };
    const reservation = await reserve(wanted, () => refuseHeld(deps, customerId, version));
    if (reservation.url !== null) return reservation;
    const session = await payments.openCheckout({
      id: reservation.id,
      customer_id: customerId,
      stripe_customer_id,
      stripe_price_id,
      stripe_setup_price_id: price.stripe_setup_price_id,
      quantity,
      add_ons,
      add_on_fees,
      trial_days,
      needs_card:
        ![version, ...addOns.map((each) => each.version)].every(({ content }) => isFree(content)) &&
        (trial === null || trial.card),
      stripe_promotion_code_id,
      takes_codes: await deps.hasCodes(),
      plan_version_id: version.id,
      success_url: `${deps.base_url}/checkout/return?checkout_session=${reservation.id}`,
      cancel_url: `${deps.base_url}/?checkout=canceled&plan=${encodeURIComponent(planId)}`,
      expires_at: reservation.expires_at.getTime(),
    });
    await recordCheckout(db.kysely, reservation.id, session);
    return { ...reservation, ...session };
  }

  /** The customer's open place in the group, for this plan: the one there is, or a new one after the older is closed. Bounded tries. */
  async function reserve(wanted: Wanted, refuse: () => Promise<void>): Promise<CheckoutRow> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const open = await openCheckouts(db.kysely, wanted.customer_id);
      const held = open.find(({ group }) => group === wanted.group);
      if (held !== undefined) {
        if (canContinue(held, wanted)) return held;
        await release(held);
        await refuse();
        continue;
      }
      const now = clock.now();
      const row: CheckoutRow = {
        ...wanted,
        id: createId('chks', now),
        state: 'open',
        stripe_session_id: null,
        url: null,
        expires_at: new Date(now + checkoutLifetimeMs),
        created_at: new Date(now),
      };
      if (await reserveCheckout(db.kysely, row)) return row;
    }
    throw new Problem(
      'checkout_in_progress',
      'Another checkout of this account is being opened. Try again in a moment.',
    );
  }

  function canContinue(held: CheckoutRow, wanted: Wanted): boolean {
    const isSame =
      held.plan_price_id === wanted.plan_price_id &&
      held.quantity === wanted.quantity &&
      isDeepStrictEqual(held.add_ons, wanted.add_ons) &&
      held.trial_days === wanted.trial_days &&
      held.stripe_promotion_code_id === wanted.stripe_promotion_code_id;
    if (!isSame) return false;
    // Without an answer from Stripe the same intent is sent again: same id, same idempotency key, same session.
    const until = held.url === null ? held.created_at.getTime() + checkoutOpeningMs : held.expires_at.getTime();
    return clock.now() < until;
  }

  async function release(held: CheckoutRow): Promise<void> {
    if (held.stripe_session_id !== null) {
      const { state } = await payments.closeCheckout(held.stripe_session_id);
      if (state === 'complete') {
        await payments.syncCustomer(held.customer_id);
        return;
      }
    }
    await closeCheckout(db.kysely, held.id, 'expired');
  }

  /** The state of a checkout as Stripe has it now. The return page and a later visit ask the same question. */
  async function refresh(customerId: string | null, id: string): Promise<CheckoutRow> {
    const row = await checkoutById(db.kysely, id);
    if (row === null || (customerId !== null && row.customer_id !== customerId)) {
      throw new Problem('not_found', `There is no checkout session ${JSON.stringify(id)}.`);
    }
    if (row.state !== 'open') return row;
    await payments.syncCustomer(row.customer_id);
    const after = await checkoutById(db.kysely, id);
    invariant(after !== null, 'a checkout session is never deleted');
    return after;
  }

  return { open, refresh };
}
