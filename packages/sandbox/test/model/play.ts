import type Stripe from 'stripe';
import { createSandbox, type Sandbox, type Snapshot } from '../../src/index.ts';
import { type Watch, watch } from '../invariants/watch.ts';
import { behaviors, cards, collections, type Command, type Mishap, prorations } from './commands.ts';
import { Oracle } from './oracle.ts';
import { type Coupon, type Invoice, type Price, Refused } from './things.ts';

const START = Date.parse('2026-01-31T10:20:30Z');

type Params = Record<string, unknown>;

function form(params: Params, prefix = ''): [string, string][] {
  return Object.entries(params).flatMap(([key, value]) => {
    const name = prefix === '' ? key : `${prefix}[${key}]`;
    if (value === undefined) return [];
    if (typeof value === 'object' && value !== null) return form(value as Params, name);
    return [[name, `${value as number | string}`] as [string, string]];
  });
}

const units = ['1', '999', '3252', '49900', '7'];
const METERED = 4;
const coupons: Coupon[] = [
  { percent: '12.5', amount: 0, months: 'forever' },
  { percent: '33.33', amount: 0, months: 'once' },
  { percent: null, amount: 500, months: 'forever' },
  { percent: '100', amount: 0, months: 'once' },
  { percent: '50', amount: 0, months: 2 },
];
const taxes = [null, '7.25', '19'];
const literals = { good: 'pm_card_visa', bad: 'pm_card_chargeCustomerFail', asks: 'pm_card_authenticationRequired' };

/** One sandbox and one oracle that are told the same. */
export class Play {
  readonly sandbox: Sandbox;
  readonly watching: Watch;
  readonly oracle = new Oracle(START / 1_000);
  readonly ids: Record<string, string> = {};
  /** Ids of what both know, in the oracle's order. */
  readonly items = new Map<number, string>();
  #keys = 0;
  /** Keys of the furnishing stay taken in every run. */
  keys = 'furnish';

  constructor(sandbox: Sandbox, watching: Watch) {
    this.sandbox = sandbox;
    this.watching = watching;
  }

  async #fetch(method: string, path: string, params: Params, key: string | null): Promise<Response> {
    const body = new URLSearchParams(form(params)).toString();
    const in_query = method !== 'POST' && body !== '';
    return await this.sandbox.fetch(
      new Request(`http://sandbox${path}${in_query ? `?${body}` : ''}`, {
        method,
        headers: {
          authorization: 'Bearer sk_test_model',
          'content-type': 'application/x-www-form-urlencoded',
          ...(key === null ? {} : { 'idempotency-key': key }),
        },
        ...(method === 'POST' ? { body } : {}),
      }),
    );
  }

  /** One request, whatever becomes of it on its way; a refusal is thrown with its status. */
  async ask<T = { id: string }>(
    method: string,
    path: string,
    params: Params = {},
    mishap: Mishap = 'none',
  ): Promise<T> {
    const key = method === 'POST' ? `${this.keys}-${(this.#keys += 1)}` : null;
    const goes_wrong = method === 'POST' && mishap !== 'none' && mishap !== 'repeated';
    if (goes_wrong) {
      const when = mishap === 'cut_after' ? 'after' : 'before';
      this.sandbox.faults.add({ type: mishap === 'server_error' ? 'server_error' : 'disconnect', when });
      const lost = await this.#fetch(method, path, params, key).catch(() => null);
      if (lost !== null && lost.status !== 500) throw new Error(`The fault did not strike: ${lost.status}`);
    }
    const response = await this.#fetch(method, path, params, key);
    const text = await response.text();
    if (mishap === 'repeated' && method === 'POST') {
      const before = this.watching.commits;
      const again = await this.#fetch(method, path, params, key);
      if ((await again.text()) !== text || again.status !== response.status)
        throw new Error(`12. ${path} was answered otherwise`);
      if (this.watching.commits !== before) throw new Error(`12. ${path} was done twice`);
    }
    if (response.status >= 500) throw new Error(text);
    if (!response.ok) throw new Refused(response.status, text);
    return JSON.parse(text) as T;
  }

  get<T>(path: string, params: Params = {}): Promise<T> {
    return this.ask<T>('GET', path, params);
  }
}

