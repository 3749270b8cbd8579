import { priceAmount } from '../../billing/money.ts';
import type { TaxAmount } from '../../store/money-records.ts';
import type { CheckoutSessionRecord, SessionLineRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { couponSplit, taxesOn } from '../invoices/invoice-amounts.ts';
import { firstAmount } from './checkout-start.ts';

/** What one line of a session comes to. */
export interface LineSum {
  subtotal: number;
  discount: number;
  taxes: TaxAmount[];
  total: number;
}

type Priced = Pick<
  CheckoutSessionRecord,
  'customer' | 'currency' | 'discounts' | 'line_items' | 'subscription_data' | 'trial'
>;

/** What a line costs before discounts. */
function amountOf(tx: Tx, session: Priced, item: SessionLineRecord): number {
  const price = tx.need('price', item.price);
  return price.recurring === null ? priceAmount(price, item.quantity) : firstAmount(tx, session, item);
}

/** What the discounts of a session take off each line, as its first invoice will say. */
function discountsOf(tx: Tx, session: Priced, amounts: readonly number[]): number[] {
  const left = [...amounts];
  const off = left.map(() => 0);
  for (const { coupon: id } of session.discounts ?? []) {
    const coupon = tx.need('coupon', id);
    const among = session.line_items.map((item, index) => {
      const { product } = tx.need('price', item.price);
      return coupon.applies_to.length === 0 || coupon.applies_to.includes(product) ? (left[index] ?? 0) : 0;
    });
    for (const [index, amount] of couponSplit(coupon, session.currency, among).entries()) {
      off[index] = (off[index] ?? 0) + amount;
      left[index] = (left[index] ?? 0) - amount;
    }
  }
  return off;
}

/** What every line comes to now, line by line as the session has them. */
export function lineSums(tx: Tx, session: Priced): LineSum[] {
  const amounts = session.line_items.map((item) => amountOf(tx, session, item));
  const off = discountsOf(tx, session, amounts);
  const exempt = (session.customer === null ? undefined : tx.get('customer', session.customer))?.tax_exempt ?? 'none';
  return session.line_items.map((item, index) => {
    const subtotal = amounts[index] ?? 0;
    const discount = off[index] ?? 0;
    const rates = item.tax_rates ?? session.subscription_data.default_tax_rates ?? [];
    const taxes = taxesOn(tx, subtotal - discount, rates, exempt);
    const on_top = taxes.reduce((sum, tax) => sum + (tax.inclusive ? 0 : tax.amount), 0);
    return { subtotal, discount, taxes, total: subtotal - discount + on_top };
  });
}

/** What the whole session comes to now. */
export function sumsOf(tx: Tx, session: Priced): NonNullable<CheckoutSessionRecord['sums']> {
  const lines = lineSums(tx, session);
  const sum = (pick: (line: LineSum) => number): number => lines.reduce((all, line) => all + pick(line), 0);
  return {
    subtotal: sum((line) => line.subtotal),
    discount: sum((line) => line.discount),
    tax: sum((line) => line.taxes.reduce((all, tax) => all + tax.amount, 0)),
    total: sum((line) => line.total),
  };
}

/** What is due when the session is completed. */
export function sessionTotal(tx: Tx, session: CheckoutSessionRecord): number {
  return (session.sums ?? sumsOf(tx, session)).total;
}

/** What every following period costs; `null` where nothing recurs. */
export function recurringTotal(tx: Tx, session: CheckoutSessionRecord): number | null {
  const line_items = session.line_items.filter((item) => tx.need('price', item.price).recurring !== null);
  if (line_items.length === 0) return null;
  const lasting = (session.discounts ?? []).filter(({ coupon }) => tx.need('coupon', coupon).duration !== 'once');
  const { default_tax_rates = [], description, metadata } = session.subscription_data;
  const full = { default_tax_rates, description, metadata };
  return sumsOf(tx, { ...session, discounts: lasting, line_items, subscription_data: full, trial: null }).total;
}
