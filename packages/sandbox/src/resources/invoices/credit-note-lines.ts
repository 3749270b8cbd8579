import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import {
  decimal,
  emptyable,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { fractionOf, round } from '../../billing/exact.ts';
import { amountOf, formatAmount } from '../../billing/money.ts';
import { nextShare } from '../../billing/shares.ts';
import type { CreditNoteLineRecord, TaxAmount } from '../../store/money-records.ts';
import type { InvoiceRecord, LineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { findTaxRates } from '../catalog/tax-rates.ts';
import type { Context } from '../context.ts';
import { taxesOn } from './invoice-amounts.ts';

/** The parameters of one line of a credit note. */
export const lineTable = {
  amount: integer(1),
  description: text(500),
  invoice_line_item: text(),
  metadata: metadata(),
  quantity: integer(1),
  tax_amounts: emptyable(list(shape({ amount: integer(0), tax_rate: text(), taxable_amount: integer(0) }), 20)),
  tax_rates: emptyable(list(text(), 20)),
  type: oneOf(['custom_line_item', 'invoice_line_item']),
  unit_amount: integer(),
  unit_amount_decimal: decimal(),
};

type LineParams = Partial<Read<typeof lineTable>>;

/** What a line gives back: its amount less discounts and billing credits, with the taxes that come on top. */
export function lineTotal(line: CreditNoteLineRecord): number {
  const off = [...line.discounts, ...(line.credits ?? [])].reduce((sum, each) => sum + each.amount, 0);
  const on_top = line.taxes.reduce((sum, tax) => sum + (tax.inclusive ? 0 : tax.amount), 0);
  return line.amount - off + on_top;
}

/** What each kind of line may not say. */
const foreign = {
  custom_line_item: ['amount', 'invoice_line_item'],
  invoice_line_item: ['description', 'unit_amount', 'unit_amount_decimal', 'tax_rates'],
} as const satisfies Record<string, readonly (keyof LineParams)[]>;

function checkKind(given: LineParams, path: string): void {
  if (given.type === undefined) throw missingParam(`${path}[type]`);
  const wrong = foreign[given.type].find((name) => given[name] !== undefined);
  if (wrong !== undefined) {
    throw invalidParam(`\`${wrong}\` cannot be given for a line of type \`${given.type}\`.`, `${path}[${wrong}]`);
  }
  const twice = ['tax_amounts', 'tax_rates'] as const;
  if (twice.every((name) => (given[name] ?? []).length > 0)) {
    throw invalidParam('You may only specify one of these parameters: tax_amounts, tax_rates.', `${path}[tax_amounts]`);
  }
}

/** Taxes that the seller reckons: by the rates that were made for such amounts on the invoice. */
function reckoned(tx: Tx, sent: NonNullable<LineParams['tax_amounts']>, path: string): TaxAmount[] {
  return sent.map(({ amount = 0, tax_rate = '', taxable_amount = 0 }, index) => {
    const param = `${path}[tax_amounts][${index}][tax_rate]`;
    const rate = tx.get('tax_rate', tax_rate);
    if (rate === undefined) throw noSuch('tax rate', tax_rate, param);
    if (rate.made_for === undefined) {
      throw invalidParam('The tax rate must be one that was made for `tax_amounts` of an invoice.', param);
    }
    return { amount, inclusive: rate.inclusive, reason: 'standard_rated', tax_rate, taxable_amount };
  });
}

function customLine(context: Context, given: LineParams, path: string): CreditNoteLineRecord {
  const { tx } = context;
  if (given.unit_amount !== undefined && given.unit_amount_decimal !== undefined) {
    throw invalidParam(
      'You may only specify one of these parameters: unit_amount, unit_amount_decimal.',
      `${path}[unit_amount_decimal]`,
    );
  }
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
    metadata: mergeMetadata({}, given.metadata),
    quantity,
    tax_rates,
    taxes: given.tax_amounts == null ? taxesOn(tx, amount, tax_rates, 'none') : reckoned(tx, given.tax_amounts, path),
    unit_amount_decimal: unit,
  };
}

/** What earlier credit notes gave back of a line. */
function earlierOf(tx: Tx, line: LineRecord): CreditNoteLineRecord[] {
  return tx
    .all('credit_note')
    .filter((note) => note.voided_at === null)
    .flatMap((note) => note.lines)
    .filter((each) => each.invoice_line_item === line.id);
}

/** So many units of a line, which may have parts of units. */
function ofQuantity(line: LineRecord, quantity: number): number {
  const whole = fractionOf(line.quantity_decimal ?? String(line.quantity));
  return whole.n === 0n ? 0 : round({ n: BigInt(line.amount) * BigInt(quantity) * whole.d, d: whole.n });
}

function findLine(invoice: InvoiceRecord, given: LineParams, path: string): LineRecord {
  const line = invoice.lines.find((each) => each.id === given.invoice_line_item);
  if (line !== undefined) return line;
  throw invalid(`No such invoice line item: '${given.invoice_line_item ?? ''}'`, {
    code: 'resource_missing',
    param: `${path}[invoice_line_item]`,
  });
}

function invoiceLine(context: Context, invoice: InvoiceRecord, given: LineParams, path: string): CreditNoteLineRecord {
  const { tx } = context;
  const line = findLine(invoice, given, path);
  if ((given.amount === undefined) === (given.quantity === undefined)) {
    throw invalidParam('Give either the `amount` or the `quantity` of the line that is credited.', path);
  }
  const earlier = earlierOf(tx, line);
  const before = earlier.reduce((sum, each) => sum + each.amount, 0);
  const amount = given.amount ?? ofQuantity(line, given.quantity ?? 0);
  if (amount + before > line.amount) {
    throw invalidParam(
      `The line item ${line.id} has only ${formatAmount(line.amount - before, line.currency)} left to credit.`,
      path,
    );
  }
  // Discounts, credits and taxes go along in the proportion in which the line is given back.
  const part = (whole: number, of: (each: CreditNoteLineRecord) => number): number => {
    const given_before = earlier.reduce((sum, each) => sum + of(each), 0);
    return nextShare(whole, { part: amount, before, of: line.amount, given: given_before });
  };
  const taxOf = (rate: string, what: 'amount' | 'taxable_amount') => (each: CreditNoteLineRecord) =>
    each.taxes.find((tax) => tax.tax_rate === rate)?.[what] ?? 0;
  const credits = (line.credits ?? []).map((credit) => ({
    ...credit,
    amount: part(
      credit.amount,
      (each) =>
        each.credits?.find((one) => one.credit_balance_transaction === credit.credit_balance_transaction)?.amount ?? 0,
    ),
  }));
  return {
    id: tx.newId('cnli_'),
    amount,
    ...(credits.length === 0 ? {} : { credits }),
    description: line.description,
    discounts: (line.discount_amounts ?? []).map(({ discount, amount: whole }) => ({
      discount,
      amount: part(whole, (each) => each.discounts.find((one) => one.discount === discount)?.amount ?? 0),
    })),
    invoice_line_item: line.id,
    metadata: mergeMetadata({}, given.metadata),
    quantity: given.quantity ?? null,
    tax_rates: line.tax_amounts === undefined ? (line.taxes ?? []).map((tax) => tax.tax_rate) : [],
    taxes:
      given.tax_amounts == null
        ? (line.taxes ?? []).map((tax) => ({
            ...tax,
            amount: part(tax.amount, taxOf(tax.tax_rate, 'amount')),
            taxable_amount: part(tax.taxable_amount, taxOf(tax.tax_rate, 'taxable_amount')),
          }))
        : reckoned(tx, given.tax_amounts, path),
    unit_amount_decimal: given.quantity === undefined ? null : line.unit_amount_decimal,
  };
}

/** The lines of a new credit note, by an amount or one by one. */
export function linesOf(
  context: Context,
  invoice: InvoiceRecord,
  params: { amount?: number | undefined; lines?: LineParams[] | undefined },
): CreditNoteLineRecord[] {
  if ((params.amount === undefined) === (params.lines === undefined)) {
    throw invalidParam('You must pass exactly one of `amount` or `lines`.', 'lines');
  }
  const whole: LineParams = {
    type: 'custom_line_item',
    description: 'Credit',
    unit_amount: params.amount,
    quantity: 1,
  };
  const given = params.lines ?? [whole];
  const twice = given.findIndex(({ invoice_line_item: id }, index) => {
    return id !== undefined && given.findIndex((each) => each.invoice_line_item === id) !== index;
  });
  if (twice !== -1) {
    throw invalidParam(
      'A line of the invoice can be credited once in a credit note.',
      `lines[${twice}][invoice_line_item]`,
    );
  }
  return given.map((each, index) => {
    const path = `lines[${index}]`;
    checkKind(each, path);
    return each.type === 'custom_line_item'
      ? customLine(context, each, path)
      : invoiceLine(context, invoice, each, path);
  });
}