/** What every run begins with: prices, coupons, tax rates, and a customer. */
async function furnish(play: Play): Promise<void> {
  const { ids } = play;
  const meter = await play.ask('POST', '/v1/billing/meters', {
    display_name: 'Calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  for (const [index, unit] of units.entries()) {
    const price = await play.ask('POST', '/v1/prices', {
      currency: 'usd',
      product_data: { name: `Plan ${index}` },
      ...(index === METERED
        ? { unit_amount_decimal: '0.7', recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } }
        : { unit_amount: unit, recurring: { interval: 'month' } }),
    });
    ids[`price${index}`] = price.id;
  }
  for (const [index, { percent, amount, months }] of coupons.entries()) {
    const coupon = await play.ask('POST', '/v1/coupons', {
      ...(percent === null ? { amount_off: amount, currency: 'usd' } : { percent_off: percent }),
      ...(typeof months === 'number' ? { duration: 'repeating', duration_in_months: months } : { duration: months }),
    });
    ids[`coupon${index}`] = coupon.id;
  }
  for (const [index, percentage] of taxes.entries()) {
    if (percentage === null) continue;
    const rate = await play.ask('POST', '/v1/tax_rates', { display_name: 'Tax', inclusive: false, percentage });
    ids[`tax${index}`] = rate.id;
  }
  const customer = await play.ask('POST', '/v1/customers', { name: 'Ada' });
  ids['customer'] = customer.id;
  for (const [name, literal] of Object.entries(literals)) {
    const method = await play.ask('POST', `/v1/payment_methods/${literal}/attach`, { customer: customer.id });
    ids[name] = method.id;
  }
}

let furnished: { snapshot: Snapshot; ids: Record<string, string> } | null = null;

/** A fresh sandbox with everything in it that a run needs, made once and put back for each. */
export async function open(): Promise<Play> {
  const watching = watch();
  const sandbox = await createSandbox({
    seed: 'model',
    now: () => START,
    frozen: true,
    onCommit: watching.onCommit,
    onFault: () => {},
  });
  const play = new Play(sandbox, watching);
  if (furnished === null) {
    await furnish(play);
    furnished = { snapshot: await sandbox.snapshot(), ids: { ...play.ids } };
  } else {
    await sandbox.restore(furnished.snapshot);
    Object.assign(play.ids, furnished.ids);
  }
  play.keys = 'run';
  return play;
}

function priceOf(key: number): Price {
  return { key, unit: key === METERED ? '0.7' : (units[key] ?? '0'), metered: key === METERED };
}

/** Does the same on both sides; both must refuse, or none. */
async function both<T = { id: string }>(
  play: Play,
  path: string,
  params: Params,
  mishap: Mishap,
  method: string,
  model: () => void,
): Promise<T | null> {
  let expected: number | null = null;
  try {
    model();
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    expected = cause.status;
  }
  try {
    const shown = await play.ask<T>(method, path, params, mishap);
    if (expected !== null) throw new Error(`${method} ${path} was done, and should have been refused with ${expected}`);
    return shown;
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    if (expected !== cause.status)
      throw new Error(`${method} ${path} was refused with ${cause.status}, expected ${expected ?? 'none'}`, { cause });
    return null;
  }
}

/** What is new on a subscription gets its ids, in order; so do the items of a change that waits. */
function pair(play: Play, shown: Stripe.Subscription | null): void {
  const sub = play.oracle.subscription;
  if (shown === null || sub === null) return;
  const known = new Set(play.items.values());
  const items = sub.parked === null ? shown.items.data : (shown.pending_update?.subscription_items ?? []);
  const fresh = items.filter((each) => !known.has(each.id));
  const nameless = (sub.parked ?? sub).items.filter((item) => !play.items.has(item.name));
  for (const [index, item] of nameless.entries()) play.items.set(item.name, fresh[index]?.id ?? '');
}

