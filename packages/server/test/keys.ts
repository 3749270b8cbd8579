import { createAudit } from '../src/accounts/audit.ts';
import type { Database } from '../src/db/database.ts';
import type { KeyNotice } from '../src/keys/record.ts';
import { createKeys } from '../src/keys/service.ts';
import type { Pepper } from '../src/lib/pepper.ts';
import type { Clock } from '../src/ports.ts';

/** Keys on their own: what customers are told is kept in `notices`, and plans say nothing unless `most` does. */
export function createTestKeys(deps: {
  db: Database;
  clock: Clock;
  changed?: (customerId: string) => Promise<void>;
  peppers?: readonly Pepper[];
  most?: (customerId: string) => number | null;
}) {
  const { db, clock } = deps;
  const notices: (KeyNotice & { customer_id: string })[] = [];
  const keys = createKeys({
    db,
    clock,
    audit: createAudit({ db, clock }),
    secrets: { peppers: deps.peppers ?? testPeppers, seal_key: Buffer.alloc(32, 7) },
    livemode: false,
    brand: 'sky',
    notify: async (_, customer_id, notice) => void notices.push({ ...notice, customer_id }),
    planKeyLimit: async (_, customerId) => deps.most?.(customerId) ?? null,
    changed: deps.changed ?? (() => Promise.resolve()),
  });
  return { keys, notices };
}

export const testPeppers: readonly Pepper[] = [{ id: 1, secret: 'pepper one' }];
