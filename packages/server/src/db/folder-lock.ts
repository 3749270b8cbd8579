import { randomUUID } from 'node:crypto';
import { access, constants, link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../lib/clock.ts';
import { invariant } from '../lib/invariant.ts';
import { identify, lives, type ProcessIdentity } from './process.ts';

/** Who holds a folder, as its lock file says. */
interface Holder extends ProcessIdentity {
  token: string;
  since_at: string;
  url: string | null;
}

export interface FolderLock {
  /** Tells the next one who comes where this process can be reached. */
  update(info: { url: string }): Promise<void>;
  release(): Promise<void>;
}

/** The folder belongs to a living process. The message is a sentence for people. */
export class FolderHeldError extends Error {
  override name = 'FolderHeldError';
  readonly pid: number;
  readonly url: string | null;

  constructor(dir: string, holder: Holder) {
    const at = holder.url === null ? '' : `, at ${holder.url}`;
    const where = lives(holder) === null ? ' in another container' : '';
    super(
      `Another Farebox (process ${holder.pid}${where}, since ${holder.since_at}${at}) is using ${dir}. ` +
        'Stop it first, or use another folder.',
    );
    this.pid = holder.pid;
    this.url = holder.url;
  }
}

const heartbeat_ms = 2_000;

/**
 * Takes a folder for this process alone. Refuses while its holder lives, recovers when the holder is dead.
 *
 * The lock file appears whole (`link` is an exclusive create with content). A dead holder's file may be replaced only by
 * the one process that created the claim named after that holder's token, so that of any number of processes that find
 * a dead holder one replaces it; claims of processes that died on the way are claimed in the same manner.
 */
export async function acquireFolder(dir: string, info: { url?: string } = {}): Promise<FolderLock> {
  const folder = resolve(dir);
  await prepareFolder(folder);
  const self = identify(process.pid);
  invariant(self !== null, 'this process lives');
  const since_at = new Date(systemClock.now()).toISOString();
  const mine: Holder = { ...self, token: randomUUID(), since_at, url: info.url ?? null };
  const lock = join(folder, 'running.json');
  const draft = `${lock}.${mine.token}.draft`;
  try {
    await writeDraft(draft, mine);
    while (!(await createExclusively(draft, lock))) {
      const holder = await readHolder(lock);
      if (holder === null) continue;
      if (await isHeld(lock, holder)) throw new FolderHeldError(folder, holder);
      if (await replaceDead(lock, holder, draft)) break;
    }
  } finally {
    await rm(draft, { force: true });
  }
  return held(lock, mine);
}

async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new Error(
      `Farebox cannot write to ${folder}. If it was made by another user (root, perhaps), start Farebox as that user ` +
        'or choose another folder with FAREBOX_DATA_DIR.',
      { cause },
    );
  }
}

function held(lock: string, mine: Holder): FolderLock {
  const timer = setInterval(() => {
    const now = new Date(systemClock.now());
    utimes(lock, now, now).catch(() => clearInterval(timer)); // the file is gone: there is nothing left to keep alive
  }, heartbeat_ms);
  timer.unref();
  const isMine = async () => (await readHolder(lock))?.token === mine.token;
  return {
    async update({ url }) {
      if (!(await isMine())) return;
      const draft = `${lock}.${mine.token}.draft`;
      await writeDraft(draft, { ...mine, url });
      await rename(draft, lock);
    },
    async release() {
      clearInterval(timer);
      if (await isMine()) await rm(lock, { force: true });
    },
  };
}

/** Forced to the disk: after a power cut the file is whole or not there. */
async function writeDraft(path: string, holder: Holder): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(holder));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts this process's draft in the place of a dead holder's file; false when another process is doing so. */
async function replaceDead(lock: string, dead: Holder, draft: string): Promise<boolean> {
  const claims: string[] = [];
  for (let target = dead; ;) {
    const claim = `${lock}.${target.token}`;
    if (await createExclusively(draft, claim)) {
      claims.push(claim);
      break;
    }
    const claimant = await readHolder(claim);
    if (claimant === null) return false;
    if (await isHeld(claim, claimant)) {
      await sleep(10);
      return false;
    }
    claims.push(claim);
    target = claimant;
  }
  // What was read may be old: another process may have replaced the dead holder, and removed its claim, since then.
  const stillDead = (await readHolder(lock))?.token === dead.token;
  if (stillDead) {
    const copy = `${draft}.copy`;
    await link(draft, copy);
    await rename(copy, lock);
  }
  for (const claim of claims) await rm(claim, { force: true });
  return stillDead;
}

/** Inside a namespace the process table tells; across namespaces only the heartbeat does. */
async function isHeld(file: string, holder: Holder): Promise<boolean> {
  const living = lives(holder);
  if (living !== null) return living;
  const before = await touchedAt(file);
  for (let waited_ms = 0; waited_ms < 3 * heartbeat_ms; waited_ms += 100) {
    await sleep(100);
    const now = await touchedAt(file);
    if (now === null) return false;
    if (now !== before) return true;
  }
  return false;
}

async function touchedAt(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function createExclusively(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    const holder: Partial<Holder> = JSON.parse(text);
    invariant(typeof holder.pid === 'number' && typeof holder.token === 'string', 'it names a process');
    const { pid, token, started = null, namespace = null, since_at = 'unknown', url = null } = holder;
    return { pid, token, started, namespace, since_at, url };
  } catch (cause) {
    throw new Error(`${path} is not a lock file of Farebox. If no Farebox runs on this folder, delete it.`, { cause });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
