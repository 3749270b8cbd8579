import { idBody } from './ids.ts';
import { type Change, type Journal, memoryJournal, openJournal } from './journal.ts';
import type { SettingRecord } from './machinery.ts';
import type { Kind, Records } from './records.ts';
import { upgraded } from './upgrade.ts';

/** Reads and writes inside one transaction. Records are immutable: `put` replaces. */
export interface Tx {
  /** Sandbox time of this transaction, in milliseconds. */
  readonly now_ms: number;
  /** The time of the objects it works on, in seconds, as Stripe's objects want it: a test clock's, or the sandbox's. */
  readonly now: number;
  /** The sandbox's own time in seconds, also where a test clock rules: payments and events happen in it. */
  readonly wall: number;
  get<K extends Kind>(kind: K, id: string): Records[K] | undefined;
  /** A record that another one refers to; its absence is a fault of the sandbox. */
  need<K extends Kind>(kind: K, id: string): Records[K];
  /** Every record of a kind, oldest first. */
  all<K extends Kind>(kind: K): Records[K][];
  put<K extends Kind>(kind: K, record: Records[K]): Records[K];
  remove(kind: Kind, id: string): void;
  /** Writes a record that stays even when the transaction is undone: that a fault has struck. */
  keep<K extends Kind>(kind: K, record: Records[K]): void;
  /** Runs `work` and undoes everything it wrote, whatever comes of it: what would be, without its being. */
  rehearse<T>(work: (tx: Tx) => T): T;
  /** `cus_` and so many characters; the same seed gives the same ids in the same order. */
  newId(prefix: string, length?: number): string;
}

/** What a commit makes of one record; `null` where there is none. */
export interface Written {
  kind: string;
  id: string;
  before: unknown;
  after: unknown;
}

/** One commit: a transaction's, or `restored` where everything was put in the place of everything. */
export interface Commit {
  restored: boolean;
  changes: readonly Written[];
}

/** All state of one sandbox. Transactions are synchronous: nothing can come between their reads and writes. */
export interface Store {
  /** Runs `work`; what it wrote is kept when it returns, and undone when it throws. */
  transact<T>(now_ms: number, work: (tx: Tx) => T): T;
  /** Everything there is, as a list that can be written as JSON. */
  entries(): Change[];
  /** Replaces everything there is. */
  replace(state: Change[]): void;
  /** A look at the state, without writing. */
  read<T>(now_ms: number, work: (tx: Tx) => T): T;
  durable(): Promise<void>;
  close(): Promise<void>;
}

type Table = Map<string, Records[Kind] | null>;

class Tables {
  readonly #tables = new Map<Kind, Table>();

  of(kind: Kind): Table {
    let table = this.#tables.get(kind);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(kind, table);
    }
    return table;
  }

  /** Lets go of a removed record; until the commit its place is kept, so that a roll-back restores the order. */
  forget(kind: Kind, id: string): void {
    const table = this.of(kind);
    if (table.get(id) === null) table.delete(id);
  }

  entries(): Change[] {
    const all: Change[] = [];
    for (const [kind, table] of this.#tables) {
      for (const [id, record] of table) if (record !== null) all.push([kind, id, record]);
    }
    return all;
  }
}

function createTx(tables: Tables, now_ms: number, undo: Map<string, Change>, kept: Change[] = []): Tx {
  const setting = (): SettingRecord => tables.of('setting').get('sandbox') as SettingRecord;
  const write = (kind: Kind, id: string, record: Records[Kind] | null): void => {
    const table = tables.of(kind);
    const key = `${kind} ${id}`;
    if (!undo.has(key)) undo.set(key, [kind, id, table.has(id) ? table.get(id) : undefined]);
    table.set(id, record);
  };
  const tx: Tx = {
    now_ms,
    now: Math.floor(now_ms / 1000),
    wall: Math.floor(now_ms / 1000),
    get: <K extends Kind>(kind: K, id: string) => (tables.of(kind).get(id) ?? undefined) as Records[K] | undefined,
    need<K extends Kind>(kind: K, id: string) {
      const record = tx.get(kind, id);
      if (record === undefined) throw new Error(`There is no ${kind} ${id}, though something refers to it.`);
      return record;
    },
    all<K extends Kind>(kind: K) {
      const records: Records[K][] = [];
      for (const record of tables.of(kind).values()) if (record !== null) records.push(record as Records[K]);
      return records;
    },
    put<K extends Kind>(kind: K, record: Records[K]) {
      write(kind, record.id, record);
      return record;
    },
    remove: (kind, id) => write(kind, id, null),
    keep(kind, record) {
      tables.of(kind).set(record.id, record);
      kept.push([kind, record.id, record]);
    },
    rehearse(work) {
      const own = new Map<string, Change>();
      try {
        return work(createTx(tables, now_ms, own));
      } finally {
        rollBack(tables, own);
      }
    },
    newId(prefix, length = 24) {
      const { seed, next_id } = setting();
      write('setting', 'sandbox', { ...setting(), next_id: next_id + 1 });
      return `${prefix}${idBody(seed, next_id, length)}`;
    },
  };
  return tx;
}

