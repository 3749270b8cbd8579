import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmodSync, chownSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sha256 } from '../lib/secret.ts';
import { engineEnvironment, findEngine, ids, makePrivateFolder, type Engine } from './engine.ts';
import { isAlive, isServerOn } from './process.ts';

/** A PostgreSQL server of our own, reached over a private socket. */
export interface Embedded {
  /** For `pg` and everything built on it. */
  url: string;
  /** The socket's folder. */
  host: string;
  /** The process, for messages. */
  pid: number;
  /** Ends every session and waits until the data are on the disk. */
  stop(): Promise<void>;
}

/** A server that runs, ours or one left by a process of ours that died. */
interface Server {
  pid: number;
  host: string;
}

const user = 'farebox';
const database = 'farebox';
const port = 5432; // names the socket file; nothing listens on the network

/**
 * Small and safe: fsync and checksums stay on, nothing listens on the network, only the owner may open the socket.
 * Statement errors are answered to the client and logged there; the server's own file gets what concerns the server.
 */
const settings: Record<string, string> = {
  listen_addresses: '',
  port: String(port),
  unix_socket_permissions: '0700',
  // Whoever waits for a lock holds a connection, apart from the pool.
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  wal_level: 'minimal',
  io_method: 'sync',
  max_parallel_workers_per_gather: '0',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_destination: 'stderr',
  logging_collector: 'off',
  cluster_name: 'farebox',
};

/**
 * Starts PostgreSQL on `<dir>/postgres`, making the database on the first start. A server left running by a process
 * that was killed is taken over. The caller holds the folder (`acquireFolder`).
 */
export async function startEmbedded(options: { dir: string; onProgress?: (line: string) => void }): Promise<Embedded> {
  const onProgress = options.onProgress ?? (() => undefined);
  mkdirSync(options.dir, { recursive: true });
  const dir = realpathSync(options.dir);
  const engine = findEngine(dir, onProgress);
  const logFile = join(dir, 'postgres.log');
  let server = await adopt(engine, onProgress);
  if (server === null) {
    if (!existsSync(join(engine.data, 'PG_VERSION'))) {
      onProgress('creating the database');
      await initialise(engine);
    }
    refuseOtherVersion(engine);
    onProgress('starting the database');
    server = await launch(engine, logFile, onProgress);
  }
  const { host } = server;
  await ensureDatabase(host);
  const kept = keep(server, engine, () => launch(engine, logFile, onProgress), onProgress);
  let stopped: Promise<void> | null = null;
  return {
    url: urlOf(host),
    host,
    get pid() {
      return kept.pid();
    },
    stop: () => (stopped ??= kept.stop()),
  };
}

/** The address of the server that another process of ours runs on `<dir>/postgres`; null when none runs. */
export async function findEmbedded(dir: string): Promise<string | null> {
  const engine = findEngine(realpathSync(dir), () => undefined);
  const server = readServer(engine);
  if (server === null || !isServerOn(server.pid, engine.data)) return null;
  return (await ask(server.host, 'select 1')).ok ? urlOf(server.host) : null;
}

