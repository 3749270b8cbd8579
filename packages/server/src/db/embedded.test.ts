import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startEmbedded, type Embedded } from './embedded.ts';
import { isAlive } from './process.ts';

let dir: string;
let started: Embedded[];

beforeEach(async () => {
  started = [];
  dir = await mkdtemp(join(tmpdir(), 'fbt-'));
  await chmod(dir, 0o711); // as root the server runs as another user, who has to come through
});

afterEach(async () => {
  for (const embedded of started) await embedded.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(lines: string[] = []): Promise<Embedded> {
  const embedded = await startEmbedded({ dir, onProgress: (line) => lines.push(line) });
  started.push(embedded);
  return embedded;
}

async function query<T extends pg.QueryResultRow>(embedded: Embedded, text: string): Promise<T | undefined> {
  const client = new pg.Client({ connectionString: embedded.url });
  await client.connect();
  const { rows } = await client.query<T>(text);
  await client.end();
  return rows[0];
}

/** Starts the server in another process and kills that process, and only it. */
async function startAndDie(): Promise<number> {
  const module = fileURLToPath(new URL('./embedded.ts', import.meta.url));
  const program = `
    const { startEmbedded } = await import(${JSON.stringify(module)});
    console.log((await startEmbedded({ dir: process.argv[1] })).pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dir]);
  const [pid] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return Number(String(pid));
}

test('the server is a durable PostgreSQL 18 that only its socket reaches, and its data outlive it', async () => {
  const lines: string[] = [];
  const first = await start(lines);
  expect(lines).toEqual(['creating the database', 'starting the database']);
  const facts = await query(
    first,
    `select current_setting('server_version_num')::int / 10000 as version, current_setting('fsync') as fsync,
      current_setting('data_checksums') as checksums, current_setting('listen_addresses') as addresses,
      current_setting('server_encoding') as encoding, upper('ä') as upper, 'B' < 'a' as bytewise`,
  );
  expect(facts).toEqual({
    version: 18,
    fsync: 'on',
    checksums: 'on',
    addresses: '',
    encoding: 'UTF8',
    upper: 'Ä',
    bytewise: true,
  });
  expect((await stat(first.host)).mode & 0o777).toBe(0o700);
  await query(first, 'create table kept as select 42 as answer');
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  await expect(stat(first.host)).rejects.toThrow('ENOENT');

  const again: string[] = [];
  const second = await start(again);
  expect(again).toEqual(['starting the database']);
  expect(await query(second, 'select answer from kept')).toEqual({ answer: 42 });
});

test('a server left by a killed process is taken over, not started twice', async () => {
  const pid = await startAndDie();
  const lines: string[] = [];
  const embedded = await start(lines);
  expect(embedded.pid).toBe(pid);
  expect(lines).toEqual(['the database was still running']);
  expect(await query(embedded, 'select 1 as one')).toEqual({ one: 1 });
  await embedded.stop();
  expect(isAlive(pid)).toBe(false);
});

test('a server whose folder was moved meanwhile is taken over, not started twice', async () => {
  const pid = await startAndDie();
  await rename(dir, `${dir}-moved`);
  dir = `${dir}-moved`;
  expect((await start()).pid).toBe(pid);
});

test('a server that was killed too is started again with everything that was committed', async () => {
  const before = await start();
  await query(before, 'create table kept as select generate_series(1, 1000) as n');
  await before.stop();
  const pid = await startAndDie();
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
  const after = await start();
  expect(await query(after, 'select count(*)::int as rows from kept')).toEqual({ rows: 1000 });
});

test('a server that ends while we live is back within seconds, at the same address', async () => {
  const lines: string[] = [];
  const embedded = await start(lines);
  await query(embedded, 'create table kept as select 42 as answer');
  const killed = embedded.pid;
  process.kill(killed, 'SIGKILL');
  await expect.poll(() => embedded.pid, { timeout: 15_000 }).not.toBe(killed);
  expect(await query(embedded, 'select answer from kept')).toEqual({ answer: 42 });
  expect(lines).toContain('the database ended by itself; starting it again');
  await embedded.stop();
  expect(isAlive(embedded.pid)).toBe(false);
});

test('another process under the number of a dead server is not mistaken for it', async () => {
  const first = await start();
  await first.stop();
  const data = join(dir, 'postgres');
  await writeFile(join(data, 'postmaster.pid'), [process.pid, data, 0, 5432, '/nowhere', '', '', 'ready'].join('\n'));
  const second = await start();
  expect(second.pid).not.toBe(process.pid);
});

test('a first start that was interrupted is made from the beginning', async () => {
  await mkdir(join(dir, 'postgres.new-1'));
  await writeFile(join(dir, 'postgres.new-1', 'PG_VERSION'), '18\n');
  const embedded = await start();
  await embedded.stop();
  expect((await readdir(dir)).toSorted()).toEqual(['postgres', 'postgres.log']);
});

test('a server that cannot start says why in the words of its log', async () => {
  const first = await start();
  await first.stop();
  await writeFile(join(dir, 'postgres', 'postgresql.conf'), 'shared_preload_libraries = nonsense\n');
  await expect(start()).rejects.toThrow(/did not start \(it ended with code 1\)[^]*could not access file "nonsense"/);
});

test('a database of another PostgreSQL is refused by name', async () => {
  const first = await start();
  await first.stop();
  await writeFile(join(dir, 'postgres', 'PG_VERSION'), '17\n');
  await expect(start()).rejects.toThrow('was made by PostgreSQL 17; this Farebox brings PostgreSQL 18');
});

const isRoot = process.getuid?.() === 0;
if (!isRoot && process.env['CI'] === 'true')
  throw new Error('CI runs as root, to see PostgreSQL run as somebody else.');
if (!isRoot) process.stdout.write('skipped: the embedded database under root (this is an ordinary user)\n');

test.runIf(isRoot)('where only root may enter, the data go elsewhere and are found again', async () => {
  await chmod(dir, 0o700);
  const first = await start();
  await query(first, 'create table kept as select 42 as answer');
  await first.stop();
  const note: { data: string } = JSON.parse(await readFile(join(dir, 'postgres-is-elsewhere.json'), 'utf8'));
  const second = await start();
  expect(await query(second, 'select answer from kept')).toEqual({ answer: 42 });
  await second.stop();
  await rm(note.data, { recursive: true });
});
