import { invalid, invalidParam } from '../../http/api-error.ts';
import { decimal, integer, list, oneOf, type Read, text } from '../../http/params.ts';
import type { CreditNoteLineRecord } from '../../store/money-records.ts';
import type { InvoiceRecord, LineRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { amountDue, taxesOn, totalOf } from './invoice-amounts.ts';
import { amountOf, formatAmount } from '../../billing/money.ts';
import { shareOf } from '../../billing/shares.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';

/** The parameters of one line of a credit note. */
export const lineTable = {
  amount: integer(1),
  description: text(500),
  invoice_line_item: text(),
  quantity: integer(1),
  tax_rates: list(text(), 5),
  type: oneOf(['custom_line_item', 'invoice_line_item']),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
};

type LineParams = Partial<Read<typeof lineTable>>;

/** What is credited, and what of the invoice is still unpaid. */
export interface Credit {
  invoice: InvoiceRecord;
  lines: CreditNoteLineRecord[];
  remaining: number;
  total: number;
}

/** What a line gives back: its amount less its discounts, with the taxes that came on top. */
export function lineTotal(line: CreditNoteLineRecord): number {
  const off = line.discounts.reduce((sum, each) => sum + each.amount, 0);
  const on_top = line.taxes.reduce((sum, tax) => sum + (tax.inclusive ? 0 : tax.amount), 0);
  return line.amount - off + on_top;
}

function customLine(context: Context, given: LineParams, path: string): CreditNoteLineRecord {
  const { tx } = context;
  const unit = given.unit_amount_decimal ?? (given.unit_amount === undefined ? undefined : String(given.unit_amount));
  if (unit === undefined || given.description === undefined) {
    throw invalidParam('A custom line needs a `description` and a `unit_amount`.', path);
  }
  const quantity = given.quantity ?? 1;
  const amount = amountOf(unit, quantity);
  const tax_rates = findTaxRates(tx, given.tax_rates ?? [], `${path}[tax_rates]`);
  return {
    id: tx.newId('cnli_'),
    amount,
    description: given.description,
    discounts: [],
    invoice_line_item: null,
    quantity,
    tax_rates,
    taxes: taxesOn(tx, amount, tax_rates, 'none'),
    unit_amount_decimal: unit,
  };
}

/** How much of an invoice's line earlier credit notes have given back. */
function creditedBefore(context: Context, line: LineRecord): number {
  return context.tx
    .all('credit_note')
    .filter((note) => note.voided_at === null)
    .flatMap((note) => note.lines)
    .reduce((sum, each) => sum + (each.invoice_line_item === line.id ? each.amount : 0), 0);
}

function invoiceLine(context: Context, invoice: InvoiceRecord, given: LineParams, path: string): CreditNoteLineRecord {
  const line = invoice.lines.find((each) => each.id === given.invoice_line_item);
  if (line === undefined) {
    throw invalid(`No such invoice line item: '${given.invoice_line_item ?? ''}'`, {
      code: 'resource_missing',
      param: `${path}[invoice_line_item]`,
    });
  }
  if ((given.amount === undefined) === (given.quantity === undefined)) {
    throw invalidParam('Give either the `amount` or the `quantity` of the line that is credited.', path);
  }
  const amount = given.amount ?? shareOf(line.amount, given.quantity ?? 0, line.quantity);
  if (amount + creditedBefore(context, line) > line.amount) {
    throw invalidParam(
      `The line item ${line.id} has only ${formatAmount(line.amount - creditedBefore(context, line), line.currency)} left to credit.`,
      path,
    );
  }
  // Discounts and taxes are given back in the proportion in which the line is.
  const part = (whole: number): number => shareOf(whole, amount, line.amount);
  return {
    id: context.tx.newId('cnli_'),
    amount,
    description: line.description,
    discounts: (line.discount_amounts ?? []).map((each) => ({ ...each, amount: part(each.amount) })),
    invoice_line_item: line.id,
    quantity: given.quantity ?? null,
    tax_rates: (line.taxes ?? []).map((tax) => tax.tax_rate),
    taxes: (line.taxes ?? []).map((tax) => ({
      ...tax,
      amount: part(tax.amount),
      taxable_amount: part(tax.taxable_amount),
    })),
    unit_amount_decimal: null,
  };
}

/** The lines of a new credit note, and whether the invoice has as much left to give back. */
export function creditOf(
  context: Context,
  invoice: InvoiceRecord,
  params: { amount?: number | undefined; lines?: LineParams[] | undefined },
): Credit {
  const { tx } = context;
  if ((params.amount === undefined) === (params.lines === undefined)) {
    throw invalidParam('You must pass exactly one of `amount` or `lines`.', 'lines');
  }
  const given: LineParams[] = params.lines ?? [
    { type: 'custom_line_item', description: 'Credit', unit_amount: params.amount, quantity: 1 },
  ];
  const lines = given.map((each, index) =>
    each.type === 'custom_line_item'
      ? customLine(context, each, `lines[${index}]`)
      : invoiceLine(context, invoice, each, `lines[${index}]`),
  );
  const total = lines.reduce((sum, line) => sum + lineTotal(line), 0);
  const earlier = tx
    .all('credit_note')
    .filter((note) => note.invoice === invoice.id && note.voided_at === null)
    .reduce((sum, note) => sum + note.pre_payment_amount + note.post_payment_amount, 0);
  const left = totalOf(invoice) - earlier;
  if (total <= 0 || total > left) {
    throw invalidParam(
      `The credit note amount (${formatAmount(total, invoice.currency)}) must be positive and at most what the invoice has left to credit (${formatAmount(left, invoice.currency)}).`,
      'amount',
    );
  }
  return { invoice, lines, remaining: amountDue(invoice) - invoice.amount_paid, total };
}
