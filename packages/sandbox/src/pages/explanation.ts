import { formatAmount, formatUnitAmount } from '../billing/money.ts';
import { rateUsage } from '../billing/rating.ts';
import { discountedAmount } from '../resources/invoices/invoice-amounts.ts';
import { renderInvoice } from '../resources/invoices/invoice-render.ts';
import type { CreditedDebit, Reason } from '../store/change-records.ts';
import type { DiscountAmount } from '../store/money-records.ts';
import type { InvoiceRecord, LineRecord, PriceRecord } from '../store/records.ts';
import type { Tx } from '../store/store.ts';

/** Why an invoice is what it is, for people and programs alike. Amounts are in minor units. */
export interface Explanation {
  invoice: string;
  number: string | null;
  status: string;
  billing_reason: string;
  created: number;
  currency: string;
  customer: string;
  lines: LineExplanation[];
  /** From the lines to what remains to be paid; the signs are those of the sum. */
  sum: { step: string; amount: number }[];
  /** How the customer's balance moved for this invoice. */
  balance: { transaction: string; type: string; amount: number; ending_balance: number }[];
}

/** One tier, with what it makes of the quantity: nothing when it is not reached. */
export interface TierExplanation {
  tier: number;
  /** `1 to 1000`, `1001 and more`. */
  range: string;
  kind: 'flat' | 'units';
  quantity: string;
  unit_amount_decimal: string;
  amount: number;
}

/** A line, and everything its amount rests on. */
export interface LineExplanation {
  line: string;
  description: string | null;
  amount: number;
  kind: 'given' | 'price' | 'proration' | 'tiers' | 'usage';
  price: string | null;
  period: { start: number; end: number; seconds: number };
  formula: string;
  tiers_mode: 'graduated' | 'volume' | null;
  tiers: TierExplanation[];
  /** Of a credit: what it gives back. */
  gives_back: CreditedDebit | null;
  because: Reason[];
  /** What is taken off, in this order. */
  discounts: { discount: string; coupon: string; says: string; amount: number }[];
  credits: { transaction: string; amount: number }[];
  taxes: {
    tax_rate: string;
    says: string;
    inclusive: boolean;
    taxable_amount: number;
    amount: number;
    reason: string;
  }[];
  /** After discounts and billing credits, before taxes on top. */
  left: number;
}

function rangeOf(price: PriceRecord, tier: number): string {
  const from = tier === 1 ? 1 : (price.tiers?.[tier - 2]?.up_to ?? 0) + 1;
  const to = price.tiers?.[tier - 1]?.up_to ?? null;
  return to === null ? `${from} and more` : `${from} to ${to}`;
}

function tiersOf(price: PriceRecord, quantity: string): TierExplanation[] {
  const rated = rateUsage(price, quantity);
  return (price.tiers ?? []).flatMap((tier, index): TierExplanation[] => {
    const facts = { tier: index + 1, range: rangeOf(price, index + 1) };
    const own = rated.filter((each) => each.tier === facts.tier);
    const unit_amount_decimal = tier.unit_amount_decimal ?? '0';
    if (own.length === 0) return [{ ...facts, kind: 'units', quantity: '0', unit_amount_decimal, amount: 0 }];
    return own.map((each) => ({
      ...facts,
      kind: each.kind,
      quantity: each.quantity,
      unit_amount_decimal: each.unit_amount_decimal,
      amount: each.amount,
    }));
  });
}

/** The rule that makes a line's amount, in its own numbers. */
function formulaOf(line: LineRecord, price: PriceRecord | undefined): string {
  const total = formatAmount(line.amount, line.currency);
  const quantity = line.quantity_decimal ?? String(line.quantity);
  if (line.proration !== undefined) {
    const { amount, seconds, of_seconds } = line.proration.explanation;
    const sign = line.proration.credited === null ? '' : '-';
    return `${sign}${formatAmount(amount, line.currency)} × ${seconds} s / ${of_seconds} s = ${total}, rounded once`;
  }
  if (price === undefined) return `an amount given: ${total}`;
  const unit = formatUnitAmount(line.unit_amount_decimal, line.currency);
  if (line.is_usage === true) return `${unit} × ${quantity} of usage, rounded once = ${total}`;
  if (price.tiers !== null) return `${price.tiers_mode ?? 'graduated'} tiers for ${quantity} = ${total}`;
  const packed = price.transform_quantity ?? null;
  const packages = packed === null ? '' : ` / ${packed.divide_by}, ${packed.round}`;
  return `${formatUnitAmount(price.unit_amount_decimal ?? line.unit_amount_decimal, line.currency)} × ${quantity}${packages} = ${total}`;
}

