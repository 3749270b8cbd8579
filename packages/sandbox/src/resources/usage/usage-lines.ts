import { invalid } from '../../http/api-error.ts';
import type {
  InvoiceRecord,
  LineRecord,
  PriceRecord,
  SubscriptionItemRecord,
  SubscriptionRecord,
} from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { aggregate, eventsIn, type Span } from './meter-usage.ts';
import { sumOf } from '../../billing/exact.ts';
import { formatUnitAmount } from '../../billing/money.ts';
import { rateUsage, type RatedLine } from '../../billing/rating.ts';
import { grouped } from '../grouped.ts';

/** A metered item and the span of time whose usage an invoice bills. */
export interface Usage {
  item: SubscriptionItemRecord;
  period: Span;
}

/** Whether an item bills usage, in arrears, and no quantity. */
export function isMetered(tx: Tx, item: { price: string }): boolean {
  return tx.get('price', item.price)?.recurring?.meter !== undefined;
}

/** The quantity of an item: metered ones have none, which is kept as 0. */
export function quantityOf(tx: Tx, price: string, quantity: number | undefined, param: string): number {
  if (!isMetered(tx, { price })) return quantity ?? 1;
  if (quantity === undefined) return 0;
  throw invalid('You cannot set the quantity for metered prices: it is what the meter counts.', { param });
}

/** What a metered price says before anything was used; `null` for any other price. */
export function usageText(price: PriceRecord): string | null {
  if (price.recurring?.meter === undefined) return null;
  if (price.unit_amount_decimal === null) return 'by usage';
  const unit = formatUnitAmount(price.unit_amount_decimal, price.currency);
  const { divide_by } = price.transform_quantity ?? { divide_by: 1 };
  return divide_by === 1 ? `${unit} each` : `${unit} per ${divide_by}`;
}

/** The metered items of a subscription, each with its period as it stands, or as it is cut off at its end. */
export function usageOf(tx: Tx, subscription: SubscriptionRecord): Usage[] {
  return (
    subscription.items
      .filter((item) => isMetered(tx, item))
      .map((item) => {
        const { current_period_start: start, current_period_end: end } = item;
        return { item, period: { start, end: Math.min(end, subscription.ended_at ?? end) } };
      })
      // An item that comes with a period of no length has not been used.
      .filter(({ period }) => period.end > period.start)
  );
}

function describe(tx: Tx, price: PriceRecord, rated: RatedLine): string {
  const name = tx.get('product', price.product)?.name ?? price.product;
  const { interval, interval_count } = price.recurring ?? { interval: 'month', interval_count: 1 };
  const every = interval_count === 1 ? interval : `every ${interval_count} ${interval}s`;
  const unit = formatUnitAmount(rated.unit_amount_decimal, price.currency);
  const tier = rated.tier === null ? '' : `Tier ${rated.tier} `;
  if (rated.kind === 'flat') return `${name} (${tier}flat fee at ${unit} / ${every})`;
  const { divide_by } = price.transform_quantity ?? { divide_by: 1 };
  const pack = divide_by === 1 ? '' : ` per ${divide_by}`;
  return `${rated.quantity} × ${name} (${tier}at ${unit}${pack} / ${every})`;
}

/** What was used in a span under each price that was in force, in order; at least what the item's price makes of nothing. */
function used(tx: Tx, subscription: SubscriptionRecord, usage: Usage): { price: PriceRecord; quantity: string }[] {
  const { item, period } = usage;
  const current = tx.need('price', item.price);
  // A subscription that ends within a period takes the usage of its last second with it.
  const is_cut_off = subscription.ended_at === period.end && period.end < item.current_period_end;
  const span = is_cut_off ? { start: period.start, end: period.end + 1 } : period;
  // Flexible billing: usage costs what it cost when it was reported, whatever the item's price became, and whichever
  // meter that price has. Classic billing knows the price at the end of the period; what was reported before that price
  // came is lost. https://docs.stripe.com/billing/subscriptions/billing-mode/compare
  const is_classic = subscription.billing_mode?.type === 'classic';
  const found = tx.all('meter').flatMap((meter) => {
    const otherwise = meter.id === current.recurring?.meter ? current.id : null;
    const events = eventsIn(tx, meter, subscription.customer, span);
    const by_price = grouped(events, (event) => event.prices[item.id] ?? otherwise);
    return [...by_price].flatMap(([id, each]) =>
      id === null || (is_classic && id !== current.id)
        ? []
        : [{ price: tx.need('price', id), quantity: aggregate(meter, each), at: each[0]?.timestamp ?? 0 }],
    );
  });
  if (found.length === 0) return [{ price: current, quantity: '0' }];
  return found.toSorted((one, other) => one.at - other.at);
}

