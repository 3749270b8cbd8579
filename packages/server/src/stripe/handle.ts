import Stripe from 'stripe';
import type { Database, Reader } from '../db/database.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { wayOf } from './event-types.ts';
import type { Sync } from './sync.ts';
import type { Named } from './reading.ts';
import { type StripeEventRow, bodyOf, closeEvent, eventById, noteFailure } from './store.ts';
import { type Subject, Unreadable, idOf, subjectOf, subscriptionIdOf } from './translate.ts';

/** What an event came to. A parked one waits for an operator, with the reason in words. */
type End = { state: 'done' | 'ignored' | 'parked'; reason: string | null };

/** After so many failures an event is parked: whatever is wrong does not pass by itself. */
const mostAttempts = 40;

/** What comes after a payment, however long: what was paid may be older than what is read of every customer. */
const isOfOlder = /^(charge\.(refunded|dispute)|refund\.|credit_note\.)/;

export interface KnownCustomer {
  id: string;
  stripe_customer_id: string | null;
  stripe_synced_seq: number;
}

/**
 * Handles one event of the inbox. It only says whom to look at: the customer is read whole, under its lock, and the event is
 * closed in the transaction that writes what was read. So order, repetition and delay change nothing.
 */
export function createEventHandler(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  stripe: Stripe;
  installation_id: string;
  syncCustomer: Sync;
  customers: {
    /** Whose Stripe customer this is or was. */
    findByStripeId(stripeCustomerId: string): Promise<KnownCustomer | null>;
    find(customerId: string): Promise<KnownCustomer | null>;
    link(customerId: string, stripeCustomerId: string): Promise<void>;
  };
  /** Why what is on sale is not what Stripe has; null when it is, or when the object is none of ours. */
  catalogFault(objectId: string): Promise<string | null>;
  /** Stripe told of a subscription's next invoice. May be said again. */
  renewing(stripeSubscriptionId: string, at: Date): Promise<void>;
  /** Events for a meter that Stripe took and then would not count. */
  meterRefused(rejected: readonly { identifier: string; reason: string }[]): Promise<void>;
}) {
  const { db, clock, log, stripe } = deps;
  const close = (tx: Reader, id: string, { state, reason }: End) =>
    closeEvent(tx, id, state, reason, new Date(clock.now()));

  return async function handle(id: string): Promise<void> {
    const row = await eventById(db.kysely, id);
    if (row === null || row.state !== 'received') return;
    try {
      const end = await lookInto(row);
      if (end === null) return;
      if (end.state === 'parked') log.error({ event: id, type: row.type, reason: end.reason }, 'event parked');
      await close(db.kysely, id, end);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const isHopeless = error instanceof Unreadable || row.attempts + 1 >= mostAttempts;
      if (!isHopeless) {
        await noteFailure(db.kysely, id, reason);
        throw error;
      }
      log.error({ event: id, type: row.type, reason }, 'event parked');
      await close(db.kysely, id, { state: 'parked', reason });
    }
  };

  /** Null when the event was closed with what it led to. */
  async function lookInto(row: StripeEventRow): Promise<End | null> {
    const way = wayOf(row.type);
    if (way === null) {
      log.warn({ event: row.id, type: row.type }, 'a type of event that Farebox does not know');
      return { state: 'ignored', reason: 'Farebox does not know this type of event.' };
    }
    if (way === 'nothing') return { state: 'ignored', reason: 'This type of event says nothing that Farebox keeps.' };
    if (way === 'catalog') {
      const fault = row.object_id === null ? null : await deps.catalogFault(row.object_id);
      return fault === null ? { state: 'done', reason: null } : { state: 'parked', reason: fault };
    }
    if (way === 'meter') return { state: 'parked', reason: await meterErrors(row) };
    return await aboutCustomer(row);
  }

  async function aboutCustomer(row: StripeEventRow): Promise<End | null> {
    const isAsked = row.stripe_customer_id === null || isOfOlder.test(row.type);
    const subject = isAsked ? subjectOf(await bodyOf(db.kysely, row.id)) : null;
    const stripeCustomerId = row.stripe_customer_id ?? (await customerBehind(subject));
    if (stripeCustomerId === null) return { state: 'ignored', reason: 'It is about no customer.' };
    const known = (await deps.customers.findByStripeId(stripeCustomerId)) ?? (await adopt(stripeCustomerId));
    if ('state' in known) return known;
    if (row.type === 'invoice.upcoming') await hearOfRenewal(row);
    const named = namedBy(row, subject);
    if (named === null && known.stripe_synced_seq >= row.seq) return { state: 'done', reason: null };
    const asking = { seq: row.seq, close: (tx: Reader) => close(tx, row.id, { state: 'done', reason: null }) };
    await deps.syncCustomer(known.id, named === null ? { asking } : { asking, named });
    return null;
  }

  /** A reading for another event of the customer did not look for what this one is of. */
  function namedBy({ type, object_id }: StripeEventRow, subject: Subject | null): Named | null {
    if (subject === null || !isOfOlder.test(type)) return null;
    const { charge_id, invoice_id } = subject;
    if (type.startsWith('credit_note.')) return invoice_id === null ? null : { charges: [], invoices: [invoice_id] };
    const charge = charge_id ?? (type === 'charge.refunded' ? object_id : null);
    return charge === null ? null : { charges: [charge], invoices: [] };
  }

  /** The invoice is not made yet, and cannot be read: what it names is its subscription. */
  async function hearOfRenewal({ id, stripe_created_at }: StripeEventRow): Promise<void> {
    const subscription = subscriptionIdOf(await bodyOf(db.kysely, id));
    if (subscription !== null) await deps.renewing(subscription, stripe_created_at);
  }

  /** A dispute or a refund names its charge, a payment of an invoice its invoice; these name the customer. */
  async function customerBehind(subject: Subject | null): Promise<string | null> {
    if (subject === null) return null;
    if (subject.charge_id !== null) return idOrNull((await stripe.charges.retrieve(subject.charge_id)).customer);
    if (subject.invoice_id !== null) return idOrNull((await stripe.invoices.retrieve(subject.invoice_id)).customer);
    return null;
  }

  /** An event can be here before the answer that made its customer. What names another installation is not ours. */
  async function adopt(stripeCustomerId: string): Promise<KnownCustomer | End> {
    const foreign: End = { state: 'ignored', reason: `Customer ${stripeCustomerId} is not one of this installation.` };
    const found = await stripe.customers.retrieve(stripeCustomerId).catch((error: unknown) => {
      if (error instanceof Stripe.errors.StripeError && error.code === 'resource_missing') return null;
      throw error;
    });
    if (found === null || found.deleted === true) return foreign;
    if (found.metadata['farebox_installation'] !== deps.installation_id) return foreign;
    const customerId = found.metadata['farebox_customer'] ?? '';
    const customer = await deps.customers.find(customerId);
    if (customer === null)
      return { state: 'parked', reason: `${stripeCustomerId} names the customer ${customerId}, which is not here.` };
    await deps.customers.link(customerId, stripeCustomerId);
    const linked = await deps.customers.find(customerId);
    if (linked?.stripe_customer_id === stripeCustomerId) return linked;
    return {
      state: 'parked',
      reason: `${stripeCustomerId} is a second Stripe customer of ${customerId}, which has ${linked?.stripe_customer_id ?? 'none'}.`,
    };
  }

  /** Usage that Stripe took in and then would not count. The event names the meter; what was wrong with it is read. */
  async function meterErrors(row: StripeEventRow): Promise<string> {
    const meter = row.object_id ?? 'a meter that does not exist';
    if (!row.type.startsWith('v1.')) return `Stripe did not count usage sent to ${meter}.`;
    const event = await stripe.v2.core.events.retrieve(row.id);
    if (!isErrorReport(event)) return `Stripe did not count usage sent to ${meter}.`;
    const { developer_message_summary, reason } = event.data;
    // A few of each error are named.
    const rejected = reason.error_types.flatMap(({ code, sample_errors }) =>
      sample_errors.map(({ error_message, request }) => ({
        identifier: request.identifier,
        reason: `${code}: ${error_message}`,
      })),
    );
    await deps.meterRefused(rejected);
    const words = reason.error_types.map(({ code, error_count }) => `${code} (${error_count})`).join(', ');
    return `Stripe did not count usage sent to ${meter}. ${developer_message_summary} ${words}`;
  }
}

type ErrorReport = Extract<
  Stripe.V2.Core.Event,
  { type: 'v1.billing.meter.error_report_triggered' | 'v1.billing.meter.no_meter_found' }
>;

function isErrorReport(event: Stripe.V2.Core.Event): event is ErrorReport {
  return event.type === 'v1.billing.meter.error_report_triggered' || event.type === 'v1.billing.meter.no_meter_found';
}

function idOrNull(reference: string | { id: string } | null): string | null {
  return reference === null ? null : idOf(reference);
}
