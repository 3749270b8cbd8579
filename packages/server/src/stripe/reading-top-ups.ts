import type Stripe from 'stripe';
import type { MirrorTopUp } from '../credits/top-ups/mirror.ts';
import { type TopUpRow, unsettledTopUps } from '../credits/top-ups/store.ts';
import type { Database } from '../db/database.ts';
import type { IntentBook } from '../intents/service.ts';
import type { Clock } from '../ports.ts';
import { chargedTopUp, translateTopUp, unpaid } from './translate-top-up.ts';

/** Reads what became of a customer's open top-ups; null when there is none that Stripe may still say something of. */
export function createTopUpReading(deps: {
  db: Database;
  clock: Clock;
  stripe: Stripe;
  /** What became of what was said to Stripe. */
  intents: Pick<IntentBook, 'outcomeOf'>;
}) {
  return async function readTopUps(customerId: string): Promise<MirrorTopUp[] | null> {
    const known = await unsettledTopUps(deps.db.kysely, customerId);
    if (known.length === 0) return null;
    const read: MirrorTopUp[] = [];
    for (const row of known) if (row.state === 'open') read.push(await readOne(row));
    return read;
  };

  async function readOne(row: TopUpRow): Promise<MirrorTopUp> {
    if (row.kind === 'automatic') {
      const outcome = await deps.intents.outcomeOf('top_up.charge', `top_up:${row.id}`);
      return { id: row.id, ...chargedTopUp(outcome) };
    }
    if (row.stripe_session_id === null) {
      // Stripe never answered, or we never heard: nobody has the address, and past its end nobody can pay it.
      const isOver = row.expires_at !== null && row.expires_at.getTime() <= deps.clock.now();
      return { ...unpaid, id: row.id, state: isOver ? 'expired' : 'open' };
    }
    const expand = ['payment_intent'];
    const session = await deps.stripe.checkout.sessions.retrieve(row.stripe_session_id, { expand });
    return { id: row.id, ...translateTopUp(session) };
  }
}
