import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, mergeMetadata, metadata, oneOf, shape, text } from '../../http/params.ts';
import type { SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { activePrice, inlinePrice, recurringPriceData } from '../catalog/inline-prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { discountsParam, endDiscounts, redeemAll, type Wanted } from '../invoices/discounts.ts';
import { isMetered, quantityOf } from '../usage/usage-lines.ts';
import { modeOf } from './billing-mode.ts';

const MAX_ITEMS = 20;

/** What an item may be given, by whichever route. */
export const itemFields = {
  billing_thresholds: emptyable(shape({ usage_gte: integer(1) })),
  discounts: discountsParam,
  metadata: metadata(),
  // The older name of a price.
  plan: text(),
  price: text(),
  price_data: recurringPriceData,
  quantity: integer(0, 999_999),
  tax_rates: emptyable(list(text(), 5)),
};

/** The items a subscription begins with. */
export const newItemsParam = list(shape(itemFields), MAX_ITEMS);

/** How an entry of `items` changes a subscription. */
export const itemsParam = list(shape({ ...itemFields, id: text(), clear_usage: flag(), deleted: flag() }), MAX_ITEMS);

/** What is common to every way of changing a subscription's items. */
export const changeParams = {
  payment_behavior: oneOf(['allow_incomplete', 'default_incomplete', 'error_if_incomplete', 'pending_if_incomplete']),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  proration_date: integer(0),
};

/** One entry of the `items` of a new subscription. */
export type NewEntry = Partial<ReturnType<typeof newItemsParam.read>[number]>;

/** One entry of `items`. */
export type ItemEntry = Partial<ReturnType<typeof itemsParam.read>[number]>;

/** The price an entry asks for, by its id or its data; `null` when it asks for none. */
function priceOf(
  context: Context,
  entry: NewEntry,
  path: string,
  known: ReadonlySet<string> = new Set(),
): string | null {
  const given = (['plan', 'price', 'price_data'] as const).filter((name) => entry[name] !== undefined);
  const [name, other] = given;
  if (other !== undefined) {
    throw invalidParam(`You may only specify one of these parameters: ${given.join(', ')}.`, `${path}[${other}]`);
  }
  if (name === undefined) return null;
  if (entry.price_data !== undefined) return inlinePrice(context, entry.price_data, `${path}[price_data]`).id;
  const id = entry.price ?? entry.plan ?? '';
  return known.has(id) ? id : activePrice(context.tx, id, 'recurring', `${path}[${name}]`).id;
}

type UsageThreshold = NonNullable<SubscriptionItemRecord['billing_thresholds']> | null;

/** What an item of a new subscription is made from. */
export interface NewItem {
  price: string;
  quantity: number;
  metadata: Record<string, string>;
  billing_thresholds?: UsageThreshold;
  discounts?: Wanted[];
  tax_rates?: string[];
}

/** Reads an entry that makes an item; prices that are `known` may be inactive, as those are that were written inline. */
export function newItemOf(context: Context, entry: NewEntry, path: string, known?: ReadonlySet<string>): NewItem {
  const price = priceOf(context, entry, path, known);
  if (price === null) throw missingParam(`${path}[price]`);
  return {
    price,
    quantity: quantityOf(context.tx, price, entry.quantity, `${path}[quantity]`),
    metadata: mergeMetadata({}, entry.metadata),
    ...(entry.billing_thresholds == null ? {} : { billing_thresholds: thresholdOf(context, entry, price, path) }),
    ...(entry.discounts == null ? {} : { discounts: entry.discounts }),
    ...(entry.tax_rates == null ? {} : { tax_rates: findTaxRates(context.tx, entry.tax_rates, `${path}[tax_rates]`) }),
  };
}

function thresholdOf(context: Context, entry: NewEntry, price: string, path: string): UsageThreshold {
  const { billing_thresholds: wanted } = entry;
  if (wanted == null) return null;
  const param = `${path}[billing_thresholds][usage_gte]`;
  if (wanted.usage_gte === undefined) throw missingParam(param);
  if (!isMetered(context.tx, { price })) {
    throw invalidParam('A usage threshold is only for items whose price is metered.', param);
  }
  return { usage_gte: wanted.usage_gte };
}

/** Redeems the discounts of an item for it; what it had and keeps is not counted again. */
export function itemDiscounts(
  context: Context,
  subscription: Pick<SubscriptionRecord, 'currency' | 'customer'>,
  item: { id: string; has: readonly string[] },
  wanted: readonly Wanted[],
): string[] {
  const owner = { customer: subscription.customer, subscription_item: item.id };
  return redeemAll(context, wanted, owner, { currency: subscription.currency, amount: null, has: item.has });
}

function changed(
  context: Context,
  subscription: SubscriptionRecord,
  old: SubscriptionItemRecord,
  entry: ItemEntry,
  path: string,
): SubscriptionItemRecord {
  const { tx } = context;
  const price = priceOf(context, entry, path) ?? old.price;
  const is_other = price !== old.price;
  // A new price starts from a quantity of one, as at Stripe, where none is given.
  const quantity =
    is_other || entry.quantity !== undefined
      ? quantityOf(tx, price, entry.quantity, `${path}[quantity]`)
      : old.quantity;
  const has = old.discounts ?? [];
  const discounts =
    entry.discounts === undefined
      ? has
      : itemDiscounts(context, subscription, { id: old.id, has }, entry.discounts ?? []);
  endDiscounts(
    context,
    has.filter((each) => !discounts.includes(each)),
  );
  return {
    ...old,
    metadata: mergeMetadata(old.metadata, entry.metadata),
    price,
    quantity,
    // A price that was chosen ends the offer that was running.
    ...(is_other ? { current_trial: null } : {}),
    ...(discounts.length === 0 && has.length === 0 ? {} : { discounts }),
    ...(entry.billing_thresholds === undefined ? {} : { billing_thresholds: thresholdOf(context, entry, price, path) }),
    ...(entry.tax_rates === undefined
      ? {}
      : { tax_rates: findTaxRates(tx, entry.tax_rates ?? [], `${path}[tax_rates]`) }),
  };
}

function added(
  context: Context,
  subscription: SubscriptionRecord,
  entry: ItemEntry,
  path: string,
): SubscriptionItemRecord {
  const { tx } = context;
  const { discounts: wanted = [], ...made } = newItemOf(context, entry, path);
  const id = tx.newId('si_', 14);
  const discounts = itemDiscounts(context, subscription, { id, has: [] }, wanted);
  // The caller gives it the period that its interval has.
  const period = { current_period_end: tx.now, current_period_start: tx.now };
  return { id, created: tx.now, ...period, ...made, ...(discounts.length === 0 ? {} : { discounts }) };
}

/** Refuses prices that cannot stand together on one subscription. */
export function checkTogether(
  context: Context,
  subscription: Partial<Pick<SubscriptionRecord, 'billing_mode' | 'id'>> & Pick<SubscriptionRecord, 'currency'>,
  items: readonly { price: string }[],
): void {
  const { tx } = context;
  if (items.length === 0) {
    throw invalid(
      'A subscription must have at least one active item. If you would like to delete all items, cancel the subscription instead.',
      { param: 'items' },
    );
  }
  if (items.length > MAX_ITEMS)
    throw invalid(`A subscription can have at most ${MAX_ITEMS} items.`, { param: 'items' });
  const prices = items.map((item) => tx.need('price', item.price));
  const [first] = prices;
  for (const price of prices) {
    const same =
      price.recurring?.interval === first?.recurring?.interval &&
      price.recurring?.interval_count === first?.recurring?.interval_count;
    const field =
      price.currency !== subscription.currency
        ? 'currency'
        : same || modeOf(subscription).type === 'flexible'
          ? null
          : 'interval';
    if (field === null) continue;
    if (field === 'currency' && subscription.id !== undefined) {
      throw invalid(
        `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${subscription.currency}\`.`,
        { param: 'items' },
      );
    }
    throw invalid(
      `Currency and interval fields must match across all plans on this subscription. Found mismatch in ${field} field.`,
      { param: 'items' },
    );
  }
  if (new Set(items.map((item) => item.price)).size < items.length) {
    throw invalid('Subscription items must have unique prices. Use quantity instead.', { param: 'items' });
  }
}

/** The items a subscription has after a change, in order: what it had, then what is new. */
export function changedItems(
  context: Context,
  subscription: SubscriptionRecord,
  entries: readonly ItemEntry[],
): SubscriptionItemRecord[] {
  let items = subscription.items;
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const path = `items[${index}]`;
    if (entry.id === undefined) {
      if (entry.deleted === true) throw invalidParam('You must pass the `id` of the item to delete.', `${path}[id]`);
      items = [...items, added(context, subscription, entry, path)];
      continue;
    }
    const old = items.find((item) => item.id === entry.id);
    if (old === undefined) throw noSuch('subscription_item', entry.id, `${path}[id]`);
    if (seen.has(old.id)) throw invalid(`The subscription item ${old.id} is given twice.`, { param: `${path}[id]` });
    seen.add(old.id);
    checkClearing(context, old, entry, path);
    items =
      entry.deleted === true
        ? items.filter((item) => item !== old)
        : items.map((item) => (item === old ? changed(context, subscription, old, entry, path) : item));
  }
  checkTogether(context, subscription, items);
  return items;
}

/** `clear_usage` belongs to usage records, which meters replaced: Stripe takes it for metered items, without effect. */
function checkClearing(context: Context, item: SubscriptionItemRecord, entry: ItemEntry, path: string): void {
  if (entry.clear_usage !== true || isMetered(context.tx, item)) return;
  throw invalidParam('`clear_usage` is only for items whose price is metered.', `${path}[clear_usage]`);
}

/** Whether a change of an item changes what it costs. */
export function costsOther(old: SubscriptionItemRecord, item: SubscriptionItemRecord): boolean {
  return old.price !== item.price || old.quantity !== item.quantity;
}

/** Whether two items are billed differently: one by usage, the other in advance. */
export function metersOther(context: Context, old: SubscriptionItemRecord, item: SubscriptionItemRecord): boolean {
  return isMetered(context.tx, old) !== isMetered(context.tx, item);
}
