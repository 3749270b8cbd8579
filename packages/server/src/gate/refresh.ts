import { monotonic } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { type Held, type World, idOf } from './world.ts';

const chunk = 1000;

/** Hears whose entries are new now; null: everybody's. */
export type OnRead = (customers: readonly string[] | null) => void;
/** Hears that what is held is all that the database had at that instant, by the clock that nobody sets, and its version. */
export type OnCurrent = (at_ms: number, version: number) => void;

/** Keeps what is held as new as the database: at once when told, and by polling its version. */
export function createRefresh(deps: {
  world: World;
  clock: Clock;
  log: Pick<Log, 'warn' | 'info'>;
  onRead?: OnRead | undefined;
  onCurrent?: OnCurrent | undefined;
}) {
  const { world, clock, log } = deps;
  const { held, source } = world;
  let refreshing: Promise<void> | null = null;
  let queued: Promise<void> | null = null;
  /** Whose entries are to be read again; null: everybody's. */
  let due: Set<string> | null = new Set();
  let failed = false;
  let seen: number | null = null;
  let polling: Promise<void> | null = null;
  let nextPoll: Promise<void> | null = null;
  let unanswered = 0;

  /**
   * What is known of this customer's keys, or of everybody's, may be old: it is read again, beginning after this call.
   * Resolves when that is done, and also when it failed; then it is tried again at each poll.
   */
  function changed(customerId?: string): Promise<void> {
    return renew(customerId === undefined ? null : [customerId]);
  }

  function renew(customers: readonly string[] | null): Promise<void> {
    begin();
    add(customers);
    if (refreshing === null) return run();
    queued ??= refreshing.then(run);
    return queued;
  }

  function add(customers: Iterable<string> | null): void {
    if (customers === null) due = null;
    else for (const customer of customers) due?.add(customer);
  }

  /** From here on, what was read before is not kept. */
  function begin(): void {
    world.epoch += 1;
    world.unknown.clear();
  }

  function run(): Promise<void> {
    queued = null;
    refreshing = readDue().finally(() => {
      refreshing = null;
    });
    return refreshing;
  }

  async function readDue(): Promise<void> {
    begin();
    const customers = due;
    due = new Set();
    const isOld = ({ entry }: Held): boolean => customers === null || customers.has(entry.customer_id);
    // Revoked for good: read when it is used again, so that those which still pass do not wait for those which never will.
    const now = clock.now();
    const isOver = ({ entry }: Held): boolean => entry.revoked_at !== null && entry.revoked_at <= now;
    for (const id of held.keys((one) => isOld(one) && isOver(one))) held.delete(id);
    const ids = held.keys(isOld);
    try {
      for (let from = 0; from < ids.length; from += chunk) await readChunk(ids.slice(from, from + chunk));
      world.foreign = await source.hasForeign();
      failed = false;
      deps.onRead?.(customers === null ? null : [...customers]);
    } catch (error) {
      failed = true;
      add(customers);
      log.warn({ err: error }, 'the gate could not read its entries; the last ones stay until it can');
    }
  }

  async function readChunk(ids: readonly string[]): Promise<void> {
    const before = new Map<string, Held>();
    for (const id of ids) {
      const one = held.get(id);
      if (one !== undefined) before.set(id, one);
    }
    const digests = [...before.values()].map((one) => one.digest);
    const found = await source.read(digests, clock.now(), (digest) => before.get(idOf(digest))?.entry);
    const byId = new Map(found.map((one) => [idOf(one.digest), one]));
    for (const [id, old] of before) {
      if (held.get(id) !== old) continue;
      const now = byId.get(id);
      if (now === undefined) held.delete(id);
      else held.set(id, { ...now, mark: old.mark });
    }
  }

  async function poll(): Promise<void> {
    const began_ms = monotonic();
    try {
      const { version, customers } = await source.changesSince(seen);
      if (version !== seen || failed) {
        await renew(customers);
        if (failed) return;
        seen = version;
      }
      if (unanswered > 1) log.info({ unanswered }, 'the gate reads its database again');
      unanswered = 0;
      deps.onCurrent?.(began_ms, version);
    } catch (error) {
      if (unanswered === 1) log.warn({ err: error }, 'the gate cannot read its database; the last snapshot decides');
    }
  }

  /** One beat of the poll. Beats are counted, not timed: a clock that is moved makes nothing old. */
  function tick(): Promise<void> {
    unanswered += 1;
    return polling ?? beginPoll();
  }

  function beginPoll(): Promise<void> {
    polling = poll().finally(() => {
      polling = null;
    });
    return polling;
  }

  /** Somebody says that the version moved: it is read, beginning after this call. However many say so, one read waits. */
  function noticed(): Promise<void> {
    if (polling === null) return beginPoll();
    nextPoll ??= polling.then(() => {
      nextPoll = null;
      return polling ?? beginPoll();
    });
    return nextPoll;
  }

  return {
    changed,
    tick,
    noticed,
    version: () => seen,
    /** Beats since the database was last known to say what is held. */
    unanswered: () => unanswered,
    /** Resolves when no read is under way any more. */
    async idle(): Promise<void> {
      await (nextPoll ?? polling);
      await (queued ?? refreshing);
    },
  };
}
