import { currencyStep } from './currency.ts';
import { formatMoney } from './money.ts';
import type { Currency } from './plan.ts';

/** What credit a customer may buy at once. Amounts in minor units of the list's currency. */
export interface TopUpTerms {
  /** Offered as a choice, the smallest first; never empty. */
  packs_minor: number[];
  minimum_minor: number;
  maximum_minor: number;
  /** Bought credit is of no use after so many days; null: it never ends. */
  expires_after_days: number | null;
}

/** Why this much cannot be bought, in a sentence; null when it can. */
export function topUpFault(terms: TopUpTerms, amount_minor: number, currency: Currency): string | null {
  const { minimum_minor, maximum_minor } = terms;
  if (amount_minor < minimum_minor || amount_minor > maximum_minor) {
    const [least, most] = [minimum_minor, maximum_minor].map((amount) => formatMoney(amount, currency));
    return `Buy from ${least} to ${most} at once.`;
  }
  const step = currencyStep(currency);
  return amount_minor % step === 0 ? null : `Must be a multiple of ${formatMoney(step, currency)}.`;
}

/** A top-up that was paid, as far as giving its money back asks. Amounts in minor units. */
export interface TopUpMoney {
  /** Credit that was bought. */
  amount_minor: number;
  /** What was charged for it, with taxes. */
  paid_minor: number;
  /** What of the charge is the customer's again: refunded, credited, or taken by a dispute. */
  lost_minor: number;
  /** Credit that was taken back for it before. */
  taken_minor: number;
  /** What is left in the grant. */
  remaining_minor: number;
}

/**
 * Credit to take back now, or, where a dispute was won, to give again (negative). The part of the credit for which the money is
 * gone is taken as far as it is unused: what has paid for usage stays paid, and nobody owes for it. Seen again, the same state
 * asks for nothing.
 */
export function creditToTakeBack(money: TopUpMoney): number {
  const { amount_minor, paid_minor, lost_minor, taken_minor, remaining_minor } = money;
  const target =
    lost_minor >= paid_minor ? amount_minor : Number((BigInt(amount_minor) * BigInt(lost_minor)) / BigInt(paid_minor));
  return target >= taken_minor ? Math.min(target - taken_minor, remaining_minor) : target - taken_minor;
}

/** Under these the bank has the money of a disputed payment; an inquiry takes none, and a dispute that was won gave it back. */
const disputed: ReadonlySet<string> = new Set(['needs_response', 'under_review', 'lost']);

/** Whether a dispute of Stripe's status holds the money of its payment. */
export function isMoneyDisputed(status: string | null): boolean {
  return status !== null && disputed.has(status);
}
