import { type AddOnDecision, type Instant, addOnQuantityFault, decideAddOn, prorate } from '@farebox/core';
import { requirePaid } from '../../intents/orders.ts';
import { invariant } from '../../lib/invariant.ts';
import type { PlanVersion } from '../../plans/store.ts';
import type { PaymentsDesk } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { type ChangePreview, inStripeTerms, prorationInstant } from './change-plan.ts';
import { setupFeesOf } from '../choose.ts';
import {
  type Held,
  type HeldAddOn,
  type Turns,
  type Wisher,
  addOnsMinor,
  beginning,
  orderedAddOns,
  refused,
  setupFeeMinor,
} from './turns.ts';

export interface AddOnWishInput {
  plan_id: string;
  /** How many there are to be; 0 removes it. */
  quantity: number;
  when?: 'now' | 'period_end' | undefined;
  /** The instant a preview was made for: the change then costs what the preview said. */
  proration_at?: Instant | undefined;
}

type Decided = Exclude<AddOnDecision, { effect: 'refuse' }>;
interface Target {
  version: PlanVersion;
  /** Null for one that is removed and has no such price any more. */
  price: HeldAddOn['price'];
  quantity: number;
  decision: Decided;
  /** All add-ons as they are to be. */
  add_ons: HeldAddOn[];
}

/** What comes on top of a plan: more, fewer or none of an add-on, now or when the period ends. */
export function createAddOns(deps: {
  turns: Turns;
  desk: Pick<PaymentsDesk, 'previewChange'>;
  onSale(planId: string, customerId: string): Promise<PlanVersion>;
}) {
  const { turns, desk } = deps;

  async function preview(wisher: Wisher, id: string, wish: AddOnWishInput): Promise<ChangePreview> {
    const held = await turns.look(wisher, id);
    const target = await targetOf(wisher, held, wish);
    const { decision, price, quantity } = target;
    const { amount_minor, currency, interval } = price;
    const base = held.scheduled ?? { price: held.price, quantity: held.row.quantity };
    const common = {
      direction: quantity > decision.before ? ('upgrade' as const) : ('downgrade' as const),
      resets_anchor: false,
      terms: { plan_id: target.version.plan_id, amount_minor, currency, interval, quantity },
      plan_name: target.version.content.name,
      setup_fee_minor: setupFeeMinor(beginning(held, target.add_ons)),
    };
    if (decision.effect === 'change_at_period_end') {
      const recurring_minor = base.price.amount_minor * base.quantity + addOnsMinor(target.add_ons);
      const later = { effect: 'period_end', effective_at: decision.at, proration_at: null } as const;
      return { ...common, ...later, recurring_minor, invoice: null, proration: null };
    }
    const proration_at = prorationInstant(held, wish);
    invariant(held.stripe_customer_id !== null, 'who has a subscription that runs is known to Stripe');
    const invoice = await desk.previewChange({
      ...orderOf(held, target),
      stripe_customer_id: held.stripe_customer_id,
      proration_at,
      resets_anchor: false,
    });
    return {
      ...common,
      effect: 'now',
      effective_at: held.now,
      proration_at,
      recurring_minor: held.price.amount_minor * held.row.quantity + addOnsMinor(target.add_ons),
      invoice,
      proration: ownProration(held, target, proration_at),
    };
  }

  async function change(wisher: Wisher, id: string, wish: AddOnWishInput) {
    return await turns.take(wisher, id, async (held) => {
      const target = await targetOf(wisher, held, wish);
      if (target.decision.effect === 'change_at_period_end') {
        const { price, quantity } = held.scheduled ?? { price: held.price, quantity: held.row.quantity };
        invariant(price.stripe_price_id !== null, 'what was bought is at Stripe');
        const data = {
          stripe_subscription_id: held.row.stripe_subscription_id,
          stripe_price_id: price.stripe_price_id,
          quantity,
          add_ons: orderedAddOns(target.add_ons),
          add_on_fees: setupFeesOf(beginning(held, target.add_ons)),
          ...inStripeTerms(price.interval),
        };
        await turns.carryOut(wisher, held, {
          kind: 'subscription.schedule',
          action: 'subscription.add_on_scheduled',
          data,
        });
        return { effect: 'period_end' as const, payment: null };
      }
      const data = { ...orderOf(held, target), proration_at: prorationInstant(held, wish), resets_anchor: false };
      const intent = { kind: 'subscription.change', action: 'subscription.add_on_changed', data } as const;
      const collected = requirePaid(await turns.carryOut(wisher, held, intent));
      return { effect: 'now' as const, payment: collected.state === 'done' ? null : collected };
    });
  }

  /** One that is held stays on the version it was bought in; a new one is the version on sale. */
  async function targetOf(wisher: Wisher, held: Held, wish: AddOnWishInput): Promise<Target> {
    const arranged = held.scheduled?.add_ons ?? held.add_ons;
    const own = [...arranged, ...held.add_ons].find(({ version }) => version.plan_id === wish.plan_id);
    const version = own?.version ?? (await deps.onSale(wish.plan_id, held.row.customer_id));
    const fault = wish.quantity === 0 ? null : addOnQuantityFault(version.content, wish.quantity);
    if (fault !== null) throw new Problem('invalid_request', `quantity: ${fault}`, { param: 'quantity' });
    const terms = arranged.map((addOn) => ({ plan: addOn.version.content, quantity: addOn.quantity }));
    const asked = { plan: version.content, quantity: wish.quantity, when: wish.when, by: wisher.by };
    const decision = decideAddOn(held.facts, terms, asked, held.now);
    if (decision.effect === 'refuse') throw refused(decision);
    const { currency, interval } = held.facts.terms;
    const price = version.prices.find((each) => each.currency === currency && each.interval === interval) ?? own?.price;
    invariant(price !== undefined, 'what goes with a subscription has its price');
    if (price.stripe_price_id === null)
      throw new Problem('plan_not_pushed', `The add-on "${wish.plan_id}" has not reached Stripe yet.`, {
        param: 'plan_id',
      });
    const others = arranged.filter((addOn) => addOn.version.plan_id !== wish.plan_id);
    const { quantity } = wish;
    const add_ons = quantity === 0 ? others : [...others, { version, price, quantity }];
    return { version, price, quantity, decision, add_ons };
  }

  return { preview, change };
}

/** What Stripe is told of a change that counts now: the plan as it is, and all add-ons. */
function orderOf(held: Held, { add_ons }: Target) {
  invariant(held.price.stripe_price_id !== null, 'what was bought is at Stripe');
  return {
    stripe_subscription_id: held.row.stripe_subscription_id,
    stripe_price_id: held.price.stripe_price_id,
    quantity: held.row.quantity,
    add_ons: orderedAddOns(add_ons),
    add_on_fees: setupFeesOf(beginning(held, add_ons)),
  };
}

/** The difference for the rest of the period by our own rules. */
function ownProration(held: Held, { price, quantity, decision }: Target, at: Instant): ChangePreview['proration'] {
  if (held.facts.status === 'trialing') return { credit_minor: 0, charge_minor: 0, net_minor: 0 };
  const period = {
    start_at: held.row.current_period_start_at.getTime(),
    end_at: held.row.current_period_end_at.getTime(),
  };
  return prorate(price.amount_minor * decision.before, price.amount_minor * quantity, period, at);
}
