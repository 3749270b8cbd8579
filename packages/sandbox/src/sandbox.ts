import { randomBytes } from 'node:crypto';
import { type ChaosWish, type Controls, createControls } from './controls.ts';
import type { Faults } from './faults/faults.ts';
import { createApi } from './http/api.ts';
import { listen, type Listening, type ListenOptions } from './http/server.ts';
import { createPages } from './pages/pages.ts';
import type { Chaos, DunningPolicy, SettingRecord, WebhookPolicy } from './store/machinery.ts';
import type { Snapshot } from './store/snapshot.ts';
import { type Commit, openStore, type Store } from './store/store.ts';
import { createClock, machineNow, type SandboxClock } from './time/clock.ts';
import { type Advanced, createRunner } from './time/runner.ts';
import { createDeliveries, type Deliveries } from './webhooks/deliveries.ts';

/** How a sandbox is made. Nothing is required. */
export interface SandboxOptions {
  /** Same seed, same requests: same ids. Random without one. */
  seed?: string;
  /** A journal that keeps the state, also through kill -9. In memory without one. */
  file?: string;
  /** The seller's name on pages and invoices. */
  account_name?: string;
  /** The machine's time in milliseconds. */
  now?: () => number;
  /** Starts (or stops) the sandbox's clock standing still; left out, it keeps what the journal says, or runs. */
  frozen?: boolean;
  /**
   * Awaited before the clock passes each piece of due work and after the last one, once every webhook due has been
   * attempted. A consumer can add invoice items here while a renewal invoice is a draft.
   */
  beforeDue?: () => Promise<void>;
  /** Sends webhooks; `fetch` when left out. */
  send?: (url: string, init: RequestInit) => Promise<Response>;
  /**
   * Told of every commit before it is kept: what each record was and is. For checks in tests; what it throws undoes the
   * commit and is answered as a fault.
   */
  onCommit?: (commit: Commit) => void;
  /** Told of faults of the sandbox itself. Left out, they are written to standard error. */
  onFault?: (cause: unknown) => void;
}

/** A local Stripe. */
export interface Sandbox {
  /** The API, the pages and the control room, without a port. */
  fetch(request: Request): Promise<Response>;
  listen(options: ListenOptions): Promise<Listening>;
  clock: {
    /** Sandbox time in milliseconds. */
    now(): number;
    /** Moves the clock, running all due work in order. `ran` names it: `cycle sub_…`. */
    advance(ms: number): Promise<Advanced>;
    advanceTo(at_ms: number): Promise<Advanced>;
  };
  /** When failed payments are tried again, and what happens when all fail; what is left out stays, `null` is the default. */
  get dunning(): DunningPolicy;
  set dunning(wish: Partial<DunningPolicy> | null);
  webhooks: {
    /** What happens to deliveries of new events. */
    policy: WebhookPolicy;
    /** Deliveries go wrong with these probabilities, by the seed; `null` when nothing does. */
    get chaos(): Chaos | null;
    set chaos(wish: ChaosWish);
    /** Gives an endpoint a new secret and answers it; until `overlap_ms` is over both sign (24 hours at most). */
    rollSecret(endpoint: string, options?: { overlap_ms?: number }): Promise<string>;
    /** Delivers what `hold` has held, oldest first or reversed; answers how many. The policy stays. */
    release(options?: { reversed?: boolean }): Promise<number>;
    /** Resolves when every delivery due now has been attempted. */
    settled(): Promise<void>;
  };
  /** Faults to come: declines, refusals, silence, a cut connection. */
  faults: Pick<Faults, 'add' | 'list' | 'clear'>;
  /** Everything there is, as plain JSON. */
  snapshot(): Promise<Snapshot>;
  /** Puts everything back, the clock included. */
  restore(snapshot: Snapshot): Promise<void>;
  close(): Promise<void>;
}

function writeFault(cause: unknown): void {
  process.stderr.write(`${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n`);
}

function setting(store: Store): SettingRecord {
  return store.read(0, (tx) => tx.need('setting', 'sandbox'));
}

