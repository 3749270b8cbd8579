import { toPlanFile } from '@farebox/core';
import Stripe from 'stripe';
import type { Customers } from '../../customers/service.ts';
import type { Database, Tx } from '../../db/database.ts';
import { abreast } from '../../lib/abreast.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Log } from '../../lib/log.ts';
import { planFileText } from '../../plans/catalog/file-text.ts';
import type { Plans } from '../../plans/service.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Queue } from '../../queue/queue.ts';
import { liveSubscriptions } from '../../subscriptions/store.ts';
import { ownMetadata } from '../client.ts';
import { reach } from '../reach.ts';
import { Unreadable, idOf } from '../translate.ts';
import { type Catalogue, type LocalMatch, type SubscriptionDecision, decideCustomer } from './decide.ts';
import { type ForeignCustomer, type ForeignProduct, foreignCustomer, foreignPrice } from './facts.ts';
import { type Proposal, proposePlans } from './propose.ts';
import {
  type ImportCounts,
  type ImportItem,
  type ImportRow,
  countItems,
  endImport,
  importById,
  insertImport,
  listItems,
  moveImport,
  recordItem,
  runningImport,
  stalledImports,
} from './store.ts';

export type StripeImport = ReturnType<typeof createStripeImport>;

export interface ImportWish {
  /** Says what would be made, and makes nothing. */
  dry_run: boolean;
  /** Stripe's id of a price or a product → the id of the plan it is. */
  choices: Record<string, string>;
  actor: string;
}

/** Customers worked through at once: some 30 requests a second, a third of what Stripe allows an account. */
const customersAbreast = 4;
/** Of what was skipped, told at once. */
const mostSkipped = 10_000;

/**
 * Takes over what a seller has at Stripe already: its customers, and the subscriptions that a plan here can hold. It charges
 * nobody and changes nothing there but the metadata by which this installation knows its own. A page at a time, each
 * customer by itself, so that it goes on where it was stopped and a second run finds nothing to do.
 */
