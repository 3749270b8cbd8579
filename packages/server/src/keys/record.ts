import type { Tx } from '../db/database.ts';
import type { Json } from '../db/tables.ts';

/** The audit log, as keys need it: written in the transaction of what it tells. */
export interface KeyAudit {
  record(
    tx: Tx,
    entry: {
      actor: string;
      action: string;
      customer_id?: string | null;
      object_id: string;
      detail?: Record<string, Json>;
    },
  ): Promise<void>;
}
