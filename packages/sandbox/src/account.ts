import { randomBytes } from 'node:crypto';
import { type ChaosWish, type Controls, createControls } from './controls.ts';
import type { Faults } from './faults/faults.ts';
import { createApi } from './http/api.ts';
import { createPages, type RunList } from './pages/pages.ts';
import type { Chaos, DunningPolicy, SettingRecord, WebhookPolicy } from './store/machinery.ts';
import type { Snapshot } from './store/snapshot.ts';
import { type Commit, openStore, type Store } from './store/store.ts';
import { createClock, type SandboxClock } from './time/clock.ts';
import { type Advanced, createRunner, type Runner } from './time/runner.ts';
import { createDeliveries, type Deliveries } from './webhooks/deliveries.ts';

/** What can be done with one account besides calling its API. */
export interface Run {
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
    /** Sends a delivery, or every delivery of an event, again; answers how many. */
    resend(id: string): Promise<number>;
    /** Resolves when every delivery due now has been attempted. */
    settled(): Promise<void>;
  };
  /** Faults to come: declines, refusals, silence, a cut connection. */
  faults: Pick<Faults, 'add' | 'list' | 'clear'>;
  /** Everything there is, as plain JSON. */
  snapshot(): Promise<Snapshot>;
  /** Puts everything back, the clock included. */
  restore(snapshot: Snapshot): Promise<void>;
}

/** One account: state, time and webhooks that no other sees. */
export interface Account {
  run: Run;
  api(request: Request, origin: string): Promise<Response>;
  /** `null` for what is not a page. */
  pages(request: Request, origin: string): Promise<Response | null>;
  /** Whether a meter event session of this account has this token. */
  holdsSession(token: string): boolean;
  close(): Promise<void>;
}

/** What an account is opened with. */
export interface AccountDeps {
  account_name: string;
  beforeDue(): Promise<void>;
  failed(cause: unknown): void;
  file: string | undefined;
  frozen: boolean | undefined;
  machine(): number;
  onCommit: ((commit: Commit) => void) | undefined;
  /** The address the sandbox is reached at. */
  origin(): string;
  runs: RunList;
  seed: string | undefined;
  send(url: string, init: RequestInit): Promise<Response>;
  upcoming_days: number | undefined;
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

async function announce(store: Store, clock: SandboxClock, upcoming_days: number | undefined): Promise<void> {
  if (upcoming_days === undefined) return;
  store.transact(clock.now(), (tx) => tx.put('setting', { ...tx.need('setting', 'sandbox'), upcoming_days }));
  await store.durable();
}

function webhooksOf(controls: Controls, deliveries: Deliveries): Run['webhooks'] {
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
    resend: (id) => deliveries.resend(id),
    settled: () => deliveries.settled(),
  };
}

function runOf(clock: SandboxClock, runner: Runner, controls: Controls, deliveries: Deliveries): Run {
  const { faults } = controls;
  return {
    clock: {
      now: () => clock.now(),
      advance: (ms) => runner.advance((from) => from + ms),
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
  };
}

/** Opens an account: from its journal when it has a file, empty otherwise. */
export async function openAccount(deps: AccountDeps): Promise<Account> {
  const { account_name, failed, machine } = deps;
  const store = await openStore({
    ...(deps.file === undefined ? {} : { file: deps.file }),
    machine_ms: machine(),
    onCommit: deps.onCommit,
    first: firstSetting(deps.seed),
  });
  const clock = createClock({ machine, setting: () => store.read(0, (tx) => tx.need('setting', 'sandbox')) });
  await freeze(store, clock, deps.frozen);
  await announce(store, clock, deps.upcoming_days);
  const deliveries = createDeliveries({ clock, store, send: deps.send, origin: deps.origin, failed });
  const runner = createRunner({
    account_name,
    clock,
    store,
    failed,
    committed: () => deliveries.poke(),
    async before() {
      await deliveries.settled();
      await deps.beforeDue();
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
  const { runs } = deps;
  const run = runOf(clock, runner, controls, deliveries);
  const pages = createPages({
    account_name,
    clock,
    committed,
    controls,
    deliveries,
    failed,
    fetch: async (request) => (await pages(request, deps.origin())) ?? (await api(request, deps.origin())),
    run,
    runs,
    store,
  });
  deliveries.start();
  runner.poke();
  return {
    api,
    pages,
    run,
    holdsSession: (token) => store.read(0, (tx) => tx.all('meter_session').some((each) => each.token === token)),
    async close() {
      await runner.stop();
      await deliveries.stop();
      await store.close();
    },
  };
}
