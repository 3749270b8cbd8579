import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';

/**
 * Who a process is. A number alone is not enough: it is given to another process after this one has ended, so the
 * time it started goes with it.
 */
export interface ProcessIdentity {
  pid: number;
  /** Opaque, null where the system does not tell. */
  started: string | null;
  /** Numbers mean something only inside one namespace: two containers do not see each other's processes. */
  namespace: string | null;
}

/** The identity of a living process; null when there is none of that number. */
export function identify(pid: number): ProcessIdentity | null {
  if (!isAlive(pid)) return null;
  return { pid, started: startOf(pid), namespace: readLink('/proc/self/ns/pid') };
}

/** Whether that very process still lives; null when this process cannot know, being in another namespace. */
export function lives(identity: ProcessIdentity): boolean | null {
  const now = identify(identity.pid);
  if (identity.namespace !== readLink('/proc/self/ns/pid')) return null;
  return now !== null && now.started === identity.started;
}

/** Whether a process of that number runs. One that has ended and was not yet collected does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return statOf(pid)?.state !== 'Z';
}

/**
 * Whether the process is a PostgreSQL server on this data folder. A server stands in its data folder; where the system
 * does not show that (root without CAP_SYS_PTRACE, as in a container), its command line says with what it was started.
 * One whose folder was moved since then is taken for ours: a second server on the same data would destroy them.
 */
export function isServerOn(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  const folder = readLink(`/proc/${pid}/cwd`);
  if (folder !== null) return folder.replace(/ \(deleted\)$/, '') === realOf(data);
  const args = readText(`/proc/${pid}/cmdline`)?.split('\0') ?? ps(pid, 'command=')?.split(' ') ?? [];
  if (!args.some((arg) => arg.endsWith('/postgres'))) return false;
  const given = args[args.indexOf('-D') + 1];
  return given === undefined || realOf(given) === realOf(data) || !existsSync(given);
}

/** The path without symbolic links; the path itself when nothing is there any more. */
function realOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  const boot = readText('/proc/sys/kernel/random/boot_id');
  const stat = statOf(pid);
  return boot === null || stat === null ? null : `${boot.trim()}/${stat.startTicks}`;
}

/** proc_pid_stat(5): the name in brackets may hold anything, so fields are counted from the last bracket. */
function statOf(pid: number): { state: string; startTicks: string } | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? null : { state, startTicks };
}

function ps(pid: number, field: string): string | null {
  try {
    return execFileSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 }).trim();
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
