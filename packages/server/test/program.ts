import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { watchProgram } from './contract.ts';

/** `npm start` as a process of its own. */
export interface Program {
  url: string;
  stripe_url: string;
  pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Seconds from the start to the welcome. */
  started_in_s: number;
  kill(): Promise<void>;
  /** As Ctrl-C does. */
  interrupt(): Promise<number | null>;
}

const root = join(import.meta.dirname, '../../..');
const startTimeoutMs = 120_000;

/** Starts the program on a folder and waits for its welcome. Rejects with what it printed when it ends before that. */
export async function startProgram(options: {
  port: number;
  data_dir: string;
  environment?: Record<string, string>;
}): Promise<Program> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['--conditions=farebox', 'packages/server/src/main.ts', 'dev'], {
    cwd: root,
    env: {
      ...cleanEnvironment(),
      PORT: String(options.port),
      FAREBOX_DATA_DIR: options.data_dir,
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const welcomed = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes('Stop with Ctrl-C')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => reject(new Error(`the program ended with ${code} before it was up:\n${printed}`)));
    setTimeout(() => reject(new Error(`not up after ${startTimeoutMs} ms:\n${printed}`)), startTimeoutMs).unref();
  });
  try {
    await welcomed;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  const url = `http://localhost:${options.port}`;
  watchProgram(url);
  return {
    url,
    stripe_url: `http://localhost:${options.port + 1}`,
    pid: child.pid ?? 0,
    output: () => printed,
    started_in_s: (performance.now() - begun) / 1000,
    kill: async () => void (await end(child, 'SIGKILL')),
    interrupt: async () => await end(child, 'SIGINT'),
  };
}

/** Ends a process by a signal; answers its exit code once it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}

/** Without what a developer's shell may have set for another purpose. */
export function cleanEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])),
  );
}
