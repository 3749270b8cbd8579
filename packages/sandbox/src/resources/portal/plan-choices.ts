import { priceAmount } from '../../billing/money.ts';
import { quantityFault, type QuantityLimits, type Rate, waits } from '../../billing/plan-change.ts';
import type {
  PortalConfigurationRecord,
  PriceRecord,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import type { ScheduleRecord } from '../../store/schedule-records.ts';
import type { Tx } from '../../store/store.ts';
import { isLive, scheduleOf } from '../schedules/schedule-end.ts';
import { isMetered } from '../usage/usage-lines.ts';

/** What a customer wants to have instead; `null` is what they have. */
export interface PlanWish {
  price: string | null;
  quantity: number | null;
}

/** Marks a schedule as one that the portal made: its customer may take it back there. */
export const PORTAL_MARK = { planned_by: 'customer_portal' } as const;

/** The schedule that manages a subscription now; `null` when none does. */
export function managedBy(tx: Tx, subscription: SubscriptionRecord): ScheduleRecord | null {
  const schedule = scheduleOf(tx, subscription);
  return schedule !== null && isLive(schedule) ? schedule : null;
}

/** Whether the customer planned it themselves, in the portal. */
export function isOwn(schedule: ScheduleRecord): boolean {
  return schedule.metadata['planned_by'] === PORTAL_MARK.planned_by;
}

/** Why the portal cannot change what a subscription is for; `null` when it can. */
export function updateFault(tx: Tx, subscription: SubscriptionRecord): string | null {
  if (managedBy(tx, subscription) !== null) return 'This subscription has a change planned already.';
  if (!['active', 'past_due', 'trialing'].includes(subscription.status)) {
    return `A subscription that is ${subscription.status} cannot be changed.`;
  }
  if (subscription.items.length !== 1) return 'A subscription of several products cannot be changed here.';
  if (subscription.items.some((item) => isMetered(tx, item))) {
    return 'A subscription that is billed by usage cannot be changed here.';
  }
  return null;
}

/** Why the portal cannot pause a subscription; `null` when it can. */
export function pauseFault(tx: Tx, subscription: SubscriptionRecord): string | null {
  if (managedBy(tx, subscription) !== null) return 'This subscription has a change planned already.';
  if (subscription.status !== 'active') return `A subscription that is ${subscription.status} cannot be paused.`;
  return subscription.cancel_at === null ? null : 'This subscription is set to be canceled.';
}

/** A plan that may be chosen, and how many of it. */
export interface Choice {
  price: PriceRecord;
  limits: QuantityLimits;
}

/** Every plan a subscription can be changed to, its own included, in the order of the configuration. */
export function choicesFor(
  tx: Tx,
  configuration: PortalConfigurationRecord,
  subscription: SubscriptionRecord,
): Choice[] {
  const { allowed, products } = configuration.features.subscription_update;
  const own = subscription.items[0]?.price;
  return products.flatMap(({ prices, adjustable_quantity: limits }) =>
    prices.flatMap((id) => {
      const price = tx.need('price', id);
      const fits = price.active && price.currency === subscription.currency && price.recurring?.meter === undefined;
      const may_change = allowed.includes('price') && fits;
      const enabled = limits.enabled && allowed.includes('quantity');
      return id === own || may_change ? [{ price, limits: { ...limits, enabled } }] : [];
    }),
  );
}

/** What a customer gets and how many; the fault says which of the two cannot be. */
export function choiceFault(
  tx: Tx,
  configuration: PortalConfigurationRecord,
  subscription: SubscriptionRecord,
  wish: PlanWish,
): { field: 'price' | 'quantity'; message: string } | null {
  const item = itemOf(subscription);
  const { price, quantity } = wanted(item, wish);
  const choice = choicesFor(tx, configuration, subscription).find((each) => each.price.id === price);
  if (choice === undefined) return { field: 'price', message: 'This plan cannot be chosen.' };
  const message = quantityFault(choice.limits, quantity, item.quantity);
  return message === null ? null : { field: 'quantity', message };
}

/** The one item that the portal changes. */
export function itemOf(subscription: SubscriptionRecord): SubscriptionItemRecord {
  const [item] = subscription.items;
  if (item === undefined) throw new Error(`${subscription.id} has no items.`);
  return item;
}

/** What a wish comes to. */
export function wanted(item: SubscriptionItemRecord, wish: PlanWish): { price: string; quantity: number } {
  return { price: wish.price ?? item.price, quantity: wish.quantity ?? item.quantity };
}

function rateOf(tx: Tx, price_id: string, quantity: number): Rate {
  const price = tx.need('price', price_id);
  if (price.recurring === null) throw new Error(`${price_id} is not billed by the interval.`);
  return { amount: priceAmount(price, quantity), interval: price.recurring };
}

/** Whether a change waits until the period ends, as the configuration wants it of changes that take something away. */
export function isPlanned(
  tx: Tx,
  configuration: PortalConfigurationRecord,
  subscription: SubscriptionRecord,
  wish: PlanWish,
): boolean {
  const item = itemOf(subscription);
  const next = wanted(item, wish);
  const { conditions } = configuration.features.subscription_update;
  return waits(rateOf(tx, item.price, item.quantity), rateOf(tx, next.price, next.quantity), conditions);
}
