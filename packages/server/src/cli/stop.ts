import type { Worker } from 'node:cluster';
import { readFileSync } from 'node:fs';
import { drainMs } from './workers.ts';

/** How often a program started by npm looks whether npm is still there. */
const parentCheckMs = 1000;

/**
 * Waits for SIGINT or SIGTERM, then runs the steps in order; answers 0. A second signal ends at once. npm does not hand
 * SIGTERM on, so a program that npm started also stops when npm is gone. A worker leaves Ctrl-C, which a terminal sends to all
 * processes, to its parent, and stops when that tells it to or is gone.
 */
export async function untilStopped(
  steps: readonly (() => Promise<void>)[],
  options: { started_by_npm?: boolean; worker?: Worker } = {},
): Promise<number> {
  const npm = options.started_by_npm === true ? grandparent() : null;
  await new Promise<void>((resolve) => {
    const watch = setInterval(() => {
      if (npm !== null && grandparent() !== npm) stop();
    }, parentCheckMs);
    const stop = () => {
      clearInterval(watch);
      process.off('SIGINT', interrupted).off('SIGTERM', stop);
      process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
      resolve();
    };
    const interrupted = options.worker === undefined ? stop : () => undefined;
    process.on('SIGINT', interrupted).on('SIGTERM', stop);
    options.worker?.once('disconnect', () => {
      // Otherwise node ends a worker that lost its parent at once, with what it has accepted.
      if (options.worker !== undefined) options.worker.exitedAfterDisconnect = true;
      // Nobody is left to end it when what it has cannot be finished: its database may be gone with its parent.
      setTimeout(() => process.exit(1), drainMs).unref();
      stop();
    });
  });
  for (const step of steps) await step();
  return 0;
}

/** npm runs a script by a shell, so npm is the parent's parent. Where /proc is missing the parent alone has to do. */
function grandparent(): string {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    // `pid (name) state ppid …`; the name may hold spaces and brackets.
    return `${process.ppid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? ''}`;
  } catch {
    return String(process.ppid);
  }
}
