import { createFaults, type Faults } from './faults/faults.ts';
import { dunningFrom, dunningOf } from './resources/invoices/dunning.ts';
import type { Chaos, DunningPolicy, SettingRecord, WebhookPolicy } from './store/machinery.ts';
import { asSnapshot, restoreSnapshot, type Snapshot, takeSnapshot } from './store/snapshot.ts';
import type { Store } from './store/store.ts';
import type { SandboxClock } from './time/clock.ts';
import type { Runner } from './time/runner.ts';
import { calm, chaosFlaw, rollSecret } from './webhooks/chaos.ts';
import type { Deliveries } from './webhooks/deliveries.ts';

/** What is wished to go wrong with webhooks; what is left out does not. `null` ends it. */
export type ChaosWish = Partial<Chaos> | null;

/** What can be turned on a sandbox besides its clock: for programs and for the control room alike. */
export interface Controls {
  faults: Faults;
  policy: { get(): WebhookPolicy; set(policy: WebhookPolicy): void };
  chaos: { get(): Chaos | null; set(wish: ChaosWish): void };
  /** When failed payments are tried again and what happens after the last; `null` sets the default. */
  dunning: { get(): DunningPolicy; set(wish: Partial<DunningPolicy> | null): void };
  /** A new secret for an endpoint; `null` when there is no such endpoint. */
  rollSecret(endpoint: string, overlap_ms: number): Promise<string | null>;
  snapshot(): Promise<Snapshot>;
  restore(snapshot: Snapshot): Promise<void>;
}

interface Deps {
  clock: SandboxClock;
  store: Store;
  deliveries: Deliveries;
  runner: Runner;
  /** Called when what is due may have changed. */
  committed(): void;
  failed(cause: unknown): void;
}

/** Creates the controls over the stored state. */
export function createControls(deps: Deps): Controls {
  const { clock, store, deliveries, runner, failed } = deps;
  const read = (): SettingRecord => store.read(0, (tx) => tx.need('setting', 'sandbox'));
  const change = (values: Partial<SettingRecord>): void => {
    store.transact(clock.now(), (tx) => tx.put('setting', { ...tx.need('setting', 'sandbox'), ...values }));
    store.durable().catch(failed);
  };
  return {
    faults: createFaults({ store, now: () => clock.now(), failed }),
    policy: { get: () => read().policy, set: (policy) => change({ policy }) },
    chaos: {
      get: () => read().chaos,
      set(wish) {
        const chaos = wish === null ? null : { ...calm, ...wish };
        const flaw = chaos === null ? null : chaosFlaw(chaos);
        if (flaw !== null) throw new RangeError(flaw);
        change({ chaos });
      },
    },
    dunning: {
      get: () => store.read(0, dunningOf),
      set: (wish) => change({ dunning: wish === null ? null : dunningFrom(store.read(0, dunningOf), wish) }),
    },
    async rollSecret(endpoint, overlap_ms) {
      const secret = store.transact(clock.now(), (tx) => rollSecret(tx, endpoint, overlap_ms));
      await store.durable();
      return secret;
    },
    // Neither while due work runs nor while a delivery is on its way: both would write into what is put back.
    snapshot: () =>
      runner.alone(async () => {
        await deliveries.settled();
        return takeSnapshot(store, clock);
      }),
    async restore(given) {
      const snapshot = asSnapshot(given);
      if (snapshot === null) throw new Error('This is no snapshot of the sandbox.');
      await runner.alone(async () => {
        await deliveries.settled();
        restoreSnapshot(store, clock, snapshot);
        await store.durable();
      });
      deps.committed();
    },
  };
}
