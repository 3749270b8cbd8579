import { createGroupCommit } from '../lib/group-commit.ts';
import { refusing } from './events/ingest.ts';
import type { UsageRecord } from './events/event.ts';

const inFlight = 4;
const mostOfWrite = 1000;
const mostWaiting = 20_000;

/**
 * What the gate lets through, written before it is answered: who comes while a write runs shares the next one. A write whose
 * answer was lost is made again at once: events that were stored by it are known then, and count once.
 */
export function createUsageCommit(write: (records: readonly UsageRecord[]) => Promise<void>) {
  const group = createGroupCommit<UsageRecord, void>({
    in_flight: inFlight,
    most: mostOfWrite,
    capacity: mostWaiting,
    isOwnFault: () => false,
    write: async (records) => {
      try {
        await write(records);
      } catch {
        await write(records);
      }
      return records.map(() => undefined);
    },
  });
  return {
    /** Resolves once it is stored. Rejects when it cannot be: then nobody may act on it. */
    async commit(record: UsageRecord): Promise<void> {
      await refusing(group.submit([record]));
    },
    idle: () => group.idle(),
  };
}
