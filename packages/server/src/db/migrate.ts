import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { sha256 } from '../lib/secret.ts';
import { lockKey } from './database.ts';

interface Migration {
  name: string;
  text: string;
  checksum: string;
}

/** Oldest PostgreSQL the migrations are written for. */
const oldestVersion = 15;
const packagedMigrations = fileURLToPath(new URL('../../migrations', import.meta.url));

/**
 * Brings the database to the state this program expects: the files of `dir` in the order of their names, each in a
 * transaction, each once. Several processes may call it at the same time; one does the work and the others wait.
 * Refuses when a file that was applied has changed or is missing.
 */
export async function migrate(pool: pg.Pool, dir: string = packagedMigrations): Promise<{ applied: string[] }> {
  const files = await readMigrations(dir);
  const client = await pool.connect();
  try {
    await refuseOldServer(client);
    await client.query('select pg_advisory_lock($1)', [lockKey('migrate')]);
    try {
      return { applied: await applyAll(client, files) };
    } finally {
      await client.query('select pg_advisory_unlock($1)', [lockKey('migrate')]);
    }
  } finally {
    client.release(true);
  }
}

async function readMigrations(dir: string): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.sql')).toSorted();
  return await Promise.all(
    names.map(async (name) => {
      // A checkout on another system may end its lines otherwise; that is no change.
      const text = (await readFile(join(dir, name), 'utf8')).replaceAll('\r\n', '\n');
      return { name, text, checksum: sha256(text).toString('hex') };
    }),
  );
}

async function refuseOldServer(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ number: string; name: string }>(
    "select current_setting('server_version_num') as number, current_setting('server_version') as name",
  );
  const [version] = rows;
  if (version !== undefined && Number(version.number) >= oldestVersion * 10_000) return;
  throw new Error(`Farebox needs PostgreSQL ${oldestVersion} or newer; this server is ${version?.name}.`);
}

async function applyAll(client: pg.PoolClient, files: readonly Migration[]): Promise<string[]> {
  await client.query(`
    create table if not exists schema_migration (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
  const { rows: done } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migration order by name',
  );
  refuseDifferences(files, done);
  const applied: string[] = [];
  for (const file of files.slice(done.length)) {
    await applyOne(client, file);
    applied.push(file.name);
  }
  return applied;
}

/** What was applied must be the beginning of what the folder holds, unchanged. */
function refuseDifferences(files: readonly Migration[], done: readonly { name: string; checksum: string }[]): void {
  const byName = new Map(files.map((file) => [file.name, file]));
  for (const [position, { name, checksum }] of done.entries()) {
    const file = byName.get(name);
    if (file === undefined) {
      throw new Error(
        `The database has the migration ${name}, which this Farebox does not have: a newer Farebox made it. ` +
          'Run that version or a later one.',
      );
    }
    if (file.checksum !== checksum) {
      throw new Error(
        `The migration ${name} was changed after it was applied to this database. ` +
          'Restore the file; write what should differ into a new migration.',
      );
    }
    const expected = files[position];
    if (expected !== undefined && expected.name !== name) {
      throw new Error(
        `The migration ${expected.name} comes before ${name}, which this database already has. ` +
          'Give it a name that sorts after all others.',
      );
    }
  }
}

async function applyOne(client: pg.PoolClient, file: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(file.text);
    await client.query('insert into schema_migration (name, checksum) values ($1, $2)', [file.name, file.checksum]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The migration ${file.name} failed and changed nothing: ${reason}`, { cause });
  }
}
