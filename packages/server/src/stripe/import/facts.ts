import { type Interval, currencies, currencyStep } from '@farebox/core';
import type Stripe from 'stripe';
import { idOf } from '../translate.ts';

/** A price of a foreign product, in our words. `obstacle` says why a plan cannot have it. */
export interface ForeignPrice {
  stripe_price_id: string;
  stripe_product_id: string;
  currency: string;
  interval: Interval | null;
  amount_minor: number | null;
  obstacle: string | null;
  created_at: Date;
}

export interface ForeignProduct {
  stripe_product_id: string;
  name: string;
  description: string | null;
  prices: ForeignPrice[];
}

export interface ForeignSubscription {
  stripe_subscription_id: string;
  status: string;
  quantity: number;
  /** Whom its metadata names. */
  installation_id: string | null;
  /** Null when it does not have exactly one item. */
  price: ForeignPrice | null;
  items: number;
  has_schedule: boolean;
  created_at: Date;
}

export interface ForeignCustomer {
  stripe_customer_id: string;
  name: string | null;
  email: string | null;
  installation_id: string | null;
  /** Ours, by the metadata of this installation. */
  customer_id: string | null;
  /** Those that are not over, the oldest first. */
  subscriptions: ForeignSubscription[];
}

/** Stripe's interval and how many of them are one period. */
const intervalNames: Record<string, Interval> = {
  'day 1': 'day',
  'week 1': 'week',
  'month 1': 'month',
  'month 3': 'quarter',
  'year 1': 'year',
  'month 12': 'year',
};

/** Pure, as `translate.ts`: the names of Stripe's fields end here. */
export function foreignPrice(price: Stripe.Price): ForeignPrice {
  const { recurring, unit_amount, currency } = price;
  const interval =
    recurring === null ? null : (intervalNames[`${recurring.interval} ${recurring.interval_count}`] ?? null);
  return {
    stripe_price_id: price.id,
    stripe_product_id: idOf(price.product),
    currency,
    interval,
    amount_minor: unit_amount,
    obstacle: obstacleOf(price, interval),
    created_at: new Date(price.created * 1000),
  };
}

function obstacleOf(price: Stripe.Price, interval: Interval | null): string | null {
  const { recurring, currency } = price;
  if (recurring === null) return 'It is paid once: a plan can have it as its setup fee.';
  if (recurring.usage_type === 'metered')
    return 'It bills usage that Stripe counts: write it as the plan’s usage, and Farebox counts.';
  if (price.billing_scheme === 'tiered') return 'Its amount depends on the quantity by tiers: a plan has one per seat.';
  if (price.transform_quantity !== null) return 'It is paid per package of a quantity: a plan has an amount per seat.';
  if (price.custom_unit_amount !== null) return 'Who pays chooses the amount.';
  if (interval === null)
    return `It is paid every ${recurring.interval_count} ${recurring.interval}s: a plan is paid by the day, week, month, quarter or year.`;
  if (price.unit_amount === null) return 'Its amount has fractions of the smallest unit of money.';
  if (!currencies.includes(currency)) return `Farebox does not know the currency ${currency}.`;
  if (price.unit_amount % currencyStep(currency) !== 0) return `In ${currency} the last digits must be zero.`;
  return null;
}

export function foreignCustomer(
  customer: Stripe.Customer,
  subscriptions: readonly Stripe.Subscription[],
  installationId: string,
): ForeignCustomer {
  const { metadata } = customer;
  const own = metadata['farebox_installation'] === installationId;
  return {
    stripe_customer_id: customer.id,
    name: customer.name ?? null,
    email: customer.email,
    installation_id: metadata['farebox_installation'] ?? null,
    customer_id: own ? (metadata['farebox_customer'] ?? null) : null,
    subscriptions: subscriptions
      .map(foreignSubscription)
      // Stripe lists the newest first, and counts whole seconds.
      .toReversed()
      .toSorted((a, b) => a.created_at.getTime() - b.created_at.getTime()),
  };
}

function foreignSubscription(subscription: Stripe.Subscription): ForeignSubscription {
  const [first, ...others] = subscription.items.data;
  return {
    stripe_subscription_id: subscription.id,
    status: subscription.status,
    quantity: first?.quantity ?? 1,
    installation_id: subscription.metadata['farebox_installation'] ?? null,
    price: first === undefined || others.length > 0 ? null : foreignPrice(first.price),
    items: subscription.items.data.length,
    has_schedule: subscription.schedule !== null,
    created_at: new Date(subscription.created * 1000),
  };
}
