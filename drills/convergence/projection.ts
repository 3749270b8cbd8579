import type Stripe from 'stripe';
import type { Play } from './play.ts';
import type { Params, World } from './world.ts';

/** Facts by name: what the two sides must agree on. */
export type Facts = Map<string, unknown>;

/**
 * A second, naive reading of what Stripe has of the customer, in the words of the mirror. Nothing here is shared with the
 * program: the same mistake must not stand on both sides.
 */
export async function factsAtStripe(play: Play): Promise<Facts> {
  const { world } = play;
  const facts: Facts = new Map();
  const customer = await play.stripeCustomer();
  facts.set('customer', customer);
  const known = await idsHere(play);
  const listed = customer === null ? [] : await readSubscriptions(world, customer);
  const subscriptions = await withOthers(world, listed, '/v1/subscriptions', known.subscription, { expand: parts });
  const card = customer === null ? null : await cardOf(world, customer);
  for (const subscription of subscriptions) putSubscription(facts, subscription, card);
  const ours = new Set(subscriptions.map(({ id }) => id));
  const invoices = customer === null ? [] : await all<Stripe.Invoice>(world, '/v1/invoices', { customer });
  for (const invoice of await withOthers(world, invoices, '/v1/invoices', known.invoice)) {
    const of = invoice.parent?.subscription_details?.subscription;
    if (typeof of === 'string' && ours.has(of)) putInvoice(facts, invoice);
  }
  const disputes = await all<Stripe.Dispute>(world, '/v1/disputes');
  const charges = customer === null ? [] : await all<Stripe.Charge>(world, '/v1/charges', { customer });
  for (const charge of await withOthers(world, charges, '/v1/charges', known.charge)) {
    facts.set(`${charge.id} status`, charge.status);
    facts.set(`${charge.id} amount`, charge.amount);
    facts.set(`${charge.id} refunded`, charge.amount_refunded);
    facts.set(`${charge.id} dispute`, disputes.find((each) => each.charge === charge.id)?.status ?? null);
  }
  return facts;
}

/** What a subscription names and does not hold unless it is asked for. */
const parts = ['schedule', 'discounts.source.coupon', 'default_payment_method'];

async function readSubscriptions(world: World, customer: string): Promise<Stripe.Subscription[]> {
  const params = { customer, status: 'all', expand: parts.map((each) => `data.${each}`) };
  const found = await all<Stripe.Subscription>(world, '/v1/subscriptions', params);
  return found.filter((each) => each.metadata['farebox_installation'] === world.installation);
}

/** With those that are known here and no longer listed, as of a customer who was deleted. */
async function withOthers<T extends { id: string }>(
  world: World,
  listed: readonly T[],
  path: string,
  known: readonly string[],
  params: Params = {},
): Promise<T[]> {
  const found = [...listed];
  for (const id of known) {
    if (listed.some((each) => each.id === id)) continue;
    const { json, status } = await world.stripe<T>('GET', `${path}/${id}`, params);
    if (status === 200) found.push(json);
  }
  return found;
}

async function idsHere({ world, customer }: Play) {
  const ids = async (column: string, table: string) =>
    (await world.rows<{ id: string }>(`select ${column} as id from ${table} where customer_id = $1`, [customer])).map(
      ({ id }) => id,
    );
  return {
    subscription: await ids('stripe_subscription_id', 'subscription'),
    invoice: await ids('stripe_invoice_id', 'invoice'),
    charge: await ids('id', 'stripe_charge'),
  };
}

async function cardOf(world: World, customer: string): Promise<string | null> {
  const { json } = await world.stripe<Stripe.Customer>('GET', `/v1/customers/${customer}`);
  return nameOf(json.invoice_settings.default_payment_method);
}

function nameOf(reference: string | { id: string } | null): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null);
}

function putSubscription(facts: Facts, subscription: Stripe.Subscription, customerCard: string | null): void {
  const [item] = subscription.items.data;
  const put = (name: string, value: unknown) => facts.set(`${subscription.id} ${name}`, value);
  put('status', subscription.status);
  put('price', item?.price.id);
  put('quantity', item?.quantity);
  put('anchor', subscription.billing_cycle_anchor);
  put('period', `${item?.current_period_start}-${item?.current_period_end}`);
  put('cancel_at', subscription.cancel_at);
  put('canceled_at', subscription.canceled_at);
  put('ended_at', subscription.ended_at);
  put('trial_end', subscription.trial_end);
  put('paused', subscription.status === 'paused');
  put('waits_until', subscription.pending_update?.expires_at ?? null);
  const names = subscription.discounts.map((each) => {
    const coupon = typeof each === 'string' ? null : each.source.coupon;
    return typeof coupon === 'string' ? coupon : (coupon?.name ?? 'none');
  });
  put('discounts', names.toSorted().join());
  const schedule = typeof subscription.schedule === 'string' ? null : subscription.schedule;
  const next = schedule?.phases.find((phase) => phase.start_date === schedule.current_phase?.end_date);
  const [then] = next?.items ?? [];
  put('next', then === undefined ? null : `${nameOf(then.price)} ×${then.quantity} at ${next?.start_date}`);
  put('card', nameOf(subscription.default_payment_method) ?? customerCard);
}

