import { type Instant, type Meter, eventTypesOf } from '@farebox/core';
import type { Database } from '../../db/database.ts';
import { GroupCommitFull, createGroupCommit } from '../../lib/group-commit.ts';
import { createId } from '../../lib/id.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import { createCounting } from './counting.ts';
import { createDirectory } from './directory.ts';
import type { Rejection, SentEvent, StoredEvent } from './event.ts';
import { isRejection, readEvent } from './read-event.ts';
import { type RejectedRow, insertRejections } from '../store.ts';
import type { UsageWriter } from '../writer.ts';

/** What became of one event. */
export type Ingested =
  | { status: 'accepted' | 'duplicate'; id: string; customer_id: string; meters: string[] }
  | ({ status: 'rejected'; id: string | null } & Rejection);

export interface IngestLimits {
  /** How old an event may be. */
  backdate_ms: number;
}

/** How far ahead a caller's clock may be. */
const aheadMs = 5 * 60_000;
const inFlight = 4;
/** Single events of many callers share a transaction; what comes as a batch is worth one of its own. */
const worthAWrite = 100;
/** Most events of one write, when they come from several callers. */
const mostOfWrite = 5000;
const mostWaiting = 100_000;
/** Of one request; what is wrong with the rest is mostly the same. */
const mostRejectionsKept = 100;
const mostKeptBytes = 4000;

/**
 * Events from outside. Each is judged by itself; those that are right are written together with those of other callers, and a
 * caller is answered when its own are committed. What is not taken is kept with its reason.
 */
export function createIngest(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  meters: readonly Meter[];
  writer: UsageWriter;
  limits: IngestLimits;
  /** Hears of what was written, and by which transaction. */
  written(events: readonly StoredEvent[], xid: bigint): void;
}) {
  const { clock, meters, writer } = deps;
  const directory = createDirectory({ db: deps.db.kysely, clock });
  const types = new Set(meters.flatMap((meter) => eventTypesOf(meter)));
  const count = createCounting(meters);
  const group = createGroupCommit<StoredEvent, boolean>({
    in_flight: inFlight,
    worth: worthAWrite,
    most: mostOfWrite,
    capacity: mostWaiting,
    isOwnFault,
    write: async (events) => await writeFresh(events, false),
  });

  async function writeFresh(events: StoredEvent[], is_history: boolean): Promise<boolean[]> {
    const { fresh, xid } = await writer.write({ id: null, events, is_history }, clock.now());
    deps.written(
      events.filter((_, index) => fresh[index] === true),
      xid,
    );
    return fresh;
  }

  function judge(
    event: SentEvent,
    customer_id: string | null,
    now: Instant,
    isHistory: boolean,
  ): StoredEvent | Rejection {
    const { customer, ...rest } = event;
    if (customer_id === null)
      return { code: 'customer_not_found', reason: `There is no customer ${JSON.stringify(customer.name)}.` };
    if (!types.has(event.type)) {
      const known = types.size === 0 ? 'the price list has no meters' : `there are: ${[...types].join(', ')}`;
      return { code: 'unknown_type', reason: `type: no meter counts ${JSON.stringify(event.type)}; ${known}.` };
    }
    const late = timeFault(event.occurred_at, now, isHistory ? null : deps.limits.backdate_ms);
    if (late !== null) return late;
    return { ...rest, customer_id, counted_at: event.occurred_at, counted: count(event) };
  }

  return {
    /**
     * What became of each value, in order, after what was accepted is committed. Rejects when it cannot be written: then
     * nothing of it is, or the caller finds it as duplicates when it sends it again.
     */
    async ingest(values: readonly unknown[], options: { is_history?: boolean } = {}): Promise<Ingested[]> {
      const { is_history = false } = options;
      const now = clock.now();
      const read = values.map((value) => readEvent(value, now));
      const ids = await directory.resolve(read.map((each) => (isRejection(each) ? null : each.customer)));
      const judged = read.map((each, index) =>
        isRejection(each) ? each : judge(each, ids[index] ?? null, now, is_history),
      );
      const good = judged.filter((each): each is StoredEvent => !isRejection(each));
      const fresh = good.length === 0 ? [] : await refusing(is_history ? writeFresh(good, true) : group.submit(good));
      await keepRejections(deps.db, values, read, judged, ids, now);
      let at = 0;
      return judged.map((each, index): Ingested => {
        if (isRejection(each)) return { status: 'rejected', id: idOf(values[index]), ...each };
        const { id, customer_id, counted } = each;
        const status = fresh[at] === true ? 'accepted' : 'duplicate';
        at += 1;
        return { status, id, customer_id, meters: Object.keys(counted) };
      });
    },
    idle: () => group.idle(),
    queued: () => group.queued(),
  };
}

function timeFault(occurred_at: Instant, now: Instant, backdate_ms: number | null): Rejection | null {
  const isAhead = occurred_at > now + aheadMs;
  if (!isAhead && (backdate_ms === null || occurred_at >= now - backdate_ms)) return null;
  const at = new Date(occurred_at).toISOString();
  if (isAhead || backdate_ms === null)
    return { code: 'in_future', reason: `${at} is more than 5 minutes ahead. Set the sender's clock.` };
  const days = Math.round(backdate_ms / 86_400_000);
  return {
    code: 'too_old',
    reason: `${at} is more than ${days} days ago. Older usage is taken over by farebox usage import.`,
  };
}

/** Classes 22 and 23 of PostgreSQL's codes: the data are wrong, not the database. */
function isOwnFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[23]/.test(error.code);
}

/** More than can be written soon is refused, and may be sent again. */
export async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof GroupCommitFull)) throw error;
    throw new Problem('too_many_requests', 'More usage waits than can be written at once. Send it again in a moment.');
  }
}

async function keepRejections(
  db: Pick<Database, 'kysely'>,
  values: readonly unknown[],
  read: readonly (SentEvent | Rejection)[],
  judged: readonly (StoredEvent | Rejection)[],
  ids: readonly (string | null)[],
  now: Instant,
): Promise<void> {
  const rows: RejectedRow[] = [];
  for (const [index, each] of judged.entries()) {
    if (!isRejection(each)) continue;
    if (rows.length === mostRejectionsKept) break;
    const sent = read[index];
    const customer = sent === undefined || isRejection(sent) ? null : sent.customer;
    rows.push({
      id: createId('urej', now),
      customer_id: ids[index] ?? null,
      named: customer?.name ?? null,
      event_id: idOf(values[index])?.slice(0, 200) ?? null,
      code: each.code,
      reason: each.reason,
      event: shortJson(values[index]),
      received_at: new Date(now),
    });
  }
  if (rows.length > 0) await insertRejections(db.kysely, rows);
}

function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  return typeof id === 'string' ? id.replaceAll('\u0000', '').toWellFormed() : null;
}

/** What can be shown of what was sent; null for what is too large, or is no text the database takes. */
function shortJson(value: unknown): string | null {
  if (isDeep(value, mostDepth)) return null;
  const text = JSON.stringify(value);
  return text === undefined || text.length > mostKeptBytes || /\\u(?:0000|d[89a-f])/i.test(text) ? null : text;
}

const mostDepth = 10;

function isDeep(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeep(inner, depth - 1));
}
