import { parseArgs } from 'node:util';

/** What a proof has done so far, counted while it goes. */
export type Counts = Record<string, number>;

/** How a proof is run: so many cases, from a seed that repeats it. */
export interface Going {
  runs: number;
  seed: number;
  counts: Counts;
}

const MINUTE = 60_000;

/**
 * Runs a proof and says how it went: `--long` for its full count, `--runs 500 --seed 7` for what one wants. The last
 * line is the verdict as JSON; a proof ends at its first violation, and not met is a failure of the program too.
 */
export async function verdict(
  name: string,
  sizes: { short: number; long: number },
  proof: (going: Going) => Promise<void>,
): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { long: { type: 'boolean', default: false }, runs: text, seed: text } });
  const runs = Number(values.runs ?? (values.long ? sizes.long : sizes.short));
  const seed = Number(values.seed ?? Date.now() % 2_147_483_647);
  const counts: Counts = {};
  process.stdout.write(`${name}: ${JSON.stringify({ runs, seed })}\n`);
  const start = performance.now();
  const progress = setInterval(() => process.stderr.write(`${name}: ${JSON.stringify(counts)}\n`), MINUTE);
  let met = true;
  try {
    await proof({ runs, seed, counts });
  } catch (cause) {
    met = false;
    for (let each = cause; each instanceof Error; each = each.cause) process.stdout.write(`${each.message}\n`);
  } finally {
    clearInterval(progress);
  }
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ name, met, ...counts, violations: met ? 0 : 1, seed, seconds })}\n`);
  process.exitCode = met ? 0 : 1;
}
