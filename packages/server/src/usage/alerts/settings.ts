import type { Database } from '../../db/database.ts';
import { Problem } from '../../problem.ts';
import { alertPercentsOf, setAlertPercents } from './store.ts';
import type { AuditTrail } from '../../db/audit-trail.ts';

/** At which parts of a quota, a cap and credit a customer is told. */
export interface AlertParts {
  customer_id: string;
  /** Its own; null: as the plan says. */
  own: number[] | null;
  in_force: number[];
}

export type AlertSettings = ReturnType<typeof createAlertSettings>;

/** Reads and sets when a customer is told: its own choice, or the seller's for it; the last one counts. */
export function createAlertSettings(deps: {
  db: Database;
  findCustomer(id: string): Promise<{ id: string }>;
  /** As the customer's plan says. */
  planPercents(customerId: string): Promise<readonly number[]>;
  audit: AuditTrail;
  /** After it was set: what is used already may be to be told. */
  changed(customerId: string): void;
}) {
  const { db } = deps;

  async function read(customerId: string): Promise<AlertParts> {
    const { id } = await deps.findCustomer(customerId);
    const own = await alertPercentsOf(db.kysely, id);
    return { customer_id: id, own, in_force: own ?? [...(await deps.planPercents(id))] };
  }

  return {
    read,
    async set(actor: string, customerId: string, percents: number[] | null): Promise<AlertParts> {
      const { id } = await deps.findCustomer(customerId);
      await db.transaction(async (tx) => {
        const before = await alertPercentsOf(tx, id);
        if (JSON.stringify(before) === JSON.stringify(percents))
          throw new Problem('no_change', 'That is how it is already.');
        await setAlertPercents(tx, id, percents);
        await deps.audit.record(tx, {
          actor,
          action: 'customer.usage_alerts_set',
          customer_id: id,
          detail: { percents },
        });
      });
      deps.changed(id);
      return await read(id);
    },
  };
}
