import { formatMoney } from '@farebox/core';
import type { Invoice } from '../../lib/wire-invoices.ts';

/** A refund of a paid invoice, or a credit on an open one, as the server takes it; and in words for the confirmation. */
export interface GiveBackWish {
  path: 'refund' | 'credit_notes';
  body: { amount_minor: number; to?: 'card' | 'balance'; reason?: string; memo?: string };
  words: string;
}

/** What can still be given back of what was paid, or let off what is owed. */
export function leftOf(
  invoice: Pick<Invoice, 'status' | 'amount_paid_minor' | 'credited_minor' | 'amount_due_minor'>,
): number {
  return invoice.status === 'paid'
    ? invoice.amount_paid_minor - invoice.credited_minor
    : invoice.amount_due_minor - invoice.amount_paid_minor;
}

/** @throws RangeError for an amount that is nothing or more than is left */
export function giveBackWish(
  invoice: Invoice,
  said: { amount_minor: number; to: string; reason: string; memo: string },
): GiveBackWish {
  const left = leftOf(invoice);
  const { amount_minor } = said;
  if (amount_minor <= 0 || amount_minor > left)
    throw new RangeError(`Write an amount up to ${formatMoney(left, invoice.currency)}.`);
  const amount = formatMoney(amount_minor, invoice.currency);
  const more = {
    ...(said.reason === '' ? {} : { reason: said.reason }),
    ...(said.memo.trim() === '' ? {} : { memo: said.memo.trim() }),
  };
  if (invoice.status !== 'paid')
    return {
      path: 'credit_notes',
      body: { amount_minor, ...more },
      words: `${amount} less will be owed. This cannot be taken back.`,
    };
  const to = said.to === 'balance' ? 'balance' : 'card';
  const where = to === 'card' ? 'the card it was paid with' : "the customer's balance";
  return {
    path: 'refund',
    body: { amount_minor, to, ...more },
    words: `${amount} goes back to ${where}. This cannot be taken back.`,
  };
}
