import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type Stripe from 'stripe';
import type { Counts, Going } from '../../scripts/verdict.ts';
import { type Command, sequence } from '../model/commands.ts';
import { open, perform, type Play } from '../model/play.ts';
import { Refused } from '../model/things.ts';
import { dice } from './dice.ts';

/**
 * A proof of invariant 10: a consumer that asks for the object of every event it gets, and keeps the answer, ends with
 * what the API says, in whatever order events come, late, and more than once.
 */

/** What a consumer may keep: kinds of objects, where one is read, and where all are listed. */
const collections: Record<string, string> = {
  'billing.credit_balance_transaction': '/v1/billing/credit_balance_transactions',
  'billing.credit_grant': '/v1/billing/credit_grants',
  'billing.meter': '/v1/billing/meters',
  charge: '/v1/charges',
  coupon: '/v1/coupons',
  credit_note: '/v1/credit_notes',
  customer: '/v1/customers',
  invoice: '/v1/invoices',
  invoiceitem: '/v1/invoiceitems',
  payment_intent: '/v1/payment_intents',
  payment_method: '/v1/payment_methods',
  price: '/v1/prices',
  product: '/v1/products',
  refund: '/v1/refunds',
  subscription: '/v1/subscriptions',
  tax_rate: '/v1/tax_rates',
};

/** Lists that show everything only when they are asked to. */
const narrowed: Record<string, (play: Play) => Record<string, string>> = {
  'billing.credit_balance_transaction': ({ ids }) => ({ customer: ids['customer'] ?? '' }),
  payment_method: ({ ids }) => ({ customer: ids['customer'] ?? '' }),
  subscription: () => ({ status: 'all' }),
};

/** What moves without an event, as with Stripe: the number the next invoice gets. */
const silent: Record<string, object> = { customer: { next_invoice_sequence: null } };

interface Thing {
  id: string;
  object: string;
  deleted?: boolean;
  invoice?: string | null;
  subscription?: string | null;
}

/** Reads a list to its end. */
async function listed<T extends { id: string }>(
  play: Play,
  path: string,
  params: Record<string, string> = {},
): Promise<T[]> {
  const found: T[] = [];
  for (;;) {
    const last = found.at(-1);
    const page = await play.get<Stripe.ApiList<T>>(path, {
      ...params,
      limit: 100,
      ...(last === undefined ? {} : { starting_after: last.id }),
    });
    found.push(...page.data);
    if (!page.has_more) return found;
  }
}

/** Keeps what it reads when it is told of something. */
class Consumer {
  readonly kept = new Map<string, string>();
  readonly #play: Play;

  constructor(play: Play) {
    this.#play = play;
  }

  async handle(event: Stripe.Event): Promise<void> {
    const thing = event.data.object as object as Thing;
    // What is no object of its own is read with what has it.
    if (thing.object === 'discount' && thing.subscription != null) await this.#read('subscription', thing.subscription);
    else if (thing.object === 'invoice_payment') await this.#read('invoice', thing.invoice ?? '');
    else if (thing.object !== 'discount') await this.#read(thing.object, thing.id);
  }

  async #read(object: string, id: string): Promise<void> {
    const path = collections[object];
    if (path === undefined) throw new Error(`An event tells of a ${object}, which has no place to be read.`);
    const thing = await read(this.#play, path, id);
    if (thing === null) this.kept.delete(id);
    else this.kept.set(id, thing);
    if (thing === null || object !== 'invoice') return;
    // That an item went on an invoice, or that less is left to pay, has no event of its own.
    const invoice = JSON.parse(thing) as Stripe.Invoice;
    for (const item of itemsOn(invoice)) await this.#read('invoiceitem', item);
    for (const { payment } of invoice.payments?.data ?? [])
      if (typeof payment.payment_intent === 'string') await this.#read('payment_intent', payment.payment_intent);
  }
}

/** The invoice items that are lines of an invoice. */
function itemsOn({ lines }: Stripe.Invoice): string[] {
  return lines.data.flatMap(({ parent }) => {
    const item = parent?.invoice_item_details?.invoice_item ?? parent?.subscription_item_details?.invoice_item;
    return item == null ? [] : [item];
  });
}

