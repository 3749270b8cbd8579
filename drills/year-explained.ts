import type Stripe from 'stripe';

/** So many units, let through at an instant. */
export interface Counted {
  at: number;
  units: number;
}

type Price = { name: string; amount: number; interval: string };

/**
 * Works every line of an invoice out again, from the prices, the calendar and what the drill counted itself, and the sum
 * from the lines. Answers each line in words, and what does not come out.
 */
export async function explainInvoice(given: {
  stripe: Stripe;
  invoice: Stripe.Invoice;
  used: readonly Counted[];
}): Promise<{ lines: string[]; faults: string[] }> {
  const { stripe, invoice, used } = given;
  const faults: string[] = [];
  const listed = await stripe.invoices.listLineItems(invoice.id, { limit: 100 });
  const head = `${invoice.number ?? invoice.id} ${invoice.status}, ${money(invoice.total)}`;
  const lines: string[] = [];
  for (const line of listed.data) {
    const { amount, words } = await explainLine(stripe, line, used);
    lines.push(`${money(line.amount).padStart(11)}  ${words}`);
    if (amount !== line.amount) faults.push(`${head}: a line of ${line.amount} comes out as ${amount} (${words})`);
  }
  for (const text of unbilled(listed.data, used)) faults.push(`${head}: ${text}`);
  const subtotal = listed.data.reduce((sum, line) => sum + line.amount, 0);
  const off = reductionOf(listed.data);
  if (off > 0) lines.push(`${money(-off).padStart(11)}  half off, each line by itself`);
  const total = subtotal - off;
  if (total !== invoice.total) faults.push(`${head}: the lines sum to ${total}`);
  const due = dueOf(total + invoice.starting_balance);
  if (due !== total) lines.push(`${money(due - total).padStart(11)}  ${due < total ? 'to' : 'from'} the balance`);
  if (due !== invoice.amount_due) faults.push(`${head}: ${invoice.amount_due} is due, not ${due}`);
  return { lines: [head, ...lines], faults };
}

async function explainLine(stripe: Stripe, line: Stripe.InvoiceLineItem, used: readonly Counted[]) {
  const { start, end } = line.period;
  if (line.metadata['farebox_usage_report'] !== undefined) return explainOverage(line, used);
  const id = line.pricing?.price_details?.price;
  if (id === undefined) return { amount: Number.NaN, words: `nobody knows why: ${line.description}` };
  const price = await priceOf(stripe, typeof id === 'string' ? id : id.id);
  const details = line.parent?.subscription_item_details ?? line.parent?.invoice_item_details;
  if (details?.proration === true) {
    const whole = end - before(end, price.interval);
    const isCredit = line.amount < 0;
    const part = `${money(price.amount)} × ${end - start} s of ${whole} s, to ${day(end)}`;
    // Half of a cent goes away from nothing, as on Stripe's own example.
    const amount = Math.floor((2 * price.amount * (end - start) + whole) / (2 * whole));
    return {
      amount: isCredit ? -amount : amount,
      words: `${price.name}, ${isCredit ? 'not used' : 'the rest'}: ${part}`,
    };
  }
  const reference = line.parent?.subscription_item_details?.subscription ?? line.subscription;
  const subscription = await stripe.subscriptions.retrieve(
    typeof reference === 'string' ? reference : (reference?.id ?? ''),
  );
  const span = `${day(start)} to ${day(end)}`;
  if (subscription.trial_end === end && subscription.trial_start === start)
    return { amount: 0, words: `${price.name}, a trial: ${span}` };
  if (end !== after(start, price.interval))
    return { amount: Number.NaN, words: `${price.name} for another time than a ${price.interval}: ${span}` };
  return { amount: price.amount * (line.quantity ?? 1), words: `${price.name} by the ${price.interval}: ${span}` };
}

/** The first two units past the five included cost 25, the others 10. */
function explainOverage(line: Stripe.InvoiceLineItem, used: readonly Counted[]): { amount: number; words: string } {
  const units = Number(line.metadata['farebox_quantity']);
  const unit = Number(line.metadata['farebox_unit_price']);
  const over = overageIn(line.period, used);
  const inTier = unit === 25 ? Math.min(2, over) : Math.max(0, over - 2);
  const words = `usage ${day(line.period.start)} to ${day(line.period.end)}: ${over + 5} used, 5 included, ${units} at ${money(unit)}`;
  return { amount: units === inTier ? inTier * unit : Number.NaN, words };
}

/** Usage that has a line on the invoice has all its lines there. */
function unbilled(lines: readonly Stripe.InvoiceLineItem[], used: readonly Counted[]): string[] {
  const billed = lines.filter((line) => line.metadata['farebox_usage_report'] !== undefined);
  const reports = new Set(billed.map((line) => line.metadata['farebox_usage_report']));
  return [...reports].flatMap((report) => {
    const own = billed.filter((line) => line.metadata['farebox_usage_report'] === report);
    const [first] = own;
    if (first === undefined) return [];
    let expected = 0;
    for (let unit = 1; unit <= overageIn(first.period, used); unit += 1) expected += unit <= 2 ? 25 : 10;
    const sum = own.reduce((total, line) => total + line.amount, 0);
    return sum === expected ? [] : [`the usage of ${day(first.period.start)} costs ${expected}, and ${sum} is billed`];
  });
}

function overageIn({ start, end }: { start: number; end: number }, used: readonly Counted[]): number {
  const inside = used.filter(({ at }) => at >= start * 1000 && at < end * 1000);
  return Math.max(0, inside.reduce((sum, { units }) => sum + units, 0) - 5);
}

/** What coupons take off. There is one in this drill, of a half. */
function reductionOf(lines: readonly Stripe.InvoiceLineItem[]): number {
  const reduced = lines.filter(({ discount_amounts }) => (discount_amounts ?? []).length > 0);
  return reduced.reduce((off, line) => off + Math.floor((line.amount + 1) / 2), 0);
}

async function priceOf(stripe: Stripe, id: string): Promise<Price> {
  const price = await stripe.prices.retrieve(id, { expand: ['product'] });
  const product = typeof price.product === 'string' || price.product.deleted === true ? null : price.product;
  return {
    name: product?.name ?? id,
    amount: price.unit_amount ?? Number.NaN,
    interval: price.recurring?.interval ?? '',
  };
}

/** Stripe charges half a dollar or more; less, and what the seller owes, waits on the balance (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
function dueOf(total: number): number {
  return total < 50 ? 0 : total;
}

/** A month or a year earlier, by the calendar. No period of this drill begins after the 28th. */
function before(second: number, interval: string): number {
  return shifted(second, interval, -1);
}

function after(second: number, interval: string): number {
  return shifted(second, interval, 1);
}

function shifted(second: number, interval: string, by: number): number {
  const date = new Date(second * 1000);
  if (interval === 'year') date.setUTCFullYear(date.getUTCFullYear() + by);
  else date.setUTCMonth(date.getUTCMonth() + by);
  return date.getTime() / 1000;
}

function day(second: number): string {
  return new Date(second * 1000).toISOString().slice(0, 10);
}

function money(minor: number): string {
  const text = String(Math.abs(minor)).padStart(3, '0');
  return `${minor < 0 ? '-' : ''}$${text.slice(0, -2)}.${text.slice(-2)}`;
}
