import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '../packages/server/src/db/database.ts';
import { startEmbedded } from '../packages/server/src/db/embedded.ts';
import { migrate } from '../packages/server/src/db/migrate.ts';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { freePort } from '../packages/server/test/free-port.ts';

/** A migrated database that writes through to the disk, in a folder that goes with it. */
export interface BenchDatabase {
  name: string;
  url: string;
  db: Database;
  /** The server's own process. */
  pid: number;
  close(): Promise<void>;
}

const versions = '/usr/lib/postgresql';

/** The embedded one, and that of the system where there is one: the oldest, which is the one Farebox promises. */
export function kindsOfDatabase(): ('embedded' | 'system')[] {
  return existsSync(versions) ? ['embedded', 'system'] : ['embedded'];
}

export async function openBenchDatabase(kind: 'embedded' | 'system'): Promise<BenchDatabase> {
  const folder = makeFolder(`bench-${kind}`, 'open');
  const server = kind === 'embedded' ? await startEmbedded({ dir: join(folder, 'data') }) : await startSystem(folder);
  const db = openDatabase({ url: server.url, max: 8 });
  await migrate(db.pool);
  const { rows } = await db.pool.query<{ version: string }>("select current_setting('server_version') as version");
  return {
    name: `PostgreSQL ${rows[0]?.version.split(' ')[0] ?? ''}${kind === 'embedded' ? ', embedded' : ''}`,
    url: server.url,
    db,
    pid: server.pid,
    async close() {
      await db.close();
      await server.stop();
      removeFolder(folder, join(folder, 'data'));
    },
  };
}

async function startSystem(folder: string): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
  const [version = ''] = readdirSync(versions).toSorted((a, b) => Number(a) - Number(b));
  const bin = join(versions, version, 'bin');
  const data = join(folder, 'system');
  const port = await freePort(1);
  const isRoot = process.getuid?.() === 0;
  const run = (program: string, args: string[]) => {
    const command = [join(bin, program), ...args];
    const as = isRoot ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : [];
    const [file = '', ...rest] = [...as, ...command];
    execFileSync(file, rest, { stdio: 'ignore', cwd: folder });
  };
  if (isRoot) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })));
    chownSync(folder, uid ?? 0, gid ?? 0);
  }
  run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync']);
  const settings = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c max_connections=100`;
  run('pg_ctl', ['-D', data, '-o', settings, '-l', join(folder, 'log'), '-w', 'start']);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    pid: Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
    stop: () => Promise.resolve(run('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop'])),
  };
}

/** Puts a process and its children on one core, where the machine can. */
export function pin(pid: number, core: number): boolean {
  if (spawnSync('taskset', ['-acp', String(core), String(pid)]).status !== 0) return false;
  const path = `/proc/${pid}/task/${pid}/children`;
  if (existsSync(path))
    for (const child of readFileSync(path, 'utf8').trim().split(' '))
      if (child !== '') spawnSync('taskset', ['-acp', String(core), child]);
  return true;
}
