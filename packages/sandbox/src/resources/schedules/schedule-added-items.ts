import { periodAt } from '../../billing/periods.ts';
import type { Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { AddedItemRecord, PhaseRecord } from '../../store/schedule-records.ts';
import type { Context } from '../context.ts';
import { isRedeemable } from '../invoices/discounts.ts';
import { collect, pendingItems } from '../invoices/invoice-draft.ts';
import { writeAdded } from '../subscriptions/add-invoice-items.ts';
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
  const { currency, customer } = subscription;
  const periods = periodsOf(context, subscription, at_renewal);
  for (const added of phase.add_invoice_items) {
    const redeemer = { customer, currency, amount: null };
    writeAdded(context, subscription, {
      ...added,
      // A coupon that has run out since it was planned is left out.
      discounts: added.discounts.filter((each) => isRedeemable(context.tx, each, redeemer, [])),
      period: spanOf(added, phase, periods),
      tax_rates: added.tax_rates.length === 0 ? null : added.tax_rates,
    });
  }
}

/** What the first phase adds stands on the first invoice, while that is a draft. */
export function addToDraft(context: Context, subscription: SubscriptionRecord, phase: PhaseRecord): void {
  const { tx } = context;
  addItems(context, subscription, phase, false);
  const draft = tx.get('invoice', subscription.latest_invoice ?? '');
  if (draft?.status !== 'draft' || phase.add_invoice_items.length === 0) return;
  const lines = collect(context, pendingItems(context, subscription), draft.id);
  updateInvoice(context, draft, { lines: [...lines, ...draft.lines] });
}
