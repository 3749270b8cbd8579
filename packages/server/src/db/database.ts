import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { sha256 } from '../lib/secret.ts';
import { type Rounds, inRounds } from './rounds.ts';
import type { DB } from './tables.ts';

/** A transaction under way; what must happen together takes one. */
export type Tx = Transaction<DB>;

/** What a store needs to read and write: the database itself or a transaction. */
export type Reader = Kysely<DB>;

export interface Database {
  kysely: Kysely<DB>;
  pool: pg.Pool;
  /**
   * Runs `fn` in one transaction. When the database ends it for a deadlock or a serialization failure (nothing was
   * written then), `fn` runs again: it must have no effect but through `tx`, and never wait for the network.
   */
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** The same for a hot path: statements that are prepared once, and several of them in one way there and back. */
  inRounds<T>(fn: (rounds: Rounds) => Promise<T>): Promise<T>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /**
   * Runs `fn` while no other process or call runs under the same name. The lock is PostgreSQL's (session level), held
   * by a connection of its own, so it ends with this process however that ends, and `fn` may use the pool.
   */
  withLock<T>(name: string, fn: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A connection string; or the parts. */
  url?: string;
  /** A host, or the folder of a socket. */
  host?: string;
  database?: string;
  user?: string;
  /** Most connections of the pool. */
  max?: number;
  /** Hears of connections that broke while nobody used them; the next query opens another. */
  onIdleError?: (error: Error) => void;
  /** The driver's client; a drill gives one that can be cut at any query. */
  Client?: typeof pg.Client;
}

const connectTimeout_ms = 10_000;
const attempts = 5;

/** Hours and days are cut in UTC; a transaction that is forgotten open does not hold its locks for ever. */
// No statement here runs long enough for compiling it to pay: it costs more than the statement, each time.
const sessionSettings = "set timezone to 'UTC'; set idle_in_transaction_session_timeout to '60s'; set jit to off";

/** Opens a pool. Nothing is connected until the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const { max = 10, onIdleError, Client = pg.Client } = options;
  const connection = connectionOf(options);
  const pool = new pg.Pool({
    ...connection,
    Client,
    max,
    idleTimeoutMillis: 30_000,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, its types do not say so
    onConnect: async (client) => {
      // The pool listens while nobody has it. Broken in somebody's hands it would end the process; what is asked of it fails instead.
      client.on('error', () => undefined);
      await client.query(sessionSettings);
    },
  });
  // Apart from the pool and without a bound of its own: who holds a lock waits for connections of the pool, and for other locks.
  const locks = new pg.Pool({ ...connection, Client, max: Number.MAX_SAFE_INTEGER, idleTimeoutMillis: 5_000 });
  for (const each of [pool, locks]) each.on('error', (error) => onIdleError?.(error));
  const kysely = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  let closing: Promise<void> | null = null;
  return {
    kysely,
    pool,
    transaction: (fn) => retried(() => kysely.transaction().execute(fn)),
    inRounds: (fn) => retried(() => inRounds(pool, fn)),
    async ping() {
      await pool.query('select 1');
    },
    withLock: createLocks(locks),
    close: () => (closing ??= Promise.all([kysely.destroy(), locks.end()]).then(() => undefined)),
  };
}

function connectionOf(options: DatabaseOptions): pg.ClientConfig {
  const { url, host, database, user } = options;
  return {
    ...(url === undefined ? {} : { connectionString: url }),
    ...(host === undefined ? {} : { host }),
    ...(database === undefined ? {} : { database }),
    ...(user === undefined ? {} : { user }),
    application_name: 'farebox',
    connectionTimeoutMillis: connectTimeout_ms,
    keepAlive: true,
    types: { getTypeParser },
  };
}

/** 40001 serialization_failure, 40P01 deadlock_detected: the database chose this one to give way. */
const givesWay = new Set(['40001', '40P01']);

async function retried<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === attempts || !(error instanceof pg.DatabaseError) || !givesWay.has(error.code ?? '')) throw error;
      await sleep(10 * 2 ** attempt);
    }
  }
}

/** Calls of one process under one name stand in line here, so that waiting costs one connection per name. */
function createLocks(pool: pg.Pool): Database['withLock'] {
  const lines = new Map<string, Promise<unknown>>();
  return async (name, fn) => {
    const before = lines.get(name) ?? Promise.resolve();
    const mine = before.then(() => underLock(pool, name, fn));
    const settled = mine.catch(() => undefined); // the caller hears of it; the next in line only waits
    lines.set(name, settled);
    try {
      return await mine;
    } finally {
      if (lines.get(name) === settled) lines.delete(name);
    }
  };
}

async function underLock<T>(pool: pg.Pool, name: string, fn: () => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | null = null;
  const hear = (error: Error): void => {
    broken = error;
  };
  client.on('error', hear);
  const lost = (cause: unknown) => new Error(`The lock "${name}" was lost while it was needed.`, { cause });
  let isFree = false;
  try {
    const key = lockKey(name);
    await client.query('select pg_advisory_lock($1)', [key]);
    const result = await fn();
    if (broken !== null) throw lost(broken);
    // A dead connection is sometimes first seen by the next write: only an unlock that is answered proves the lock held.
    await client.query('select pg_advisory_unlock($1)', [key]).catch((error: unknown) => {
      throw lost(error);
    });
    isFree = true;
    return result;
  } finally {
    client.off('error', hear);
    // What may still hold the lock is closed, and the lock ends with it.
    client.release(!isFree);
  }
}

/** PostgreSQL's advisory locks are numbers of 64 bits. */
export function lockKey(name: string): string {
  return sha256(`farebox:${name}`).readBigInt64BE(0).toString();
}

const oid = { int8: 20, int8Array: 1016, numeric: 1700, date: 1082, dateArray: 1182, textArray: 1009 };

/**
 * How values leave the database, here and nowhere else: int8 as a number (a number past 2^53 throws), numeric as its
 * text, date as `YYYY-MM-DD`, timestamptz as a Date.
 */
function getTypeParser(id: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (format !== 'binary') {
    if (id === oid.int8) return safeInteger;
    if (id === oid.numeric || id === oid.date) return (value) => value;
    if (id === oid.int8Array) return (value) => textArray(value).map(safeInteger);
    if (id === oid.dateArray) return textArray;
  }
  return pg.types.getTypeParser(id, format);
}

function textArray(value: string): string[] {
  const parse: (value: string) => string[] = pg.types.getTypeParser(oid.textArray, 'text');
  return parse(value);
}

function safeInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is past the integers a number holds exactly`);
  return number;
}
