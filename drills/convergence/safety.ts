import type Stripe from 'stripe';
import type { Play } from './play.ts';

type Row = Record<string, unknown>;

/** What must hold at every step, whatever is still on its way. */
export interface Watch {
  /** Local statuses as they were at the step before. */
  invoices: Map<string, string>;
  subscriptions: Map<string, string>;
}

export interface Faults {
  double_charges: string[];
  duplicate_subscriptions: string[];
  others: string[];
}

export function newWatch(): Watch {
  return { invoices: new Map(), subscriptions: new Map() };
}

const over = ['canceled', 'incomplete_expired'];
const granting = ['active', 'trialing', 'past_due'];

/** Here: one live subscription, nothing goes back, no access without ground. */
export async function checkHere(play: Play, watch: Watch, faults: Faults): Promise<void> {
  const { world, customer } = play;
  const subscriptions = await world.rows<{ id: string; status: string; superseded: boolean }>(
    'select stripe_subscription_id as id, status, superseded from subscription where customer_id = $1',
    [customer],
  );
  const live = subscriptions.filter(({ status, superseded }) => !superseded && !over.includes(status));
  if (live.length > 1) faults.duplicate_subscriptions.push(`live here at once: ${live.map(({ id }) => id).join()}`);
  for (const { id, status } of subscriptions) {
    if (granting.includes(status) && play.post.statuses.get(id)?.has(status) !== true)
      faults.others.push(`${id} grants access as ${status}, which Stripe never said`);
    const before = watch.subscriptions.get(id);
    if (before !== undefined && over.includes(before) && before !== status)
      faults.others.push(`${id} went from ${before} to ${status}`);
    watch.subscriptions.set(id, status);
  }
  const invoices = await world.rows<{ id: string; status: string }>(
    'select stripe_invoice_id as id, status from invoice where customer_id = $1',
    [customer],
  );
  for (const { id, status } of invoices) {
    const before = watch.invoices.get(id);
    if (before === 'paid' && status !== 'paid') faults.others.push(`${id} was paid and is ${status}`);
    watch.invoices.set(id, status);
  }
  faults.others.push(...world.seen.splice(0), ...play.faults.splice(0));
}

/** At Stripe, where nothing that happened goes away: no invoice and no period is charged twice, and one wish makes one thing. */
export async function checkStripe(play: Play, faults: Faults): Promise<void> {
  const { world } = play;
  const invoices = await world.list<Stripe.Invoice>('/v1/invoices', { expand: ['data.payments'] });
  const charges = await world.list<Stripe.Charge>('/v1/charges');
  const periods = new Map<string, string>();
  let [paid, owed] = [0, 0];
  for (const invoice of invoices) {
    const took = charges
      .filter(
        (charge) =>
          charge.paid && invoice.payments?.data.some(({ payment }) => payment.payment_intent === charge.payment_intent),
      )
      .reduce((sum, charge) => sum + charge.amount, 0);
    // What an invoice before was too small to take by itself is owed, and comes with this one.
    if (took > invoice.amount_due) faults.double_charges.push(`${invoice.id} of ${invoice.amount_due} took ${took}`);
    paid += took;
    owed += Math.max(0, invoice.total);
    const period = periodOf(invoice);
    const other = period === null ? undefined : periods.get(period);
    if (other !== undefined) faults.double_charges.push(`${other} and ${invoice.id} are both for ${period}`);
    if (period !== null) periods.set(period, invoice.id);
  }
  if (paid > owed) faults.double_charges.push(`invoices of ${owed} in all took ${paid}`);
  once(await world.list<Stripe.Subscription>('/v1/subscriptions', { status: 'all' }), faults.duplicate_subscriptions);
  once(await world.list<Stripe.CreditNote>('/v1/credit_notes'), faults.double_charges);
  const changes = invoices.filter((invoice) => invoice.billing_reason === 'subscription_update').length;
  const [intents] = await world.rows<{ n: number }>(
    "select count(*)::int as n from stripe_intent where kind = 'subscription.change'",
  );
  const wished = (intents?.n ?? 0) + play.wishes;
  if (changes > wished)
    faults.double_charges.push(`${changes} changes were invoiced, and at most ${wished} were wished`);
}

/** What must not be invoiced twice: a subscription's beginning, and each of its periods. Null for everything else. */
function periodOf({ status, billing_reason, parent, lines }: Stripe.Invoice): string | null {
  const subscription = parent?.subscription_details?.subscription ?? null;
  const of = typeof subscription === 'string' ? subscription : subscription?.id;
  if (status === 'void' || status === 'draft') return null;
  if (billing_reason === 'subscription_create') return `the beginning of ${of}`;
  if (billing_reason !== 'subscription_cycle') return null;
  const base = lines.data.find((line) => line.parent?.subscription_item_details?.proration === false);
  return base === undefined ? null : `${of} from ${base.period.start}`;
}

function once(objects: readonly { id: string; metadata: Stripe.Metadata | null }[], faults: string[]): void {
  const seen = new Map<string, string>();
  for (const { id, metadata } of objects) {
    const intent = metadata?.['farebox_intent'];
    if (intent === undefined) continue;
    const other = seen.get(intent);
    if (other !== undefined) faults.push(`${other} and ${id} are both of ${intent}`);
    seen.set(intent, id);
  }
}

/** When all is settled: one live subscription at Stripe, a receipt for what was paid and for nothing else, no event set aside, no intent left open. */
export async function checkEnd(play: Play, faults: Faults): Promise<void> {
  const { world, customer } = play;
  const ask = <T extends Row>(text: string, ...values: string[]) => world.rows<T>(text, values);
  const all = await world.list<Stripe.Subscription>('/v1/subscriptions', { status: 'all' });
  const live = all.filter(
    ({ status, metadata }) => !over.includes(status) && metadata['farebox_installation'] === world.installation,
  );
  if (live.length > 1)
    faults.duplicate_subscriptions.push(`live at Stripe when all is settled: ${live.map(({ id }) => id).join()}`);
  const receipts = await ask<{ id: string }>(
    "select replace(dedupe_key, 'receipt:', '') as id from notice where customer_id = $1 and kind = 'receipt'",
    customer,
  );
  const paid = await ask<{ id: string }>(
    "select stripe_invoice_id as id from invoice where customer_id = $1 and status = 'paid'",
    customer,
  );
  for (const { id } of paid)
    if (!receipts.some((each) => each.id === id)) faults.others.push(`${id} is paid and has no receipt`);
  for (const { id } of receipts)
    if (!paid.some((each) => each.id === id)) faults.others.push(`${id} has a receipt and is not paid`);
  const aside = await ask<{ id: string; type: string; reason: string }>(
    "select id, type, reason from stripe_event where state in ('parked', 'received')",
  );
  for (const { id, type, reason } of aside) faults.others.push(`${type} ${id} is set aside: ${reason}`);
  const open = await ask<{ id: string; kind: string; state: string }>(
    "select id, kind, state from stripe_intent where customer_id = $1 and state in ('pending', 'sent')",
    customer,
  );
  for (const { id, kind, state } of open) faults.others.push(`nobody carries out ${id} (${kind}), which is ${state}`);
  for (const { name, data } of world.jobs.dead())
    faults.others.push(`the job ${name} ${JSON.stringify(data)} was given up`);
}
