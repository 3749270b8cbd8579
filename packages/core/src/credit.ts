/** What decides whether money of an invoice can be given back: its stored state, read in one go. */
export interface CreditFacts {
  /** Stripe's status. */
  status: string;
  amount_due_minor: number;
  amount_paid_minor: number;
  /** Given back by credit notes after the payment. */
  credited_minor: number;
}

/**
 * `card`: back to where it came from. `balance`: the next invoices cost less. `invoice`: less is owed on one that is still
 * open. Without an amount, all that is left.
 */
export interface CreditWish {
  to: 'card' | 'balance' | 'invoice';
  amount_minor?: number | undefined;
}

export type CreditDecision =
  | { effect: 'credit'; amount_minor: number }
  | { effect: 'refuse'; code: 'invoice_not_open' | 'invoice_not_paid' | 'amount_too_large'; detail: string };

/** How much of an invoice can still be given back: of what was paid what was not credited, of an open one what is owed. */
export function creditableMinor(facts: CreditFacts, to: CreditWish['to']): number {
  const most =
    to === 'invoice'
      ? facts.amount_due_minor - facts.amount_paid_minor
      : facts.amount_paid_minor - facts.credited_minor;
  return Math.max(0, most);
}

/** Never more than was paid, over however many credits: what is given back in sum is at most what came in. */
export function decideCredit(facts: CreditFacts, wish: CreditWish): CreditDecision {
  if (wish.to === 'invoice' && facts.status !== 'open')
    return { effect: 'refuse', code: 'invoice_not_open', detail: 'Less can be owed only on an invoice that is open.' };
  if (wish.to !== 'invoice' && facts.status !== 'paid')
    return { effect: 'refuse', code: 'invoice_not_paid', detail: 'Nothing was paid on this invoice yet.' };
  const most = creditableMinor(facts, wish.to);
  const amount_minor = wish.amount_minor ?? most;
  if (most === 0)
    return { effect: 'refuse', code: 'amount_too_large', detail: 'Nothing is left that could be given back.' };
  if (amount_minor > most)
    return {
      effect: 'refuse',
      code: 'amount_too_large',
      detail: `At most ${most} (minor units) are left to give back.`,
    };
  return { effect: 'credit', amount_minor };
}
