import type { SandboxClock } from '../time/clock.ts';
import type { Change } from './journal.ts';
import type { SettingRecord } from './machinery.ts';
import type { Store } from './store.ts';

const FORMAT = 'stripe-sandbox-snapshot-1';

/** Everything a sandbox holds at one moment, as plain JSON. */
export interface Snapshot {
  format: typeof FORMAT;
  /** The sandbox's time when it was taken. */
  at_ms: number;
  state: Change[];
}

/** Takes a snapshot. Records are never changed in place, so it needs no copy. */
export function takeSnapshot(store: Store, clock: SandboxClock): Snapshot {
  return { format: FORMAT, at_ms: clock.now(), state: store.entries() };
}

/** What JSON somebody sent, if it is a snapshot. */
export function asSnapshot(value: unknown): Snapshot | null {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== FORMAT) return null;
  const { at_ms, state } = value as Partial<Snapshot>;
  if (typeof at_ms !== 'number' || !Array.isArray(state)) return null;
  const has_setting = state.some(([kind, id]) => kind === 'setting' && id === 'sandbox');
  return has_setting ? { format: FORMAT, at_ms, state } : null;
}

/** Puts everything back, the clock included; ids that were given out since will be given out again. */
export function restoreSnapshot(store: Store, clock: SandboxClock, snapshot: Snapshot): void {
  store.replace(
    snapshot.state.map(([kind, id, record]) =>
      kind === 'setting' ? [kind, id, clock.settingAt(record as SettingRecord, snapshot.at_ms)] : [kind, id, record],
    ),
  );
}
