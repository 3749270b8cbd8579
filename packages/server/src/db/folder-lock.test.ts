import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireFolder, FolderHeldError } from './folder-lock.ts';
import { identify } from './process.ts';

let dir: string;
const lockFile = () => join(dir, 'running.json');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fbt-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const module = fileURLToPath(new URL('./folder-lock.ts', import.meta.url));
const program = `
  const { acquireFolder } = await import(${JSON.stringify(module)});
  try {
    await acquireFolder(process.argv[1]);
    console.log('acquired');
    if (process.argv[2] === 'stay') setInterval(() => {}, 1000);
  } catch (error) { console.log(error.name); }`;

/** A process that takes the folder and is killed while it holds it. */
async function killedHolder(): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dir, 'stay']);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a second opener is told who holds the folder, since when and where', async () => {
  const lock = await acquireFolder(dir);
  await lock.update({ url: 'http://localhost:4242' });
  const sentence = new RegExp(`process ${process.pid}, since 20..-.*Z, at http://localhost:4242\\) is using ${dir}`);
  await expect(acquireFolder(dir)).rejects.toThrow(sentence);
  await lock.release();
});

test('of a hundred double starts a hundred are refused', async () => {
  const lock = await acquireFolder(dir);
  const starts = await Promise.allSettled(Array.from({ length: 100 }, () => acquireFolder(dir)));
  const refused = starts.filter((start) => start.status === 'rejected' && start.reason instanceof FolderHeldError);
  expect(refused).toHaveLength(100);
  await lock.release();
  expect(await readdir(dir)).toEqual([]);
});

test('a released folder can be taken again', async () => {
  await (await acquireFolder(dir)).release();
  await (await acquireFolder(dir)).release();
});

test('a holder that was killed does not keep the folder', async () => {
  await killedHolder();
  expect(await readdir(dir)).toEqual(['running.json']);
  const lock = await acquireFolder(dir);
  await lock.release();
});

test('of many processes that find a dead holder one takes the folder', async () => {
  await killedHolder();
  const takers = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program, dir, 'stay']),
  );
  const said = await Promise.all(takers.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()));
  for (const taker of takers) taker.kill('SIGKILL');
  expect(said.toSorted()).toEqual([...Array<string>(5).fill('FolderHeldError'), 'acquired']);
});

test('a process that got the number of a dead holder is not mistaken for it', async () => {
  const self = identify(process.pid);
  const holder = {
    ...self,
    started: 'another boot/12345',
    token: 't',
    since_at: '2026-01-01T00:00:00.000Z',
    url: null,
  };
  await writeFile(lockFile(), JSON.stringify(holder));
  const lock = await acquireFolder(dir);
  await lock.release();
});

test('one that died while it replaced a dead holder is replaced too', async () => {
  const dead = { pid: 2 ** 22 + 1, started: 'x', namespace: identify(process.pid)?.namespace, since_at: '', url: null };
  await writeFile(lockFile(), JSON.stringify({ ...dead, token: 'first' }));
  await writeFile(`${lockFile()}.first`, JSON.stringify({ ...dead, token: 'second' }));
  const lock = await acquireFolder(dir);
  expect(JSON.parse(await readFile(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid });
  await lock.release();
  expect(await readdir(dir)).toEqual([]);
});

test('across containers a heartbeat tells the living from the dead', { timeout: 30_000 }, async () => {
  const elsewhere = { pid: 1, started: 'x', namespace: 'pid:[1]', token: 't', since_at: 'then', url: null };
  await writeFile(lockFile(), JSON.stringify(elsewhere));
  const beat = setInterval(() => void writeFile(lockFile(), JSON.stringify(elsewhere)), 500);
  await expect(acquireFolder(dir)).rejects.toThrow('process 1 in another container');
  clearInterval(beat);
  const lock = await acquireFolder(dir);
  await lock.release();
});

test('a file that is no lock file is not overwritten', async () => {
  await writeFile(lockFile(), '{}');
  await expect(acquireFolder(dir)).rejects.toThrow('is not a lock file of Farebox');
});
