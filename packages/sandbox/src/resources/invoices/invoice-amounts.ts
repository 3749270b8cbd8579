import type { CouponRecord, DiscountAmount, TaxAmount } from '../../store/money-records.ts';
import type { InvoiceRecord, LineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { sumOf } from '../../billing/exact.ts';
import { includedIn, percentOf, splitDown } from '../../billing/shares.ts';

/** What a coupon takes off in a currency; `null` when it takes a percentage, or nothing there. */
function amountOff(coupon: CouponRecord, currency: string): number | null {
  if (coupon.currency === currency) return coupon.amount_off;
  return coupon.currency_options.find((each) => each.currency === currency)?.amount_off ?? null;
}

function isEligible(tx: Tx, coupon: CouponRecord, line: LineRecord): boolean {
  if (!line.discountable) return false;
  if (coupon.applies_to.length === 0) return true;
  const product = line.price === null ? undefined : tx.get('price', line.price)?.product;
  return product !== undefined && coupon.applies_to.includes(product);
}

/** What a coupon takes off amounts of which each is eligible or zero: a sum, split over them. */
export function couponSplit(coupon: CouponRecord, currency: string, amounts: readonly number[]): number[] {
  const weights = amounts.map((amount) => Math.max(0, amount));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const off =
    coupon.percent_off === null
      ? Math.min(sum, amountOff(coupon, currency) ?? 0)
      : Math.min(sum, percentOf(sum, coupon.percent_off));
  return splitDown(off, weights);
}

/** Discounts of the lines first, then those of the invoice, each on what the ones before left over. */
function discountsOf(tx: Tx, invoice: InvoiceRecord): DiscountAmount[][] {
  const found: DiscountAmount[][] = invoice.lines.map(() => []);
  const left = invoice.lines.map((line) => line.amount);
  const apply = (id: string, among: (line: LineRecord) => boolean): void => {
    const coupon = tx.need('coupon', tx.need('discount', id).coupon);
    const weights = invoice.lines.map((line, index) =>
      among(line) && isEligible(tx, coupon, line) ? (left[index] ?? 0) : 0,
    );
    for (const [index, amount] of couponSplit(coupon, invoice.currency, weights).entries()) {
      if ((weights[index] ?? 0) <= 0) continue;
      found[index]?.push({ amount, discount: id });
      left[index] = (left[index] ?? 0) - amount;
    }
  };
  for (const line of invoice.lines) for (const id of line.discounts ?? []) apply(id, (each) => each === line);
  for (const id of invoice.discounts ?? []) apply(id, () => true);
  return found;
}

/** The taxes on an amount: those it includes are part of it, the others come on top of what is then left. */
export function taxesOn(
  tx: Tx,
  amount: number,
  tax_rates: readonly string[],
  exempt: 'exempt' | 'none' | 'reverse',
): TaxAmount[] {
  const rates = tax_rates.map((id) => tx.need('tax_rate', id));
  const all = sumOf(rates.filter((rate) => rate.inclusive).map((rate) => rate.percentage));
  const inside = rates.map((rate) => (rate.inclusive ? includedIn(amount, rate.percentage, all) : 0));
  const taxable_amount = amount - inside.reduce((sum, tax) => sum + tax, 0);
  return rates.map((rate, index) => {
    const facts = { inclusive: rate.inclusive, tax_rate: rate.id };
    // An exempt customer pays the price as it stands; the tax inside it is then none.
    if (exempt !== 'none') {
      const reason = exempt === 'reverse' ? 'reverse_charge' : 'customer_exempt';
      return { ...facts, amount: 0, reason, taxable_amount: 0 };
    }
    const tax = rate.inclusive ? (inside[index] ?? 0) : percentOf(taxable_amount, rate.percentage);
    const reason = Number(rate.percentage) === 0 ? 'zero_rated' : 'standard_rated';
    return { ...facts, amount: tax, reason, taxable_amount };
  });
}

/** What is left of a line after its discounts and the billing credits that paid for it. */
export function discountedAmount(line: LineRecord): number {
  const off = [...(line.discount_amounts ?? []), ...(line.credits ?? [])];
  return line.amount - off.reduce((sum, each) => sum + each.amount, 0);
}

/** Writes the discounts and taxes of every line of a draft, by the discounts, rates and customer as they are now. */
export function settle(tx: Tx, invoice: InvoiceRecord): InvoiceRecord {
  const { tax_exempt } = tx.need('customer', invoice.customer);
  const discounts = discountsOf(tx, invoice);
  const lines = invoice.lines.map((line, index) => {
    const discounted = { ...line, discount_amounts: line.own_discounts ?? discounts[index] ?? [] };
    const rates = line.tax_rates ?? invoice.default_tax_rates ?? [];
    const taxes = line.tax_amounts ?? taxesOn(tx, discountedAmount(discounted), rates, tax_exempt);
    return { ...discounted, taxes };
  });
  return { ...invoice, lines };
}

/** Sum of the lines, before discounts and the taxes that come on top. */
export function subtotalOf(invoice: InvoiceRecord): number {
  return invoice.lines.reduce((sum, line) => sum + line.amount, 0);
}

/** What each discount takes off the whole invoice. */
export function totalDiscounts(lines: readonly { discount_amounts?: DiscountAmount[] }[]): DiscountAmount[] {
  const totals = new Map<string, number>();
  for (const { discount, amount } of lines.flatMap((line) => line.discount_amounts ?? [])) {
    totals.set(discount, (totals.get(discount) ?? 0) + amount);
  }
  return [...totals].map(([discount, amount]) => ({ amount, discount }));
}

/** What each rate makes of the whole invoice. */
export function totalTaxes(lines: readonly { taxes?: TaxAmount[] }[]): TaxAmount[] {
  const totals = new Map<string, TaxAmount>();
  for (const tax of lines.flatMap((line) => line.taxes ?? [])) {
    const key = `${tax.tax_rate} ${tax.reason}`;
    const old = totals.get(key);
    totals.set(key, {
      ...tax,
      amount: tax.amount + (old?.amount ?? 0),
      taxable_amount: tax.taxable_amount + (old?.taxable_amount ?? 0),
    });
  }
  return [...totals.values()];
}

/** The taxes inside the undiscounted amounts, for the subtotal without tax. */
export function includedTax(tx: Tx, invoice: InvoiceRecord): number {
  return invoice.lines.reduce((sum, line) => {
    if (line.tax_amounts !== undefined) {
      return line.tax_amounts.reduce((all, tax) => all + (tax.inclusive ? tax.amount : 0), sum);
    }
    const owed = (line.taxes ?? []).filter((tax) => tax.inclusive && tax.reason === 'standard_rated');
    const rates = owed.map((tax) => tax.tax_rate);
    return sum + taxesOn(tx, line.amount, rates, 'none').reduce((all, tax) => all + tax.amount, 0);
  }, 0);
}

/** What the invoice comes to, before any balance: the lines less their discounts, with the taxes that come on top. */
export function totalOf(invoice: InvoiceRecord): number {
  return invoice.lines.reduce((sum, line) => {
    const on_top = (line.taxes ?? []).filter((tax) => !tax.inclusive).reduce((all, tax) => all + tax.amount, 0);
    return sum + discountedAmount(line) + on_top;
  }, 0);
}

/** What the customer has to pay: the total with the balance and earlier credit notes applied, never below zero. */
export function amountDue(invoice: InvoiceRecord): number {
  const total = totalOf(invoice);
  // A credit (negative balance) lowers the amount; a debt raises it. A negative total is carried to the balance.
  if (total <= 0) return 0;
  const due = Math.max(0, total + invoice.starting_balance - (invoice.pre_payment_credit_notes_amount ?? 0));
  return due - (invoice.carried ?? 0);
}

/** What is still to pay of what is due. */
export function amountRemaining(invoice: InvoiceRecord): number {
  return amountDue(invoice) - invoice.amount_paid;
}
