import type { Database } from '../../db/database.ts';
import { createId } from '../../lib/id.ts';
import type { Clock } from '../../ports.ts';
import type { Reconciliation } from './service.ts';
import { insertRun } from './store.ts';

/** The same comparison; one that repairs is written down. A look changes nothing, and is not. */
export function createRecorded(deps: {
  db: Pick<Database, 'kysely'>;
  clock: Clock;
  reconcile(options: { repair: boolean }): Promise<Reconciliation>;
}) {
  const { db, clock } = deps;
  return async function recorded(options: { repair: boolean }): Promise<Reconciliation> {
    const started = clock.now();
    const result = await deps.reconcile(options);
    if (!options.repair) return result;
    const times = { started_at: new Date(started), finished_at: new Date(clock.now()) };
    await insertRun(db.kysely, { id: createId('rcon', started), ...times, ...result });
    return result;
  };
}
