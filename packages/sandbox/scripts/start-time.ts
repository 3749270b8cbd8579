/**
 * How long the sandbox takes from its start as a process to the line that says it listens, on this machine: of the sources as
 * `npm run sandbox` starts them, and of the built package when it is there. `npm run start-time -w @farebox/sandbox -- 10`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

const runs = Number(process.argv[2] ?? '8');
const at = (file: string): string => new URL(`../${file}`, import.meta.url).pathname;

/** Milliseconds until the process writes its first line. */
async function took(args: string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const ms = performance.now() - started;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  return Math.round(ms);
}

const starts: Record<string, string[]> = {
  'an empty Node': ['-e', 'console.log(1)'],
  'the sources': ['--conditions=farebox', at('src/bin.js'), '--port', '0'],
  ...(existsSync(at('dist/bin.js')) ? { 'the built package': [at('dist/bin.js'), '--port', '0'] } : {}),
};
for (const [name, args] of Object.entries(starts)) {
  // The first start after an installation finds what that one compiled; later ones find also what ran.
  const first = await took(args);
  const later = [];
  for (let n = 0; n < runs; n += 1) later.push(await took(args));
  later.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(18)} first ${first} ms, then best ${later[0]} ms, median ${later[runs >> 1]} ms of ${runs}`,
  );
}
