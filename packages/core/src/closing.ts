import type { Currency, Instant } from './plan.ts';
import { formatMoney } from './money.ts';

/** What was counted, billed and invoiced of one meter in one period, from each place that knows of it. */
export interface ClosingFacts {
  currency: Currency;
  /** Units that the gate's counter had taken when the period was over; null: nobody knows any more. */
  counter: number | null;
  /** Units that all events come to which count in the period; null: they are not kept any more. */
  events: number | null;
  /** Of those, what the ones come to that were there when it was billed: later ones were taken over as history. */
  events_at_close: number | null;
  /** By the hours. */
  rolled_up: number;
  /** As it was billed first. */
  quantity: number;
  /** Whether an event that counts here was put right after the bill. */
  is_corrected: boolean;
  /** What `quantity` costs by the prices of then; null: they were not kept. */
  rated_minor: number | null;
  /** What the usage as it is now costs by them, under the cap and at least the minimum; null as before. */
  due_minor: number | null;
  /** As it was written: what the lines come to, what is billed of them, what a cap left, what credit paid. */
  lines_minor: number;
  amount_minor: number;
  capped_minor: number;
  credited_minor: number;
  /** What usage lacked to its minimum, and is charged besides. */
  shortfall_minor: number;
  /** What corrections changed, and what of that belongs on an invoice. */
  adjusted_minor: number;
  adjusted_line_minor: number;
  /** Whether all of it was handed to Stripe, or has waited too long for that. */
  is_sent: boolean;
  is_late: boolean;
  /** What Stripe has of it: usage under the cap, what it lacks to the minimum, credit, corrections. */
  invoiced_minor: number;
  invoiced_minimum_minor: number;
  invoiced_credit_minor: number;
  invoiced_corrections_minor: number;
  /** Hours in which Stripe's meter has not what it was sent; empty where nothing is sent to one. */
  meter_hours: MeterHour[];
}

/** Units of one hour: what Stripe's meter was sent, and what it counted. */
export interface MeterHour {
  hour_at: Instant;
  sent: number;
  counted: number;
}

export const closingFaultCodes = [
  'counter_and_hours_differ',
  'events_and_hours_differ',
  'usage_and_bill_differ',
  'price_differs',
  'not_sent',
  'invoice_differs',
  'meter_differs',
] as const;
export type ClosingFaultCode = (typeof closingFaultCodes)[number];

/** Where a period does not balance, in words. */
export interface ClosingFault {
  code: ClosingFaultCode;
  detail: string;
}

/** What does not agree; empty: the period balances, from the events to Stripe's invoice. */
export function closingFaults(facts: ClosingFacts): ClosingFault[] {
  const faults: ClosingFault[] = [];
  const money = (amount: number) => formatMoney(amount, facts.currency);
  const { counter, events, events_at_close, rolled_up, quantity } = facts;
  // What came otherwise than through the gate is in no counter, and what was put right is not turned back in it.
  if (counter !== null && counter > rolled_up && !facts.is_corrected)
    fault(
      'counter_and_hours_differ',
      `The gate's counter came to ${counter}, the hours to ${rolled_up}: ${counter - rolled_up} were taken and are not stored.`,
    );
  if (events !== null && events !== rolled_up)
    fault('events_and_hours_differ', `The events come to ${events}, the hours to ${rolled_up}.`);
  const known = [events_at_close, events, rolled_up];
  if (!facts.is_corrected && !known.includes(quantity))
    fault('usage_and_bill_differ', `The usage comes to ${events_at_close ?? rolled_up}, ${quantity} was billed.`);
  const written = facts.amount_minor + facts.capped_minor;
  const rated = facts.rated_minor ?? facts.lines_minor;
  const billed = facts.amount_minor + facts.shortfall_minor + facts.adjusted_minor;
  if (written !== facts.lines_minor || rated !== written)
    fault(
      'price_differs',
      `${quantity} costs ${money(rated)}; ${money(written)} was written, in lines of ${money(facts.lines_minor)}.`,
    );
  else if (facts.is_corrected && facts.due_minor !== null && facts.due_minor !== billed)
    fault('price_differs', `With what was put right it costs ${money(facts.due_minor)}; ${money(billed)} was billed.`);
  const [first, ...more] = facts.meter_hours;
  if (first !== undefined) {
    const hour = new Date(first.hour_at).toISOString().slice(0, 16).replace('T', ' ');
    const others = more.length === 0 ? '' : ` So it is with ${more.length} more hours.`;
    fault(
      'meter_differs',
      `Of the hour ${hour} UTC ${first.sent} were sent to Stripe's meter, and it counted ${first.counted}.${others}`,
    );
  }
  if (!facts.is_sent) {
    if (facts.is_late) fault('not_sent', 'It has not been put on an invoice yet.');
    return faults;
  }
  compare('usage', facts.amount_minor, facts.invoiced_minor);
  compare('what was lacking to the minimum', facts.shortfall_minor, facts.invoiced_minimum_minor);
  compare('what credit paid', -facts.credited_minor, facts.invoiced_credit_minor);
  compare('corrections', facts.adjusted_line_minor, facts.invoiced_corrections_minor);
  return faults;

  function compare(what: string, here: number, there: number): void {
    if (here !== there)
      fault('invoice_differs', `Of ${what} ${money(here)} was sent, lines of ${money(there)} are at Stripe.`);
  }

  function fault(code: ClosingFaultCode, detail: string): void {
    faults.push({ code, detail });
  }
}
