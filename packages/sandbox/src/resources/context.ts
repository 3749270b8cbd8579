import type { Json, JsonObject } from '../contract/json.ts';
import type { JobKind } from '../store/machinery.ts';
import type { PaymentFailure, Seconds } from '../store/records.ts';
import type { Tx } from '../store/store.ts';
import type { ThinEventRecord } from '../store/usage-records.ts';

/** An event that will be stored when the transaction's work is done. */
interface Emitted {
  type: string;
  object: JsonObject;
  previous_attributes: JsonObject | null;
}

/** A thin event that is written already; its deliveries follow when the transaction's work is done. */
interface ThinEmitted {
  event: ThinEventRecord;
  /** The one destination it goes to, whatever that listens to; `null` is every one that wants it. */
  only: string | null;
}

/** What every piece of work gets: the transaction, and who asked. */
export interface Context {
  tx: Tx;
  /** The seller's name, as invoices and pages show it. */
  account_name: string;
  /** The test clock that gives `tx` its time; `null` for the sandbox's own. */
  clock: string | null;
  /** What faults have decided about a card in this transaction, by its number: once and for all of it. */
  verdicts: Map<string, PaymentFailure | null>;
  /** The contract key of the request's route; `null` for pages and for work that time did. */
  route: string | null;
  events: Emitted[];
  /** Subscriptions whose change this work tells of as a whole, when it is done: what happens to them on the way is part of it. */
  changing: Set<string>;
  thin: ThinEmitted[];
  /** `null` for work that time did. */
  request: { id: string; idempotency_key: string | null } | null;
}

/** A context with no events yet. */
export function createContext(tx: Tx, account_name: string, request: Context['request']): Context {
  return {
    tx,
    account_name,
    clock: null,
    verdicts: new Map(),
    route: null,
    changing: new Set(),
    events: [],
    thin: [],
    request,
  };
}

/** A rendered object as plain JSON, shared with nobody. */
export function toJson(rendered: object): JsonObject {
  return JSON.parse(JSON.stringify(rendered)) as JsonObject;
}

/** Notes that something happened to an object as it is now. */
export function emit(context: Context, type: string, rendered: object): void {
  context.events.push({ type, object: toJson(rendered), previous_attributes: null });
}

function isHash(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of a list that changed: the entries it had, and what it said of them. */
function changedEntries(before: JsonObject, after: JsonObject): JsonObject {
  const changed: JsonObject = { data: before['data'] ?? [] };
  for (const name of ['has_more', 'total_count']) {
    if (before[name] !== undefined && before[name] !== after[name]) changed[name] = before[name];
  }
  return changed;
}

/** The fields of `after` that had other values before, with those values; hashes are compared key by key, lists whole. */
function changedFields(before: JsonObject, after: JsonObject): JsonObject {
  const changed: JsonObject = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[key];
    const is = after[key];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    if (isHash(was) && isHash(is) && is['object'] === undefined) changed[key] = changedFields(was, is);
    else if (isHash(was) && isHash(is) && was['object'] === 'list') changed[key] = changedEntries(was, is);
    else changed[key] = was ?? null;
  }
  return changed;
}

/** Notes a change; without a difference there is no event. */
export function emitUpdate(context: Context, type: string, before: object, after: object): void {
  const object = toJson(after);
  const previous_attributes = changedFields(toJson(before), object);
  if (Object.keys(previous_attributes).length > 0) context.events.push({ type, object, previous_attributes });
}

/** Puts this transaction's events in the given order of types; types not named keep their place at the end. */
export function orderEvents(context: Context, types: readonly string[]): void {
  const rank = (type: string): number => (types.includes(type) ? types.indexOf(type) : types.length);
  context.events.sort((a, b) => rank(a.type) - rank(b.type));
}

/** Puts work into the queue of time. */
export function schedule(context: Context, at: Seconds, kind: JobKind, object_id: string): void {
  enqueue(context, at, kind, object_id);
  if (kind === 'cycle') announce(context, at, object_id);
}

/** The next invoice is told of ahead, where that is set; the end of a period that moved moves it too. */
function announce(context: Context, ends_at: Seconds, subscription: string): void {
  const { upcoming_days } = context.tx.need('setting', 'sandbox');
  unschedule(context, 'upcoming', subscription);
  const at = ends_at - (upcoming_days ?? 0) * 86_400;
  if (upcoming_days !== undefined && at > context.tx.now) enqueue(context, at, 'upcoming', subscription);
}

function enqueue(context: Context, at: Seconds, kind: JobKind, object_id: string): void {
  const setting = context.tx.need('setting', 'sandbox');
  const seq = setting.next_job;
  context.tx.put('setting', { ...setting, next_job: seq + 1 });
  context.tx.put('job', { id: `job_${seq}`, at_ms: at * 1000, clock: context.clock, kind, object_id, seq });
}

/** Puts work into the queue of the sandbox's own time, in which payments live also where a test clock rules. */
export function scheduleOnWall(context: Context, at: Seconds, kind: JobKind, object_id: string): void {
  schedule({ ...context, clock: null }, at, kind, object_id);
}

/** Takes work out of the queue again; with the end of a period what is told ahead of it. */
export function unschedule(context: Context, kind: JobKind, object_id: string): void {
  for (const job of context.tx.all('job')) {
    const is_meant = job.kind === kind || (kind === 'cycle' && job.kind === 'upcoming');
    if (is_meant && job.object_id === object_id) context.tx.remove('job', job.id);
  }
}
