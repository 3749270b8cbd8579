import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { readChoices } from './chance.ts';
import type { Report } from './convergence-worker.ts';
import { openDrillDatabase } from './drill-database.ts';

/**
 * Whatever happens, what is here becomes what Stripe has. Sequences of what customers, sellers and Stripe's dashboard do are
 * played on the program with its events coming 0 to 10 times in any order, with Stripe failing before and after the effect,
 * and with the process killed before and after any call to the outside. After the last delivery, or one sweep where
 * events were lost, both sides are compared by a second reading; at every step nothing is charged or sold twice.
 * `--long` plays 100,000; `--seed` and `--path` play a failure again; `--whole` tells one without making it shorter.
 */
const { isLong, seed } = readChoices(process.argv);
const { values } = parseArgs({
  strict: false,
  options: {
    runs: { type: 'string' },
    path: { type: 'string' },
    workers: { type: 'string' },
    // Ends after so long, with as many as were played by then.
    minutes: { type: 'string' },
    // Tells a failure as it was found, without making it shorter.
    whole: { type: 'boolean' },
  },
});
const path = typeof values.path === 'string' ? values.path : '';
const runs = path !== '' ? 1 : Number(values.runs ?? (isLong ? 100_000 : 5_000));
const workers = path !== '' ? 1 : Math.min(runs, Number(values.workers ?? Math.max(2, availableParallelism())));

/** Each call to Stripe notes where it was made, and each text of a stack is paid for; a failure that is seen again has them. */
const withoutStacks = '--stack-trace-limit=0';

const began = performance.now();
const folder = makeFolder('convergence-workers', 'closed');
const { db, close } = await openDrillDatabase('convergence');
// Nothing here has to survive, and what is asked is asked a hundred thousand times.
for (const setting of ['fsync = off', 'full_page_writes = off', 'jit = off'])
  await db.pool.query(`alter system set ${setting}`);
await db.pool.query('select pg_reload_conf()');
const progress: number[] = [];
const reports = await Promise.all(Array.from({ length: workers }, (_, index) => runWorker(index)));
await close();
removeFolder(folder);

const failures = reports.flatMap(({ failure }) => failure ?? []);
const total = (name: string) => reports.reduce((sum, { counts }) => sum + (counts[name] ?? 0), 0);
const of = (kind: 'divergences' | 'double_charges' | 'duplicate_subscriptions' | 'others') =>
  failures.reduce((sum, { verdict }) => sum + (verdict?.[kind].length ?? 0), 0);
const faults = Object.fromEntries(
  [...new Set(reports.flatMap(({ counts }) => Object.keys(counts)))]
    .filter((name) => name.startsWith('fault '))
    .map((name) => [name.slice('fault '.length), total(name)]),
);
const figures = {
  sequences: reports.reduce((sum, each) => sum + each.sequences, 0),
  commands: total('commands'),
  calls: reports.reduce((sum, each) => sum + each.calls, 0),
  events: total('events'),
  deliveries: total('deliveries'),
  dropped: total('lost'),
  sweeps: total('sweeps'),
  jobs: total('jobs'),
  crashes: total('kills'),
  faults,
  divergences: of('divergences'),
  double_charges: of('double_charges'),
  duplicate_subscriptions: of('duplicate_subscriptions'),
  other_faults: of('others') + failures.filter(({ error }) => error !== null).length,
  seed,
  seconds: Math.round((performance.now() - began) / 1000),
};
const met = failures.length === 0;
console.log(JSON.stringify({ name: 'drill:convergence', met, ...figures }));
process.exit(met ? 0 : 1);

/** Each worker has a database and a local Stripe of its own, and its own part of the seeds. */
async function runWorker(index: number): Promise<Report> {
  const name = `convergence_${index}`;
  await db.pool.query(`create database ${name}`);
  await db.pool.query(`alter database ${name} set plan_cache_mode = force_generic_plan`);
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  const share = Math.floor(runs / workers) + (index < runs % workers ? 1 : 0);
  const args = [
    db.url.replace('/farebox?', `/${name}?`),
    own,
    String(seed + index),
    String(share),
    path,
    values.whole === true ? 'whole' : '',
    String(values.minutes ?? ''),
  ];
  const child = fork(join(import.meta.dirname, 'convergence-worker.ts'), args, {
    execArgv: ['--conditions=farebox', '--max-semi-space-size=64', ...(path === '' ? [withoutStacks] : [])],
  });
  const lost = (code: number | null): Report => ({
    sequences: 0,
    calls: 0,
    counts: {},
    failure: {
      seed: seed + index,
      path: '',
      commands: [],
      loses: 'none',
      verdict: null,
      error: `worker ${index} ended with ${code} before it had reported`,
    },
  });
  const report = await new Promise<Report>((resolve) => {
    child.on('message', (message: { told: number } | { report: Report }) => {
      if ('report' in message) return resolve(message.report);
      progress[index] = message.told;
      const told = progress.reduce((sum, each) => sum + each, 0);
      console.log(`  ${told} of ${runs} sequences after ${Math.round((performance.now() - began) / 1000)} s`);
    });
    child.once('exit', (code) => resolve(lost(code)));
  });
  // At once: the others may play for an hour more.
  if (report.failure !== null) say(report.failure);
  return report;
}

function say({ seed: own, path: to, loses, commands, verdict, error }: NonNullable<Report['failure']>): void {
  console.log(`\n  FAULT, seen again with: npm run drill:convergence -- --seed ${own} --path ${to}`);
  if (loses !== 'none') console.log(`    of the events ${loses} never come`);
  for (const line of commands) console.log(`    ${line}`);
  for (const [kind, lines] of Object.entries(verdict ?? {}))
    for (const line of lines as string[]) console.log(`    ${kind}: ${line}`);
  if (error !== null) console.log(`    ${error}`);
}