/** An object as the API says it is; `null` when there is none, or no more. */
async function read(play: Play, path: string, id: string): Promise<string | null> {
  try {
    const thing = await play.get<Thing>(
      `${path}/${id}`,
      path === collections['invoice'] ? { expand: ['payments'] } : {},
    );
    return thing.deleted === true ? null : JSON.stringify({ ...thing, ...silent[thing.object] });
  } catch (cause) {
    if (cause instanceof Refused && cause.status === 404) return null;
    throw cause;
  }
}

/** Events on their way: they come in any order, some late, some more than once. */
class Post {
  readonly #play: Play;
  readonly #consumer: Consumer;
  readonly #roll: () => number;
  readonly #waiting: Stripe.Event[] = [];
  #last: string | null = null;
  delivered = 0;

  constructor(play: Play, consumer: Consumer, salt: number) {
    this.#play = play;
    this.#consumer = consumer;
    this.#roll = dice(salt);
  }

  /** Fetches what happened since. */
  async collect(): Promise<void> {
    for (;;) {
      const since = this.#last === null ? {} : { ending_before: this.#last };
      const page = await this.#play.get<Stripe.ApiList<Stripe.Event>>('/v1/events', { limit: 100, ...since });
      this.#last = page.data[0]?.id ?? this.#last;
      this.#waiting.push(...page.data);
      if (!page.has_more) return;
      // The first look shows the newest and not the oldest.
      if (!('ending_before' in since)) throw new Error('There were more events at the start than one page holds.');
    }
  }

  /** Delivers so many of those that wait, any of them; one in four comes again. */
  async deliver(share: number): Promise<void> {
    let left = Math.ceil(this.#waiting.length * share);
    while (left > 0 && this.#waiting.length > 0) {
      const [event] = this.#waiting.splice(Math.floor(this.#roll() * this.#waiting.length), 1);
      if (event === undefined) return;
      await this.#consumer.handle(event);
      this.delivered += 1;
      if (this.#roll() < 0.25) this.#waiting.push(event);
      else left -= 1;
    }
  }

  async some(): Promise<void> {
    await this.deliver(this.#roll() ** 2);
  }
}

/** Where what was kept is not what there is. */
async function compare(play: Play, consumer: Consumer): Promise<string[]> {
  const faults: string[] = [];
  const kept = new Map(consumer.kept);
  for (const [object, path] of Object.entries(collections)) {
    for (const { id } of await listed<Thing>(play, path, narrowed[object]?.(play))) {
      const is = await read(play, path, id);
      const was = kept.get(id) ?? null;
      if (is !== was) faults.push(`10. ${object} ${id}\n  kept ${was}\n  is   ${is}`);
      kept.delete(id);
    }
  }
  return [...faults, ...[...kept].map(([id, text]) => `10. ${id} is kept and is no more: ${text}`)];
}

async function replay(commands: readonly Command[], salt: number, counts: Counts): Promise<void> {
  const play = await open();
  const consumer = new Consumer(play);
  const post = new Post(play, consumer, salt);
  try {
    for (const command of commands) {
      await perform(play, command);
      await post.collect();
      await post.some();
    }
    await post.deliver(1);
    const faults = await compare(play, consumer);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  } finally {
    await play.sandbox.close();
  }
  if (play.watching.faults.length > 0) throw new Error(play.watching.faults.join('\n'));
  counts['deliveries'] = (counts['deliveries'] ?? 0) + post.delivered;
  counts['objects'] = (counts['objects'] ?? 0) + consumer.kept.size;
}

/** So many histories, each with the post of its own. */
export async function replays({ runs, seed, counts }: Going): Promise<void> {
  Object.assign(counts, { sequences: 0, deliveries: 0, objects: 0 });
  const property = fc.asyncProperty(sequence, fc.integer(), async (commands, salt) => {
    // Timers may run between sequences.
    await setImmediate();
    await replay(commands, salt, counts);
    counts['sequences'] = (counts['sequences'] ?? 0) + 1;
  });
  await fc.assert(property, { numRuns: runs, seed });
}
