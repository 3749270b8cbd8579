import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Run {
  code: number | null;
  out: string;
  err: string;
}

/** `farebox …` as a process of its own, in this environment and no other. */
export async function runCommand(args: string[], environment: Record<string, string>): Promise<Run> {
  const child = spawn(process.execPath, ['--conditions=farebox', 'packages/server/src/main.ts', ...args], {
    cwd: join(import.meta.dirname, '../../..'),
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}
