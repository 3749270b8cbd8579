import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** Puts a process, and whatever it starts from then on, on one core, where the machine can. */
export function pinTo(pid: number, core: number): boolean {
  return spawnSync('taskset', ['-acp', String(core), String(pid)]).status === 0;
}

const ours = new Set<number>();
process.once('exit', () => {
  for (const pid of ours) killed(pid);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** Ends with this process, however that ends. */
export function endsWithUs(pid: number): void {
  ours.add(pid);
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    return; // it is gone already
  }
}

/** A program of this folder in a process of its own, on one core, and what it says first. */
export async function begin<Said>(
  file: string,
  options: { core: number; told: unknown },
): Promise<{ child: ChildProcess; pid: number; said: Said }> {
  const path = new URL(file, import.meta.url).pathname;
  const child = fork(path, [JSON.stringify(options.told)], { execArgv: ['--conditions=farebox'] });
  pinTo(child.pid ?? 0, options.core);
  endsWithUs(child.pid ?? 0);
  const [said] = (await Promise.race([once(child, 'message'), endOf(child, file)])) as [Said];
  return { child, pid: child.pid ?? 0, said };
}

async function endOf(child: ChildProcess, file: string): Promise<never> {
  await once(child, 'exit');
  ours.delete(child.pid ?? 0);
  throw new Error(`${file} ended before it said anything`);
}

/** Ends it and waits until it is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Microseconds of the processor that a process and those it started have used; NaN where the system does not say. */
export function cpuOf(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return existsSync('/proc/self/task') ? 0 : Number.NaN;
  let nanoseconds = 0;
  let children = 0;
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(read(`${tasks}/${task}/schedstat`).split(' ')[0]);
    for (const child of read(`${tasks}/${task}/children`).split(' '))
      if (child !== '') children += cpuOf(Number(child));
  }
  return nanoseconds / 1000 + children + endedChildren(pid);
}

/** Of those that it started and that ended: `cutime` and `cstime`, in hundredths of a second. */
function endedChildren(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * 10_000;
}

/** Microseconds that all processors of the machine were busy since it started. */
export function cpuOfMachine(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    read('/proc/stat').split('\n', 1)[0]?.split(/ +/).map(Number) ?? [];
  return (user + nice + system + irq + softirq) * 10_000;
}

/** Of what ended meanwhile nothing is known. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
