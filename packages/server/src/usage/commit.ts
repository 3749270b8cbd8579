import { setTimeout as sleep } from 'node:timers/promises';
import { CommitUnknown } from '../db/rounds.ts';
import { createGroupCommit } from '../lib/group-commit.ts';
import { refusing } from './events/ingest.ts';
import type { UsageRecord } from './events/event.ts';

const inFlight = 4;
const mostOfWrite = 1000;
const mostWaiting = 20_000;

/** How long it is tried to find out whether a write was committed, and between two tries. */
const patienceMs = 3000;
const pauseMs = 50;

/**
 * What the gate lets through, written before it is answered: who comes while a write runs shares the next one. A write that failed is
 * made again at once; one that may have been committed, until the database answers, for some seconds. Events that were stored by it are
 * known then and count once: what was counted is let through.
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
      } catch (error) {
        await writeAgain(records, error instanceof CommitUnknown ? performance.now() + patienceMs : 0);
      }
      return records.map(() => undefined);
    },
  });

  async function writeAgain(records: readonly UsageRecord[], until: number): Promise<void> {
    for (;;) {
      try {
        return await write(records);
      } catch (error) {
        if (performance.now() >= until) throw error;
        await sleep(pauseMs);
      }
    }
  }

  return {
    /** Resolves once it is stored. Rejects when it cannot be: then nobody may act on it. */
    async commit(record: UsageRecord): Promise<void> {
      await refusing(group.submit([record]));
    },
    idle: () => group.idle(),
  };
}
