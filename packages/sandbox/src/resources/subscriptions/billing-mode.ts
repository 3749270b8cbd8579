import type { Cycle } from '../../billing/periods.ts';
import { oneOf, type Read, shape } from '../../http/params.ts';
import type { BillingModeRecord, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Interval } from '../../time/calendar.ts';

const modeFields = {
  flexible: shape({ proration_discounts: oneOf(['included', 'itemized']) }),
  type: oneOf(['classic', 'flexible']),
};

/** `billing_mode` of a new subscription. */
export const billingModeParam = shape(modeFields);

const FLEXIBLE: BillingModeRecord = { type: 'flexible', proration_discounts: 'included', updated_at: null };

/** The mode a request asks for; flexible where it does not say. */
export function wantedMode(wanted: Partial<Read<typeof modeFields>> | undefined): BillingModeRecord {
  return {
    type: wanted?.type ?? 'flexible',
    proration_discounts: wanted?.flexible?.proration_discounts ?? 'included',
    updated_at: null,
  };
}

/** How a subscription's prorations and invoices are made. */
export function modeOf(subscription: Pick<SubscriptionRecord, 'billing_mode'>): BillingModeRecord {
  return subscription.billing_mode ?? FLEXIBLE;
}

export function isClassic(subscription: Pick<SubscriptionRecord, 'billing_mode'>): boolean {
  return modeOf(subscription).type === 'classic';
}

/** What a subscription's periods are counted from. */
export function cycleOf(subscription: Pick<SubscriptionRecord, 'anchor_config' | 'billing_cycle_anchor'>): Cycle {
  return { anchor: subscription.billing_cycle_anchor, day: subscription.anchor_config?.day_of_month ?? null };
}

/** How often an item is billed. */
export function intervalOf(tx: Tx, item: { price: string }): Interval {
  const { recurring } = tx.need('price', item.price);
  if (recurring === null) throw new Error(`${item.price} is a one-time price and was given to a subscription.`);
  return recurring;
}

/** When the first, or the last, of the running periods ends. */
export function periodEnd(
  subscription: { items: readonly SubscriptionItemRecord[] },
  which: 'first' | 'last' = 'first',
): number {
  const ends = subscription.items.map((item) => item.current_period_end);
  return which === 'first' ? Math.min(...ends) : Math.max(...ends);
}
