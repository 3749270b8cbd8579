import { readFileSync } from 'node:fs';

/** How often a program started by npm looks whether npm is still there. */
const parentCheckMs = 1000;

/**
 * Waits for SIGINT or SIGTERM, then runs the steps in order; answers 0. A second signal ends at once. npm does not hand
 * SIGTERM on, so a program that npm started also stops when npm is gone.
 */
export async function untilStopped(
  steps: readonly (() => Promise<void>)[],
  options: { started_by_npm?: boolean } = {},
): Promise<number> {
  const npm = options.started_by_npm === true ? grandparent() : null;
  await new Promise<void>((resolve) => {
    const watch = setInterval(() => {
      if (npm !== null && grandparent() !== npm) stop();
    }, parentCheckMs);
    const stop = () => {
      clearInterval(watch);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
      resolve();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
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
