import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** One changed record: its kind, its id, and what it is now (`null`: removed). */
export type Change = [kind: string, id: string, record: unknown];

/** An append-only file of commits, one JSON line each. */
export interface Journal {
  append(changes: Change[]): void;
  /** Resolves when every commit appended so far is on the disk. */
  durable(): Promise<void>;
  close(): Promise<void>;
}

const FORMAT = 'stripe-sandbox-journal-1';

/** Reads the commits of a journal; a last line that was not written to its end is dropped. */
async function readJournal(file: string): Promise<Change[][]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cause;
  }
  const lines = content.split('\n');
  // Without a torn end the text after the last line break is empty; otherwise it is the torn line.
  lines.pop();
  if (lines.length === 0) return [];
  if (lines[0] !== JSON.stringify({ format: FORMAT })) throw new Error(`${file} is not a journal of the sandbox.`);
  const commits: Change[][] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    try {
      commits.push(JSON.parse(line) as Change[]);
    } catch (cause) {
      // A crash of the machine can leave a full-length last line of zeros; anything earlier is damage.
      if (index === lines.length - 1) break;
      throw new Error(`${file} is damaged at line ${index + 1}.`, { cause });
    }
  }
  return commits;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One process per journal: two would overwrite each other's commits. A dead holder's lock is taken over. */
function takeLock(file: string): string {
  const lock = `${file}.lock`;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return lock;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    }
    const holder = Number(readFileSync(lock, 'utf8'));
    if (holder !== process.pid && isAlive(holder)) {
      throw new Error(`${file} is in use by process ${holder}. Stop that one, or give another file.`);
    }
    writeFileSync(lock, String(process.pid));
    return lock;
  }
}

async function syncDirectory(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(dirname(file), 'r');
  await directory.sync();
  await directory.close();
}

/** Replaces the file by one with a single commit: a crash leaves the old one or the new one, never a mixture. */
async function compact(file: string, state: Change[]): Promise<void> {
  const fresh = `${file}.new`;
  const handle = await open(fresh, 'w');
  const lines = [JSON.stringify({ format: FORMAT }), ...state.map((change) => JSON.stringify([change])), ''];
  await handle.writeFile(lines.join('\n'));
  await handle.sync();
  await handle.close();
  await rename(fresh, file);
  await syncDirectory(file);
}

function createWriter(handle: FileHandle, lock: string): Journal {
  let pending: string[] = [];
  let writing: Promise<void> | null = null;
  let failure: unknown = null;

  async function drain(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.join('');
      pending = [];
      await handle.appendFile(batch);
      await handle.datasync();
    }
  }

  function flush(): Promise<void> {
    writing ??= drain()
      .catch((cause: unknown) => {
        failure = cause;
        throw cause;
      })
      .finally(() => {
        writing = null;
      });
    return writing;
  }

  return {
    append(changes) {
      if (failure !== null) throw new Error('The journal can no longer be written.', { cause: failure });
      pending.push(`${JSON.stringify(changes)}\n`);
    },
    async durable() {
      while (pending.length > 0 || writing !== null) await flush();
      if (failure !== null) throw new Error('The journal can no longer be written.', { cause: failure });
    },
    async close() {
      try {
        while (pending.length > 0 || writing !== null) await flush();
      } finally {
        await handle.close();
        await rm(lock, { force: true });
      }
    },
  };
}

async function refuseMissingFolder(file: string): Promise<void> {
  try {
    if ((await stat(dirname(file))).isDirectory()) return;
  } catch (cause) {
    // What else may be wrong with a folder (no right to enter it, say) has words of its own.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
  }
  throw new Error(`The folder of ${file} does not exist.`);
}

/** Opens a journal: `restore` gets every commit found, and answers the state that the compacted file starts with. */
export async function openJournal(file: string, restore: (commits: Change[][]) => Change[]): Promise<Journal> {
  await refuseMissingFolder(file);
  const lock = takeLock(file);
  try {
    await compact(file, restore(await readJournal(file)));
    return createWriter(await open(file, 'a'), lock);
  } catch (cause) {
    await rm(lock, { force: true });
    throw cause;
  }
}

/** A journal that keeps nothing: the state lives as long as the object. */
export function memoryJournal(): Journal {
  return { append() {}, durable: () => Promise.resolve(), close: () => Promise.resolve() };
}
