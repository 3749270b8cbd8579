import { openSync, writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { FareboxUnavailable, createFarebox } from '@farebox/sdk';

/** A process of the seller's that decides by itself until it is told to stop, or killed. */
export interface SdkTold {
  url: string;
  secret_key: string;
  /** One of each customer, in their order. */
  keys: readonly string[];
  callers: number;
  /** Gets a line for each request that was let through, before its caller would hear of it. */
  journal: string;
}

/** A line of the journal: which customer, the request's id, when it was asked and answered, in milliseconds since 1970. */
export interface Admitted {
  customer: number;
  /** Null of a request that was asked about by a call whose answer did not come: it may have been counted. */
  id: string | null;
  asked_at: number;
  answered_at: number;
}

const told: SdkTold = JSON.parse(process.argv[2] ?? '');
const file = openSync(told.journal, 'a');
const farebox = createFarebox({ url: told.url, secret_key: told.secret_key, mode: 'local' });
const now = (): number => performance.timeOrigin + performance.now();
let isOver = false;

async function call(caller: number): Promise<void> {
  for (let turn = caller; !isOver; turn += 1) {
    const customer = turn % told.keys.length;
    const asked_at = now();
    const found = await passed(told.keys[customer] ?? '');
    if (found !== null) {
      const line: Admitted = { customer, id: found.id, asked_at, answered_at: now() };
      writeSync(file, `${JSON.stringify(line)}\n`);
    }
    await wait(found === null ? 5 : 1);
  }
}

/** A request that was let through, or may have been: nobody could decide, and it has no id. Null for a refusal. */
async function passed(key: string): Promise<{ id: string | null } | null> {
  try {
    const { valid, request_id } = await farebox.verify({ key });
    return valid ? { id: request_id } : null;
  } catch (error) {
    if (error instanceof FareboxUnavailable) return { id: null };
    throw error;
  }
}

while (farebox.local()?.current !== true) await wait(10);
const calls = Array.from({ length: told.callers }, (_, caller) => call(caller));
process.once('message', () => {
  isOver = true;
  void Promise.all(calls)
    .then(() => farebox.close())
    .then(() => process.exit(0));
});
process.send?.('deciding');
