import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { Counts, Going } from '../../scripts/verdict.ts';
import { type Command, sequence } from './commands.ts';
import { expected, shown } from './compare.ts';
import { open, perform, type Play } from './play.ts';

/** What both say, line by line, where they differ. */
function contrast(wanted: readonly string[], is: readonly string[]): string {
  const lines = [...new Set([...wanted, ...is])].flatMap((line) => {
    const [one, other] = [wanted, is].map((all) => all.filter((each) => each === line).length);
    return one === other ? [] : [`${(one ?? 0) > (other ?? 0) ? 'oracle ' : 'sandbox'} ${line}`];
  });
  return lines.join('\n');
}

async function compare(play: Play, command: Command): Promise<void> {
  const [wanted, is] = [expected(play), await shown(play)];
  if (wanted.join('\n') === is.join('\n')) return;
  throw new Error(`After ${JSON.stringify(command)}:\n${contrast(wanted, is)}\nsandbox:\n${is.join('\n')}`);
}

/** Plays one sequence of commands; throws where the sandbox and the oracle part, or an invariant breaks. */
export async function play(commands: readonly Command[], counts: Counts = {}): Promise<void> {
  const playing = await open();
  try {
    for (const command of commands) {
      await perform(playing, command);
      await compare(playing, command);
      counts['commands'] = (counts['commands'] ?? 0) + 1;
    }
  } finally {
    await playing.sandbox.close();
  }
  if (playing.watching.faults.length > 0) throw new Error(playing.watching.faults.join('\n'));
}

/** Plays so many random sequences, and counts them. */
export async function explore({ runs, seed, counts }: Going): Promise<void> {
  Object.assign(counts, { sequences: 0, commands: 0 });
  const property = fc.asyncProperty(sequence, async (commands) => {
    // Timers may run between sequences.
    await setImmediate();
    await play(commands, counts);
    counts['sequences'] = (counts['sequences'] ?? 0) + 1;
  });
  await fc.assert(property, { numRuns: runs, seed });
}
