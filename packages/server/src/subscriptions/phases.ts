import type { Reader } from '../db/database.ts';
import { type StoredAddOn, type SubscriptionRow, phasesOf } from './store.ts';

/** Terms of a subscription from an instant on. */
export interface PhaseRow {
  from_at: Date;
  plan_price_id: string;
  add_ons: StoredAddOn[];
  billing_anchor_at: Date;
}

/** Notes other terms when a read shows them; the same terms again add nothing. */
export async function recordPhase(
  db: Reader,
  before: SubscriptionRow | null,
  after: SubscriptionRow,
  fetchedAt: Date,
): Promise<void> {
  const last = (await phasesOf(db, after.id)).at(-1) ?? null;
  const phase = nextPhase(last, before, after, fetchedAt);
  if (phase === null) return;
  const values = { ...phase, add_ons: JSON.stringify(phase.add_ons) };
  await db
    .insertInto('subscription_phase')
    .values({ ...values, subscription_id: after.id })
    .onConflict((conflict) => conflict.columns(['subscription_id', 'from_at']).doUpdateSet(values))
    .execute();
}

/**
 * The terms that a read adds, if any. What changed with a period counts from its start, so that the period before it keeps
 * its own; what changed within one counts from when it was seen, which is when we did it ourselves.
 */
export function nextPhase(
  last: PhaseRow | null,
  before: Pick<SubscriptionRow, 'current_period_start_at'> | null,
  after: Pick<
    SubscriptionRow,
    'plan_price_id' | 'add_ons' | 'billing_anchor_at' | 'current_period_start_at' | 'stripe_created_at'
  >,
  fetchedAt: Date,
): PhaseRow | null {
  const { plan_price_id, add_ons, billing_anchor_at, current_period_start_at } = after;
  if (last === null || before === null) {
    const from_at = billing_anchor_at < after.stripe_created_at ? billing_anchor_at : after.stripe_created_at;
    return { from_at, plan_price_id, add_ons, billing_anchor_at };
  }
  const isSame =
    termsIdOf(last) === termsIdOf(after) && last.billing_anchor_at.getTime() === billing_anchor_at.getTime();
  if (isSame) return null;
  const isNewPeriod = current_period_start_at > before.current_period_start_at;
  const from_at = isNewPeriod ? current_period_start_at : fetchedAt;
  return { from_at: from_at < last.from_at ? last.from_at : from_at, plan_price_id, add_ons, billing_anchor_at };
}

/** The name of what is paid for: equal names, equal terms. */
export function termsIdOf({ plan_price_id, add_ons }: Pick<PhaseRow, 'plan_price_id' | 'add_ons'>): string {
  return [plan_price_id, ...add_ons.map((addOn) => `${addOn.plan_price_id}*${addOn.quantity}`)].join('+');
}
