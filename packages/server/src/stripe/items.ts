import type Stripe from 'stripe';
import type { OrderedAddOn } from '../intents/kinds.ts';
import { isAddOnItem } from './translate.ts';

interface ItemChange {
  id?: string;
  price?: string;
  quantity?: number;
  deleted?: boolean;
}

/** What a subscription at Stripe has on top of its base item. */
export function addOnsOn(subscription: Stripe.Subscription): OrderedAddOn[] {
  return addOnItems(subscription).map(({ price, quantity }) => ({
    stripe_price_id: price.id,
    quantity: quantity ?? 1,
  }));
}

/** What is to be said of add-ons in an update: new ones, other quantities, and those that go. Nothing when none are named. */
export function addOnChanges(
  subscription: Stripe.Subscription,
  wanted: readonly OrderedAddOn[] | undefined,
): ItemChange[] {
  if (wanted === undefined) return [];
  const held = addOnItems(subscription);
  const gone = held.filter(({ price }) => !wanted.some(({ stripe_price_id }) => stripe_price_id === price.id));
  const changed = wanted.flatMap(({ stripe_price_id, quantity }): ItemChange[] => {
    const item = held.find(({ price }) => price.id === stripe_price_id);
    if (item === undefined) return [{ price: stripe_price_id, quantity }];
    return item.quantity === quantity ? [] : [{ id: item.id, quantity }];
  });
  return [...changed, ...gone.map(({ id }) => ({ id, deleted: true }))];
}

/** Add-ons as they are named where they begin: at a checkout, with a subscription, in a phase. */
export function newItems(addOns: readonly OrderedAddOn[]): { price: string; quantity: number }[] {
  return addOns.map(({ stripe_price_id, quantity }) => ({ price: stripe_price_id, quantity }));
}

/** Prices that are charged once. */
export function onceItems(prices: readonly string[]): { price: string; quantity: number }[] {
  return prices.map((price) => ({ price, quantity: 1 }));
}

/** What is charged once with an update or a phase; nothing is said where there is nothing. */
export function addedOnce(prices: readonly string[] = []): {
  add_invoice_items?: { price: string; quantity: number }[];
} {
  return prices.length === 0 ? {} : { add_invoice_items: onceItems(prices) };
}

/** The same prices and quantities, in whatever order. */
export function areSame(a: readonly OrderedAddOn[], b: readonly OrderedAddOn[]): boolean {
  return namesOf(a) === namesOf(b);
}

/** `price_1*2+price_2*1`: equal for equal items, in whatever order. */
export function namesOf(items: readonly OrderedAddOn[]): string {
  const names = items.map(({ stripe_price_id, quantity }) => `${stripe_price_id}*${quantity}`);
  return names.toSorted().join('+');
}

/** What of a subscription bills usage through a meter. */
export function meteredOn(subscription: Stripe.Subscription): Stripe.SubscriptionItem[] {
  return subscription.items.data.filter(({ price }) => price.metadata['farebox_meter'] !== undefined);
}

function addOnItems(subscription: Stripe.Subscription): Stripe.SubscriptionItem[] {
  return subscription.items.data.filter(isAddOnItem);
}
