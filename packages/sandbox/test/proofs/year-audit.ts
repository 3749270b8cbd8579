import type Stripe from 'stripe';
import type { Counts } from '../../scripts/verdict.ts';
import { idOf } from '../harness.ts';
import { Exact, monthsAfter, share } from '../model/exact.ts';

/** What was billed in a year, computed anew from what was done, by arithmetic and a calendar of its own. */

export interface Tier {
  up_to: number | null;
  /** Cents, exactly. */
  unit: string;
}

export interface Plan {
  licensed: string;
  metered: string;
  amount: number;
  tiers: readonly Tier[];
}

interface Span {
  start: number;
  end: number;
}

/** What was done to a subscription. */
export interface Life {
  id: string;
  customer: string;
  created: number;
  /** What it bills, from when on. */
  states: { at: number; plan: Plan; seats: number; prorates: boolean }[];
  used: { at: number; value: number }[];
  pauses: { from: number; to: number | null }[];
  /** When it was canceled at once. */
  canceled_at: number | null;
  percentage: string | null;
}

const HOUR = 3_600;
/** The least that a card can be charged, in cents. */
const LEAST_CHARGE = 50;

/** A line as one line of text: what it costs, for how many of what, and for when. */
function lineText(price: string, quantity: number, amount: number, span: Span): string {
  return `${price} × ${quantity} = ${amount} for ${span.start}–${span.end}`;
}

function stateAt(life: Life, at: number): Life['states'][number] {
  const state = life.states.findLast((each) => each.at <= at);
  if (state === undefined) throw new Error(`${life.id} was not there at ${at}.`);
  return state;
}

/** The periods a subscription has had until a time, each counted from its anchor; a pause ends a chain of them. */
export function periodsOf(life: Life, until: number): Span[] {
  const periods: Span[] = [];
  const chains = [{ anchor: life.created, until: life.pauses[0]?.from ?? until }];
  for (const [index, { to }] of life.pauses.entries())
    if (to !== null) chains.push({ anchor: to, until: life.pauses[index + 1]?.from ?? until });
  for (const chain of chains) {
    for (let n = 0; monthsAfter(chain.anchor, n) < Math.min(chain.until, until); n += 1)
      periods.push({ start: monthsAfter(chain.anchor, n), end: monthsAfter(chain.anchor, n + 1) });
  }
  return periods;
}

/** The lines of what was used in a span: by the price in force when it was reported, tier by tier. */
function usageOf(life: Life, span: Span, last_second = false): string[] {
  const end = last_second ? span.end + 1 : span.end;
  const used = life.used.filter(({ at }) => at >= span.start && at < end);
  const by_plan = Map.groupBy(used, ({ at }) => stateAt(life, at).plan);
  return [...by_plan].flatMap(([{ metered, tiers }, events]) => {
    const total = events.reduce((sum, { value }) => sum + value, 0);
    let below = 0;
    return tiers.flatMap(({ up_to, unit }) => {
      const quantity = Math.min(total, up_to ?? total) - below;
      below = up_to ?? total;
      if (quantity <= 0) return [];
      const amount = Exact.of(unit).times(Exact.of(quantity)).whole();
      return [lineText(metered, quantity, amount, span)];
    });
  });
}

/** The part of a period that is left, of what a state costs for all of it. */
function part(state: Life['states'][number], period: Span, from: number, sign: 1 | -1): string {
  const { plan, seats } = state;
  const amount = sign * share(plan.amount * seats, period.end - from, period.end - period.start);
  return lineText(plan.licensed, seats, amount, { start: from, end: period.end });
}

/** What comes back of a period is what it was billed at its beginning. */
function givenBack(life: Life, period: Span, from: number, { voided }: Facts): string[] {
  return voided.has(period.start) ? [] : [part(stateAt(life, period.start), period, from, -1)];
}

function within(at: number | null, period: Span): at is number {
  return at !== null && at >= period.start && at < period.end;
}

interface Facts {
  ended_at: number | null;
  now: number;
  /** Beginnings of periods whose invoice was voided: nothing was billed for them, and nothing is given back. */
  voided: ReadonlySet<number>;
}

/** Every line that must have been billed, or wait to be, of a period. */
function linesOf(life: Life, period: Span, facts: Facts): string[] {
  const { plan, seats } = stateAt(life, period.start);
  const lines = [lineText(plan.licensed, seats, plan.amount * seats, period)];
  for (const change of life.states.slice(1)) {
    if (!within(change.at, period) || !change.prorates) continue;
    lines.push(...givenBack(life, period, change.at, facts), part(change, period, change.at, 1));
  }
  const paused = life.pauses.find(({ from }) => within(from, period))?.from ?? null;
  const stops = paused ?? life.canceled_at;
  if (within(stops, period)) {
    const used = { start: period.start, end: stops };
    return [...lines, ...givenBack(life, period, stops, facts), ...usageOf(life, used, true)];
  }
  // A period that a failed payment cut short bills no usage.
  const is_cut = facts.ended_at !== null && facts.ended_at < period.end;
  if (!is_cut && period.end <= facts.now) lines.push(...usageOf(life, period));
  return lines;
}

