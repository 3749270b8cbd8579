import type { Instant } from './plan.ts';

/** Whether credit was bought or given. Of equals what was given is used first. */
export type GrantCategory = 'paid' | 'promotional';

/** Credit of one customer, as far as drawing from it asks. Amounts in minor units of one currency. */
export interface Grant {
  id: string;
  remaining_minor: number;
  category: GrantCategory;
  /** 0 to 100; the lowest is used first. */
  priority: number;
  effective_at: Instant;
  /** Of no use from then on; null: never. */
  expires_at: Instant | null;
  /** Usage of these meters only; null: of all. */
  meter_ids: readonly string[] | null;
  created_at: Instant;
}

/** What a period's usage of one meter costs. */
export interface UsageCharge {
  meter_id: string;
  amount_minor: number;
}

/** Taken from one grant for one charge. */
export interface Draw {
  grant_id: string;
  meter_id: string;
  amount_minor: number;
}

/** Whether a grant can pay for something at this instant. */
export function isUsable(grant: Grant, at: Instant): boolean {
  return grant.remaining_minor > 0 && grant.effective_at <= at && (grant.expires_at === null || at < grant.expires_at);
}

/**
 * Which of two grants is used first: priority, then what expires sooner, then what was given before what was bought, then what
 * began earlier, then what was made earlier: the order of https://docs.stripe.com/billing/subscriptions/usage-based/billing-credits.
 */
export function byUse(a: Grant, b: Grant): number {
  const end = (grant: Grant) => grant.expires_at ?? Number.POSITIVE_INFINITY;
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (end(a) !== end(b)) return end(a) < end(b) ? -1 : 1;
  if (a.category !== b.category) return a.category === 'promotional' ? -1 : 1;
  if (a.effective_at !== b.effective_at) return a.effective_at - b.effective_at;
  if (a.created_at !== b.created_at) return a.created_at - b.created_at;
  return a.id < b.id ? -1 : 1;
}

/**
 * Pays charges from credit, each charge in the order given, from grants in the order of `byUse`: all that there is for it, and
 * never more than it costs. The draws are in that order, at most one for each grant and charge.
 */
export function drawCredit(grants: readonly Grant[], charges: readonly UsageCharge[], at: Instant): Draw[] {
  const left = new Map(grants.map(({ id, remaining_minor }) => [id, remaining_minor]));
  const usable = grants.filter((grant) => isUsable(grant, at)).toSorted(byUse);
  const draws: Draw[] = [];
  for (const { meter_id, amount_minor } of charges) {
    let owed = amount_minor;
    for (const { id: grant_id, meter_ids } of usable) {
      if (owed <= 0) break;
      if (meter_ids !== null && !meter_ids.includes(meter_id)) continue;
      const there = left.get(grant_id) ?? 0;
      const taken = Math.min(owed, there);
      if (taken === 0) continue;
      left.set(grant_id, there - taken);
      owed -= taken;
      draws.push({ grant_id, meter_id, amount_minor: taken });
    }
  }
  return draws;
}

/**
 * What can be held for work that is about to begin, at most `amount_minor`, in the order of `byUse`: only from what the usage so
 * far will not take. `meter_id`: what the work is measured by; null: credit for certain meters is not for it.
 */
export function holdCredit(
  grants: readonly Grant[],
  running: readonly UsageCharge[],
  wish: { amount_minor: number; meter_id: string | null },
  at: Instant,
): Draw[] {
  const promised = drawCredit(grants, running, at);
  const free = grants.map((grant) => ({
    ...grant,
    remaining_minor: promised.reduce(
      (left, draw) => (draw.grant_id === grant.id ? left - draw.amount_minor : left),
      grant.remaining_minor,
    ),
  }));
  return drawCredit(free, [{ meter_id: wish.meter_id ?? '', amount_minor: wish.amount_minor }], at);
}

/** Of what grants gave, in the order they did, what goes back when only `used_minor` was used: the last first. */
export function unusedOf<T extends { amount_minor: number }>(held: readonly T[], used_minor: number): T[] {
  let used = used_minor;
  return held.flatMap((each) => {
    const kept = Math.min(used, each.amount_minor);
    used -= kept;
    return kept === each.amount_minor ? [] : [{ ...each, amount_minor: each.amount_minor - kept }];
  });
}
