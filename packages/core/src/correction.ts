/** What a period's usage of one meter was billed at so far, what corrections changed of it included. */
export interface BilledSoFar {
  amount_minor: number;
  /** What of it credit paid. */
  credited_minor: number;
}

/** What a correction changes of a bill: `amount_minor` = `line_minor` + `credited_minor`. Below nothing: given back. */
export interface BillAdjustment {
  amount_minor: number;
  /** As it stands on the next invoice. */
  line_minor: number;
  /** As it goes back to the credit it came from; never above nothing. */
  credited_minor: number;
}

/**
 * What is owed or given back when billed usage turns out to cost `due_minor`. Money is given back first, as far as money paid;
 * the rest goes back to the credit that paid it, so that credit never becomes money. What is added is not paid from credit:
 * whoever is billed late sees why on a line of its own. `returnable_minor`: what of the credit can go back, where `billed` is of more
 * than what is put right.
 */
export function adjustBill(
  billed: BilledSoFar,
  due_minor: number,
  returnable_minor = billed.credited_minor,
): BillAdjustment {
  const amount_minor = due_minor - billed.amount_minor;
  if (amount_minor >= 0) return { amount_minor, line_minor: amount_minor, credited_minor: 0 };
  const money = Math.max(amount_minor, billed.credited_minor - billed.amount_minor);
  const credited_minor = Math.max(amount_minor - money, 0 - returnable_minor);
  return { amount_minor, line_minor: amount_minor - credited_minor, credited_minor };
}
