import { type TopUpFailure, type TopUpTerms, creditToTakeBack, isMoneyDisputed } from '@farebox/core';
import type { Tx } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';
import type { Clock } from '../../ports.ts';
import type { createAutoTopUpOutcome } from '../auto-top-ups/outcome.ts';
import type { Credits } from '../service.ts';
import { type TopUpRow, lockTopUps, updateTopUp } from './store.ts';

/** What Stripe says of a top-up that was open here. */
export interface MirrorTopUp {
  id: string;
  state: TopUpRow['state'];
  stripe_payment_intent_id: string | null;
  /** What was charged, with taxes; null while nothing is. */
  paid_minor: number | null;
  failure_code: TopUpFailure | null;
  failure_reason: string | null;
}

/** What Stripe has of a customer that top-ups depend on. */
export interface TopUpReading {
  top_ups: readonly MirrorTopUp[];
  charges: readonly {
    stripe_payment_intent_id: string | null;
    amount_refunded_minor: number;
    amount_minor: number;
    dispute_status: string | null;
  }[];
  /** Invoices that name a top-up. */
  invoices: readonly { stripe_invoice_id: string; top_up_id: string; credited_minor: number }[];
}

const dayMs = 86_400_000;

/**
 * Writes what Stripe says of a customer's top-ups, in the transaction of its reading and under the customer's lock. The grant is
 * made with the step from open to paid, which happens once; what is refunded or disputed takes unused credit back.
 */
export function createTopUpMirror(deps: {
  clock: Clock;
  terms: TopUpTerms | null;
  credits: Pick<Credits, 'give' | 'takeBack'>;
  automatic: ReturnType<typeof createAutoTopUpOutcome>;
  /** In the transaction: what becomes known of a top-up. */
  told(tx: Tx, type: 'top_up.succeeded' | 'top_up.failed', row: TopUpRow): Promise<void>;
}) {
  const { clock, credits } = deps;

  return async function mirror(tx: Tx, customerId: string, read: TopUpReading): Promise<void> {
    for (const row of await lockTopUps(tx, customerId)) {
      const seen = read.top_ups.find(({ id }) => id === row.id);
      const linked = await link(tx, row, read);
      const after = row.state === 'open' && seen !== undefined ? await settle(tx, linked, seen) : linked;
      if (after.state === 'paid') await takeBack(tx, after, read);
    }
  };

  /** The invoice may be here later than the payment, and names the top-up. */
  async function link(tx: Tx, row: TopUpRow, { invoices }: TopUpReading): Promise<TopUpRow> {
    const stripe_invoice_id = invoices.find(({ top_up_id }) => top_up_id === row.id)?.stripe_invoice_id ?? null;
    if (stripe_invoice_id === null || stripe_invoice_id === row.stripe_invoice_id) return row;
    await updateTopUp(tx, row.id, { stripe_invoice_id });
    return { ...row, stripe_invoice_id };
  }

  async function settle(tx: Tx, row: TopUpRow, seen: MirrorTopUp): Promise<TopUpRow> {
    if (seen.state === 'open') return row;
    const now = clock.now();
    const grant_id = seen.state === 'paid' ? await grant(tx, row, now) : null;
    const { state, stripe_payment_intent_id, paid_minor, failure_code, failure_reason } = seen;
    const change = {
      state,
      stripe_payment_intent_id,
      paid_minor,
      failure_code,
      failure_reason,
      grant_id,
      settled_at: new Date(now),
    };
    await updateTopUp(tx, row.id, change);
    const after = { ...row, ...change };
    if (state === 'paid') await deps.told(tx, 'top_up.succeeded', after);
    if (state === 'failed') await deps.told(tx, 'top_up.failed', after);
    await deps.automatic.settled(tx, after);
    return after;
  }

  async function grant(tx: Tx, row: TopUpRow, now: number): Promise<string> {
    const days = deps.terms?.expires_after_days ?? null;
    const given = await credits.give(tx, 'system', row.customer_id, {
      name: 'Top-up',
      amount_minor: row.amount_minor,
      currency: row.currency,
      category: 'paid',
      priority: 50,
      meter_ids: null,
      effective_at: now,
      expires_at: days === null ? null : now + days * dayMs,
    });
    return given.id;
  }

  async function takeBack(tx: Tx, row: TopUpRow, { charges, invoices }: TopUpReading): Promise<void> {
    const { id, grant_id, amount_minor, paid_minor, stripe_payment_intent_id } = row;
    invariant(grant_id !== null && paid_minor !== null, 'a paid top-up has a grant and a price');
    const paid = charges.filter((charge) => charge.stripe_payment_intent_id === stripe_payment_intent_id);
    // A reading shows the newest charges and invoices: what it does not show has not changed.
    if (paid.length === 0) return;
    const note = invoices.find(({ top_up_id }) => top_up_id === id);
    const isWhole = row.stripe_invoice_id === null || note !== undefined;
    // Of a payment that was tried several times one charge succeeded; the others say nothing.
    const lost_minor = Math.max(
      note?.credited_minor ?? 0,
      isWhole ? 0 : row.lost_minor,
      ...paid.map(({ dispute_status, amount_refunded_minor, ...charge }) =>
        isMoneyDisputed(dispute_status) ? charge.amount_minor : amount_refunded_minor,
      ),
    );
    const change = (remaining_minor: number) =>
      creditToTakeBack({ amount_minor, paid_minor, lost_minor, taken_minor: row.taken_back_minor, remaining_minor });
    const taken = await credits.takeBack(tx, { top_up_id: id, grant_id }, change);
    if (lost_minor > row.lost_minor) await deps.automatic.returned(tx, row);
    if (taken === 0 && lost_minor === row.lost_minor) return;
    await updateTopUp(tx, id, { lost_minor, taken_back_minor: row.taken_back_minor + taken });
  }
}
