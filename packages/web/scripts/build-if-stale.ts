import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const web = join(import.meta.dirname, '..');
const core = join(web, '../core');
const dist = join(web, 'dist');
const stamp = join(dist, '.stamp');

/** Everything the output depends on, besides the installed packages, for which the lockfile stands. */
const sources = [
  join(web, 'src'),
  join(web, 'index.html'),
  join(web, 'vite.config.ts'),
  join(web, 'package.json'),
  join(core, 'src'),
  join(web, '../../package-lock.json'),
];

/**
 * Builds the web app unless `dist/` already holds the build of exactly these sources. Fresh: reads about a hundred
 * small files and loads no bundler. Stale: one child process, so that the bundler's memory and its `NODE_ENV` leave
 * with it. The stamp goes first and comes back last: a build that was killed half way is stale.
 *
 * @throws when the build fails, with the bundler's words.
 */
export async function buildIfStale(log: (line: string) => void): Promise<void> {
  const wanted = await digestOf(sources);
  if ((await stored()) === wanted) return;
  const started = performance.now();
  log('Building the web app (only after a change, a few seconds)');
  await rm(stamp, { force: true });
  await runBuild();
  await mkdir(dist, { recursive: true });
  await writeFile(stamp, wanted);
  log(`Built the web app in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function runBuild(): Promise<void> {
  const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'build.ts')];
  try {
    // A test runner's NODE_ENV would choose React's development build.
    await promisify(execFile)(process.execPath, args, { cwd: web, env: { ...process.env, NODE_ENV: 'production' } });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`The web app did not build.${said === '' ? '' : `\n${said}`}`, { cause: error });
  }
}

/** The digest the present output was built from; null when there is none or the output is incomplete. */
async function stored(): Promise<string | null> {
  try {
    await Promise.all([access(join(dist, 'landing.js')), access(join(dist, 'app/index.html'))]);
    return await readFile(stamp, 'utf8');
  } catch {
    return null;
  }
}

async function digestOf(paths: readonly string[]): Promise<string> {
  const files = (await Promise.all(paths.map(filesUnder))).flat().toSorted();
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const hash = createHash('sha256').update(process.version);
  files.forEach((file, index) => {
    const content = contents[index] ?? Buffer.alloc(0);
    hash.update(`\0${relative(web, file)}\0${content.length}\0`).update(content);
  });
  return hash.digest('hex');
}

async function filesUnder(path: string): Promise<string[]> {
  if (/\.\w+$/.test(path)) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.includes('.test.'))
    .map((entry) => join(entry.parentPath, entry.name));
}

if (import.meta.main) await buildIfStale((line) => process.stdout.write(`${line}\n`));
