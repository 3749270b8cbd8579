import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Account } from './account.ts';
import { ApiError } from './http/api-error.ts';
import { keyOf, runOf } from './http/authenticate.ts';

/** The account of every key that names no run. */
export const SHARED = '';

/** How many runs are open at once; each holds its state in memory. */
const MOST_RUNS = 200;

/** A run's name, as keys and files may carry it. Case means nothing: not every file system knows it. */
const NAME = /^[a-z0-9_]{1,40}$/;

/** The accounts of a sandbox: the shared one, and one for each run, opened when a key first names it. */
export interface Runs {
  /** The account of a run; refuses a name that cannot be one. */
  open(run: string): Promise<Account>;
  /** The account that a request is for, by its key. */
  ofRequest(request: Request): Promise<Account>;
  /** The accounts that are open, the shared one first. */
  all(): Account[];
  names(): string[];
  /** Closes a run and forgets what it held. Says whether there was one. */
  end(run: string): Promise<boolean>;
  close(): Promise<void>;
}

interface Deps {
  /** The journal of the shared account; runs keep theirs beside it. */
  file: string | undefined;
  open(run: string, file: string | undefined): Promise<Account>;
}

function fileOf(file: string | undefined, run: string): string | undefined {
  return file === undefined || run === SHARED ? file : `${file}.run-${run}`;
}

/** The runs whose journals lie beside the shared one: they go on where they stood. */
async function storedRuns(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  const start = `${basename(file)}.run-`;
  const names = (await readdir(dirname(file))).filter((name) => name.startsWith(start));
  return names.map((name) => name.slice(start.length)).filter((name) => NAME.test(name));
}

/** Opens the shared account, and those whose journals are there. */
export async function openRuns(deps: Deps): Promise<Runs> {
  // A promise, so that two first requests of a run open one account.
  const opening = new Map<string, Promise<Account>>();
  const opened = new Map<string, Account>();

  async function open(name: string): Promise<Account> {
    const run = name.toLowerCase();
    const known = opening.get(run);
    if (known !== undefined) return await known;
    if (run !== SHARED && !NAME.test(run)) throw new RangeError('A run is named with 1 to 40 letters, digits and _.');
    if (opening.size > MOST_RUNS) throw new RangeError(`At most ${MOST_RUNS} runs are open at once. End some first.`);
    const account = deps.open(run, fileOf(deps.file, run));
    opening.set(run, account);
    try {
      opened.set(run, await account);
      return await account;
    } catch (cause) {
      opening.delete(run);
      throw cause;
    }
  }

  await open(SHARED);
  for (const run of await storedRuns(deps.file)) await open(run);
  return {
    open,
    async ofRequest(request) {
      const key = keyOf(request.headers.get('authorization') ?? '');
      const holder = /^(sk|rk|pk)_/.test(key) ? undefined : [...opened.values()].find((each) => each.holdsSession(key));
      try {
        return holder ?? (await open(runOf(key)));
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new ApiError(429, 'invalid_request_error', cause.message, { before_execution: true });
      }
    },
    all: () => [...opened.values()],
    names: () => [...opened.keys()].filter((name) => name !== SHARED),
    async end(name) {
      const run = name.toLowerCase();
      const account = opened.get(run);
      if (account === undefined || run === SHARED) return false;
      opening.delete(run);
      opened.delete(run);
      await account.close();
      const file = fileOf(deps.file, run);
      if (file !== undefined) await rm(join(file), { force: true });
      return true;
    },
    async close() {
      for (const account of opened.values()) await account.close();
    },
  };
}
