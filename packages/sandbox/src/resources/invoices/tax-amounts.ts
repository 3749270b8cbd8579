import { missingParam } from '../../contract/contract.ts';
import { invalidParam } from '../../http/api-error.ts';
import { emptyable, flag, integer, list, oneOf, shape, text, named } from '../../http/params.ts';
import { jurisdictionLevels, taxReasons, taxTypes } from '../../billing/tax-names.ts';
import type { TaxAmount } from '../../store/money-records.ts';
import type { InvoiceRecord } from '../../store/records.ts';
import { percentage, renderTaxRate } from '../catalog/tax-rates.ts';
import { type Context, emit } from '../context.ts';

const rateData = shape({
  country: text(2),
  description: text(),
  display_name: text(50),
  inclusive: flag(),
  jurisdiction: text(200),
  jurisdiction_level: oneOf(jurisdictionLevels),
  percentage,
  state: text(100),
  tax_type: oneOf(taxTypes),
});

const amountParam = shape({
  amount: integer(0),
  tax_rate_data: rateData,
  taxability_reason: oneOf(taxReasons),
  taxable_amount: integer(0),
});

/** `tax_amounts` of a line: what the seller reckons themselves. */
export const taxAmountsParam = emptyable(list(amountParam, 20));

type Sent = ReturnType<typeof amountParam.read>;

/** The archived rate of such an amount; the same data find the same rate again. */
function rateFor(context: Context, data: ReturnType<typeof rateData.read>): string {
  const { tx } = context;
  const made_for = JSON.stringify(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const known = tx.all('tax_rate').find((each) => each.made_for === made_for);
  if (known !== undefined) return known.id;
  const rate = tx.put('tax_rate', {
    id: tx.newId('txr_'),
    created: tx.now,
    active: false,
    country: data.country ?? null,
    description: data.description ?? null,
    display_name: data.display_name ?? '',
    inclusive: data.inclusive ?? false,
    jurisdiction: data.jurisdiction ?? null,
    ...(data.jurisdiction_level === undefined ? {} : { jurisdiction_level: data.jurisdiction_level }),
    made_for,
    metadata: {},
    percentage: data.percentage ?? '0',
    state: data.state ?? null,
    tax_type: data.tax_type ?? null,
  });
  emit(context, 'tax_rate.created', renderTaxRate(rate));
  return rate.id;
}

/** The amounts a request gives; each has a rate that is archived from the start and that nothing else can use. */
export function taxAmountsOf(context: Context, sent: readonly Sent[], path: string): TaxAmount[] {
  return sent.map((each, index) => {
    const param = named(path, 'tax_amounts', String(index));
    if (each.amount === undefined) throw missingParam(`${param}[amount]`);
    if (each.taxable_amount === undefined) throw missingParam(`${param}[taxable_amount]`);
    if (each.tax_rate_data === undefined) throw missingParam(`${param}[tax_rate_data]`);
    return {
      amount: each.amount,
      inclusive: each.tax_rate_data.inclusive ?? false,
      reason: each.taxability_reason ?? 'standard_rated',
      tax_rate: rateFor(context, each.tax_rate_data),
      taxable_amount: each.taxable_amount,
    };
  });
}

/** Amounts of tax and rates of tax exclude each other on one invoice. */
export function checkTaxes(invoice: Pick<InvoiceRecord, 'default_tax_rates' | 'lines'>, param: string): void {
  if (!invoice.lines.some((line) => line.tax_amounts !== undefined)) return;
  const has_rates =
    (invoice.default_tax_rates ?? []).length > 0 || invoice.lines.some((line) => (line.tax_rates ?? []).length > 0);
  if (!has_rates) return;
  throw invalidParam(
    'You cannot set tax amounts if any line item has tax rates or if the invoice has default tax rates.',
    param,
  );
}
