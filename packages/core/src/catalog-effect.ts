import type { CatalogChange } from './catalog.ts';
import type { Currency, Interval, Plan } from './plan.ts';
import { findPrice } from './priced-plan.ts';

/** Customers who pay the same price of the same plan. */
export interface Subscribers {
  plan_id: string;
  version: number;
  currency: Currency;
  interval: Interval;
  /** Seats of all of them together. */
  quantity: number;
  customers: number;
  mrr_minor: number;
}

/** What a change means for who has the plan. A push moves nobody: they stay on their version until they are migrated. */
export interface CatalogEffect {
  customers: number;
  /** By currency: what they pay a month now, and what they would on the new version. */
  mrr: { currency: Currency; now_minor: number; moved_minor: number }[];
  /** Customers whose currency or interval the new version does not have. */
  cannot_move: number;
}

/** One thing a push does at Stripe. */
export interface StripeEffect {
  type: 'create_product' | 'update_product' | 'create_price';
  /** Of a price: its lookup key without the installation's name. */
  key: string;
  amount: { minor: number; currency: Currency; interval: Interval | null } | null;
}

/** What publishing a plan makes at Stripe: its product, and a price for each price and fee of the version. Nothing is deleted there. */
export function stripeEffectsOf(change: CatalogChange): StripeEffect[] {
  if (change.type !== 'publish_version') return [];
  const { plan, before, version } = change;
  const renamed = before !== null && (before.name !== plan.name || before.description !== plan.description);
  const product: StripeEffect[] =
    before === null || renamed
      ? [{ type: before === null ? 'create_product' : 'update_product', key: plan.id, amount: null }]
      : [];
  const prices = plan.prices.flatMap(({ amount_minor, currency, interval, setup_fee_minor }) => {
    const key = `${plan.id}:${version}:${currency}:${interval}`;
    const base: StripeEffect = { type: 'create_price', key, amount: { minor: amount_minor, currency, interval } };
    const fee: StripeEffect = {
      type: 'create_price',
      key: `${key}:setup`,
      amount: { minor: setup_fee_minor, currency, interval: null },
    };
    const metered = plan.usage
      .filter(({ reporter }) => reporter === 'meters')
      .map(({ meter_id }): StripeEffect => ({ type: 'create_price', key: `${key}:meter:${meter_id}`, amount: null }));
    return [base, ...(setup_fee_minor === 0 ? [] : [fee]), ...metered];
  });
  return [...product, ...prices];
}

/** The month's share of a price, rounded down: of a year a twelfth, of a week 52 twelfths. The database has the same rule. */
export function monthlyMinor(amount_minor: number, interval: Interval): number {
  const whole = BigInt(amount_minor);
  const share = { day: [365n, 12n], week: [52n, 12n], month: [1n, 1n], quarter: [1n, 3n], year: [1n, 12n] } as const;
  const [times, over] = share[interval];
  return Number((whole * times) / over);
}

/** Whom a change touches and what it would be worth. */
export function effectOf(change: CatalogChange, subscribers: readonly Subscribers[]): CatalogEffect {
  const theirs = subscribers.filter((group) => group.plan_id === change.plan.id);
  const currencies = [...new Set(theirs.map((group) => group.currency))].toSorted();
  const stays = change.type === 'archive_plan';
  return {
    customers: sum(theirs.map((group) => group.customers)),
    mrr: currencies.map((currency) => {
      const groups = theirs.filter((group) => group.currency === currency);
      return {
        currency,
        now_minor: sum(groups.map((group) => group.mrr_minor)),
        moved_minor: sum(groups.map((group) => (stays ? group.mrr_minor : moved(change.plan, group)))),
      };
    }),
    cannot_move: stays
      ? 0
      : sum(theirs.filter((group) => findPrice(change.plan, group) === null).map((group) => group.customers)),
  };
}

/** Who cannot move stays on what it pays. */
function moved(plan: Plan, group: Subscribers): number {
  const price = findPrice(plan, group);
  return price === null ? group.mrr_minor : monthlyMinor(price.amount_minor * group.quantity, group.interval);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
