import type { Instant } from '@farebox/core';
import type { Tx } from '../db/database.ts';
import { Problem } from '../problem.ts';
import { countKeysSince, countLiveKeys } from './store.ts';

/** Keys of one customer that can be used at the same time, whatever its plan says. */
const mostLiveKeys = 100;
/** Keys one customer may make in a day, revoked ones counted: nobody fills the table by making and revoking. */
const mostKeysPerDay = 500;
const dayMs = 86_400_000;

/** How many keys a customer's plan allows; null: it says nothing. */
export type KeyLimit = (tx: Tx, customerId: string) => Promise<number | null>;

/** Refuses a customer's next key where it has as many as it may. The customer is locked, so that keys are counted one by one. */
export async function refuseMoreKeys(
  tx: Tx,
  asked: { customer_id: string; now: Instant; planKeyLimit: KeyLimit },
): Promise<void> {
  const { customer_id, now } = asked;
  const ofPlan = await asked.planKeyLimit(tx, customer_id);
  const most = Math.min(ofPlan ?? mostLiveKeys, mostLiveKeys);
  if ((await countLiveKeys(tx, customer_id, new Date(now))) >= most) {
    const whose =
      ofPlan !== null && ofPlan <= mostLiveKeys ? `The plan allows ${most} keys` : `${most} keys are allowed`;
    throw new Problem('key_limit_reached', `${whose}, and there are that many. Revoke one that is no longer used.`);
  }
  if ((await countKeysSince(tx, customer_id, new Date(now - dayMs))) >= mostKeysPerDay) {
    throw new Problem('too_many_requests', `${mostKeysPerDay} keys were made in the last day. Try again tomorrow.`);
  }
}