export function createStripeImport(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  stripe: Stripe;
  queue: Pick<Queue, 'enqueue'>;
  installation_id: string;
  plans: Plans;
  customers: Customers;
  /** Whether everybody of a customer has shown that the address is theirs. */
  isConfirmed(customerId: string): Promise<boolean>;
  audited(tx: Tx, entry: { actor: string; action: string; customer_id: string; object_id: string }): Promise<void>;
  syncCustomer(customerId: string): Promise<void>;
}) {
  const { db, clock, stripe, plans, customers, installation_id } = deps;
  const now = () => new Date(clock.now());

  /** Works through the next page. Answers whether that was all of it. */
  async function page(importId: string): Promise<boolean> {
    return await db.withLock('stripe:import', async () => {
      const row = await importById(db.kysely, importId);
      if (row === null || row.state !== 'running') return true;
      return await reach(() => workThrough(row));
    });
  }

  async function workThrough(row: ImportRow): Promise<boolean> {
    const found = await nextPage(row);
    if (found === null) {
      await moveImport(db.kysely, row.id, null, now());
      return false;
    }
    const catalogue = await gather(row.choices, found.data);
    await abreast(found.data, customersAbreast, (customer) => takeOne(row, customer, catalogue));
    const last = found.data.at(-1);
    if (found.has_more && last !== undefined) {
      await moveImport(db.kysely, row.id, last.id, now());
      return false;
    }
    await endImport(db.kysely, row.id, null, now());
    return true;
  }

  /** Null when the customer that the last page ended with is gone: then it begins again, and passes what it has. */
  async function nextPage(row: ImportRow): Promise<Stripe.ApiList<Stripe.Customer> | null> {
    const after = row.cursor === null ? {} : { starting_after: row.cursor };
    try {
      return await stripe.customers.list({ limit: 100, expand: ['data.subscriptions'], ...after });
    } catch (error) {
      if (row.cursor !== null && error instanceof Stripe.errors.StripeError && error.code === 'resource_missing')
        return null;
      throw error;
    }
  }

  async function gather(choices: Record<string, string>, page: readonly Stripe.Customer[]): Promise<Catalogue> {
    const product_names = new Map<string, string>();
    for await (const product of stripe.products.list({ limit: 100 })) product_names.set(product.id, product.name);
    const known = new Set<string>();
    const prices = page.flatMap((customer) => customer.subscriptions?.data.flatMap((each) => each.items.data) ?? []);
    for (const id of new Set(prices.map((item) => item.price.id)))
      if ((await plans.versionByStripePrice(id)) !== null) known.add(id);
    const sold = (await plans.current()).map((version) => version.content);
    return { installation_id, plans: sold, product_names, choices, isKnownPrice: (id) => known.has(id) };
  }

  async function takeOne(row: ImportRow, customer: Stripe.Customer, catalogue: Catalogue): Promise<void> {
    const found = foreignCustomer(customer, await subscriptionsOf(customer), installation_id);
    const match = await matchOf(found);
    const decision = decideCustomer(found, match, catalogue);
    const { stripe_customer_id: object_id } = found;
    const item = itemOf(row, match.customer_id);
    if (!row.dry_run && decision.outcome !== 'skipped') {
      try {
        item.customer_id = await take(row, found, match, decision.subscriptions);
      } catch (error) {
        // One who cannot be read does not stop the others. The next run tries again.
        if (!(error instanceof Unreadable) && !(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
        return await recordItem(db.kysely, { ...item, object_id, outcome: 'skipped', reason: error.message });
      }
    }
    await recordItem(db.kysely, { ...item, object_id, outcome: decision.outcome, reason: decision.reason });
    for (const { stripe_subscription_id, outcome, reason } of decision.subscriptions)
      await recordItem(db.kysely, { ...item, object_id: stripe_subscription_id, outcome, reason });
  }

  /** Stripe lists the first ten with the customer. */
  async function subscriptionsOf(customer: Stripe.Customer): Promise<Stripe.Subscription[]> {
    const listed = customer.subscriptions;
    if (listed === undefined || !listed.has_more) return listed?.data ?? [];
    return await stripe.subscriptions.list({ customer: customer.id, limit: 100 }).autoPagingToArray({ limit: 1000 });
  }

  /** By Stripe's id; by the metadata of this installation; by an address that is one customer's alone on both sides. */
  async function matchOf(found: ForeignCustomer): Promise<LocalMatch> {
    const nobody: LocalMatch = { matched_by: null, customer_id: null, live: [], conflict: null };
    const linked = await customers.byStripeId(null, found.stripe_customer_id);
    if (linked !== null) return await matched('stripe_id', linked.id);
    if (found.customer_id !== null) {
      const named = await customers.find(null, found.customer_id);
      if (named !== null && named.stripe_customer_id === null) return await matched('metadata', named.id);
      const conflict =
        named === null
          ? `It names the customer ${found.customer_id}, which is not here.`
          : `It names ${named.id}, who is ${named.stripe_customer_id} at Stripe.`;
      return { ...nobody, conflict };
    }
    if (found.email === null) return nobody;
    const [same, another] = await customers.unlinkedByEmail(found.email);
    if (same === undefined || !(await deps.isConfirmed(same.id))) return nobody;
    const twins = await stripe.customers.list({ email: found.email, limit: 2 });
    const isOnes = another === undefined && twins.data.length < 2;
    const conflict = isOnes ? null : `Several customers have the address of ${same.id}: it could be any of them.`;
    return { ...(await matched('email', same.id)), conflict };
  }

  async function matched(by: NonNullable<LocalMatch['matched_by']>, customer_id: string): Promise<LocalMatch> {
    return { matched_by: by, customer_id, live: await liveSubscriptions(db.kysely, customer_id), conflict: null };
  }

  /** First here, so that whatever comes after has somebody to belong to; then the names at Stripe; then the reading. */
  async function take(
    row: ImportRow,
    found: ForeignCustomer,
    match: LocalMatch,
    decisions: readonly SubscriptionDecision[],
  ): Promise<string> {
    const { stripe_customer_id } = found;
    const taken = decisions.flatMap(({ stripe_subscription_id, terms }) =>
      terms === null ? [] : [{ stripe_subscription_id, ...terms }],
    );
    const customer_id = await db.transaction(async (tx) => {
      for (const { price, plan } of taken)
        await plans.keep(tx, plan, { product_id: price.stripe_product_id, price_id: price.stripe_price_id });
      if (match.matched_by === 'stripe_id') return match.customer_id;
      const email = found.email ?? '';
      const name = nameOf(found.name ?? email);
      const id = await customers.adopt(tx, { customer_id: match.customer_id, stripe_customer_id, name, email });
      const entry = { action: 'customer.imported', customer_id: id, object_id: stripe_customer_id };
      await deps.audited(tx, { actor: row.actor, ...entry });
      // Whoever goes on after a stop finds it known; what it came to stands with it.
      const outcome = match.matched_by === null ? 'made' : 'linked';
      await recordItem(tx, { ...itemOf(row, id), object_id: stripe_customer_id, outcome, reason: null });
      return id;
    });
    invariant(customer_id !== null, 'who is taken over is here');
    const metadata = ownMetadata(installation_id, { farebox_customer: customer_id });
    if (found.installation_id === null) await stripe.customers.update(stripe_customer_id, { metadata });
    for (const { stripe_subscription_id } of taken)
      await stripe.subscriptions.update(stripe_subscription_id, { metadata });
    if (taken.length > 0) await deps.syncCustomer(customer_id);
    return customer_id;
  }

  /** Whoever starts it works through it, page by page, unless a job is to. One that is left lying is taken up by a job too. */
  const itemOf = (row: ImportRow, customer_id: string | null) => ({
    import_id: row.id,
    customer_id,
    created_at: now(),
  });

  async function start(wish: ImportWish, by: 'caller' | 'job'): Promise<string> {
    const sold = (await plans.current()).map((version) => version.plan_id);
    for (const [object, plan] of Object.entries(wish.choices))
      if (!sold.includes(plan))
        throw new Problem(
          'plan_not_found',
          `${object}: There is no plan "${plan}". Plans on sale: ${sold.join(', ')}.`,
          {
            param: 'choices',
          },
        );
    const id = createId('simp', clock.now());
    const running = await db.transaction(async (tx) => {
      if (!(await insertImport(tx, { id, ...wish, created_at: now() }))) return await runningImport(tx);
      if (by === 'job') await deps.queue.enqueue(tx, { name: 'stripe.import', data: { import_id: id } });
      return null;
    });
    if (running !== null)
      throw new Problem('import_running', `The import ${running.id} is under way. Wait for it, or look at it.`, {
        detail: running.id,
      });
    return id;
  }

  async function propose(): Promise<Proposal> {
    return await reach(async () => {
      const products = new Map<string, ForeignProduct>();
      for await (const { id, name, description, metadata } of stripe.products.list({ active: true, limit: 100 }))
        if (metadata['farebox_installation'] === undefined)
          products.set(id, { stripe_product_id: id, name, description, prices: [] });
      for await (const price of stripe.prices.list({ active: true, limit: 100 }))
        products.get(idOf(price.product))?.prices.push(foreignPrice(price));
      const withSeats = new Set<string>();
      for await (const { items } of stripe.subscriptions.list({ limit: 100 }))
        for (const item of items.data) if ((item.quantity ?? 1) > 1) withSeats.add(item.price.id);
      return proposePlans([...products.values()], toPlanFile(plans.list), withSeats);
    });
  }

  return {
    start,
    page,
    propose,
    /** The price list that holds with these plans at its end, as a file. */
    sourceOf(proposal: Proposal): string {
      const list = toPlanFile(plans.list);
      return planFileText({ ...list, plans: { ...list.plans, ...proposal.plans } });
    },

    find: (id: string) => importById(db.kysely, id),

    async outcome(id: string): Promise<{ counts: ImportCounts; skipped: ImportItem[] }> {
      const page = { import_id: id, outcome: 'skipped', limit: mostSkipped, after: null };
      return { counts: await countItems(db.kysely, id), skipped: await listItems(db.kysely, page) };
    },

    running: () => runningImport(db.kysely),
    stalled: (before: Date) => stalledImports(db.kysely, before),

    /** A page, and the order for the next: no job of it runs for long. */
    async work(importId: string): Promise<void> {
      if (await page(importId)) return;
      await deps.queue.enqueue(db.kysely, { name: 'stripe.import', data: { import_id: importId } });
    },
  };
}

/** One line, as names stand in the heads of mails. */
function nameOf(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
