import type { Tx } from './database.ts';
import type { Json } from './tables.ts';

/** Who did what to whose object. `detail` holds no secret. */
export interface AuditEntry {
  /** `customer:cust_…`, `operator:user_…`, `seller:sk_…` or `system`. */
  actor: string;
  /** `api_key.created` */
  action: string;
  customer_id?: string | null;
  object_id?: string | null;
  detail?: Record<string, Json>;
}

/** Written in the transaction of what it tells: an entry is there exactly when that happened. */
export interface AuditTrail {
  record(tx: Tx, entry: AuditEntry): Promise<void>;
}