function rollBack(tables: Tables, undo: Map<string, Change>): void {
  for (const [kind, id, before] of undo.values()) {
    const table = tables.of(kind as Kind);
    if (before === undefined) table.delete(id);
    else table.set(id, before as Records[Kind] | null);
  }
}

const EXPIRED_KEPT_MS = 30 * 86_400_000;

/** What compaction leaves out: keys that may be used anew, and deliveries and events nobody can ask for any more. */
function isWorthKeeping(kind: string, record: unknown, now_ms: number): boolean {
  if (kind === 'idempotency') return (record as Records['idempotency']).expires_at_ms > now_ms;
  if (kind === 'event') return (record as Records['event']).created * 1000 > now_ms - EXPIRED_KEPT_MS;
  if (kind === 'thin_event') return (record as Records['thin_event']).created_ms > now_ms - EXPIRED_KEPT_MS;
  if (kind === 'meter_session') return (record as Records['meter_session']).expires_at_ms > now_ms;
  return true;
}

function pruned(state: Change[], machine_ms: number): Change[] {
  const setting = state.find(([kind]) => kind === 'setting')?.[2] as SettingRecord | undefined;
  const now_ms = setting?.frozen_at_ms ?? machine_ms + (setting?.offset_ms ?? 0);
  const kept = state.filter(([kind, , record]) => isWorthKeeping(kind, record, now_ms));
  const events = new Set(kept.filter(([kind]) => kind === 'event' || kind === 'thin_event').map(([, id]) => id));
  return kept.filter(([kind, , record]) => kind !== 'delivery' || events.has((record as Records['delivery']).event));
}

/** Each changed record with what it was before. */
function told(written: readonly Change[], undo: readonly Change[]): Written[] {
  return written.map(([kind, id, after], index) => ({ kind, id, before: undo[index]?.[2] ?? null, after }));
}

interface StoreOptions {
  /** Told of every commit before it is kept; what it throws undoes the commit. */
  onCommit?: ((commit: Commit) => void) | undefined;
  file?: string;
  machine_ms: number;
  first: SettingRecord;
}

/** Opens the state: from a journal when a file is given, empty otherwise. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const tables = new Tables();
  const restore = (commits: Change[][]): Change[] => {
    for (const [kind, id, record] of commits.flat()) {
      if (record === null) tables.of(kind as Kind).delete(id);
      else tables.of(kind as Kind).set(id, upgraded(kind, record) as Records[Kind]);
    }
    const kept = pruned(tables.entries(), options.machine_ms);
    const ids = new Set(kept.map(([kind, id]) => `${kind} ${id}`));
    for (const [kind, id] of tables.entries()) if (!ids.has(`${kind} ${id}`)) tables.of(kind as Kind).delete(id);
    if (tables.of('setting').size === 0) tables.of('setting').set('sandbox', options.first);
    return tables.entries();
  };
  const journal: Journal = options.file === undefined ? memoryJournal() : await openJournal(options.file, restore);
  if (options.file === undefined) restore([]);
  const tell = (restored: boolean, changes: () => Written[]): void => {
    if (options.onCommit !== undefined) options.onCommit({ restored, changes: changes() });
  };
  const everything = (): Written[] => tables.entries().map(([kind, id, after]) => ({ kind, id, before: null, after }));
  tell(true, everything);
  return {
    transact(now_ms, work) {
      const undo = new Map<string, Change>();
      const kept: Change[] = [];
      try {
        const result = work(createTx(tables, now_ms, undo, kept));
        if (undo.size + kept.length > 0) {
          const written: Change[] = [...undo.values()].map(([kind, id]) => [
            kind,
            id,
            tables.of(kind as Kind).get(id) ?? null,
          ]);
          tell(false, () => told([...written, ...kept], [...undo.values()]));
          journal.append([...written, ...kept]);
          for (const [kind, id] of undo.values()) tables.forget(kind as Kind, id);
        }
        return result;
      } catch (cause) {
        rollBack(tables, undo);
        if (kept.length > 0) journal.append(kept);
        throw cause;
      }
    },
    read(now_ms, work) {
      const undo = new Map<string, Change>();
      const result = work(createTx(tables, now_ms, undo));
      if (undo.size > 0) {
        rollBack(tables, undo);
        throw new Error('A reading transaction wrote.');
      }
      return result;
    },
    entries: () => tables.entries(),
    replace(state) {
      const gone: Change[] = tables.entries().map(([kind, id]) => [kind, id, null]);
      for (const [kind, id] of gone) tables.of(kind as Kind).delete(id);
      for (const [kind, id, record] of state) tables.of(kind as Kind).set(id, record as Records[Kind]);
      tell(true, everything);
      journal.append([...gone, ...state]);
    },
    durable: () => journal.durable(),
    close: () => journal.close(),
  };
}
