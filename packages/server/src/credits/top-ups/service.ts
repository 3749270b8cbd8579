import { type Currency, type TopUpTerms, topUpFault } from '@farebox/core';
import type { Database } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import { invariant } from '../../lib/invariant.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock, Payments } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Place } from '../store.ts';
import {
  type TopUpRow,
  insertTopUp,
  listTopUps,
  newTopUp,
  openTopUps,
  recordSession,
  topUpById,
  updateTopUp,
} from './store.ts';

/** How long a payment page stands. Stripe allows 30 minutes to 24 hours. */
const lifetimeMs = 60 * 60_000;
/** Stripe refuses a page that would end within 30 minutes: one that was never opened is not opened later than this. */
const openingMs = 20 * 60_000;

export type TopUps = ReturnType<typeof createTopUps>;

/**
 * Credit that a customer buys on Stripe's page. The row is committed before Stripe hears of it; a double click gets the same page
 * again, another amount closes the older page first. What became of it, each reading of Stripe says (`mirror.ts`).
 */
export function createTopUps(deps: {
  db: Database;
  clock: Clock;
  /** Null: credit is not sold. */
  terms: TopUpTerms | null;
  currency: Currency;
  base_url: string;
  payments: Pick<Payments, 'openTopUp' | 'closeCheckout' | 'syncCustomer'>;
  findCustomer(id: string): Promise<{ id: string; name: string; email: string }>;
  /** Makes sure that it is a customer at Stripe; answers Stripe's id. */
  ensureLinked(customer: {
    id: string;
    name: string;
    email: string;
  }): Promise<{ stripe_customer_id: string; is_new: boolean }>;
  /** What the customer pays in. */
  currencyOf(customerId: string): Promise<Currency>;
  audit: AuditTrail;
}) {
  const { db, clock, currency, payments } = deps;

  async function open(actor: string, customerId: string, amount_minor: number): Promise<TopUpRow> {
    const customer = await deps.findCustomer(customerId);
    if (deps.terms === null) throw new Problem('top_ups_off', 'Credit is not sold here.');
    const fault = topUpFault(deps.terms, amount_minor, currency);
    if (fault !== null) throw new Problem('invalid_request', `amount_minor: ${fault}`, { param: 'amount_minor' });
    const pays = await deps.currencyOf(customer.id);
    if (pays !== currency)
      throw new Problem('currency_mismatch', `Credit is in ${currency}, and what you subscribe to is paid in ${pays}.`);
    const linked = await deps.ensureLinked(customer);
    // An older one may have been paid without our hearing of it; the reading may also find that Stripe's customer is gone.
    if (!linked.is_new) await payments.syncCustomer(customer.id);
    const { stripe_customer_id } = linked.is_new ? linked : await deps.ensureLinked(customer);
    const row = await reserve(actor, customer.id, amount_minor);
    if (row.url !== null) return row;
    invariant(row.expires_at !== null, 'a checkout ends');
    const session = await payments.openTopUp({
      id: row.id,
      customer_id: customer.id,
      stripe_customer_id,
      amount_minor,
      currency,
      success_url: `${deps.base_url}/dashboard?top_up=${row.id}`,
      cancel_url: `${deps.base_url}/dashboard`,
      expires_at: row.expires_at.getTime(),
    });
    await recordSession(db.kysely, row.id, session);
    return { ...row, ...session };
  }

  /** The customer's one open page: the one there is for this amount, or a new one after the older is closed. Bounded tries. */
  async function reserve(actor: string, customer_id: string, amount_minor: number): Promise<TopUpRow> {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const held = (await openTopUps(db.kysely, customer_id)).find(({ kind }) => kind === 'checkout');
      if (held !== undefined && canContinue(held, amount_minor)) return held;
      if (held !== undefined) await release(held);
      const now = clock.now();
      const row = newTopUp({
        id: createId('ctop', now),
        customer_id,
        kind: 'checkout',
        amount_minor,
        currency,
        expires_at: new Date(now + lifetimeMs),
        created_at: new Date(now),
      });
      const isMade = await db.transaction(async (tx) => {
        if (!(await insertTopUp(tx, row))) return false;
        const of = { actor, action: 'top_up.opened', customer_id, object_id: row.id };
        await deps.audit.record(tx, { ...of, detail: { amount_minor, currency } });
        return true;
      });
      if (isMade) return row;
    }
    throw new Problem('checkout_in_progress', 'Another payment for credit is under way. Look again in a moment.');
  }

  function canContinue(held: TopUpRow, amount_minor: number): boolean {
    if (held.amount_minor !== amount_minor || held.expires_at === null) return false;
    // Without an answer from Stripe the same is asked again: same id, same idempotency key, same page.
    return clock.now() < (held.url === null ? held.created_at.getTime() + openingMs : held.expires_at.getTime());
  }

  async function release(held: TopUpRow): Promise<void> {
    if (held.stripe_session_id !== null) {
      const { state } = await payments.closeCheckout(held.stripe_session_id);
      // Paid, or about to be: the reading says which.
      if (state === 'complete') return await payments.syncCustomer(held.customer_id);
    }
    const settled_at = new Date(clock.now());
    await db.transaction((tx) => updateTopUp(tx, held.id, { state: 'expired', settled_at }));
  }

  /** As Stripe has it now; another's answers as one that does not exist. */
  async function refresh(customerId: string, id: string): Promise<TopUpRow> {
    const row = await topUpById(db.kysely, id);
    if (row === null || row.customer_id !== customerId) throw new Problem('not_found', 'There is no such top-up.');
    if (row.state !== 'open') return row;
    await payments.syncCustomer(customerId);
    const after = await topUpById(db.kysely, id);
    invariant(after !== null, 'a top-up is never deleted');
    return after;
  }

  return {
    open,
    refresh,
    async list(customerId: string, page: { limit: number; after: Place | null }): Promise<TopUpRow[]> {
      const { id: customer_id } = await deps.findCustomer(customerId);
      return await listTopUps(db.kysely, { ...page, customer_id });
    },
  };
}
