import { AsyncResource } from 'node:async_hooks';

/** The longest wait a timer of Node takes; a longer one rings early and looks again. */
const LONGEST_MS = 2 ** 31 - 1;

/** One timer that does not keep the process alive; setting it again replaces the former. */
export interface Alarm {
  set(in_ms: number): void;
  clear(): void;
}

/** Creates an alarm that calls `ring`, in the asynchronous context of its creation and not of whoever set it. */
export function createAlarm(ring: () => void): Alarm {
  const rings = AsyncResource.bind(ring);
  let timer: NodeJS.Timeout | null = null;
  const clear = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    clear,
    set(in_ms) {
      clear();
      timer = setTimeout(rings, Math.min(in_ms, LONGEST_MS));
      timer.unref();
    },
  };
}
