import { type Plan, findPrice, fitsInto, isAddOn, usualGroup } from '@farebox/core';
import type { ForeignCustomer, ForeignPrice, ForeignSubscription } from './facts.ts';
import { isPlanOf } from './propose.ts';

/** What is here of a foreign customer. `matched_by` null: nobody. */
export interface LocalMatch {
  matched_by: 'stripe_id' | 'metadata' | 'email' | null;
  customer_id: string | null;
  /** What it has here and that is not over, one in each group of plans at most. */
  live: readonly { group: string; stripe_subscription_id: string }[];
  /** Why it cannot be said whose it is. */
  conflict: string | null;
}

/** What is sold here, and what the operator chose. */
export interface Catalogue {
  installation_id: string;
  plans: readonly Plan[];
  /** Names of products, by Stripe's id. */
  product_names: ReadonlyMap<string, string>;
  /** A price's or a product's id at Stripe → a plan's id. */
  choices: Readonly<Record<string, string>>;
  /** Whether a plan version has this price of Stripe's already. */
  isKnownPrice(stripePriceId: string): boolean;
}

export interface CustomerDecision {
  outcome: 'known' | 'linked' | 'made' | 'skipped';
  reason: string | null;
  subscriptions: SubscriptionDecision[];
}

export interface SubscriptionDecision {
  stripe_subscription_id: string;
  outcome: 'known' | 'made' | 'skipped';
  reason: string | null;
  /** What it is to be on; null when nothing is made. */
  terms: { price: ForeignPrice; plan: Plan } | null;
}

const importable: ReadonlySet<string> = new Set(['active', 'trialing', 'past_due', 'unpaid', 'paused']);

/**
 * Pure. What becomes of one customer of a foreign account. What names another installation is never taken; a customer has
 * one subscription here in each group of plans, so of several in one the oldest that can be taken is.
 */
export function decideCustomer(found: ForeignCustomer, match: LocalMatch, catalogue: Catalogue): CustomerDecision {
  const skipped = (reason: string): CustomerDecision => ({ outcome: 'skipped', reason, subscriptions: [] });
  if (found.installation_id !== null && found.installation_id !== catalogue.installation_id)
    return skipped(`It belongs to another Farebox, ${found.installation_id}.`);
  if (match.conflict !== null) return skipped(match.conflict);
  if (match.matched_by === null && found.email === null)
    return skipped('It has no e-mail address, and a customer of Farebox needs one.');
  const outcome = match.matched_by === 'stripe_id' ? 'known' : match.matched_by === null ? 'made' : 'linked';
  return { outcome, reason: null, subscriptions: decideSubscriptions(found, match, catalogue) };
}

function decideSubscriptions(found: ForeignCustomer, match: LocalMatch, catalogue: Catalogue): SubscriptionDecision[] {
  const taken = new Map(match.live.map(({ group, stripe_subscription_id: id }) => [group, id]));
  return found.subscriptions.map((subscription): SubscriptionDecision => {
    const { stripe_subscription_id } = subscription;
    if (match.live.some((each) => each.stripe_subscription_id === stripe_subscription_id))
      return { stripe_subscription_id, outcome: 'known', reason: null, terms: null };
    const terms = termsOf(subscription, catalogue);
    if (typeof terms === 'string') return { stripe_subscription_id, outcome: 'skipped', reason: terms, terms: null };
    const group = terms.plan.group ?? usualGroup;
    const held = taken.get(group);
    if (held !== undefined) {
      const reason = `A customer has one subscription of the group "${group}" here, and ${held} is it.`;
      return { stripe_subscription_id, outcome: 'skipped', reason, terms: null };
    }
    taken.set(group, stripe_subscription_id);
    return { stripe_subscription_id, outcome: 'made', reason: null, terms };
  });
}

/** What a subscription is to be on here; a sentence says why it cannot be taken. */
function termsOf(
  subscription: ForeignSubscription,
  catalogue: Catalogue,
): { price: ForeignPrice; plan: Plan } | string {
  const { installation_id, status, price, items, has_schedule, quantity } = subscription;
  if (installation_id !== null && installation_id !== catalogue.installation_id)
    return `It belongs to another Farebox, ${installation_id}.`;
  if (!importable.has(status)) return `It is ${status}: nothing was paid for it yet.`;
  if (price === null) return `It has ${items} items: a subscription here has one price.`;
  if (has_schedule) return 'A schedule at Stripe is to change it: release it there, or wait until it is over.';
  if (price.obstacle !== null) return price.obstacle;
  const plan = planFor(price, catalogue);
  if (typeof plan === 'string') return plan;
  if (quantity !== 1 && plan.seats === null)
    return `It is for ${quantity} of the plan "${plan.name}", which has no seats.`;
  return { price, plan: keptAt(plan, price) };
}

/** The plan a price is of: the operator's choice, or the one called as its product is that is sold at the same amount. */
function planFor(price: ForeignPrice, catalogue: Catalogue): Plan | string {
  const { stripe_price_id: id, stripe_product_id, currency, interval, amount_minor } = price;
  const chosen = catalogue.choices[id] ?? catalogue.choices[stripe_product_id];
  const product = catalogue.product_names.get(stripe_product_id) ?? stripe_product_id;
  const plan = catalogue.plans.find((each) => (chosen === undefined ? isPlanOf(product, each) : each.id === chosen));
  if (plan === undefined)
    return `No plan is called "${product}": add it to the price list, or choose a plan for ${id}.`;
  if (isAddOn(plan)) return `The plan "${plan.name}" is an add-on, and comes on top of another one.`;
  const same = interval === null ? null : findPrice(plan, { currency, interval });
  if (chosen === undefined && same?.amount_minor !== amount_minor && !catalogue.isKnownPrice(id))
    return `The plan "${plan.name}" is not sold at ${id}'s ${amount_minor} ${currency} by the ${interval}: choose it for ${id}, and it is kept at that.`;
  return misfit(plan, price) ?? plan;
}

/** Why a plan's usage cannot be billed beside a price; null when it can. */
function misfit(plan: Plan, { currency, interval }: ForeignPrice): string | null {
  for (const { meter_id, overage, interval: per } of plan.usage) {
    if (overage !== null && overage[currency] === undefined)
      return `The plan "${plan.name}" has no price in ${currency} for ${meter_id} beyond what is included.`;
    if (interval !== null && !fitsInto[per].includes(interval))
      return `The plan "${plan.name}" includes ${meter_id} by the ${per}, which does not fit into a ${interval}.`;
  }
  return null;
}

/** The plan as it stands, at the price that somebody already pays. */
function keptAt(plan: Plan, { currency, interval, amount_minor }: ForeignPrice): Plan {
  const price = { currency, interval: interval ?? 'month', amount_minor: amount_minor ?? 0, setup_fee_minor: 0 };
  const usage = plan.usage.map((part) => {
    const overage = part.overage?.[currency];
    return { ...part, overage: overage === undefined ? null : { [currency]: overage } };
  });
  return { ...plan, prices: [price], usage };
}
