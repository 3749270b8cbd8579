import pg from 'pg';
import { afterAll } from 'vitest';
import { openDatabase, type Database } from '../src/db/database.ts';
import { randomToken } from '../src/lib/secret.ts';
import { testServer, withDatabase } from './server.ts';

/**
 * A database of its own for one test file, with every migration applied. Call it at the top level of the file
 * (`const db = await testDatabase()`): it is dropped after the file's tests.
 */
export async function testDatabase(
  options: { empty?: boolean; atEnd?: (end: () => Promise<void>) => void } = {},
): Promise<Database & { url: string }> {
  const { atEnd = afterAll } = options;
  const server = await testServer();
  const name = `${server.prefix}${randomToken(6).toLowerCase()}`;
  const template = options.empty === true ? 'template0' : server.template;
  await administer(server.url, `create database ${name} template ${template}`);
  const url = withDatabase(server.url, name);
  const database = openDatabase({ url, max: 8 });
  atEnd(async () => {
    await database.close();
    await administer(server.url, `drop database if exists ${name} with (force)`);
  });
  return { ...database, url };
}

/** A copy of a database that nobody is connected to, as a backup is. It is dropped after the file's tests. */
export async function copyDatabase(url: string): Promise<string> {
  const server = await testServer();
  const name = `${server.prefix}${randomToken(6).toLowerCase()}`;
  const original = new URL(url.replace(/^\w+:\/\/[^/]*/, 'postgres://x')).pathname.slice(1);
  await administer(
    server.url,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${original}' and pid <> pg_backend_pid()`,
  );
  await administer(server.url, `create database ${name} template ${original}`);
  afterAll(() => administer(server.url, `drop database if exists ${name} with (force)`));
  return withDatabase(server.url, name);
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
