import fc from 'fast-check';
import { type Loss, type Sequence, say, sequences } from './convergence/commands.ts';
import { type Verdict, isBad, tell } from './convergence/story.ts';
import { openWorld } from './convergence/world.ts';

/** One worker of the drill: `node worker.ts <database> <folder> <seed> <runs> [path] [whole] [minutes]`. Tells its parent what it found. */
export interface Report {
  sequences: number;
  calls: number;
  counts: Record<string, number>;
  /** What the shortest sequence that went wrong was, and how to see it again. */
  failure: {
    seed: number;
    path: string;
    commands: string[];
    loses: Loss;
    verdict: Verdict | null;
    error: string | null;
  } | null;
}

/** How long a failure is made shorter. */
const shrinking_ms = 180_000;

const [url = '', folder = '', seed = '1', runs = '1', path = '', whole = '', minutes = ''] = process.argv.slice(2);
const world = await openWorld({ url, folder });
let told = 0;
let failedAt: number | null = null;

const property = fc.asyncProperty(sequences, async (sequence) => {
  if (failedAt !== null && performance.now() - failedAt > shrinking_ms) return;
  told += 1;
  try {
    const verdict = await tell(world, sequence, `${seed} ${told}`);
    if (isBad(verdict)) throw new Error(JSON.stringify(verdict));
  } catch (error) {
    failedAt ??= performance.now();
    throw error;
  }
  if (told % 100 === 0) process.send?.({ told });
});
const result = await fc.check(property, {
  seed: Number(seed),
  numRuns: Number(runs),
  endOnFailure: whole !== '',
  ...(minutes === '' ? {} : { interruptAfterTimeLimit: Number(minutes) * 60_000, markInterruptAsFailure: false }),
  ...(path === '' ? {} : { path }),
});
const sequence: Sequence | undefined = result.counterexample?.[0];
const report: Report = {
  sequences: result.failed ? told : result.numRuns,
  calls: world.turns.calls,
  counts: world.counts,
  failure: !result.failed
    ? null
    : {
        seed: result.seed,
        path: result.counterexamplePath ?? '',
        commands: sequence?.commands.map(say) ?? [],
        loses: sequence?.loses ?? 'none',
        ...verdictOf(result.errorInstance),
      },
};
// A story that the time limit cut short still runs: the end of the process ends it.
process.send?.({ report }, () => process.exit(0));

function verdictOf(error: unknown): { verdict: Verdict | null; error: string | null } {
  const text = error instanceof Error ? error.message : String(error);
  if (!text.startsWith('{')) return { verdict: null, error: error instanceof Error ? (error.stack ?? text) : text };
  return { verdict: JSON.parse(text) as Verdict, error: null };
}
