import type Stripe from 'stripe';
import type { Play } from './play.ts';
import type { Invoice, Line } from './things.ts';

type Amounts = readonly { amount: number }[] | null;

function total(all: Amounts): number {
  return (all ?? []).reduce((sum, each) => sum + each.amount, 0);
}

function lineText(line: Line): string {
  const { amount, off, credits, tax, quantity, period } = line;
  const prorated = line.proration ? ' prorated' : '';
  return `${amount} off ${off} credits ${credits} tax ${tax} × ${quantity} ${period.start}–${period.end}${prorated}`;
}

function shownLine(line: Stripe.InvoiceLineItem): string {
  const { amount, parent, period, quantity } = line;
  const granted = (line.pretax_credit_amounts ?? []).filter((each) => each.type === 'credit_balance_transaction');
  const prorated = parent?.subscription_item_details?.proration === true ? ' prorated' : '';
  const off = total(line.discount_amounts);
  return `${amount} off ${off} credits ${total(granted)} tax ${total(line.taxes)} × ${quantity} ${period.start}–${period.end}${prorated}`;
}

function invoiceText(invoice: Invoice): string[] {
  const { status, reason, period, total: sum, attempts, paid } = invoice;
  const balance = status === 'draft' ? '' : ` balance ${invoice.starting} → ${invoice.ending}`;
  return [
    `${reason} ${status} until ${period.end} attempts ${attempts} next ${invoice.next_attempt} auto ${invoice.auto}`,
    `  total ${sum} due ${Math.max(0, invoice.due - invoice.noted)} paid ${paid}${balance}`,
    ...invoice.lines.map((line) => `  ${lineText(line)}`).toSorted(),
  ];
}

/** All lines of an invoice, of which it shows the first ten itself. */
async function linesOf(play: Play, { id, lines }: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> {
  if (!lines.has_more) return lines.data;
  return (await play.get<Stripe.ApiList<Stripe.InvoiceLineItem>>(`/v1/invoices/${id}/lines`, { limit: 100 })).data;
}

async function shownInvoice(play: Play, invoice: Stripe.Invoice): Promise<string[]> {
  const { billing_reason, status, period_end, attempt_count, next_payment_attempt, auto_advance } = invoice;
  const balance = status === 'draft' ? '' : ` balance ${invoice.starting_balance} → ${invoice.ending_balance}`;
  return [
    `${billing_reason} ${status} until ${period_end} attempts ${attempt_count} next ${next_payment_attempt} auto ${auto_advance}`,
    `  total ${invoice.total} due ${invoice.amount_due} paid ${invoice.amount_paid}${balance}`,
    ...(await linesOf(play, invoice)).map((line) => `  ${shownLine(line)}`).toSorted(),
  ];
}

interface Facts {
  status: string;
  anchor: number;
  cancel_at: number | null;
  trial_end: number | null;
  discounts: number;
  parked: boolean;
  latest: number;
}

function subscriptionText(facts: Facts): string {
  const { status, anchor, cancel_at, trial_end, discounts, parked, latest } = facts;
  return `subscription ${status} anchor ${anchor} cancel_at ${cancel_at} trial_end ${trial_end} discounts ${discounts} parked ${parked} latest ${latest}`;
}

/** What the oracle says there is, as lines of text. */
export function expected(play: Play): string[] {
  const { oracle } = play;
  const sub = oracle.subscription;
  const subscription =
    sub === null
      ? []
      : [
          subscriptionText({
            ...sub,
            discounts: oracle.active(sub.discounts).length,
            parked: sub.parked !== null,
            latest: sub.latest === null ? 0 : oracle.invoices.length - oracle.invoices.indexOf(sub.latest),
          }),
          ...sub.items.map((item) => `  ${item.price.key} × ${item.quantity} ${item.period.start}–${item.period.end}`),
        ];
  return [
    `balance ${oracle.balance}`,
    ...subscription,
    ...oracle.pending.map((line) => `pending ${line.amount} ${line.period.start}–${line.period.end}`).toSorted(),
    ...oracle.invoices.toReversed().flatMap(invoiceText),
    `credits ${oracle.grants.reduce((sum, each) => sum + each.left, 0)}`,
  ];
}

async function shownSubscription(play: Play, invoices: readonly Stripe.Invoice[]): Promise<string[]> {
  const { ids, oracle } = play;
  if (oracle.subscription === null) return [];
  const sub = await play.get<Stripe.Subscription>(`/v1/subscriptions/${ids['subscription']}`);
  const keys = Object.entries(ids).filter(([name]) => name.startsWith('price'));
  const prices = new Map(keys.map(([name, id]) => [id, name.slice('price'.length)]));
  return [
    subscriptionText({
      status: sub.status,
      anchor: sub.billing_cycle_anchor,
      cancel_at: sub.cancel_at,
      trial_end: sub.trial_end,
      discounts: sub.discounts.length,
      parked: sub.pending_update !== null,
      latest: invoices.findIndex((each) => each.id === sub.latest_invoice) + 1,
    }),
    ...sub.items.data.map(({ price, quantity = 0, current_period_start: start, current_period_end: end }) => {
      return `  ${prices.get(price.id)} × ${quantity} ${start}–${end}`;
    }),
  ];
}

async function shownCredits(play: Play): Promise<number> {
  if (play.oracle.grants.length === 0) return 0;
  const params = { customer: play.ids['customer'], limit: 100 };
  type Moved = Stripe.ApiList<Stripe.Billing.CreditBalanceTransaction>;
  const { data } = await play.get<Moved>('/v1/billing/credit_balance_transactions', params);
  return data.reduce((sum, { credit, debit }) => {
    return sum + (credit?.amount.monetary?.value ?? 0) - (debit?.amount.monetary?.value ?? 0);
  }, 0);
}

/** What the API says there is. */
export async function shown(play: Play): Promise<string[]> {
  const customer = play.ids['customer'];
  const all = { customer, limit: 100 };
  const { data: invoices } = await play.get<Stripe.ApiList<Stripe.Invoice>>('/v1/invoices', all);
  const pending = await play.get<Stripe.ApiList<Stripe.InvoiceItem>>('/v1/invoiceitems', { ...all, pending: true });
  const { balance } = await play.get<Stripe.Customer>(`/v1/customers/${customer}`);
  return [
    `balance ${balance}`,
    ...(await shownSubscription(play, invoices)),
    ...pending.data.map(({ amount, period }) => `pending ${amount} ${period.start}–${period.end}`).toSorted(),
    ...(await Promise.all(invoices.map((invoice) => shownInvoice(play, invoice)))).flat(),
    `credits ${await shownCredits(play)}`,
  ];
}
