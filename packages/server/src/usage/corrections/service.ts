import type { Instant, Meter } from '@farebox/core';
import type { Database, Reader, Tx } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Properties } from '../events/event.ts';
import { createCounting } from '../events/counting.ts';
import { holdBilledPeriods } from '../store.ts';
import { type RestoreCredit, adjustReports } from './adjust.ts';
import { recount } from './recount.ts';
import {
  type CorrectionKind,
  type CorrectionRow,
  type EventContent,
  type LockedEvent,
  type UsageAdjustment,
  adjustmentsOf,
  insertCorrection,
  listCorrections,
  lockEvents,
  rewriteEvent,
} from './store.ts';

/** Which event is meant. Its type and source need to be named only where several have its id. */
export interface NamedEvent {
  customer_id: string;
  event_id: string;
  type?: string | undefined;
  source?: string | undefined;
}

/** What is to be right of it; what is not named stays. Null: it did not happen. */
export type RightContent = { quantity?: number | undefined; properties?: Properties | undefined } | null;

/** A correction with what it changed of bills. */
export interface Correction extends CorrectionRow {
  adjustments: UsageAdjustment[];
}

export type Corrections = ReturnType<typeof createCorrections>;

/**
 * Usage that was wrong is put right, under one policy. The event counts as it should have, where it counted. Before its period
 * is billed that is all; after, what the period comes to now is rated as it was then, and the difference is a line of the next
 * invoice, with the reason. Everything in one transaction, with who did it and why; nobody writes usage or closes a period
 * meanwhile.
 */
export function createCorrections(deps: {
  db: Database;
  clock: Clock;
  queue: Pick<Queue, 'enqueue'>;
  meters: readonly Meter[];
  /** How long events are kept. */
  kept_ms: number;
  findCustomer(id: string): Promise<{ id: string }>;
  usageOfPeriod(
    reader: Reader,
    customerId: string,
    meterId: string,
    period: { start_at: Instant; end_at: Instant },
  ): Promise<number>;
  restoreCredit: RestoreCredit;
  audit: AuditTrail;
  told(tx: Tx, correction: Correction): Promise<void>;
  /** After the commit: balances and pages of this customer are old. */
  corrected(customerId: string): void;
}) {
  const { db, clock, meters } = deps;
  const count = createCounting(meters);

  async function correct(actor: string, named: NamedEvent, right: RightContent, reason: string): Promise<Correction> {
    const { id: customer_id } = await deps.findCustomer(named.customer_id);
    const correction = await db.transaction(async (tx) => {
      await holdBilledPeriods(tx);
      const event = await theEvent(tx, { ...named, customer_id });
      const after = rightOf(event, right);
      const { quantity, properties, counted } = event;
      const row = newRow(event, right === null ? 'void' : 'correct', { quantity, properties, counted }, after);
      await rewriteEvent(tx, event, after);
      await recount(tx, { meters, event, after, kept_since: clock.now() - deps.kept_ms });
      await insertCorrection(tx, row);
      await adjustReports(tx, deps, row, event.counted_at);
      const written = { ...row, adjustments: await adjustmentsOf(tx, [row.id]) };
      const detail = { event_id: event.id, event_type: event.type, reason };
      const action = right === null ? 'usage.voided' : 'usage.corrected';
      await deps.audit.record(tx, { actor, action, customer_id, object_id: row.id, detail });
      await deps.told(tx, written);
      return written;
    });
    deps.corrected(customer_id);
    return correction;

    function newRow(
      event: LockedEvent,
      kind: CorrectionKind,
      before: EventContent,
      after: EventContent,
    ): CorrectionRow {
      const now = clock.now();
      return {
        id: createId('ucor', now),
        customer_id,
        event_id: event.id,
        event_type: event.type,
        event_source: event.source,
        kind,
        reason,
        actor,
        before,
        after,
        created_at: new Date(now),
      };
    }
  }

  async function theEvent(tx: Tx, { customer_id, event_id, type, source }: NamedEvent): Promise<LockedEvent> {
    const [event, another] = await lockEvents(tx, customer_id, event_id, { type, source });
    if (event === undefined) throw new Problem('not_found', 'There is no such event, or it is not kept any more.');
    if (another !== undefined)
      throw new Problem('invalid_request', 'type: Several events have this id: name the type, and the source.', {
        param: 'type',
      });
    return event;
  }

  function rightOf(event: LockedEvent, right: RightContent): EventContent {
    const { quantity, properties } = event;
    const content =
      right === null
        ? { quantity, properties, counted: {} }
        : contentOf(event, right.quantity ?? quantity, right.properties ?? properties);
    const was = JSON.stringify([quantity, sorted(properties), sorted(event.counted)]);
    if (was === JSON.stringify([content.quantity, sorted(content.properties), sorted(content.counted)]))
      throw new Problem('no_change', right === null ? 'The event counts nowhere.' : 'The event says that already.');
    return content;
  }

  function contentOf(event: LockedEvent, quantity: number, properties: Properties): EventContent {
    return { quantity, properties, counted: count({ ...event, quantity, properties }) };
  }

  return {
    /** It did not happen: it stays to be seen, and counts nowhere. */
    void: async (actor: string, named: NamedEvent, reason: string) => await correct(actor, named, null, reason),
    /** It happened otherwise: it counts with another quantity or other properties. A void one counts again. */
    correct: async (actor: string, named: NamedEvent, right: NonNullable<RightContent>, reason: string) =>
      await correct(actor, named, right, reason),

    /** One more than `limit`, the newest first; of everybody where no customer is named. */
    async list(query: Parameters<typeof listCorrections>[1]): Promise<Correction[]> {
      const rows = await listCorrections(db.kysely, { ...query, limit: query.limit + 1 });
      const found = await adjustmentsOf(
        db.kysely,
        rows.map(({ id }) => id),
      );
      return rows.map((row) => ({ ...row, adjustments: found.filter((each) => each.correction_id === row.id) }));
    },
  };
}

function sorted(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