type Of<K extends Command['do']> = Extract<Command, { do: K }>;

async function subscribe(play: Play, command: Of<'subscribe'>): Promise<void> {
  const { oracle, ids } = play;
  if (oracle.subscription !== null && oracle.subscription.ended_at === null) return;
  const coupon = command.coupon === null ? null : (coupons[command.coupon] ?? null);
  const behavior = behaviors[command.behavior] ?? 'allow_incomplete';
  const params = {
    customer: ids['customer'],
    items: command.items.map(([price, quantity]) => ({
      price: ids[`price${price}`],
      ...(price === METERED ? {} : { quantity }),
    })),
    payment_behavior: behavior,
    ...(command.trial === null ? {} : { trial_period_days: command.trial }),
    ...(coupon === null ? {} : { discounts: [{ coupon: ids[`coupon${command.coupon}`] }] }),
    ...(command.tax === 0 ? {} : { default_tax_rates: [ids[`tax${command.tax}`]] }),
  };
  const shown = await both<Stripe.Subscription>(play, '/v1/subscriptions', params, command.mishap, 'POST', () =>
    oracle.subscribe({
      items: command.items.map(([price, quantity]) => ({ price: priceOf(price), quantity })),
      behavior,
      trial_days: command.trial,
      coupon,
      tax: taxes[command.tax] ?? null,
    }),
  );
  if (shown === null) return;
  ids['subscription'] = shown.id;
  pair(play, shown);
}

async function change(play: Play, command: Of<'change'>): Promise<void> {
  const { oracle, ids } = play;
  const sub = oracle.subscription;
  const [first, second] = sub?.items ?? [];
  if (sub === null || first === undefined) return;
  const taken = new Set(sub.items.map((item) => item.price.key));
  const key = taken.has(command.price) ? first.price.key : command.price;
  const entries: { name: number | null; price: Price; quantity: number; deleted: boolean }[] = [
    { name: first.name, price: priceOf(key), quantity: command.quantity, deleted: false },
  ];
  if (second !== undefined && command.removes) entries.push({ ...second, deleted: true });
  else if (command.adds !== null && !taken.has(command.adds) && command.adds !== key)
    entries.push({ name: null, price: priceOf(command.adds), quantity: command.quantity + 1, deleted: false });
  const licensed = sub.period;
  const dates = command.dated !== null && !command.anchor && !first.price.metered && sub.trial_end === null;
  const date = dates
    ? licensed.start + Math.floor(((oracle.now - licensed.start) * (command.dated ?? 0)) / 1_000)
    : null;
  const behavior = behaviors[command.behavior] ?? 'allow_incomplete';
  const params = {
    items: entries.map(({ name, price, quantity, deleted }) => ({
      ...(name === null ? {} : { id: play.items.get(name) }),
      ...(deleted ? { deleted } : { price: ids[`price${price.key}`], ...(price.metered ? {} : { quantity }) }),
    })),
    proration_behavior: prorations[command.proration],
    payment_behavior: behavior,
    ...(date === null ? {} : { proration_date: date }),
    ...(command.anchor ? { billing_cycle_anchor: { type: 'now' } } : {}),
  };
  const shown = await both<Stripe.Subscription>(
    play,
    `/v1/subscriptions/${ids['subscription']}`,
    params,
    command.mishap,
    'POST',
    () =>
      oracle.update({
        items: entries,
        proration: prorations[command.proration] ?? 'none',
        behavior,
        date,
        anchor_now: command.anchor,
        trial_end: null,
      }),
  );
  pair(play, shown);
}