/** How much was used of an item in a span, under whatever price. */
export function usageQuantity(tx: Tx, subscription: SubscriptionRecord, usage: Usage): string {
  return sumOf(used(tx, subscription, usage).map((each) => each.quantity));
}

/** The lines of an item's usage in a span, rated. */
export function usageLines(context: Context, subscription: SubscriptionRecord, usage: Usage): LineRecord[] {
  const { tx } = context;
  const { item, period } = usage;
  return used(tx, subscription, usage).flatMap(({ price, quantity }) =>
    rateUsage(price, quantity).map((rated) => ({
      id: tx.newId('il_'),
      ...(item.discounts === undefined ? {} : { discounts: item.discounts }),
      ...(item.tax_rates === undefined ? {} : { tax_rates: item.tax_rates }),
      amount: rated.amount,
      currency: price.currency,
      description: describe(tx, price, rated),
      discountable: true,
      invoice_item: null,
      is_usage: true,
      metadata: { ...subscription.metadata, ...item.metadata },
      period: { start: period.start, end: period.end },
      price: price.id,
      quantity: Math.round(Number(rated.quantity)),
      quantity_decimal: rated.quantity,
      subscription: subscription.id,
      subscription_item: item.id,
      unit_amount_decimal: rated.unit_amount_decimal,
    })),
  );
}

/** Classic billing announces a metered item by a line of nothing on the invoice that begins its period. */
export function zeroUsageLine(
  context: Context,
  subscription: SubscriptionRecord,
  item: SubscriptionItemRecord,
): LineRecord {
  const { tx } = context;
  const price = tx.need('price', item.price);
  const [rated] = rateUsage(price, '0');
  return {
    id: tx.newId('il_'),
    amount: 0,
    currency: price.currency,
    description: rated === undefined ? price.id : describe(tx, price, rated),
    discountable: true,
    invoice_item: null,
    metadata: { ...subscription.metadata, ...item.metadata },
    period: { start: item.current_period_start, end: item.current_period_end },
    price: price.id,
    quantity: 0,
    subscription: subscription.id,
    subscription_item: item.id,
    unit_amount_decimal: rated?.unit_amount_decimal ?? '0',
  };
}

/** Rates a draft's usage again: what arrived since it was written counts until it is finalized. Lines keep their ids. */
export function refreshUsage(context: Context, draft: InvoiceRecord): InvoiceRecord {
  const { tx } = context;
  const subscription = draft.subscription === null ? undefined : tx.get('subscription', draft.subscription);
  if (subscription === undefined || !draft.lines.some((line) => line.is_usage === true)) return draft;
  const done = new Set<string>();
  const lines = draft.lines.flatMap((line) => {
    const item = subscription.items.find((each) => each.id === line.subscription_item);
    if (line.is_usage !== true || item === undefined || !isMetered(tx, item)) return [line];
    if (done.has(item.id)) return [];
    done.add(item.id);
    const old = draft.lines.filter((each) => each.is_usage === true && each.subscription_item === item.id);
    const fresh = usageLines(context, subscription, { item, period: line.period });
    return fresh.map((each, index) => {
      const before = old[index];
      if (before === undefined) return each;
      const { edited } = before;
      return { ...each, id: before.id, ...(edited === undefined ? {} : { ...edited, edited }) };
    });
  });
  return { ...draft, lines };
}