/** What is in one list and not in the other. */
function missing(from: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return from.filter((each) => {
    const index = left.indexOf(each);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
}

function isProration({ parent }: Stripe.InvoiceLineItem): boolean {
  return parent?.subscription_item_details?.proration === true;
}

const priceOf = ({ pricing }: Pick<Stripe.InvoiceLineItem, 'pricing'>): string => {
  const price = pricing?.price_details?.price;
  return typeof price === 'string' ? price : (price?.id ?? '');
};

function sum(amounts: readonly number[]): number {
  return amounts.reduce((all, each) => all + each, 0);
}

/** Whether an invoice is the sum of its lines, and its payments what was paid. */
function totalFaults(invoice: Stripe.Invoice, percentage: string | null): string[] {
  const faults: string[] = [];
  const same = (name: string, is: number, should: number): void => {
    if (is !== should) faults.push(`${invoice.id}: ${name} is ${is}, it should be ${should}`);
  };
  const lines = invoice.lines.data;
  const taxes = lines.map(({ amount }) =>
    percentage === null ? 0 : Exact.of(amount).times(Exact.of(percentage)).times(new Exact(1n, 100n)).whole(),
  );
  for (const [index, line] of lines.entries())
    same(`the tax on ${line.id}`, sum((line.taxes ?? []).map((each) => each.amount)), taxes[index] ?? 0);
  same('subtotal', invoice.subtotal, sum(lines.map((line) => line.amount)));
  same('total', invoice.total, invoice.subtotal + sum(taxes));
  if (invoice.status === 'draft') return faults;
  const owed = invoice.total + invoice.starting_balance;
  // What is too little to be charged is carried to the balance.
  same('amount_due', invoice.amount_due, invoice.total > 0 && owed >= LEAST_CHARGE ? owed : 0);
  same('ending_balance', invoice.ending_balance ?? 0, owed - invoice.amount_due);
  const paid = (invoice.payments?.data ?? []).filter((each) => each.status === 'paid');
  same('amount_paid', invoice.amount_paid, sum(paid.map((each) => each.amount_paid ?? 0)));
  if (invoice.status === 'paid') same('amount_paid of a paid one', invoice.amount_paid, invoice.amount_due);
  return faults;
}

/** Whether periods follow each other, and each was begun by exactly one invoice. */
function tileFaults(life: Life, invoices: readonly Stripe.Invoice[], periods: readonly Span[]): string[] {
  const faults: string[] = [];
  const licensed = new Set(life.states.map(({ plan }) => plan.licensed));
  const begun = invoices.flatMap((invoice) =>
    invoice.lines.data
      .filter((line) => licensed.has(priceOf(line)) && !isProration(line))
      .map((line) => ({ ...line.period, reason: invoice.billing_reason })),
  );
  for (const [index, { start, end }] of periods.entries()) {
    const own = begun.filter((each) => each.start === start && each.end === end);
    if (own.length !== 1) faults.push(`${own.length} invoices begin the period ${start}–${end}`);
    const before = periods[index - 1];
    const resumed = life.pauses.some(({ to }) => to === start);
    if (before !== undefined && before.end !== start && !resumed) faults.push(`A gap or an overlap at ${start}`);
    const reason = index === 0 ? 'subscription_create' : resumed ? 'subscription_update' : 'subscription_cycle';
    if (own[0] !== undefined && own[0].reason !== reason) faults.push(`${start} began by a ${own[0].reason}`);
  }
  if (begun.length !== periods.length) faults.push(`${begun.length} periods were billed, there are ${periods.length}`);
  return faults;
}

/** Computes a subscription's year anew, and says what differs. */
export async function audit(stripe: Stripe, life: Life, counts: Counts): Promise<string[]> {
  const { ended_at, test_clock } = await stripe.subscriptions.retrieve(life.id);
  const { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(idOf(test_clock));
  const invoices = await stripe.invoices
    .list({ subscription: life.id, limit: 100, expand: ['data.payments'] })
    .autoPagingToArray({ limit: 1_000 });
  const pending = await stripe.invoiceItems.list({ customer: life.customer, pending: true, limit: 100 });
  const periods = periodsOf(life, ended_at ?? now);
  const voided = new Set(
    invoices.flatMap(({ lines, status }) => (status === 'void' ? lines.data.map((line) => line.period.start) : [])),
  );
  const wanted = periods.flatMap((period) => linesOf(life, period, { ended_at, now: now - HOUR, voided }));
  const billed = [
    ...invoices.flatMap((invoice) => invoice.lines.data),
    ...pending.data.map((item) => ({ ...item, pricing: item.pricing })),
  ];
  const found = billed
    // What was not used costs nothing, and is said or not.
    .filter((line) => line.quantity !== 0)
    .map((line) => lineText(priceOf(line), line.quantity ?? 0, line.amount, line.period));
  const free = (text: string): boolean => text.includes(' = 0 ');
  const faults = [
    ...tileFaults(life, invoices, periods),
    ...invoices.flatMap((invoice) => totalFaults(invoice, life.percentage)),
    ...missing(wanted, found)
      .filter((text) => !free(text))
      .map((text) => `not billed: ${text}`),
    ...missing(found, wanted).map((text) => `not explained: ${text}`),
  ];
  counts['invoices'] = (counts['invoices'] ?? 0) + invoices.length;
  counts['lines'] = (counts['lines'] ?? 0) + billed.length;
  counts['periods'] = (counts['periods'] ?? 0) + periods.length;
  return faults.length === 0 ? [] : [`${life.id} ${JSON.stringify(life)}`, ...faults];
}
