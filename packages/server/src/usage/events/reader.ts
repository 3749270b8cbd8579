import { type Instant, type Meter, type PropertyValue, eventTypesOf, measure } from '@farebox/core';
import type { Database } from '../../db/database.ts';
import { invariant } from '../../lib/invariant.ts';
import { Problem } from '../../problem.ts';
import {
  type EventCursor,
  type EventFilter,
  type EventRow,
  type HourExport,
  type RejectionFilter,
  type RejectionRow,
  customerIdsAfter,
  eventsNamed,
  hoursAfter,
  listEvents,
  listRejections,
} from './queries.ts';
import { type CorrectionRow, correctionsOfEvents } from '../corrections/store.ts';

/** What a meter made of an event, or why it made nothing of it. */
export interface MeterVerdict {
  meter_id: string;
  /** Decimal string; of a meter of different values the value. Null: it was not counted. */
  amount: string | null;
  reason: string | null;
}

/** An event as it came, with what was made of it. */
export interface InspectedEvent extends EventRow {
  verdicts: MeterVerdict[];
  /** What was put right of it, the newest first. */
  corrections: CorrectionRow[];
}

export interface ExportScope {
  /** Null: everybody's. */
  customer_id: string | null;
  from: Instant;
  to: Instant;
}

const exportPage = 2000;

/** Reads events one by one: to look into what came, and to carry it away. */
export function createEventReader(deps: { db: Pick<Database, 'kysely'>; meters: readonly Meter[] }) {
  const { meters } = deps;
  const db = deps.db.kysely;

  async function* customersOf(customer_id: string | null): AsyncGenerator<string> {
    if (customer_id !== null) return void (yield customer_id);
    let after = '';
    for (;;) {
      const ids = await customerIdsAfter(db, after, exportPage);
      yield* ids;
      const last = ids.at(-1);
      if (last === undefined) return;
      after = last;
    }
  }

  /** Events of one customer. */
  async function inspect(customerId: string, rows: readonly EventRow[]): Promise<InspectedEvent[]> {
    const ids = rows.map(({ id }) => id);
    const byEvent = Map.groupBy(await correctionsOfEvents(db, customerId, ids), (row) =>
      nameOf(row.event_id, row.event_type, row.event_source),
    );
    return rows.map((row) => inspected(meters, row, byEvent.get(nameOf(row.id, row.type, row.source)) ?? []));
  }

  return {
    /** One more than `limit`, newest first. */
    async events(filter: EventFilter): Promise<InspectedEvent[]> {
      return await inspect(filter.customer_id, await listEvents(db, filter));
    },

    /** The newest event of a customer with this id; several types or sources may have one each. */
    async event(customerId: string, id: string, more: { type?: string; source?: string }): Promise<InspectedEvent> {
      const [found] = await eventsNamed(db, customerId, id, more);
      if (found === undefined)
        throw new Problem('not_found', 'There is no such event. What was not taken is in GET /v1/usage/rejections.');
      const [event] = await inspect(customerId, [found]);
      invariant(event !== undefined, 'an event that was found is looked into');
      return event;
    },

    rejections: (filter: RejectionFilter): Promise<RejectionRow[]> => listRejections(db, filter),

    /** Every event in some time, customer by customer, from the oldest on; a page at a time, however many there are. */
    async *exportEvents({ customer_id, from, to }: ExportScope): AsyncGenerator<InspectedEvent[]> {
      for await (const id of customersOf(customer_id)) {
        let after: EventCursor | null = null;
        for (;;) {
          const rows = await listEvents(db, { customer_id: id, from, to, limit: exportPage, after, order: 'asc' });
          const page = rows.slice(0, exportPage);
          if (page.length > 0) yield await inspect(id, page);
          const last = page.at(-1);
          if (rows.length <= exportPage || last === undefined) break;
          after = cursorOf(last);
        }
      }
    },

    /** Usage by the hour, in the same way. */
    async *exportHours({ customer_id, from, to }: ExportScope): AsyncGenerator<HourExport[]> {
      for await (const id of customersOf(customer_id)) {
        let after: HourExport | null = null;
        for (;;) {
          const page = await hoursAfter(db, { customer_id: id, from, to, limit: exportPage, after });
          if (page.length > 0) yield page;
          const last = page.at(-1);
          if (page.length < exportPage || last === undefined) break;
          after = last;
        }
      }
    },
  };
}

function cursorOf({ counted_at, id, type, source }: EventRow): EventCursor {
  return { counted_at: counted_at.getTime(), id, type, source };
}

function nameOf(id: string, type: string, source: string): string {
  return `${id}\u0000${type}\u0000${source}`;
}

/** Of the meters that its type concerns; of all of them where it concerns none. */
function inspected(meters: readonly Meter[], row: EventRow, corrections: CorrectionRow[]): InspectedEvent {
  const counted = Object.entries(row.counted).map(([meter_id, amount]) => ({ meter_id, amount, reason: null }));
  const others = meters.filter(({ id }) => row.counted[id] === undefined);
  const concerned = others.filter((meter) => eventTypesOf(meter).includes(row.type));
  const asked = counted.length + concerned.length === 0 ? others : concerned;
  const event = {
    ...row,
    occurred_at: row.occurred_at.getTime(),
    properties: row.properties satisfies Record<string, PropertyValue>,
  };
  const [latest] = corrections;
  const isVoid = latest?.kind === 'void';
  const reasons = asked.map((meter): MeterVerdict => {
    const measured = measure(meter, event);
    const other = isVoid ? `it is void: ${latest.reason}` : 'the meter was another one when it came';
    return { meter_id: meter.id, amount: null, reason: measured.counted ? other : measured.detail };
  });
  return { ...row, verdicts: [...counted, ...reasons], corrections };
}
