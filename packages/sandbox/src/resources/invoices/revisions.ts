import { invalid, noSuch } from '../../http/api-error.ts';
import type { InvoiceRecord, LineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit } from '../context.ts';
import { updateInvoice } from '../subscriptions/subscription-end.ts';
import { voidInvoice } from './collect.ts';
import { lineOfInvoiceItem } from './invoice-draft.ts';
import { renderInvoiceItem } from './invoice-item-render.ts';
import { isDefault, paymentsOf } from './invoice-payment-record.ts';

/** Why an invoice cannot be revised; `null` when it can. https://docs.stripe.com/invoicing/invoice-edits */
export function revisionFault(tx: Tx, original: InvoiceRecord): string | null {
  if (original.subscription !== null) return 'You cannot revise an invoice of a subscription.';
  if (original.status !== 'open' && original.status !== 'uncollectible') {
    return `You can only revise invoices that are open or uncollectible; ${original.id} is ${original.status}.`;
  }
  const attached = paymentsOf(tx, original.id).some((each) => !isDefault(each) && each.status !== 'canceled');
  return attached || original.amount_paid > 0 ? `You cannot revise ${original.id}: payments are attached to it.` : null;
}

/** A line of the original as an item of the revision's own. */
function copied(context: Context, line: LineRecord, invoice: InvoiceRecord): LineRecord {
  const { tx } = context;
  const { discounts, tax_amounts, tax_rates, quantity_decimal } = line;
  const item = tx.put('invoice_item', {
    id: tx.newId('ii_'),
    amount: line.amount,
    currency: line.currency,
    customer: invoice.customer,
    date: tx.now,
    description: line.description,
    discountable: line.discountable,
    ...(discounts === undefined ? {} : { discounts }),
    invoice: invoice.id,
    metadata: line.metadata,
    period: line.period,
    price: line.price,
    quantity: line.quantity,
    ...(quantity_decimal === undefined ? {} : { quantity_decimal }),
    subscription: null,
    ...(tax_rates === undefined ? {} : { tax_rates }),
    unit_amount_decimal: line.unit_amount_decimal,
  });
  emit(context, 'invoiceitem.created', renderInvoiceItem(tx, item));
  return { ...lineOfInvoiceItem(context, item), ...(tax_amounts === undefined ? {} : { tax_amounts }) };
}

/** A new draft that says what an invoice says, to be changed and to take its place. */
export function revisionOf(context: Context, id: string, customer: string | undefined): InvoiceRecord {
  const { tx } = context;
  const original = tx.get('invoice', id);
  if (original === undefined) throw noSuch('invoice', id, 'from_invoice[invoice]');
  const fault = revisionFault(tx, original);
  if (fault !== null) throw invalid(fault, { param: 'from_invoice[invoice]' });
  if (customer !== undefined && customer !== original.customer) {
    throw invalid('A revision has the customer of the invoice it revises.', { param: 'customer' });
  }
  const { carried: _carried, latest_revision: _latest, pre_payment_credit_notes_amount: _credited, ...said } = original;
  const draft: InvoiceRecord = {
    ...said,
    id: tx.newId('in_'),
    created: tx.now,
    attempt_count: 0,
    ending_balance: null,
    finalized_at: null,
    from_invoice: id,
    is_own_number: false,
    lines: [],
    marked_uncollectible_at: null,
    next_payment_attempt: null,
    number: null,
    page_token: null,
    payment_intent: null,
    starting_balance: 0,
    status: 'draft',
    webhooks_delivered_at: tx.now,
  };
  return { ...draft, lines: original.lines.map((line) => copied(context, line, draft)) };
}

/** The revision becomes final: what it revises is void, with all that was revised before. */
export function replaceRevised(context: Context, revision: InvoiceRecord): void {
  const { tx } = context;
  if (revision.from_invoice === undefined) return;
  voidInvoice(context, tx.need('invoice', revision.from_invoice));
  for (let id: string | undefined = revision.from_invoice; id !== undefined;) {
    const earlier: InvoiceRecord = tx.need('invoice', id);
    updateInvoice(context, earlier, { latest_revision: revision.id });
    id = earlier.from_invoice;
  }
}
