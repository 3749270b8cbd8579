import { monotonic } from '../../lib/clock.ts';
import { createPaced } from '../../lib/paced.ts';
import type { RecordedListener } from '../service.ts';

/** How often a customer that uses something is looked at, where that may have brought it to what is told. */
const paceMs = 5_000;
/** How often otherwise: the period, the plan and what is told at which part may have changed. */
const farPaceMs = 300_000;
/** However many customers use something at once, looking at them takes about a tenth of the time. */
const rest = { times: 9, most_ms: 100 };
/** Other processes count units that this one does not see. */
const partOfUnits = 4;
/** Customers of whom it is known how far they are; then it begins anew. */
const mostFar = 100_000;

/** Looks at who used something whether there is anything to tell: soon where there may be, else now and then. */
export function createAlertLooks(deps: {
  /** Answers after how many more units there may be more to tell. */
  look(customerId: string): Promise<number>;
  onRecorded(listener: RecordedListener): () => void;
  onError(error: unknown, customerId: string): void;
}) {
  /** So many units to go, as it was when they were looked at last. */
  const far = new Map<string, { units: number; until: number }>();
  const paced = createPaced({
    pace_ms: paceMs,
    rest,
    run: async (customerId) => {
      const units = (await deps.look(customerId)) / partOfUnits;
      if (far.size >= mostFar) far.clear();
      if (units > 1) far.set(customerId, { units, until: monotonic() + farPaceMs });
    },
    onError: deps.onError,
  });
  const stop = deps.onRecorded((customerId, units) => {
    const room = far.get(customerId);
    if (room === undefined) return paced.ask(customerId);
    room.units -= units;
    if (room.units <= 0 || monotonic() >= room.until) soon(customerId);
  });

  function soon(customerId: string): void {
    far.delete(customerId);
    paced.ask(customerId);
  }

  return {
    soon,
    /** Who used something is looked at now, however far they seemed to be. */
    async settle(): Promise<void> {
      for (const customerId of far.keys()) soon(customerId);
      await paced.settle();
    },
    async close(): Promise<void> {
      stop();
      await paced.close();
    },
  };
}