function urlOf(host: string): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`;
}

/** What PostgreSQL's own file says: it stands there while the server runs, and after a kill. */
function readServer(engine: Engine): Server | null {
  const pidFile = join(engine.data, 'postmaster.pid');
  if (!existsSync(pidFile)) return null;
  const [pid, , , , host = ''] = readFileSync(pidFile, 'utf8').split('\n');
  return { pid: Number(pid), host };
}

/** How often it is looked whether the server still runs. */
const watch_ms = 500;

/** Starts the server again when it ends by itself (killed for its memory, by an administrator); its clients reconnect. */
function keep(
  server: Server,
  engine: Engine,
  again: () => Promise<Server>,
  onProgress: (line: string) => void,
): { pid(): number; stop(): Promise<void> } {
  let running = server;
  let reviving: Promise<void> | null = null;
  async function revive(): Promise<void> {
    onProgress('the database ended by itself; starting it again');
    try {
      running = await again();
    } catch (error) {
      // Sessions of the dead server may still be ending: the next look tries again.
      onProgress(error instanceof Error ? error.message : String(error));
    }
    reviving = null;
  }
  const watch = setInterval(() => {
    if (reviving === null && !isServerOn(running.pid, engine.data)) reviving = revive();
  }, watch_ms);
  watch.unref();
  return {
    pid: () => running.pid,
    async stop() {
      clearInterval(watch);
      await reviving;
      await stop(running, engine.data);
    },
  };
}

/** initdb works in a folder of another name, so that a folder called `postgres` is always a whole database. */
async function initialise(engine: Engine): Promise<void> {
  const parent = dirname(engine.data);
  const draftPrefix = `${basename(engine.data)}.new-`;
  for (const name of readdirSync(parent)) {
    if (name.startsWith(draftPrefix)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const draft = join(parent, `${draftPrefix}${process.pid}`);
  makePrivateFolder(draft, engine.user);
  const command: readonly string[] = [
    ...engine.user.wrapper,
    join(engine.bin, 'initdb'),
    `--pgdata=${draft}`,
    `--username=${user}`,
    '--auth=trust',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--no-instructions',
  ];
  const [program = '', ...args] = command;
  const run = spawn(program, args, {
    ...ids(engine.user),
    cwd: '/',
    env: engineEnvironment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [end, ...said] = await Promise.all([endOf(run), text(run.stdout), text(run.stderr)]);
  if (run.exitCode !== 0) {
    rmSync(draft, { recursive: true, force: true });
    throw new Error(`The database could not be created in ${engine.data} (${end}).\n${lastLines(said.join('\n'))}`);
  }
  renameSync(draft, engine.data);
}

function refuseOtherVersion(engine: Engine): void {
  const found = readFileSync(join(engine.data, 'PG_VERSION'), 'utf8').trim();
  const ours = engine.version.split('.')[0];
  if (found === ours) return;
  throw new Error(
    `The database in ${engine.data} was made by PostgreSQL ${found}; this Farebox brings PostgreSQL ${ours}. ` +
      'Run the Farebox that made it, or move the data with pg_dump to a server of your own and set DATABASE_URL.',
  );
}

/** What PostgreSQL says while sessions of a killed server are still ending. */
const stillEnding = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/;
const endingPatience_ms = 15_000;

/** Starts the server; after a kill, once the last session of the one before is gone. */
async function launch(engine: Engine, logFile: string, onProgress: (line: string) => void): Promise<Server> {
  for (let waited_ms = 0; ; waited_ms += 200) {
    try {
      return await launchOnce(engine, logFile, onProgress);
    } catch (error) {
      const isEnding = error instanceof Error && stillEnding.test(error.message);
      if (!isEnding || waited_ms >= endingPatience_ms) throw error;
      await sleep(200);
    }
  }
}

async function launchOnce(engine: Engine, logFile: string, onProgress: (line: string) => void): Promise<Server> {
  const host = socketFolder(engine);
  if (existsSync(logFile) && statSync(logFile).size > 1_000_000) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  const logStart = statSync(logFile).size;
  const args = ['-D', engine.data, '-k', host];
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`);
  const [program = '', ...rest] = [...engine.user.wrapper, join(engine.bin, 'postgres'), ...args];
  // Detached: a Ctrl-C in the terminal is for us; we end the server after our own last query.
  const child = spawn(program, rest, {
    ...ids(engine.user),
    cwd: '/',
    env: engineEnvironment,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const ended = endOf(child);
  child.unref();
  const failure = await untilReady(host, ended, onProgress);
  if (failure === null && child.pid !== undefined) return { pid: child.pid, host };
  if (child.pid !== undefined && isAlive(child.pid)) process.kill(child.pid, 'SIGQUIT');
  removeSocketFolder(host);
  const said = lastLines(readFileSync(logFile).subarray(logStart).toString('utf8'));
  throw new Error(`The database did not start (${failure}). Its log, ${logFile}, ends with:\n${said}`);
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
}

const startTimeout_ms = 300_000; // replaying the log after a crash takes its time

/** Null once the server answers; else why it does not. */
async function untilReady(
  host: string,
  ended: Promise<string>,
  onProgress: (line: string) => void,
): Promise<string | null> {
  let end: string | null = null;
  const watch = ended.then((reason) => {
    end = reason;
  });
  for (let waited_ms = 0; waited_ms < startTimeout_ms; waited_ms += 25) {
    if (end !== null) return end;
    const answer = await ask(host, 'select 1');
    if (answer.ok) return null;
    if (!answer.starting) return answer.reason;
    if (waited_ms === 2_000) onProgress('the database is recovering from a crash');
    await Promise.race([watch, sleep(25)]);
  }
  return `it did not answer within ${startTimeout_ms / 1000} seconds`;
}

/** Takes over the server that a killed process of ours left on the data, if it is one and it answers. */
async function adopt(engine: Engine, onProgress: (line: string) => void): Promise<Server | null> {
  const found = readServer(engine);
  if (found === null) return null;
  const { pid, host } = found;
  if (!Number.isInteger(pid) || pid <= 1 || !isServerOn(pid, engine.data)) {
    // A file whose process is gone is PostgreSQL's own matter. Where the number is another process's by now, PostgreSQL
    // would take that for its server.
    if (isAlive(pid)) rmSync(join(engine.data, 'postmaster.pid'), { force: true });
    return null;
  }
  for (let waited_ms = 0; waited_ms < 10_000 && isAlive(pid); waited_ms += 100) {
    const answer = await ask(host, "select current_setting('server_version') as version");
    if (answer.ok) {
      if (answer.version !== engine.version) break;
      onProgress('the database was still running');
      return { pid, host };
    }
    if (!answer.starting) break;
    await sleep(100);
  }
  onProgress('stopping the database that was still running');
  await stop({ pid, host }, engine.data);
  return null;
}

type Answer = { ok: true; version: string | undefined } | { ok: false; starting: boolean; reason: string };

async function ask(host: string, question: string): Promise<Answer> {
  const client = new pg.Client({ host, port, user, database: 'postgres', connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // the query that is under way reports it
  try {
    await client.connect();
    const result = await client.query<{ version?: string }>(question);
    return { ok: true, version: result.rows[0]?.version };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // 57P03: cannot_connect_now, the server is starting up
    const starting = ['ENOENT', 'ECONNREFUSED', '57P03', 'ECONNRESET'].includes(code);
    return { ok: false, starting, reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await client.end().catch(() => undefined); // the connection may never have been made
  }
}

async function ensureDatabase(host: string): Promise<void> {
  const client = new pg.Client({ host, port, user, database: 'postgres' });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
}

/** SIGINT is PostgreSQL's fast shutdown: sessions end, the data are written. SIGQUIT gives up waiting for that. */
async function stop(server: Server, data: string): Promise<void> {
  const isGone = () => !isServerOn(server.pid, data);
  if (isGone()) return;
  for (const [signal, patience_ms] of [
    ['SIGINT', 60_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    if (!isGone()) process.kill(server.pid, signal);
    for (let waited_ms = 0; waited_ms < patience_ms && !isGone(); waited_ms += 20) await sleep(20);
  }
  if (!isGone()) throw new Error(`The database (process ${server.pid}) did not stop.`);
  removeSocketFolder(server.host);
}

/**
 * A folder only the server's user may enter. Its path is short: a socket's address holds 107 bytes (103 on macOS), and
 * a project's path may be longer than that. A folder of that name that is not ours is left alone.
 */
function socketFolder(engine: Engine): string {
  const suffix = 'farebox-0123456789ab/.s.PGSQL.5432';
  const parent = join(tmpdir(), suffix).length < 100 ? tmpdir() : '/tmp';
  const path = join(parent, `farebox-${sha256(engine.data).toString('hex').slice(0, 12)}`);
  const owner = engine.user.uid ?? process.getuid?.();
  if (!existsSync(path)) {
    makePrivateFolder(path, engine.user);
    return path;
  }
  const found = lstatSync(path);
  if (found.isDirectory() && found.uid === owner) {
    chmodSync(path, 0o700);
    return path;
  }
  const fresh = mkdtempSync(join(parent, 'farebox-'));
  if (engine.user.uid !== undefined && engine.user.gid !== undefined) {
    chownSync(fresh, engine.user.uid, engine.user.gid);
  }
  return fresh;
}

function removeSocketFolder(host: string): void {
  if (basename(host).startsWith('farebox-')) rmSync(host, { recursive: true, force: true });
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-12).join('\n');
}
