import {
  type AutoTopUpDecision,
  type AutoTopUpTerms,
  type Currency,
  type TopUpTerms,
  decideAutoTopUp,
  topUpFault,
} from '@farebox/core';
import type { Database } from '../../db/database.ts';
import type { IntentBook } from '../../intents/service.ts';
import { createId } from '../../lib/id.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock, PaymentsDesk } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Credits } from '../service.ts';
import { insertTopUp, monthOfAutomatic, newTopUp, openTopUps } from '../top-ups/store.ts';
import {
  type AutoTopUpRow,
  autoTopUpOf,
  autoTopUpsAfter,
  autoTopUpsAmong,
  deleteAutoTopUp,
  lockAutoTopUp,
  setAutoTopUp,
} from './store.ts';

/** Automatic top-ups of a customer as they stand. */
export interface AutoTopUp {
  customer_id: string;
  currency: Currency;
  /** Null: off. */
  setting: AutoTopUpRow | null;
  /** Bought by itself this month (UTC), or about to be. */
  month_minor: number;
  /** What a look would do now; null: off. */
  decision: AutoTopUpDecision | null;
}

export type AutoTopUps = ReturnType<typeof createAutoTopUps>;

/** A page of customers that are looked at. */
const page = 500;

/**
 * Buys credit with the customer's saved card when little is left. The purchase and its intent are rows before Stripe hears
 * anything, written under a lock of the customer's setting; while one is open no other begins.
 */
export function createAutoTopUps(deps: {
  db: Database;
  clock: Clock;
  terms: TopUpTerms | null;
  currency: Currency;
  credits: Pick<Credits, 'runningCharges' | 'availableIn'>;
  intents: Pick<IntentBook, 'record'>;
  desk: Pick<PaymentsDesk, 'paymentMethods'>;
  findCustomer(id: string): Promise<{ id: string; stripe_customer_id: string | null }>;
  currencyOf(customerId: string): Promise<Currency>;
  audit: AuditTrail;
}) {
  const { db, clock, currency, credits } = deps;

  async function read(customerId: string): Promise<AutoTopUp> {
    const { id: customer_id } = await deps.findCustomer(customerId);
    const setting = await autoTopUpOf(db.kysely, customer_id);
    const month_minor = await monthOfAutomatic(db.kysely, customer_id, monthOf(clock.now()));
    if (setting === null) return { customer_id, currency, setting, month_minor, decision: null };
    const charges = await credits.runningCharges(customer_id);
    return { customer_id, currency, setting, month_minor, decision: await decide(db.kysely, setting, charges) };
  }

  async function decide(
    reader: Parameters<Credits['availableIn']>[0],
    setting: AutoTopUpRow,
    charges: Awaited<ReturnType<Credits['runningCharges']>>,
  ): Promise<AutoTopUpDecision> {
    const { customer_id } = setting;
    const now = clock.now();
    const facts = {
      is_open: (await openTopUps(reader, customer_id)).some(({ kind }) => kind === 'automatic'),
      available_minor: await credits.availableIn(reader, customer_id, charges),
      month_minor: await monthOfAutomatic(reader, customer_id, monthOf(now)),
    };
    return decideAutoTopUp({ ...setting, retry_at: setting.retry_at?.getTime() ?? null }, facts, now);
  }

  /** Buys, where something is to be bought. Any number of processes may look at once. */
  async function look(customerId: string): Promise<void> {
    const setting = await autoTopUpOf(db.kysely, customerId);
    if (deps.terms === null || setting === null || setting.pause_reason !== null) return;
    const { stripe_customer_id } = await deps.findCustomer(customerId);
    if (stripe_customer_id === null) return;
    const charges = await credits.runningCharges(customerId);
    await db.transaction(async (tx) => {
      const locked = await lockAutoTopUp(tx, customerId);
      if (locked === null || (await decide(tx, locked, charges)) !== 'buy') return;
      const { amount_minor } = locked;
      const now = clock.now();
      const row = newTopUp({
        id: createId('ctop', now),
        customer_id: customerId,
        kind: 'automatic',
        amount_minor,
        currency,
        expires_at: null,
        created_at: new Date(now),
      });
      if (!(await insertTopUp(tx, row))) return;
      await deps.intents.record(tx, {
        kind: 'top_up.charge',
        customer_id: customerId,
        dedupe_key: `top_up:${row.id}`,
        data: { top_up_id: row.id, stripe_customer_id, amount_minor, currency },
      });
      const detail = { top_up_id: row.id, amount_minor, currency };
      await deps.audit.record(tx, { actor: 'system', action: 'top_up.automatic', customer_id: customerId, detail });
    });
  }

  async function set(actor: string, customerId: string, wish: AutoTopUpTerms): Promise<AutoTopUp> {
    const { id, stripe_customer_id } = await deps.findCustomer(customerId);
    if (deps.terms === null) throw new Problem('top_ups_off', 'Credit is not sold here.');
    refuse('amount_minor', topUpFault(deps.terms, wish.amount_minor, currency));
    if (wish.threshold_minor > wish.amount_minor)
      refuse('threshold_minor', 'Must be at most what is bought at once, so that one purchase is enough.');
    if (wish.monthly_limit_minor < wish.amount_minor)
      refuse('monthly_limit_minor', 'Must be at least what is bought at once.');
    const pays = await deps.currencyOf(id);
    if (pays !== currency)
      throw new Problem('currency_mismatch', `Credit is in ${currency}, and what you subscribe to is paid in ${pays}.`);
    const cards = stripe_customer_id === null ? [] : await deps.desk.paymentMethods(stripe_customer_id);
    if (!cards.some(({ is_default }) => is_default))
      throw new Problem('payment_method_required', 'Save a card first, and make it the default one.');
    await db.transaction(async (tx) => {
      await setAutoTopUp(tx, id, wish, new Date(clock.now()));
      await deps.audit.record(tx, { actor, action: 'auto_top_up.set', customer_id: id, detail: { ...wish, currency } });
    });
    await look(id);
    return await read(id);
  }

  async function remove(actor: string, customerId: string): Promise<AutoTopUp> {
    const { id } = await deps.findCustomer(customerId);
    await db.transaction(async (tx) => {
      if (!(await deleteAutoTopUp(tx, id))) throw new Problem('no_change', 'Automatic top-ups are off already.');
      await deps.audit.record(tx, { actor, action: 'auto_top_up.removed', customer_id: id, detail: {} });
    });
    return await read(id);
  }

  return {
    read,
    set,
    remove,
    look,
    /** Of these customers, those for whom a look may buy something. */
    async wantedBy(customerIds: readonly string[]): Promise<string[]> {
      return deps.terms === null ? [] : await autoTopUpsAmong(db.kysely, customerIds);
    },
    /** The job `credits.top_ups`: everybody who wants it, one after the other; what time alone changes is seen here. */
    async lookAtAll(): Promise<void> {
      for (let after = ''; ;) {
        const ids = await autoTopUpsAfter(db.kysely, after, page);
        for (const id of ids) await look(id);
        const last = ids.at(-1);
        if (last === undefined) return;
        after = last;
      }
    },
  };
}

function refuse(param: string, fault: string | null): void {
  if (fault !== null) throw new Problem('invalid_request', `${param}: ${fault}`, { param });
}

/** The first instant of the calendar month (UTC). */
function monthOf(now: number): Date {
  const at = new Date(now);
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}
