import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { formatAmount } from '../../billing/money.ts';
import type { CreditNoteRecord } from '../../store/money-records.ts';
import type { ChargeRecord, InvoiceRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { amountRemaining, totalOf } from './invoice-amounts.ts';
import { paymentsOf } from './invoice-payment-record.ts';

/** How a request says where the money goes. */
export interface Wish {
  credit_amount?: number | undefined;
  out_of_band_amount?: number | undefined;
  refund_amount?: number | undefined;
  refunds?: { refund?: string | undefined; amount_refunded?: number | undefined }[] | undefined;
}

type Linked = CreditNoteRecord['refunds'];

/** What was charged for an invoice, newest first. */
export function chargesOf(tx: Tx, invoice: InvoiceRecord): ChargeRecord[] {
  const paid = paymentsOf(tx, invoice.id).filter((payment) => payment.status === 'paid');
  const own = new Set(paid.map((payment) => tx.need('payment_intent', payment.payment_intent).latest_charge));
  return tx
    .all('charge')
    .filter((charge) => own.has(charge.id))
    .toReversed();
}

/** What can still be refunded of a charge. */
export function refundable(charge: ChargeRecord): number {
  return (charge.amount_captured ?? charge.amount) - charge.amount_refunded;
}

/** The credit notes of an invoice that count. */
function notesOf(tx: Tx, invoice: InvoiceRecord): CreditNoteRecord[] {
  return tx.all('credit_note').filter((note) => note.invoice === invoice.id && note.voided_at === null);
}

/** How much of a refund credit notes speak of already. */
function spokenOf(tx: Tx, refund: string): number {
  return tx
    .all('credit_note')
    .filter((note) => note.voided_at === null)
    .flatMap((note) => note.refunds)
    .reduce((sum, each) => sum + (each.refund === refund ? each.amount_refunded : 0), 0);
}

/** Refunds that were made already and that the note is to speak of. */
function linkedOf(tx: Tx, invoice: InvoiceRecord, wish: Wish): Linked {
  const charges = new Set(chargesOf(tx, invoice).map((charge) => charge.id));
  const seen = new Set<string>();
  return (wish.refunds ?? []).map(({ refund: id, amount_refunded }, index) => {
    const param = `refunds[${index}][refund]`;
    if (id === undefined) throw missingParam(param);
    const refund = tx.get('refund', id);
    if (refund === undefined) throw noSuch('refund', id, param);
    if (!charges.has(refund.charge) || refund.status === 'failed' || seen.has(id)) {
      throw invalidParam(`The refund ${id} gives back no payment of this invoice, or is given twice.`, param);
    }
    seen.add(id);
    const left = refund.amount - spokenOf(tx, id);
    const amount = amount_refunded ?? left;
    if (amount <= left && amount > 0) return { refund: id, amount_refunded: amount };
    throw invalidParam(
      `Only ${formatAmount(left, invoice.currency)} of the refund ${id} are left to link.`,
      `refunds[${index}][amount_refunded]`,
    );
  });
}

/** What was refunded of an invoice without a credit note that says so. */
function unspoken(tx: Tx, invoice: InvoiceRecord): number {
  return chargesOf(tx, invoice).reduce((sum, charge) => {
    const refunds = tx.all('refund').filter((each) => each.charge === charge.id && each.status !== 'failed');
    return sum + refunds.reduce((all, each) => all + each.amount - spokenOf(tx, each.id), 0);
  }, 0);
}

/** How a credit is divided between what is still to pay and what was paid, and which refunds it speaks of. */
export function divide(
  tx: Tx,
  invoice: InvoiceRecord,
  total: number,
  wish: Wish,
): { pre: number; post: number; linked: Linked } {
  const linked = linkedOf(tx, invoice, wish);
  const by_refunds = linked.reduce((sum, each) => sum + each.amount_refunded, 0);
  const earlier = notesOf(tx, invoice).reduce(
    (sum, note) => sum + note.pre_payment_amount + note.post_payment_amount,
    0,
  );
  const left = totalOf(invoice) - earlier - unspoken(tx, invoice) + by_refunds;
  if (total <= 0 || total > left) {
    throw invalidParam(
      `The credit note amount (${formatAmount(total, invoice.currency)}) must be positive and at most what the invoice has left to credit (${formatAmount(left, invoice.currency)}).`,
      'amount',
    );
  }
  const is_owed = invoice.status === 'open' || invoice.status === 'uncollectible';
  const pre = is_owed ? Math.min(amountRemaining(invoice), total) : 0;
  const post = total - pre;
  const { credit_amount = 0, out_of_band_amount = 0, refund_amount = 0 } = wish;
  const given = credit_amount + out_of_band_amount + refund_amount + by_refunds;
  if (given !== post) {
    throw invalid(
      `The sum of credit amount, refund amount, refunds and out of band amount (${given}) must equal the post payment amount of the credit note (${post}).`,
      { param: 'amount' },
    );
  }
  const charged = chargesOf(tx, invoice).reduce((sum, charge) => sum + refundable(charge), 0);
  if (refund_amount > charged) {
    throw invalidParam(
      `Only ${formatAmount(charged, invoice.currency)} of what was charged for this invoice can be refunded.`,
      'refund_amount',
    );
  }
  return { pre, post, linked };
}