/** An invoice both know: their lists grow in the same order. */
async function chosen(play: Play, which: number): Promise<{ id: string; invoice: Invoice } | null> {
  const invoice = play.oracle.invoices.at(-1 - which);
  if (invoice === undefined) return null;
  const params = { customer: play.ids['customer'], limit: 100 };
  const { data } = await play.get<Stripe.ApiList<Stripe.Invoice>>('/v1/invoices', params);
  const shown = data[which];
  return shown === undefined ? null : { id: shown.id, invoice };
}

async function chargeOf(play: Play, payment_intent: string): Promise<Stripe.Charge | undefined> {
  return (await play.get<Stripe.ApiList<Stripe.Charge>>('/v1/charges', { payment_intent })).data[0];
}

/** A refund changes its charge, and what is left to credit. */
async function refund(play: Play, id: string, invoice: Invoice, command: Of<'refund'>): Promise<void> {
  const params = { invoice: id, status: 'paid' };
  const { data } = await play.get<Stripe.ApiList<Stripe.InvoicePayment>>('/v1/invoice_payments', params);
  const intent = data[0]?.payment.payment_intent;
  if (typeof intent !== 'string') return;
  const before = await chargeOf(play, intent);
  const left = (before?.amount ?? 0) - (before?.amount_refunded ?? 0);
  if (left === 0) return;
  const amount = Math.max(1, Math.floor((left * command.permille) / 1_000));
  await play.ask('POST', '/v1/refunds', { payment_intent: intent, amount }, command.mishap);
  invoice.refunded += amount;
  const after = await chargeOf(play, intent);
  if (after?.amount_refunded !== (before?.amount_refunded ?? 0) + amount) throw new Error('A refund went astray.');
}

async function onInvoice(
  play: Play,
  command: Of<'credit_note' | 'pay' | 'refund' | 'uncollectible' | 'void'>,
): Promise<void> {
  const found = await chosen(play, command.which);
  if (found === null) return;
  const { oracle, ids } = play;
  const { id, invoice } = found;
  switch (command.do) {
    case 'pay': {
      const card = cards[command.card] ?? 'good';
      await both(play, `/v1/invoices/${id}/pay`, { payment_method: ids[card] }, command.mishap, 'POST', () =>
        oracle.pay(invoice, card),
      );
      break;
    }
    case 'void':
      await both(play, `/v1/invoices/${id}/void`, {}, command.mishap, 'POST', () => oracle.void(invoice));
      break;
    case 'uncollectible':
      await both(play, `/v1/invoices/${id}/mark_uncollectible`, {}, command.mishap, 'POST', () =>
        oracle.uncollectible(invoice),
      );
      break;
    case 'credit_note': {
      const amount = Math.max(
        1,
        Math.floor(((Math.min(invoice.due, invoice.total) - invoice.noted) * command.permille) / 1_000),
      );
      if (invoice.due === 0 || invoice.status === 'draft') break;
      const params = { invoice: id, amount, ...(invoice.status === 'paid' ? { credit_amount: amount } : {}) };
      await both(play, '/v1/credit_notes', params, command.mishap, 'POST', () => oracle.creditNote(invoice, amount));
      break;
    }
    case 'refund':
      await refund(play, id, invoice, command);
      break;
  }
}

