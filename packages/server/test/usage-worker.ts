import { openDatabase } from '../src/db/database.ts';
import { createUsage } from '../src/usage/service.ts';

/** A process that takes usage: batches of events over IPC, answered by the ids of those that are committed. */
const [url = ''] = process.argv.slice(2);
const db = openDatabase({ url, max: 6 });
const quiet = { warn: () => undefined, error: () => undefined };
const meters = [{ id: 'requests', name: 'Requests', unit: 'request', aggregation: 'count' } as const];
const usage = createUsage({ db, clock: { now: () => Date.UTC(2026, 2, 11, 12) }, log: quiet, meters });

process.on('message', (events: unknown[]) => {
  void usage.ingest(events).then((results) => process.send?.(results.map(({ id }) => id)));
});
process.send?.('ready');
