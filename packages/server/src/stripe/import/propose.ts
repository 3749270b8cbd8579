import {
  type AmountInput,
  type Interval,
  PlanFaults,
  type PlanInput,
  type PriceListInput,
  definePlans,
  intervals,
  toMajorDecimal,
} from '@farebox/core';
import type { ForeignPrice, ForeignProduct } from './facts.ts';

/** Plans that a foreign account's products would be, and what of it no plan can have, with the reason. */
export interface Proposal {
  plans: Record<string, PlanInput>;
  skipped: { object_id: string; name: string; reason: string }[];
}

/**
 * Pure. One plan per product with a recurring price: its name, its amounts by interval and currency. `list` is the one that
 * holds already; a product that one of its plans is named after is left out. `withSeats`: prices that somebody has several of.
 */
export function proposePlans(
  products: readonly ForeignProduct[],
  list: PriceListInput,
  withSeats: ReadonlySet<string>,
): Proposal {
  const proposal: Proposal = { plans: {}, skipped: [] };
  const known = new Map(Object.entries(list.plans));
  for (const product of products) {
    if (isNamed(product, known)) continue;
    const taken = (id: string) => known.has(id) || proposal.plans[id] !== undefined;
    const id = freeId(planIdOf(product.name), taken);
    const { plan, skipped } = planOf(product, withSeats, list.currency);
    proposal.skipped.push(...skipped);
    if (plan === null) continue;
    const fault = faultOf(id, plan, list);
    if (fault === null) proposal.plans[id] = plan;
    else proposal.skipped.push({ object_id: product.stripe_product_id, name: product.name, reason: fault });
  }
  return proposal;
}

/** Whether a plan is called what a product is called, by its id or its name. */
export function isPlanOf(productName: string, plan: { id: string; name: string }): boolean {
  return plan.id === planIdOf(productName) || plan.name.toLowerCase() === productName.trim().toLowerCase();
}

function isNamed(product: ForeignProduct, plans: ReadonlyMap<string, PlanInput>): boolean {
  return [...plans].some(([id, { name }]) => isPlanOf(product.name, { id, name }));
}

/** `Pro (annual)` → `pro_annual`. */
function planIdOf(name: string): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^[_0-9]+|_+$/g, '');
  return words === '' ? 'plan' : words.slice(0, 40).replace(/_+$/, '');
}

function freeId(wanted: string, isTaken: (id: string) => boolean): string {
  let id = wanted;
  for (let count = 2; isTaken(id); count += 1) id = `${wanted.slice(0, 36)}_${count}`;
  return id;
}

function planOf(
  product: ForeignProduct,
  withSeats: ReadonlySet<string>,
  own: string,
): { plan: PlanInput | null; skipped: Proposal['skipped'] } {
  const skipped: Proposal['skipped'] = [];
  const skip = (price: ForeignPrice, reason: string): void =>
    void skipped.push({ object_id: price.stripe_price_id, name: product.name, reason });
  const amounts = new Map<Interval, Map<string, number>>();
  // The newest first: what was replaced is the older one.
  for (const price of product.prices.toSorted((a, b) => b.created_at.getTime() - a.created_at.getTime())) {
    const { interval, currency, amount_minor, obstacle } = price;
    if (obstacle !== null || interval === null || amount_minor === null) {
      skip(price, obstacle ?? 'It has no amount.');
      continue;
    }
    const byCurrency = amounts.get(interval) ?? new Map<string, number>();
    if (byCurrency.has(currency)) skip(price, `The product has a newer price by the ${interval} in ${currency}.`);
    else amounts.set(interval, byCurrency.set(currency, amount_minor));
  }
  const shared = sharedCurrencies([...amounts.values()]);
  for (const price of product.prices) {
    if (price.interval === null || !amounts.get(price.interval)?.has(price.currency) || shared.includes(price.currency))
      continue;
    skip(
      price,
      `Not every interval has an amount in ${price.currency}, and a plan is sold by all of them in each currency.`,
    );
  }
  if (shared.length === 0) return { plan: null, skipped };
  const price: Partial<Record<Interval, AmountInput>> = {};
  for (const interval of intervals) {
    const byCurrency = amounts.get(interval);
    if (byCurrency === undefined) continue;
    const entries = shared.map((currency): [string, string] => [
      currency,
      toMajorDecimal(String(byCurrency.get(currency) ?? 0), currency),
    ]);
    const [[currency, amount] = ['', '']] = entries;
    price[interval] = entries.length === 1 && currency === own ? amount : Object.fromEntries(entries);
  }
  const seats = product.prices.some(({ stripe_price_id }) => withSeats.has(stripe_price_id)) ? { seats: {} } : {};
  const description = (product.description ?? product.name).slice(0, 300);
  return { plan: { name: product.name.slice(0, 60), description, price, ...seats }, skipped };
}

function sharedCurrencies(amounts: readonly ReadonlyMap<string, number>[]): string[] {
  const [first, ...others] = amounts;
  return [...(first?.keys() ?? [])].filter((currency) => others.every((byCurrency) => byCurrency.has(currency)));
}

/** What `definePlans` would say of the plan in this list. */
function faultOf(id: string, plan: PlanInput, list: PriceListInput): string | null {
  try {
    definePlans({ ...list, plans: { [id]: plan }, coupons: {} });
    return null;
  } catch (error) {
    if (error instanceof PlanFaults) return error.message;
    throw error;
  }
}
