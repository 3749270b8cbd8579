import { createPaced } from '../../lib/paced.ts';
import type { AutoTopUps } from './service.ts';

/** How often it is looked whether those that used something have enough credit left. */
const paceMs = 5_000;
/** However many they are, looking at them takes about a tenth of the time. */
const rest = { times: 9, most_ms: 60_000 };

/** Looks after the credit of who used something and has more bought by itself. */
export function createTopUpLooks(deps: {
  autoTopUps: Pick<AutoTopUps, 'wantedBy' | 'look'>;
  onRecorded(listener: (customerId: string) => void): () => void;
  /** Null: of all who used something. */
  onError(error: unknown, customerId: string | null): void;
}) {
  const { autoTopUps } = deps;
  /** Since the last look. */
  const users = new Set<string>();
  const paced = createPaced({
    pace_ms: paceMs,
    rest,
    run: async () => {
      const ids = [...users];
      users.clear();
      for (const id of await autoTopUps.wantedBy(ids))
        await autoTopUps.look(id).catch((error: unknown) => deps.onError(error, id));
    },
    onError: (error) => deps.onError(error, null),
  });
  const stop = deps.onRecorded(soon);

  function soon(customerId: string): void {
    users.add(customerId);
    paced.ask('users');
  }

  return {
    soon,
    settle: paced.settle,
    async close(): Promise<void> {
      stop();
      await paced.close();
    },
  };
}
