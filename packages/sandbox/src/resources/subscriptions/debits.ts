import type { Span } from '../../billing/proration.ts';
import type { CreditedDebit, ProrationRecord, Reason } from '../../store/change-records.ts';
import type { DiscountAmount } from '../../store/money-records.ts';
import type { LineRecord, Seconds } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { discountedAmount } from '../invoices/invoice-amounts.ts';

/** What a whole period costs. */
export interface Whole {
  /** After discounts. */
  net: number;
  gross: number;
  discounts: DiscountAmount[];
  because: Reason[];
}

/** Something an item was charged for in advance, as far as it is not given back yet. */
export interface Debit {
  credited: CreditedDebit;
  whole: Whole;
  period: Span;
  /** The part of it that is paid for and not given back. */
  covers: Span;
  price: string;
  quantity: number;
}

type Charged = Pick<
  LineRecord,
  | 'amount'
  | 'description'
  | 'discount_amounts'
  | 'discountable'
  | 'invoice_item'
  | 'period'
  | 'price'
  | 'proration'
  | 'quantity'
>;

interface Found {
  line: Charged & { id: string };
  /** `null` of an item that still waits for one. */
  invoice: string | null;
  net: number;
}

/** What a charge was for: a whole period and its price. */
function wholeOf({ line, net }: Found): { whole: Whole; period: Span } {
  const { proration } = line;
  // A period cut short by an anchor is charged as it is: its own length is what is given back from.
  if (proration === undefined || line.discountable) {
    const discounts = line.discount_amounts ?? [];
    const because = [{ says: `${line.description ?? line.id} was charged`, amount: net, because: [] }];
    return { whole: { net, gross: line.amount, discounts, because }, period: line.period };
  }
  const { explanation, gross, period } = proration;
  const { amount } = explanation;
  const because = explanation.because?.[0]?.because ?? [];
  return { whole: { net: amount, gross: gross?.amount ?? amount, discounts: gross?.discounts ?? [], because }, period };
}

function isCredit(proration: ProrationRecord | undefined): boolean {
  return proration?.credited != null;
}

/** Every charge in advance of an item, oldest first, on invoices that were not voided and among what waits for one. */
export function debitsOf(tx: Tx, item_id: string): Debit[] {
  const invoices = tx.all('invoice').filter((invoice) => invoice.status !== 'void');
  const lines: Found[] = invoices.flatMap((invoice) =>
    invoice.lines
      .filter((line) => line.subscription_item === item_id && line.is_usage !== true)
      .map((line) => ({ line, invoice: invoice.id, net: discountedAmount(line) })),
  );
  const pending: Found[] = tx
    .all('invoice_item')
    .filter((item) => item.invoice === null && item.subscription_item === item_id)
    .map((item) => ({ line: { ...item, invoice_item: item.id }, invoice: null, net: item.amount }));
  const all = [...lines, ...pending];
  const given_back = all.filter(({ line }) => isCredit(line.proration));
  return all.flatMap((found) => {
    const { line, invoice } = found;
    if (isCredit(line.proration) || line.price === null) return [];
    const ends = given_back.flatMap(({ line: credit }) => {
      const of = credit.proration?.credited;
      const is_this = line.invoice_item === null ? of?.line === line.id : of?.invoice_item === line.invoice_item;
      return is_this ? [credit.period.start] : [];
    });
    return [
      {
        ...wholeOf(found),
        covers: { start: line.period.start, end: Math.min(line.period.end, ...ends) },
        credited: { invoice, invoice_item: line.invoice_item, line: invoice === null ? null : line.id },
        price: line.price,
        quantity: line.quantity,
      },
    ];
  });
}

/** Until when an item is paid for, as far as that is not given back; at least `from`. */
export function paidUntil(tx: Tx, item_id: string, from: Seconds): Seconds {
  const reaching = debitsOf(tx, item_id)
    .map((debit) => debit.covers)
    .filter((covers) => covers.start < covers.end)
    .toSorted((one, other) => one.start - other.start);
  return reaching.reduce((until, covers) => (covers.start <= until ? Math.max(until, covers.end) : until), from);
}
