import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Call } from './calls.ts';
import type { Load, Loaded } from './load.ts';
import type { Served } from './served.ts';

/**
 * What the gate costs over HTTP, beside what HTTP itself costs: candidates take turns in one run, the server on one core and
 * the load on the other, each round on the same keys. Goal: 1.3 × bare `node:http`; not met under 0.9 ×.
 */
const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    keys: { type: 'string', default: '10000' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds) * (values.long ? 3 : 1);
const connections = 32;
const least = 0.9;

const pinned = spawnSync('taskset', ['-p', String(process.pid)]).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'farebox-bench-'));
const keysFile = join(folder, 'keys');

interface Candidate {
  name: string;
  call: Call;
  served: Served;
  process: ChildProcess;
}

interface Figures extends Loaded {
  cpu_us: number;
}

const at = (file: string): string => new URL(file, import.meta.url).pathname;

function start(file: string, core: number, args: string[] = []): ChildProcess {
  const child = fork(at(file), args, { execArgv: ['--conditions=farebox'] });
  if (pinned) spawnSync('taskset', ['-acp', String(core), String(child.pid)]);
  return child;
}

async function serve(file: string, args: string[] = []): Promise<{ process: ChildProcess; served: Served }> {
  const child = start(file, 0, args);
  const [served] = (await Promise.race([once(child, 'message'), endOf(child, file)])) as [Served];
  return { process: child, served };
}

async function endOf(child: ChildProcess, file: string): Promise<never> {
  await once(child, 'exit');
  throw new Error(`${file} ended before it served`);
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ cpu_us }] = (await once(child, 'message')) as [{ cpu_us: number }];
  return cpu_us;
}

async function measure(
  generator: ChildProcess,
  { call, served, process: child }: Candidate,
  secs: number,
): Promise<Figures> {
  const before = await cpuOf(child);
  const load: Load = { ...served, call, keys: keysFile, connections, seconds: secs };
  generator.send(load);
  const [loaded] = (await once(generator, 'message')) as [Loaded];
  const used = (await cpuOf(child)) - before;
  return { ...loaded, cpu_us: used / loaded.requests };
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

const farebox = await serve('serve-farebox.ts', [keysFile, values.keys]);
const node = await serve('serve-node.ts');
const generator = start('load.ts', 1);
const candidates: Candidate[] = (['verify', 'forward-auth'] as const).flatMap((call) => [
  { name: `node:http, no gate: ${call}`, call, ...node },
  { name: `Farebox: ${call}`, call, ...farebox },
]);
const results = new Map<string, Figures[]>(candidates.map(({ name }) => [name, []]));
for (const candidate of candidates) await measure(generator, candidate, Math.max(1, seconds));
for (let round = 0; round < rounds; round += 1) {
  for (const candidate of candidates) results.get(candidate.name)?.push(await measure(generator, candidate, seconds));
}
for (const child of [farebox.process, node.process, generator]) {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
rmSync(folder, { recursive: true });

const rows = candidates.map(({ name, call }) => {
  const figures = results.get(name) ?? [];
  const of = (field: keyof Figures): number => median(figures.map((each) => each[field]));
  const refused = figures.reduce((sum, each) => sum + each.refused, 0);
  return {
    name,
    call,
    per_second: of('per_second'),
    p50_us: of('p50_us'),
    p99_us: of('p99_us'),
    cpu_us: of('cpu_us'),
    refused,
  };
});
console.log(
  `median of ${rounds} rounds of ${seconds} s, ${connections} connections, ${values.keys} keys${pinned ? ', a core each' : ', not pinned to cores'}`,
);
console.log('candidate                        req/s   × bare   p50 µs   p99 µs   CPU µs/req   refused');
const ratios: Record<string, number> = {};
for (const row of rows) {
  const floor = rows.find((each) => each.call === row.call) ?? row;
  const ratio = row.per_second / floor.per_second;
  if (row !== floor) ratios[row.call] = Number(ratio.toFixed(2));
  console.log(
    `${row.name.padEnd(30)} ${String(row.per_second).padStart(7)} ${ratio.toFixed(2).padStart(8)} ${String(row.p50_us).padStart(8)} ${String(row.p99_us).padStart(8)} ${row.cpu_us.toFixed(1).padStart(12)} ${String(row.refused).padStart(9)}`,
  );
}
const met = rows.every(({ refused }) => refused === 0) && Object.values(ratios).every((ratio) => ratio >= least);
console.log(JSON.stringify({ name: 'bench:gate', met, least, ...ratios, keys: Number(values.keys), pinned }));
process.exit(met ? 0 : 1);
