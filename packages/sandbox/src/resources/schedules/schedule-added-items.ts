import { periodAt } from '../../billing/periods.ts';
import { priceAmount } from '../../billing/money.ts';
import type { Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { AddedItemRecord, PhaseRecord } from '../../store/schedule-records.ts';
import { type Context, emit } from '../context.ts';
import { isRedeemable, redeemAll } from '../invoices/discounts.ts';
import { lineOfInvoiceItem, pendingItems } from '../invoices/invoice-draft.ts';
import { renderInvoiceItem } from '../invoices/invoice-item-render.ts';
import { cycleOf } from '../subscriptions/billing-mode.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';

/** The periods of a subscription's items, or those that begin now where a renewal is due. */
function periodsOf(
  context: Context,
  subscription: SubscriptionRecord,
  at_renewal: boolean,
): { start: Seconds; end: Seconds }[] {
  const { tx } = context;
  return subscription.items.map((item) => {
    const { recurring } = tx.need('price', item.price);
    if (at_renewal && recurring !== null) return periodAt(cycleOf(subscription), recurring, tx.now);
    return { start: item.current_period_start, end: item.current_period_end };
  });
}

function spanOf(
  item: AddedItemRecord,
  phase: PhaseRecord,
  periods: { start: Seconds; end: Seconds }[],
): { start: Seconds; end: Seconds } {
  const { start, end } = item.period;
  const latest = Math.max(...periods.map((period) => period.start));
  const earliest = Math.min(...periods.map((period) => period.end));
  const from = start.timestamp ?? (start.type === 'phase_start' ? phase.start_date : latest);
  const to = end.timestamp ?? (end.type === 'phase_end' ? phase.end_date : earliest);
  return { start: from, end: Math.max(from, to) };
}

/** What a phase adds once waits for the subscription's next invoice. */
export function addItems(
  context: Context,
  subscription: SubscriptionRecord,
  phase: PhaseRecord,
  at_renewal: boolean,
): void {
  const { tx } = context;
  const { currency, customer } = subscription;
  for (const added of phase.add_invoice_items) {
    const price = tx.need('price', added.price);
    const amount = priceAmount(price, added.quantity);
    const id = tx.newId('ii_');
    const redeemer = { customer, currency, amount };
    const wanted = added.discounts.filter((each) => isRedeemable(tx, each, redeemer, []));
    const discounts = redeemAll(context, wanted, { customer, invoice_item: id }, { currency, amount, has: [] });
    const item = tx.put('invoice_item', {
      id,
      amount,
      currency,
      customer,
      date: tx.now,
      description: tx.get('product', price.product)?.name ?? price.product,
      discountable: added.discountable,
      ...(discounts.length === 0 ? {} : { discounts }),
      invoice: null,
      metadata: added.metadata,
      period: spanOf(added, phase, periodsOf(context, subscription, at_renewal)),
      price: price.id,
      quantity: added.quantity,
      subscription: subscription.id,
      ...(added.tax_rates.length === 0 ? {} : { tax_rates: added.tax_rates }),
      unit_amount_decimal: price.unit_amount_decimal ?? '0',
    });
    emit(context, 'invoiceitem.created', renderInvoiceItem(tx, item));
  }
}

/** What the first phase adds stands on the first invoice, while that is a draft. */
export function addToDraft(context: Context, subscription: SubscriptionRecord, phase: PhaseRecord): void {
  const { tx } = context;
  addItems(context, subscription, phase, false);
  const draft = tx.get('invoice', subscription.latest_invoice ?? '');
  if (draft?.status !== 'draft' || phase.add_invoice_items.length === 0) return;
  const pending = pendingItems(context, subscription);
  for (const item of pending) tx.put('invoice_item', { ...item, invoice: draft.id });
  updateInvoice(context, draft, {
    lines: [...pending.map((item) => lineOfInvoiceItem(context, item)), ...draft.lines],
  });
}
