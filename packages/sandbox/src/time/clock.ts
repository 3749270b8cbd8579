import type { SettingRecord } from '../store/machinery.ts';

/** The machine's time. The only reading of it in the sandbox. */
export const machineNow = (): number => Date.now();

/** The sandbox's clock: the machine's time plus an offset, or standing still. */
export interface SandboxClock {
  /** Sandbox time in milliseconds. */
  now(): number;
  /** Machine time in milliseconds: for everything that really takes time, such as delivering a webhook. */
  machine(): number;
  /** The setting that makes the clock read `at_ms` now; frozen stays frozen. */
  settingAt(setting: SettingRecord, at_ms: number): SettingRecord;
}

/** A clock over the stored setting, so that it survives a restart. */
export function createClock(deps: { machine: () => number; setting: () => SettingRecord }): SandboxClock {
  return {
    now() {
      const { frozen_at_ms, offset_ms } = deps.setting();
      return frozen_at_ms ?? deps.machine() + offset_ms;
    },
    machine: deps.machine,
    settingAt: (setting, at_ms) => ({
      ...setting,
      frozen_at_ms: setting.frozen_at_ms === null ? null : at_ms,
      offset_ms: at_ms - deps.machine(),
    }),
  };
}
