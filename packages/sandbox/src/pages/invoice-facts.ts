import { formatAmount } from '../billing/money.ts';
import {
  amountDue,
  amountRemaining,
  subtotalOf,
  totalDiscounts,
  totalOf,
  totalTaxes,
} from '../resources/invoices/invoice-amounts.ts';
import type { Address, InvoiceRecord, LineRecord, Seconds } from '../store/records.ts';
import type { Tx } from '../store/store.ts';

/** What is said of an invoice, once for its page and its PDF. */

const months = 'January February March April May June July August September October November December'.split(' ');

/** `24 November 2026`, in UTC. */
function day(at: Seconds): string {
  const date = new Date(at * 1000);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** The days a line is for. */
export function span(period: { start: Seconds; end: Seconds }): string {
  return period.start === period.end ? day(period.start) : `${day(period.start)} to ${day(period.end)}`;
}

const states: Record<InvoiceRecord['status'], string> = {
  draft: 'Draft',
  open: 'Payment due',
  paid: 'Paid',
  uncollectible: 'Uncollectible',
  void: 'Void',
};

/** How an invoice stands: paid when, and whether without Stripe; partly paid; given up; void. */
function stateOf(invoice: InvoiceRecord): string {
  const {
    amount_paid,
    amount_paid_off_stripe = 0,
    marked_uncollectible_at = null,
    paid_at,
    status,
    voided_at,
  } = invoice;
  if (status === 'void')
    return voided_at === null ? states.void : `Void since ${day(voided_at)}: nothing is to be paid`;
  if (paid_at !== null) {
    const way =
      amount_paid_off_stripe === 0
        ? ''
        : amount_paid_off_stripe < amount_paid
          ? ', partly by other means'
          : ', by other means';
    return `Paid on ${day(paid_at)}${way}`;
  }
  if (status === 'uncollectible' && marked_uncollectible_at !== null) {
    return `Uncollectible since ${day(marked_uncollectible_at)}: it can still be paid`;
  }
  return amount_paid > 0 ? 'Partly paid' : states[status];
}

function placed(name: string, address: Address | null): string {
  const { city, country, line1, line2, postal_code, state } = address ?? {};
  return [name, line1, line2, [postal_code, city].filter(Boolean).join(' '), state, country].filter(Boolean).join(', ');
}

function taxIds(ids: readonly { type: string; value: string }[]): { label: string; value: string }[] {
  return ids.map(({ type, value }) => ({ label: type.replaceAll('_', ' ').toUpperCase(), value }));
}

/** Whose invoice it is, from when, and what the seller wrote on it. */
export function factsOf(tx: Tx, invoice: InvoiceRecord): { label: string; value: string }[] {
  const { customer_email, customer_name, due_date, shipping_details } = invoice;
  const original = invoice.from_invoice === undefined ? undefined : tx.need('invoice', invoice.from_invoice);
  const own = (invoice.account_tax_ids ?? []).map((id) => tx.need('tax_id', id));
  const who = [customer_name, customer_email].filter(Boolean).join(', ');
  return [
    { label: 'Invoice number', value: invoice.number ?? '' },
    ...(original === undefined ? [] : [{ label: 'Revises', value: original.number ?? original.id }]),
    { label: 'Date of issue', value: day(invoice.effective_at ?? invoice.finalized_at ?? invoice.created) },
    ...(typeof due_date === 'number' ? [{ label: 'Due', value: day(due_date) }] : []),
    { label: 'Billed to', value: who === '' ? tx.need('customer', invoice.customer).id : who },
    ...taxIds(invoice.customer_tax_ids ?? []),
    ...(shipping_details == null
      ? []
      : [{ label: 'Shipped to', value: placed(shipping_details.name, shipping_details.address) }]),
    ...taxIds(own).map(({ label, value }) => ({ label: `Our ${label}`, value })),
    ...(invoice.custom_fields ?? []).map(({ name, value }) => ({ label: name, value })),
    { label: 'Status', value: stateOf(invoice) },
  ];
}

/** What a line shows: where the seller wants prices without tax, what is inside is left out. */
export function shownAmount(invoice: InvoiceRecord, line: LineRecord): number {
  if (invoice.rendering?.amount_tax_display !== 'exclude_tax') return line.amount;
  return (line.taxes ?? []).reduce((left, tax) => left - (tax.inclusive ? tax.amount : 0), line.amount);
}

/** How many units, exact where they are no whole number. */
export function shownQuantity(line: LineRecord): string {
  return line.quantity_decimal ?? String(line.quantity);
}

/** From the subtotal to what is left to pay. */
export function totalsOf(tx: Tx, invoice: InvoiceRecord): { label: string; amount: number }[] {
  const total = totalOf(invoice);
  const credited = invoice.pre_payment_credit_notes_amount ?? 0;
  const carried = invoice.carried ?? 0;
  const applied = amountDue(invoice) - Math.max(total, 0) + credited + carried;
  const off = totalDiscounts(invoice.lines).reduce((sum, each) => sum + each.amount, 0);
  const taxes = totalTaxes(invoice.lines).map((tax) => {
    const rate = tx.need('tax_rate', tax.tax_rate);
    const inside = rate.inclusive ? ', included' : '';
    return { label: `${rate.display_name} (${rate.percentage}%${inside})`, amount: tax.amount };
  });
  const rows: { label: string; amount: number; always?: boolean }[] = [
    { label: 'Subtotal', amount: subtotalOf(invoice), always: off !== 0 || taxes.length > 0 },
    { label: 'Discount', amount: -off },
    ...taxes.map((tax) => ({ ...tax, always: true })),
    { label: 'Total', amount: total, always: true },
    { label: 'Applied balance', amount: applied },
    { label: 'Carried to the balance', amount: -carried },
    { label: 'Credit notes', amount: -credited },
    { label: 'Amount paid', amount: invoice.amount_paid, always: true },
    { label: 'Overpaid, on the balance', amount: invoice.amount_overpaid ?? 0 },
    { label: 'Amount due', amount: invoice.status === 'void' ? 0 : amountRemaining(invoice), always: true },
  ];
  return rows.filter((row) => (row.label === 'Subtotal' ? row.always : row.always === true || row.amount !== 0));
}

/** The figure at the head: what is left to pay, else what it came to. */
export function headline(invoice: InvoiceRecord): string {
  const left = amountRemaining(invoice);
  const amount = (value: number): string => formatAmount(value, invoice.currency);
  if (invoice.status === 'paid') return `${amount(amountDue(invoice))} paid`;
  if (invoice.status === 'void') return `${amount(amountDue(invoice))} void`;
  return left === amountDue(invoice) ? `${amount(left)} due` : `${amount(left)} of ${amount(amountDue(invoice))} due`;
}