function kindOf(line: LineRecord, price: PriceRecord | undefined): LineExplanation['kind'] {
  if (line.proration !== undefined) return 'proration';
  if (price === undefined) return 'given';
  if (line.is_usage === true) return 'usage';
  return price.tiers === null ? 'price' : 'tiers';
}

function discountOf(
  tx: Tx,
  { amount, discount }: DiscountAmount,
  currency: string,
): LineExplanation['discounts'][number] {
  const coupon = tx.get('coupon', tx.get('discount', discount)?.coupon ?? '');
  const off =
    coupon === undefined
      ? 'a discount that is gone'
      : coupon.percent_off === null
        ? `a share of ${formatAmount(coupon.amount_off ?? 0, coupon.currency ?? currency)} off, split over the lines`
        : `${coupon.percent_off} % off`;
  return { discount, coupon: coupon?.id ?? '', says: off, amount };
}

function explainLine(tx: Tx, line: LineRecord): LineExplanation {
  const price = line.price === null ? undefined : tx.get('price', line.price);
  const kind = kindOf(line, price);
  const { start, end } = line.period;
  const has_tiers = price !== undefined && price.tiers !== null && kind === 'tiers';
  return {
    line: line.id,
    description: line.description,
    amount: line.amount,
    kind,
    price: line.price,
    period: { start, end, seconds: end - start },
    formula: formulaOf(line, price),
    tiers_mode: has_tiers || kind === 'usage' ? (price?.tiers_mode ?? null) : null,
    tiers: has_tiers ? tiersOf(price, line.quantity_decimal ?? String(line.quantity)) : [],
    gives_back: line.proration?.credited ?? null,
    because: line.proration?.explanation.because ?? [],
    discounts: (line.discount_amounts ?? []).map((each) => discountOf(tx, each, line.currency)),
    credits: (line.credits ?? []).map(({ amount, credit_balance_transaction }) => ({
      transaction: credit_balance_transaction,
      amount,
    })),
    taxes: (line.taxes ?? []).map((tax) => {
      const rate = tx.get('tax_rate', tax.tax_rate);
      const where = tax.inclusive ? 'inside' : 'on top of';
      return {
        tax_rate: tax.tax_rate,
        says: `${rate?.display_name ?? 'Tax'}, ${rate?.percentage ?? '?'} % ${where} ${formatAmount(tax.taxable_amount, line.currency)}`,
        inclusive: tax.inclusive,
        taxable_amount: tax.taxable_amount,
        amount: tax.amount,
        reason: tax.reason,
      };
    }),
    left: discountedAmount(line),
  };
}

function sumOf(tx: Tx, invoice: InvoiceRecord, account_name: string): Explanation['sum'] {
  const shown = renderInvoice(tx, invoice, account_name);
  const all = (amounts: { amount: number }[] | null | undefined): number =>
    (amounts ?? []).reduce((sum, each) => sum + each.amount, 0);
  const exclusive = (shown.total_taxes ?? []).filter((each) => each.tax_behavior === 'exclusive');
  const steps = [
    {
      step: `Subtotal: the sum of ${invoice.lines.length} ${invoice.lines.length === 1 ? 'line' : 'lines'}`,
      amount: shown.subtotal,
    },
    { step: '− discounts', amount: -all(shown.total_discount_amounts) },
    { step: '− billing credits', amount: -all(shown.total_pretax_credit_amounts) },
    { step: '+ taxes on top', amount: all(exclusive) },
    { step: '= total', amount: shown.total },
    { step: '+ customer balance applied', amount: shown.amount_due - Math.max(shown.total, 0) },
    { step: '= amount due', amount: shown.amount_due },
    { step: '− paid', amount: -shown.amount_paid },
    { step: '= remaining', amount: shown.amount_remaining },
  ];
  return steps.filter(({ step, amount }) => amount !== 0 || step.startsWith('=') || step.startsWith('Sub'));
}

/** Explains an invoice from what is kept with it; computes nothing anew but what tiers make of a quantity. */
export function explainInvoice(tx: Tx, invoice: InvoiceRecord, account_name: string): Explanation {
  return {
    invoice: invoice.id,
    number: invoice.number,
    status: invoice.status,
    billing_reason: invoice.billing_reason,
    created: invoice.created,
    currency: invoice.currency,
    customer: invoice.customer,
    lines: invoice.lines.map((line) => explainLine(tx, line)),
    sum: sumOf(tx, invoice, account_name),
    balance: tx
      .all('balance_transaction')
      .filter((each) => each.invoice === invoice.id)
      .map(({ amount, ending_balance, id, type }) => ({ transaction: id, type, amount, ending_balance })),
  };
}
