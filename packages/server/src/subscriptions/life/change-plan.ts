import {
  type ChangeDecision,
  type Instant,
  type Terms,
  addOnMisfit,
  decideChange,
  isAddOn,
  prorate,
} from '@farebox/core';
import { requirePaid } from '../../intents/orders.ts';
import { invariant } from '../../lib/invariant.ts';
import type { PlanVersion, StoredPrice } from '../../plans/store.ts';
import type { InvoicePreview, PaymentsDesk } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { type Wish, priceOf, seatsOf, setupFeesOf } from '../choose.ts';
import {
  type Held,
  type HeldAddOn,
  type Turns,
  type Wisher,
  addOnsMinor,
  orderedAddOns,
  refused,
  termsOf,
  beginning,
  setupFeeMinor,
} from './turns.ts';

export interface ChangeWishInput extends Omit<Wish, 'plan_id' | 'currency'> {
  plan_id?: string | undefined;
  when?: 'now' | 'period_end' | undefined;
  /** The instant a preview was made for: the change then costs what the preview said. */
  proration_at?: Instant | undefined;
}

/** What a change will do, from the same decision that does it. */
export interface ChangePreview {
  effect: 'now' | 'period_end';
  direction: 'upgrade' | 'downgrade' | 'same';
  effective_at: Instant;
  /** Hand it to the change. Null where nothing is prorated. */
  proration_at: Instant | null;
  resets_anchor: boolean;
  terms: Terms;
  plan_name: string;
  /** What is billed at once; null when nothing is. */
  invoice: InvoicePreview | null;
  /** Of the invoice, what Farebox's own rules say; it equals Stripe's unless a discount or tax is on it. */
  proration: { credit_minor: number; charge_minor: number; net_minor: number } | null;
  /** What is charged once with it, before discounts and tax: setup fees of add-ons that begin. */
  setup_fee_minor: number;
  /** What a period costs from then on, without usage, discounts and tax. */
  recurring_minor: number;
}

/** A preview is good for this long: the price of waiting is a proration of the past. */
const previewMs = 30 * 60_000;

type Decided = Exclude<ChangeDecision, { effect: 'refuse' }>;
interface Target {
  version: PlanVersion;
  price: StoredPrice;
  terms: Terms;
  /** What stays on top of it. */
  add_ons: HeldAddOn[];
}

/** Another plan, interval or number of seats. */
export function createChangePlan(deps: {
  turns: Turns;
  desk: Pick<PaymentsDesk, 'previewChange'>;
  onSale(planId: string, customerId: string): Promise<PlanVersion>;
}) {
  const { turns, desk } = deps;

  async function preview(wisher: Wisher, id: string, wish: ChangeWishInput): Promise<ChangePreview> {
    const held = await turns.look(wisher, id);
    const target = await targetOf(held, wish);
    const decision = decide(wisher, held, target, wish);
    const begun = beginning(held, target.add_ons);
    const common = {
      direction: decision.direction,
      terms: target.terms,
      plan_name: target.version.content.name,
      setup_fee_minor: setupFeeMinor(begun),
      recurring_minor: target.terms.amount_minor * target.terms.quantity + addOnsMinor(target.add_ons),
    };
    if (decision.effect === 'change_at_period_end') {
      const later = { effect: 'period_end', effective_at: decision.at, proration_at: null } as const;
      return { ...common, ...later, resets_anchor: false, invoice: null, proration: null };
    }
    const proration_at = prorationInstant(held, wish);
    const { resets_anchor } = decision;
    invariant(held.stripe_customer_id !== null, 'who has a subscription that runs is known to Stripe');
    const invoice = await desk.previewChange({
      stripe_customer_id: held.stripe_customer_id,
      stripe_subscription_id: held.row.stripe_subscription_id,
      stripe_price_id: stripePriceOf(target),
      quantity: target.terms.quantity,
      add_ons: orderedAddOns(target.add_ons),
      add_on_fees: setupFeesOf(begun),
      proration_at,
      resets_anchor,
    });
    const now = { effect: 'now', effective_at: held.now, proration_at } as const;
    return {
      ...common,
      ...now,
      resets_anchor,
      invoice,
      proration: ownProration(held, target, proration_at, resets_anchor),
    };
  }

  async function change(wisher: Wisher, id: string, wish: ChangeWishInput) {
    return await turns.take(wisher, id, async (held) => {
      const target = await targetOf(held, wish);
      const decision = decide(wisher, held, target, wish);
      const { stripe_subscription_id } = held.row;
      const order = {
        stripe_subscription_id,
        stripe_price_id: stripePriceOf(target),
        quantity: target.terms.quantity,
        add_ons: orderedAddOns(target.add_ons),
        add_on_fees: setupFeesOf(beginning(held, target.add_ons)),
      };
      if (decision.effect === 'change_at_period_end') {
        const data = { ...order, ...inStripeTerms(target.terms.interval) };
        await turns.carryOut(wisher, held, {
          kind: 'subscription.schedule',
          action: 'subscription.change_scheduled',
          data,
        });
        return { effect: 'period_end' as const, payment: null };
      }
      const { resets_anchor } = decision;
      const data = { ...order, proration_at: prorationInstant(held, wish), resets_anchor };
      const collected = requirePaid(
        await turns.carryOut(wisher, held, { kind: 'subscription.change', action: 'subscription.changed', data }),
      );
      return { effect: 'now' as const, payment: collected.state === 'done' ? null : collected };
    });
  }

  /** Takes back what was arranged for the period's end. */
  async function undo(wisher: Wisher, id: string): Promise<void> {
    await turns.take(wisher, id, async (held) => {
      if (!held.facts.has_schedule) throw new Problem('nothing_scheduled', 'No change is scheduled.');
      const data = { stripe_subscription_id: held.row.stripe_subscription_id };
      await turns.carryOut(wisher, held, {
        kind: 'subscription.unschedule',
        action: 'subscription.change_undone',
        data,
      });
    });
  }

  /** What is not named stays as it is; the plan itself stays on its version until another is asked for. */
  async function targetOf(held: Held, wish: ChangeWishInput): Promise<Target> {
    const isOther = wish.plan_id !== undefined && wish.plan_id !== held.version.plan_id;
    const version = isOther ? await deps.onSale(wish.plan_id ?? '', held.row.customer_id) : held.version;
    if (isOther && isAddOn(version.content))
      throw new Problem('invalid_request', 'plan_id: An add-on is no plan to change to.', { param: 'plan_id' });
    if (isOther && version.content.group !== held.row.group) {
      const own = `This subscription is of the group "${held.row.group}"`;
      throw new Problem(
        'invalid_request',
        `plan_id: ${own}, and "${version.plan_id}" is of "${version.content.group}": buy it beside this one.`,
        { param: 'plan_id' },
      );
    }
    const asked = { plan_id: version.plan_id, currency: held.price.currency };
    const hasInterval = version.prices.some((price) => price.interval === held.price.interval);
    const interval = wish.interval ?? (hasInterval ? held.price.interval : undefined);
    const price = priceOf(version, { ...asked, interval });
    const isPerSeat = version.content.seats !== null;
    const seats = wish.seats ?? (isPerSeat && held.version.content.seats !== null ? held.row.quantity : undefined);
    const quantity = seatsOf(version, { ...asked, seats });
    const terms = termsOf(version, price, quantity);
    return { version, price, terms, add_ons: keptAddOns(held, terms) };
  }

  return { preview, change, undo };
}

