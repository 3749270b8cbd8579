import { monotonic } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { type World, idOf } from './world.ts';

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
    const digests = held.due(customers, clock.now());
    try {
      for (let from = 0; from < digests.length; from += chunk) await readChunk(digests.slice(from, from + chunk));
      world.foreign = await source.hasForeign();
      failed = false;
      deps.onRead?.(customers === null ? null : [...customers]);
    } catch (error) {
      failed = true;
      add(customers);
      log.warn({ err: error }, 'the gate could not read its entries; the last ones stay until it can');
    }
  }

  async function readChunk(digests: readonly Buffer[]): Promise<void> {
    const before = new Map<Buffer, number>();
    for (const digest of digests) {
      const row = held.find(digest);
      if (row !== 0) before.set(digest, held.stampOf(row));
    }
    const known = (digest: Buffer) => {
      const row = held.find(digest);
      return row === 0 ? undefined : held.entryOf(row);
    };
    const found = await source.read([...before.keys()], clock.now(), known);
    const byId = new Map(found.map((one) => [idOf(one.digest), one]));
    for (const [digest, stamp] of before) {
      const row = held.find(digest);
      if (row === 0 || held.stampOf(row) !== stamp) continue;
      const now = byId.get(idOf(digest));
      if (now === undefined) held.remove(row);
      else held.put(digest, now.entry, held.markOf(row), { is_rehashed: held.isRehashed(row) });
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