function firstSetting(seed: string | undefined): SettingRecord {
  return {
    id: 'sandbox',
    offset_ms: 0,
    frozen_at_ms: null,
    chaos: null,
    dunning: null,
    next_id: 1,
    next_job: 1,
    policy: 'deliver',
    seed: seed ?? randomBytes(16).toString('hex'),
  };
}

async function freeze(store: Store, clock: SandboxClock, frozen: boolean | undefined): Promise<void> {
  if (frozen === undefined) return;
  const now_ms = clock.now();
  store.transact(now_ms, (tx) =>
    tx.put('setting', {
      ...tx.need('setting', 'sandbox'),
      frozen_at_ms: frozen ? now_ms : null,
      offset_ms: now_ms - clock.machine(),
    }),
  );
  await store.durable();
}

function webhooksOf(controls: Controls, deliveries: Deliveries): Sandbox['webhooks'] {
  return {
    get policy() {
      return controls.policy.get();
    },
    set policy(wanted: WebhookPolicy) {
      controls.policy.set(wanted);
    },
    get chaos(): Chaos | null {
      return controls.chaos.get();
    },
    set chaos(wish: ChaosWish) {
      controls.chaos.set(wish);
    },
    async rollSecret(endpoint, options = {}) {
      const secret = await controls.rollSecret(endpoint, options.overlap_ms ?? 0);
      if (secret === null) throw new Error(`There is no webhook endpoint ${endpoint}.`);
      return secret;
    },
    release: (how) => deliveries.release(how),
    settled: () => deliveries.settled(),
  };
}

/** Creates a sandbox: its own state, clock and webhooks, shared with no other. */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { account_name = 'Your business', now: machine = machineNow, onFault: failed = writeFault } = options;
  const store = await openStore({
    ...(options.file === undefined ? {} : { file: options.file }),
    machine_ms: machine(),
    onCommit: options.onCommit,
    first: firstSetting(options.seed),
  });
  const clock = createClock({ machine, setting: () => setting(store) });
  await freeze(store, clock, options.frozen);
  let origin = 'http://127.0.0.1';
  let listening: Listening | null = null;
  const send = options.send ?? ((url, init) => fetch(url, init));
  const deliveries = createDeliveries({ clock, store, send, origin: () => origin, failed });
  const { beforeDue = () => Promise.resolve() } = options;
  const runner = createRunner({
    account_name,
    clock,
    store,
    failed,
    committed: () => deliveries.poke(),
    async before() {
      await deliveries.settled();
      await beforeDue();
      await deliveries.settled();
    },
  });
  const committed = (): void => {
    deliveries.poke();
    runner.poke();
  };
  const controls = createControls({ clock, store, deliveries, runner, committed, failed });
  const { faults } = controls;
  const api = createApi({ account_name, clock, faults, store, committed, failed });
  const advance = (ms: number): Promise<Advanced> => runner.advance((from) => from + ms);
  const pages = createPages({ account_name, advance, clock, committed, controls, deliveries, failed, store });
  deliveries.start();
  runner.poke();

  async function handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (listening === null) origin = url.origin;
    return (await pages(request, origin)) ?? (await api(request, origin));
  }

  return {
    fetch: handle,
    async listen(where) {
      if (listening !== null) throw new Error(`The sandbox already listens at ${listening.url}.`);
      listening = await listen(where, handle);
      origin = listening.url;
      return listening;
    },
    clock: {
      now: () => clock.now(),
      advance,
      advanceTo: (at_ms) => runner.advance(() => at_ms),
    },
    get dunning(): DunningPolicy {
      return controls.dunning.get();
    },
    set dunning(wish: Partial<DunningPolicy> | null) {
      controls.dunning.set(wish);
    },
    webhooks: webhooksOf(controls, deliveries),
    faults: { add: faults.add, list: faults.list, clear: faults.clear },
    snapshot: () => controls.snapshot(),
    restore: (snapshot) => controls.restore(snapshot),
    async close() {
      await listening?.close();
      await runner.stop();
      await deliveries.stop();
      await store.close();
    },
  };
}