function decide(wisher: Wisher, held: Held, target: Target, wish: ChangeWishInput): Decided {
  const decision = decideChange(held.facts, { terms: target.terms, when: wish.when, by: wisher.by }, held.now);
  if (decision.effect === 'refuse') throw refused(decision);
  return decision;
}

/** A preview's own instant while it is fresh and in this period; now otherwise. Stripe counts whole seconds. */
export function prorationInstant(held: Held, wish: Pick<ChangeWishInput, 'proration_at'>): Instant {
  const asked = wish.proration_at;
  const now = Math.floor(held.now / 1000) * 1000;
  if (asked === undefined) return now;
  const isFresh = asked <= held.now && asked > held.now - previewMs;
  if (isFresh && asked >= held.row.current_period_start_at.getTime()) return Math.floor(asked / 1000) * 1000;
  throw new Problem('invalid_request', 'proration_at: This preview is too old; ask for a new one.', {
    param: 'proration_at',
  });
}

/** The add-ons that go over to the new terms, each at its price for them. One that does not go with them is not dropped unasked. */
function keptAddOns(held: Held, terms: Terms): HeldAddOn[] {
  return (held.scheduled?.add_ons ?? held.add_ons).map((addOn) => {
    const misfit = addOnMisfit(addOn.version.content, terms);
    const price = addOn.version.prices.find(
      (each) => each.currency === terms.currency && each.interval === terms.interval,
    );
    if (misfit !== null || price === undefined)
      throw new Problem('add_on_not_available', `${misfit ?? ''} Remove it first.`.trim(), { param: 'plan_id' });
    return { ...addOn, price };
  });
}

function ownProration(held: Held, target: Target, at: Instant, resets_anchor: boolean): ChangePreview['proration'] {
  if (held.facts.status === 'trialing') return { credit_minor: 0, charge_minor: 0, net_minor: 0 };
  const period = {
    start_at: held.row.current_period_start_at.getTime(),
    end_at: held.row.current_period_end_at.getTime(),
  };
  const before = held.facts.terms.amount_minor * held.facts.terms.quantity;
  const after = target.terms.amount_minor * target.terms.quantity;
  if (!resets_anchor) return prorate(before, after, period, at);
  // Item by item, as Stripe rounds.
  const paid = [before, ...held.add_ons.map(({ price, quantity }) => price.amount_minor * quantity)];
  const credit_minor = paid.reduce((sum, minor) => sum + prorate(minor, 0, period, at).credit_minor, 0);
  const charge_minor = after + addOnsMinor(target.add_ons);
  return { credit_minor, charge_minor, net_minor: charge_minor + credit_minor };
}

function stripePriceOf(target: Target): string {
  if (target.price.stripe_price_id !== null) return target.price.stripe_price_id;
  throw new Problem(
    'plan_not_pushed',
    `The plan "${target.version.plan_id}" has not reached Stripe yet. Try again in a moment.`,
    { param: 'plan_id' },
  );
}

/** Stripe has no quarter. */
export function inStripeTerms(interval: Terms['interval']): {
  interval: 'day' | 'week' | 'month' | 'year';
  interval_count: number;
} {
  return interval === 'quarter' ? { interval: 'month', interval_count: 3 } : { interval, interval_count: 1 };
}
