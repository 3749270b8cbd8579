import { type Refused, type SubscriptionFacts, type WishedBy, refuseUnready } from './change.ts';
import type { Currency, Instant, Interval, Plan } from './plan.ts';
import { findPrice, isAddOn } from './priced-plan.ts';

/** So many of one add-on, at the price of its version. */
export interface AddOnTerms {
  plan: Plan;
  quantity: number;
}

export interface AddOnWish {
  plan: Plan;
  /** How many there are to be; 0 removes it. */
  quantity: number;
  /** Left out: more at once, less at the period's end. */
  when?: 'now' | 'period_end' | undefined;
  by: WishedBy;
}

export type AddOnRefusal = Refused['code'] | 'add_on_not_available' | 'change_scheduled';

export type AddOnDecision =
  | { effect: 'refuse'; code: AddOnRefusal; detail: string }
  | { effect: 'change_now'; amount_minor: number; before: number }
  | { effect: 'change_at_period_end'; amount_minor: number; before: number; at: Instant };

/**
 * What a wish for so many of an add-on does: `held` are those the subscription is to have when the change counts. More counts
 * at once and pays for the rest of the period; less waits for its end, since what was paid for may have been used. While
 * another change is arranged nothing is changed at once: it would have to be dropped.
 */
export function decideAddOn(
  facts: SubscriptionFacts,
  held: readonly AddOnTerms[],
  wish: AddOnWish,
  now: Instant,
): AddOnDecision {
  const unready = refuseUnready(facts, now);
  if (unready !== null) return unready;
  const before = held.find(({ plan }) => plan.id === wish.plan.id)?.quantity ?? 0;
  if (wish.quantity === before)
    return refuse('no_change', before === 0 ? 'There is no such add-on to remove.' : `There are ${before} already.`);
  const { currency, interval } = facts.terms;
  const price = findPrice(wish.plan, { currency, interval });
  const misfit = addOnMisfit(wish.plan, { plan_id: facts.terms.plan_id, currency, interval });
  // What does not fit any more can still be removed.
  if (misfit !== null && wish.quantity > before) return refuse('add_on_not_available', misfit);
  const amount_minor = price?.amount_minor ?? 0;
  const isMore = wish.quantity > before;
  const when = wish.when ?? (isMore ? 'now' : 'period_end');
  if (when === 'period_end')
    return { effect: 'change_at_period_end', amount_minor, before, at: facts.current_period_end_at };
  if (!isMore && wish.by === 'customer' && facts.status !== 'trialing')
    return refuse(
      'downgrade_at_period_end',
      'Less begins at the end of the period that is paid for: ask with when=period_end.',
    );
  if (facts.has_schedule)
    return refuse(
      'change_scheduled',
      'A change is arranged for the end of the period. Undo it first, or ask with when=period_end.',
    );
  return { effect: 'change_now', amount_minor, before };
}

/** Why an add-on cannot be on a subscription of this plan and price; null when it can. */
export function addOnMisfit(
  addOn: Pick<Plan, 'id' | 'group' | 'adds_to' | 'prices'>,
  base: { plan_id: string; currency: Currency; interval: Interval },
): string | null {
  if (!isAddOn(addOn)) return `"${addOn.id}" is a plan of its own, and no add-on.`;
  if (addOn.adds_to.length > 0 && !addOn.adds_to.includes(base.plan_id))
    return `"${addOn.id}" goes with ${addOn.adds_to.join(', ')}, and not with "${base.plan_id}".`;
  if (findPrice(addOn, base) === null) return `"${addOn.id}" has no price in ${base.currency} by the ${base.interval}.`;
  return null;
}

/** How many of an add-on may be bought: as its plan says of seats, else one. */
export function addOnQuantityFault(addOn: Pick<Plan, 'seats'>, quantity: number): string | null {
  const minimum = addOn.seats?.minimum ?? 1;
  const maximum = addOn.seats === null ? 1 : (addOn.seats.maximum ?? quantity);
  if (quantity >= minimum && quantity <= maximum) return null;
  if (addOn.seats === null) return 'It is sold once.';
  return `At least ${minimum}${addOn.seats.maximum === null ? '' : ` and at most ${maximum}`}.`;
}

function refuse(code: AddOnRefusal, detail: string): AddOnDecision {
  return { effect: 'refuse', code, detail };
}
