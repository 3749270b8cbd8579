import { setTimeout as wait } from 'node:timers/promises';
import { makeFolder, removeFolder } from '../packages/server/test/folder.ts';
import { type RedisServer, startRedis } from '../packages/server/test/redis-server.ts';
import { readChoices } from './chance.ts';
import { type Forwarder, startForwarder } from './forwarder.ts';
import { type Row, createWorld, readResults } from './limits-world.ts';

/**
 * No limit is exceeded, whoever counts: 1, 2, 4 and 8 nodes whose clocks differ by up to five minutes; traffic that is even, in bursts, on
 * one customer; counters that ask for each decision and that lease; Redis calm, cut off, slow, and killed and started again; limits that
 * are halved and raised in the middle of a window; a node that crashes with what it holds. What was let through is written by who asked.
 *
 * Every combination runs at the same time beside the others, with customers of its own; then each by itself as fast as it can, to see how much
 * less several nodes let through than one that asks for everything. A limit that is `closed` holds exactly; one that is `open_capped` may
 * be had once more where Redis was lost. `--long` decides at least ten million times.
 */
const { isLong, seed } = readChoices(process.argv);
const phaseMs = isLong ? 20_000 : 4500;
const aloneMs = isLong ? 8000 : 2400;
const wantedDecisions = isLong ? 10_000_000 : 0;
/** Blocks lie for a moment with nodes that do not use them, and one node takes its own along. */
const mostUnder = 0.35;
const modes = ['exact', 'leased'] as const;
const counts = [1, 2, 4, 8] as const;
const kinds = ['even', 'bursts', 'hot'] as const;
const alone = [
  { mode: 'exact', nodes: 1, traffic: 'hot' },
  ...counts.map((nodes) => ({ mode: 'leased', nodes, traffic: 'hot' }) as const),
  { mode: 'leased', nodes: 4, traffic: 'bursts' },
  { mode: 'leased', nodes: 8, traffic: 'even' },
] as const;

const folder = makeFolder('limits', 'closed');
// What it answered is in the file before it answers; a process that is killed takes none of it along.
const more = ['--appendonly', 'yes', '--appendfsync', 'no', '--dir', folder];
let redis: RedisServer = await startRedis({ more });
const line: Forwarder = await startForwarder(redis.port);

/** What happens to Redis, over and over until the phase is over. */
const phases: { name: string; trouble(isOver: () => boolean): Promise<void> }[] = [
  { name: 'calm', trouble: () => Promise.resolve() },
  {
    name: 'cut',
    async trouble(isOver) {
      while (!isOver()) {
        await wait(700);
        line.cut();
        await wait(500);
        line.mend();
        await wait(900);
      }
    },
  },
  {
    name: 'slow',
    async trouble(isOver) {
      while (!isOver())
        for (const ms of [15, 60, 0]) {
          line.delay(ms);
          await wait(600);
        }
      line.delay(0);
    },
  },
  {
    name: 'restarted',
    async trouble(isOver) {
      while (!isOver()) {
        await wait(1200);
        await redis.kill();
        redis = await startRedis({ port: redis.port, more });
        await wait(1200);
      }
    },
  },
];

const rows: Row[] = [];
let under = 0;
let round = 0;
do {
  round += 1;
  for (const phase of phases) rows.push(...(await runTogether(phase)));
  under = Math.max(under, await runAlone());
} while (sum(rows, (row) => row.decisions) < wantedDecisions);
await line.close();
await redis.kill();
removeFolder(folder);

const over_closed = sum(rows, (row) => row.over_closed);
const over_open = sum(rows, (row) => row.over_open);
const met = over_closed === 0 && over_open === 0 && under <= mostUnder;
console.log(
  JSON.stringify({
    name: 'drill:limits',
    met,
    seed,
    decisions: sum(rows, (row) => row.decisions),
    admitted: sum(rows, (row) => row.admitted),
    over_closed,
    over_open,
    open_capped_most: rounded(most(rows, (row) => row.open_part)),
    under: rounded(under),
    most_under: mostUnder,
  }),
);
process.exit(met ? 0 : 1);

/** All combinations beside each other, under one kind of trouble. Where Redis is well, a machine that runs all of this at once is waited for. */
async function runTogether({ name, trouble }: (typeof phases)[number]): Promise<Row[]> {
  const shapes = modes.flatMap((mode) => counts.flatMap((nodes) => kinds.map((traffic) => ({ mode, nodes, traffic }))));
  const worlds = await Promise.all(
    shapes.map(async (shape, index) => {
      const id = `${round}_${name}_${shape.mode}_${shape.nodes}_${shape.traffic}`;
      return await createWorld({
        ...shape,
        name: id,
        seed: seed + index,
        url: line.url,
        timeout_ms: name === 'calm' ? 1000 : 40,
        pace: 'beside',
      });
    }),
  );
  const end_at = performance.now() + phaseMs;
  const isOver = () => performance.now() >= end_at;
  await Promise.all([...worlds.map(async (world) => await world.run(isOver, phaseMs)), trouble(isOver)]);
  await Promise.all(worlds.map((world) => world.close()));
  const found = worlds.map((world) => readResults(world, name));
  for (const mode of modes) {
    const own = found.filter((row) => row.mode === mode);
    say(`${name}, ${mode}`, own, { uncounted: sum(own, (row) => row.unavailable) });
  }
  return found;
}

/** One after the other, as fast as can be: answers the greatest part that nodes which lease let through less than one that asks. */
async function runAlone(): Promise<number> {
  let greatest = 0;
  let reference = 0;
  for (const { mode, nodes, traffic } of alone) {
    const id = `${round}_alone_${mode}_${nodes}_${traffic}`;
    const shape = { mode, nodes, traffic, name: id, seed } as const;
    const world = await createWorld({ ...shape, url: redis.url, timeout_ms: 1000, pace: 'alone' });
    const end_at = performance.now() + aloneMs;
    await world.run(() => performance.now() >= end_at, aloneMs);
    await world.close();
    const row = readResults(world, 'alone');
    rows.push(row);
    if (mode === 'exact') reference = row.admitted;
    const less = traffic === 'hot' ? Math.max(0, 1 - row.admitted / reference) : 0;
    greatest = Math.max(greatest, less);
    say(`alone, ${mode}, ${nodes} nodes, ${traffic}`, [row], { under: rounded(less) });
  }
  return greatest;
}

function say(what: string, found: readonly Row[], more_: Record<string, number>): void {
  for (const row of found) if (row.over_closed + row.over_open > 0) console.log(`  OVER ${JSON.stringify(row)}`);
  const figures = {
    decisions: sum(found, (row) => row.decisions),
    admitted: sum(found, (row) => row.admitted),
    over_closed: sum(found, (row) => row.over_closed),
    open_capped_most: rounded(most(found, (row) => row.open_part)),
    ...more_,
  };
  console.log(`${what}: ${JSON.stringify(figures)}`);
}

function sum(of: readonly Row[], pick: (row: Row) => number): number {
  return of.reduce((total, row) => total + pick(row), 0);
}

function most(of: readonly Row[], pick: (row: Row) => number): number {
  return of.reduce((worst, row) => Math.max(worst, pick(row)), 0);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
