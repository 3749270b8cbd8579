// Writes src/db/tables.ts from what the migrations make; with --check only says whether it is fresh.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../src/db/database.ts';
import { startEmbedded } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';

export const tablesFile = fileURLToPath(new URL('../src/db/tables.ts', import.meta.url));

/** The types of a migrated database's tables and views. What pg-boss and the migrations keep for themselves is left out. */
export function tablesOf(url: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fbt-'));
  const out = join(folder, 'tables.ts');
  const program = createRequire(import.meta.url).resolve('kysely-codegen/dist/cli/bin.js');
  const flags: Record<string, string> = {
    dialect: 'postgres',
    url,
    'out-file': out,
    'log-level': 'error',
    'type-mapping': '{"int8":"number"}',
    'exclude-pattern': '{pgboss.*,public.schema_migration}',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  try {
    execFileSync(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(check: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'fbt-'));
  chmodSync(dir, 0o711); // as root the server runs as another user, who has to come through
  const embedded = await startEmbedded({ dir });
  try {
    const database = openDatabase({ url: embedded.url });
    await migrate(database.pool);
    await database.close();
    const fresh = tablesOf(embedded.url);
    if (fresh === readFileSync(tablesFile, 'utf8')) console.log('src/db/tables.ts is fresh');
    else if (check) {
      console.error('src/db/tables.ts is stale: run node packages/server/scripts/generate-tables.ts');
      process.exitCode = 1;
    } else {
      writeFileSync(tablesFile, fresh);
      console.log('src/db/tables.ts was written');
    }
  } finally {
    await embedded.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

if (import.meta.main) await main(process.argv.includes('--check'));
