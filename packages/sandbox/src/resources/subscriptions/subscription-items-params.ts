import { invalid, invalidParam, noSuch, unsupported } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, mergeMetadata, metadata, oneOf, shape, text } from '../../http/params.ts';
import type { PriceRecord, SubscriptionItemRecord, SubscriptionRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { findPrice } from '../catalog/prices.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import { isMetered, quantityOf } from '../usage/usage-lines.ts';

const MAX_ITEMS = 20;

/** How an entry of `items` changes a subscription. */
export const itemsParam = list(
  shape({
    id: text(),
    clear_usage: oneOf(['false'], ['true']),
    deleted: flag(),
    metadata: metadata(),
    price: text(),
    quantity: integer(0, 999_999),
    tax_rates: emptyable(list(text(), 5)),
  }),
  MAX_ITEMS,
);

/** What is common to every way of changing a subscription's items. */
export const changeParams = {
  payment_behavior: oneOf(['allow_incomplete', 'default_incomplete', 'error_if_incomplete', 'pending_if_incomplete']),
  proration_behavior: oneOf(['create_prorations', 'none', 'always_invoice']),
  proration_date: integer(0),
};

/** One entry of `items`. */
export type ItemEntry = ReturnType<typeof itemsParam.read>[number];

/** A price that a subscription may have: active, recurring and in its currency. */
function recurringPrice(context: Context, id: string, param: string): PriceRecord & { recurring: object } {
  const price = findPrice(context.tx, id, param);
  if (!price.active) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', { param });
  }
  const { recurring } = price;
  if (recurring === null) {
    throw invalid(
      'The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.',
      { param },
    );
  }
  return { ...price, recurring };
}

function changed(
  context: Context,
  old: SubscriptionItemRecord,
  entry: ItemEntry,
  path: string,
): SubscriptionItemRecord {
  const { tx } = context;
  const price = entry.price ?? old.price;
  if (entry.price !== undefined) recurringPrice(context, price, `${path}[price]`);
  const is_other = price !== old.price;
  // A new price starts from a quantity of one, as at Stripe, where none is given.
  const quantity =
    is_other || entry.quantity !== undefined
      ? quantityOf(tx, price, entry.quantity, `${path}[quantity]`)
      : old.quantity;
  return {
    ...old,
    metadata: mergeMetadata(old.metadata, entry.metadata),
    price,
    quantity,
    ...(entry.tax_rates === undefined ? {} : { tax_rates: findTaxRates(tx, entry.tax_rates ?? [], path) }),
  };
}

function added(
  context: Context,
  subscription: SubscriptionRecord,
  entry: ItemEntry,
  path: string,
): SubscriptionItemRecord {
  const { tx } = context;
  if (entry.price === undefined)
    throw invalidParam(`Missing required param: ${path}[price].`, `${path}[price]`, 'parameter_missing');
  recurringPrice(context, entry.price, `${path}[price]`);
  const [first] = subscription.items;
  return {
    id: tx.newId('si_', 14),
    created: tx.now,
    current_period_end: first?.current_period_end ?? tx.now,
    current_period_start: first?.current_period_start ?? tx.now,
    metadata: mergeMetadata({}, entry.metadata),
    price: entry.price,
    quantity: quantityOf(tx, entry.price, entry.quantity, `${path}[quantity]`),
    ...(entry.tax_rates == null ? {} : { tax_rates: findTaxRates(tx, entry.tax_rates, path) }),
  };
}

function checkTogether(
  context: Context,
  subscription: SubscriptionRecord,
  items: readonly SubscriptionItemRecord[],
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
    if (price.currency !== subscription.currency) {
      throw invalid(
        `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${subscription.currency}\`.`,
        { param: 'items' },
      );
    }
    const same =
      price.recurring?.interval === first?.recurring?.interval &&
      price.recurring?.interval_count === first?.recurring?.interval_count;
    // Stripe's flexible mode allows mixed intervals; the sandbox does not.
    if (!same) throw unsupported('items of different intervals on one subscription', 'items');
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
    items =
      entry.deleted === true
        ? items.filter((item) => item !== old)
        : items.map((item) => (item === old ? changed(context, old, entry, path) : item));
  }
  checkTogether(context, subscription, items);
  return items;
}

/** Whether a change of an item changes what it costs. */
export function costsOther(old: SubscriptionItemRecord, item: SubscriptionItemRecord): boolean {
  return old.price !== item.price || old.quantity !== item.quantity;
}

/** Whether two items are billed differently: one by usage, the other in advance. */
export function metersOther(context: Context, old: SubscriptionItemRecord, item: SubscriptionItemRecord): boolean {
  return isMetered(context.tx, old) !== isMetered(context.tx, item);
}
