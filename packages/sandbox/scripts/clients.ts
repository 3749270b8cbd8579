/**
 * Installs programs that others wrote for Stripe, unchanged, in a temporary folder, points them at a sandbox on a port and says in
 * one line of JSON what each could do: `npm run clients -w @farebox/sandbox -- --database postgres://…`. It needs the npm
 * registry, so it is no part of the tests; the database, for the sync engine alone, must be an empty one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { driveBetterAuth } from './clients/better-auth.ts';
import { driveCurl } from './clients/curl.ts';
import type { Desk, Driven } from './clients/desk.ts';
import { driveOlderSdk, olderSdks } from './clients/older-sdks.ts';
import { driveSyncEngine } from './clients/sync-engine.ts';

const packages = {
  '@better-auth/stripe': '1.7.6',
  '@supabase/stripe-sync-engine': '0.48.5',
  'better-auth': '1.7.25',
  stripe: '23.1.0',
  ...Object.fromEntries(olderSdks.map((version) => [`stripe-${version}`, `npm:stripe@${version}`])),
};

function install(): string {
  const home = mkdtempSync(join(tmpdir(), 'sandbox-clients-'));
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies: packages }));
  // Their peers disagree about patch versions.
  const flags = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  execFileSync('npm', ['install', ...flags], { cwd: home, stdio: ['ignore', 'ignore', 'inherit'] });
  return home;
}

async function drive(
  client: string,
  { home, port, sandbox }: { home: string; port: number; sandbox: Sandbox },
  work: (desk: Desk) => Promise<void>,
): Promise<Driven> {
  const driven: Driven = { client, done: [], failed: [] };
  const note = (name: string, cause: unknown): void => {
    driven.failed.push({ name, message: cause instanceof Error ? cause.message : String(cause) });
  };
  const desk: Desk = {
    sandbox,
    port,
    load: createRequire(join(home, 'package.json')),
    open: (path) => import(pathToFileURL(join(home, 'node_modules', path)).href),
    async check(name, does) {
      try {
        const result = await does();
        driven.done.push(name);
        return result;
      } catch (cause) {
        note(name, cause);
        return null;
      }
    },
  };
  await work(desk).catch((cause: unknown) => note('as a whole', cause));
  return driven;
}

const { values } = parseArgs({ options: { database: { type: 'string' } } });
const home = install();
const sandbox = await createSandbox({ account_name: 'Clients' });
const { port } = await sandbox.listen({ port: 0 });
const at = { home, port, sandbox };
const results: Driven[] = [];
for (const version of olderSdks)
  results.push(await drive(`stripe ${version}`, at, (desk) => driveOlderSdk(desk, version)));
results.push(await drive('curl', at, driveCurl));
results.push(await drive('@better-auth/stripe 1.7.6', at, driveBetterAuth));
const { database } = values;
if (database === undefined) process.stderr.write('skipped: the sync engine (give --database postgres://…)\n');
else results.push(await drive('@supabase/stripe-sync-engine 0.48.5', at, (desk) => driveSyncEngine(desk, database)));
await sandbox.close();
rmSync(home, { recursive: true });
console.log(JSON.stringify(results.map(({ client, done, failed }) => ({ client, passed: done.length, failed }))));
process.exit(results.every(({ failed }) => failed.length === 0) ? 0 : 1);
