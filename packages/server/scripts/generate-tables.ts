// Writes src/db/tables.ts from what the migrations make; with --check only says whether it is fresh.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFreshDatabase } from './fresh-database.ts';
import { writeIfStale } from './write-if-stale.ts';

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

if (import.meta.main) {
  const fresh = await withFreshDatabase(async ({ url }) => tablesOf(url));
  writeIfStale(tablesFile, fresh, process.argv.includes('--check'));
}