async function onSubscription(
  play: Play,
  command: Of<'cancel' | 'cancel_at_end' | 'collection' | 'coupon' | 'pause' | 'resume' | 'trial'>,
): Promise<void> {
  const { oracle, ids } = play;
  const sub = oracle.subscription;
  if (sub === null) return;
  const path = `/v1/subscriptions/${ids['subscription']}`;
  const is_settled = ['active', 'past_due', 'trialing'].includes(sub.status);
  switch (command.do) {
    case 'cancel': {
      const { prorate, invoice_now } = command;
      await both(play, path, { prorate, invoice_now }, command.mishap, 'DELETE', () =>
        oracle.cancel({ prorate, invoice_now }),
      );
      break;
    }
    case 'cancel_at_end':
      if (!is_settled) break;
      await both(play, path, { cancel_at_period_end: command.wanted }, command.mishap, 'POST', () =>
        oracle.cancelAtEnd(command.wanted),
      );
      break;
    case 'collection': {
      const behavior = command.behavior === null ? null : (collections[command.behavior] ?? 'void');
      if (!is_settled) break;
      const params = { pause_collection: behavior === null ? '' : { behavior } };
      await both(play, path, params, command.mishap, 'POST', () => oracle.pauseCollection(behavior));
      break;
    }
    case 'coupon': {
      if (!is_settled) break;
      const coupon = command.coupon === null ? null : (coupons[command.coupon] ?? null);
      // A coupon it has already is kept as it is, not redeemed anew.
      if (sub.discounts.some((each) => JSON.stringify(each.coupon) === JSON.stringify(coupon))) break;
      const params = { discounts: coupon === null ? '' : [{ coupon: ids[`coupon${command.coupon}`] }] };
      await both(play, path, params, command.mishap, 'POST', () => oracle.discount(coupon));
      break;
    }
    case 'pause':
      await both(play, `${path}/pause`, { type: 'subscription' }, command.mishap, 'POST', () => oracle.pause());
      break;
    case 'resume':
      await both(play, `${path}/resume`, {}, command.mishap, 'POST', () => oracle.resume());
      break;
    case 'trial': {
      const { days } = command;
      if ((sub.status !== 'active' && sub.status !== 'trialing') || (days === null && sub.status !== 'trialing')) break;
      const trial_end = days === null ? 'now' : oracle.now + days * 86_400;
      const params = { trial_end, proration_behavior: prorations[command.proration] };
      await both(play, path, params, command.mishap, 'POST', () =>
        oracle.update({
          items: null,
          proration: prorations[command.proration] ?? 'none',
          behavior: 'allow_incomplete',
          date: null,
          anchor_now: false,
          trial_end,
        }),
      );
      break;
    }
  }
}

/** Does one command on both sides. */
export async function perform(play: Play, command: Command): Promise<void> {
  const { oracle, ids } = play;
  const customer = ids['customer'];
  switch (command.do) {
    case 'subscribe':
      return await subscribe(play, command);
    case 'change':
      return await change(play, command);
    case 'wait':
      oracle.advance(command.seconds);
      await play.sandbox.clock.advance(command.seconds * 1_000);
      return;
    case 'use':
      oracle.usage.push({ at: oracle.now, value: command.value });
      await play.ask(
        'POST',
        '/v1/billing/meter_events',
        { event_name: 'calls', payload: { stripe_customer_id: customer, value: command.value } },
        command.mishap,
      );
      return;
    case 'card':
      oracle.card = cards[command.card] ?? 'good';
      await play.ask(
        'POST',
        `/v1/customers/${customer}`,
        { invoice_settings: { default_payment_method: ids[oracle.card] } },
        command.mishap,
      );
      return;
    case 'balance':
      if (command.amount === 0) return;
      oracle.balance += command.amount;
      await play.ask(
        'POST',
        `/v1/customers/${customer}/balance_transactions`,
        { amount: command.amount, currency: 'usd' },
        command.mishap,
      );
      return;
    case 'invoice_item':
      oracle.invoiceItem(command.amount);
      await play.ask('POST', '/v1/invoiceitems', { customer, amount: command.amount, currency: 'usd' }, command.mishap);
      return;
    case 'grant':
      oracle.grants.push({ left: command.amount });
      await play.ask(
        'POST',
        '/v1/billing/credit_grants',
        {
          customer,
          amount: { type: 'monetary', monetary: { currency: 'usd', value: command.amount } },
          applicability_config: { scope: { price_type: 'metered' } },
          priority: 50,
        },
        command.mishap,
      );
      return;
    case 'credit_note':
    case 'pay':
    case 'refund':
    case 'uncollectible':
    case 'void':
      return await onInvoice(play, command);
    default:
      return await onSubscription(play, command);
  }
}