function putInvoice(facts: Facts, invoice: Stripe.Invoice): void {
  const put = (name: string, value: unknown) => facts.set(`${invoice.id} ${name}`, value);
  put('status', invoice.status);
  put('number', invoice.number);
  put('reason', invoice.billing_reason);
  put('total', invoice.total);
  put('due', invoice.amount_due);
  put('paid', invoice.amount_paid);
  put('credited', invoice.post_payment_credit_notes_amount);
  put('attempts', invoice.attempt_count);
  put('next attempt', invoice.next_payment_attempt);
  const amounts = invoice.lines.data.map((line) => line.amount);
  put('lines', amounts.toSorted((a, b) => a - b).join());
}

async function all<T extends { id: string }>(world: World, path: string, params: Params = {}): Promise<T[]> {
  const found: T[] = [];
  for (;;) {
    const after = found.at(-1)?.id;
    const more = after === undefined ? {} : { starting_after: after };
    const { json } = await world.stripe<Stripe.ApiList<T>>('GET', path, { ...params, limit: 100, ...more });
    found.push(...json.data);
    if (!json.has_more) return found;
  }
}

type Row = Record<string, unknown>;

/** What the program holds. */
export async function factsHere({ world, customer }: Play): Promise<Facts> {
  const facts: Facts = new Map();
  const put = (rows: readonly (Row & { id: string })[]) => {
    for (const { id, ...fields } of rows)
      for (const [name, value] of Object.entries(fields)) facts.set(`${id} ${name}`, value);
  };
  const ask = <T extends Row>(text: string) => world.rows<T>(text, [customer]);
  const [own] = await ask<{ link: string | null }>('select stripe_customer_id as link from customer where id = $1');
  facts.set('customer', own?.link ?? null);
  put(await ask(subscriptionsHere));
  put(await ask(invoicesHere));
  put(await ask(chargesHere));
  return facts;
}

const seconds = (column: string) => `extract(epoch from ${column})::float8`;

const subscriptionsHere = `
  select s.stripe_subscription_id as id, s.status, p.stripe_price_id as price, s.quantity::int,
    ${seconds('s.billing_anchor_at')} as anchor,
    ${seconds('s.current_period_start_at')} || '-' || ${seconds('s.current_period_end_at')} as period,
    ${seconds('s.cancel_at')} as cancel_at, ${seconds('s.canceled_at')} as canceled_at, ${seconds('s.ended_at')} as ended_at,
    ${seconds('s.trial_end_at')} as trial_end, s.paused_at is not null as paused, ${seconds('s.pending_until_at')} as waits_until,
    (select coalesce(string_agg(d ->> 'name', ',' order by d ->> 'name' collate "C"), '') from jsonb_array_elements(s.discounts) d) as discounts,
    n.stripe_price_id || ' ×' || s.scheduled_quantity || ' at ' || ${seconds('s.scheduled_at')} as next,
    s.card ->> 'stripe_payment_method_id' as card
  from subscription s join plan_price p on p.id = s.plan_price_id left join plan_price n on n.id = s.scheduled_price_id
  where s.customer_id = $1`;

const invoicesHere = `
  select stripe_invoice_id as id, status, number, billing_reason as reason, total_minor::int as total, amount_due_minor::int as due,
    amount_paid_minor::int as paid, credited_minor::int as credited, attempt_count::int as attempts,
    ${seconds('next_attempt_at')} as "next attempt",
    (select coalesce(string_agg(l.amount_minor::text, ',' order by l.amount_minor), '')
     from invoice_line l where l.invoice_id = invoice.id) as lines
  from invoice where customer_id = $1`;

const chargesHere = `
  select id, status, amount_minor::int as amount, amount_refunded_minor::int as refunded, dispute_status as dispute
  from stripe_charge where customer_id = $1`;

/** Each difference in words. */
export function differences(here: Facts, there: Facts): string[] {
  const names = [...new Set([...here.keys(), ...there.keys()])];
  return names.flatMap((name) => {
    const [ours, theirs] = [here.get(name), there.get(name)];
    return Object.is(ours, theirs) ? [] : [`${name}: ${String(ours)} here, ${String(theirs)} at Stripe`];
  });
}
