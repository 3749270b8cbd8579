import type { Counter, Take, TakeResult } from '../ports.ts';

/**
 * A shared counter with a local one behind it. While the shared one does not answer, each process enforces the same limits
 * on its own requests: open, but capped. Both changes are told once.
 */
export function createInsuredCounter(deps: {
  shared: Counter;
  local: Counter;
  onLost(error: unknown): void;
  onBack(): void;
}): Counter {
  const { shared, local } = deps;
  let isLost = false;
  return {
    async take(takes: readonly Take[], cost, now): Promise<TakeResult> {
      try {
        const result = await shared.take(takes, cost, now);
        if (isLost) {
          isLost = false;
          deps.onBack();
        }
        return result;
      } catch (error) {
        if (!isLost) {
          isLost = true;
          deps.onLost(error);
        }
        return await local.take(takes, cost, now);
      }
    },
  };
}
