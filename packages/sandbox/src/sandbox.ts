import { openAccount, type Run } from './account.ts';
import { ApiError } from './http/api-error.ts';
import { refuse } from './http/api.ts';
import { listen, type Listening, type ListenOptions } from './http/server.ts';
import { isHosted } from './pages/pages.ts';
import { runOfRoom } from './pages/room-runs.ts';
import type { DunningPolicy } from './store/machinery.ts';
import type { Commit } from './store/store.ts';
import { openRuns, type Runs, SHARED } from './runs.ts';
import { machineNow } from './time/clock.ts';

/** How a sandbox is made. Nothing is required. */
export interface SandboxOptions {
  /** Same seed, same requests: same ids. Random without one. */
  seed?: string;
  /** A journal that keeps the state, also through kill -9; those of runs lie beside it. In memory without one. */
  file?: string;
  /** The seller's name on pages and invoices. */
  account_name?: string;
  /** The machine's time in milliseconds. */
  now?: () => number;
  /** Starts (or stops) the sandbox's clock standing still; left out, it keeps what the journal says, or runs. */
  frozen?: boolean;
  /** So many days before a period ends `invoice.upcoming` is told; never unless said. */
  upcoming_days?: number;
  /**
   * Awaited before the clock passes each piece of due work and after the last one, once every webhook due has been
   * attempted. A consumer can add invoice items here while a renewal invoice is a draft.
   */
  beforeDue?: () => Promise<void>;
  /** Sends webhooks; `fetch` when left out. */
  send?: (url: string, init: RequestInit) => Promise<Response>;
  /**
   * Told of every commit before it is kept, of every account: what each record was and is. For checks in tests; what it
   * throws undoes the commit and is answered as a fault.
   */
  onCommit?: (commit: Commit, run: string) => void;
  /** Awaited before an answer of the API is given, with a copy of it. For checks in tests; what it throws is answered as a fault. */
  onAnswer?: (request: Request, answer: Response) => Promise<void>;
  /** Told of faults of the sandbox itself. Left out, they are written to standard error. */
  onFault?: (cause: unknown) => void;
}

/** A local Stripe. What it has of a run, it has of the shared account. */
export interface Sandbox extends Run {
  /** The API, the pages and the control room, without a port. */
  fetch(request: Request): Promise<Response>;
  listen(options: ListenOptions): Promise<Listening>;
  /** The account that `sk_test_run_<name>` opens, with a state, clock and webhooks of its own. */
  run(name: string): Promise<Run>;
  /** The names of the runs that were opened. */
  runs(): string[];
  /** Closes a run and forgets what it held. Says whether there was one. */
  endRun(name: string): Promise<boolean>;
  close(): Promise<void>;
}

function writeFault(cause: unknown): void {
  process.stderr.write(`${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
}

function isOfApi(request: Request): boolean {
  return /^\/v[12](\/|$)/.test(new URL(request.url).pathname);
}

/**
 * The answer of the pages, or of the API when it is none. A hosted page is the business of the account that knows what its
 * address names: browsers send no key. Each account says 404 to what it does not know.
 */
async function route(runs: Runs, request: Request, origin: string): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (path === '/_sandbox' || path.startsWith('/_sandbox/')) {
    const account = await runs.open(runOfRoom(request));
    return (await account.pages(request, origin)) ?? (await account.api(request, origin));
  }
  if (!isHosted(path)) {
    const account = await runs.ofRequest(request);
    return (await account.pages(request, origin)) ?? (await account.api(request, origin));
  }
  let missing: Response | null = null;
  for (const account of runs.all()) {
    const answer = await account.pages(request.clone(), origin);
    if (answer !== null && answer.status !== 404) return answer;
    missing ??= answer;
  }
  if (missing === null) throw new Error(`No account answers ${path}.`);
  return missing;
}

/** Creates a sandbox: its own state, clock and webhooks, shared with no other. */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { account_name = 'Your business', now: machine = machineNow, onAnswer, onFault: failed = writeFault } = options;
  let origin = 'http://127.0.0.1';
  let listening: Listening | null = null;
  const runs: Runs = await openRuns({
    file: options.file,
    open: (run, file) =>
      openAccount({
        account_name: run === SHARED ? account_name : `${account_name} (${run})`,
        beforeDue: options.beforeDue ?? (() => Promise.resolve()),
        failed,
        file,
        frozen: options.frozen,
        machine,
        onCommit: options.onCommit && ((commit) => options.onCommit?.(commit, run)),
        origin: () => origin,
        runs: { own: run, names: () => runs.names(), open: (name) => runs.open(name), end: (name) => runs.end(name) },
        seed: options.seed === undefined || run === SHARED ? options.seed : `${options.seed} ${run}`,
        send: options.send ?? ((url, init) => fetch(url, init)),
        upcoming_days: options.upcoming_days,
      }),
  });
  const shared = await runs.open(SHARED);

  async function handle(request: Request): Promise<Response> {
    if (listening === null) origin = new URL(request.url).origin;
    try {
      const answer = await route(runs, request, origin);
      if (onAnswer === undefined || !isOfApi(request)) return answer;
      return await onAnswer(request, answer.clone()).then(
        () => answer,
        (cause: unknown) => {
          failed(cause);
          return refuse(new ApiError(500, 'api_error', String(cause)), origin);
        },
      );
    } catch (cause) {
      // A name that cannot be a run's, or one run too many.
      if (cause instanceof RangeError) return Response.json({ error: { message: cause.message } }, { status: 400 });
      if (cause instanceof ApiError) return refuse(cause, origin);
      throw cause;
    }
  }

  return {
    ...shared.run,
    get dunning(): DunningPolicy {
      return shared.run.dunning;
    },
    set dunning(wish: Partial<DunningPolicy> | null) {
      shared.run.dunning = wish;
    },
    fetch: handle,
    async listen(where) {
      if (listening !== null) throw new Error(`The sandbox already listens at ${listening.url}.`);
      listening = await listen(where, handle);
      origin = listening.url;
      return listening;
    },
    run: async (name) => (await runs.open(name)).run,
    runs: () => runs.names(),
    endRun: (name) => runs.end(name),
    async close() {
      await listening?.close();
      await runs.close();
    },
  };
}
