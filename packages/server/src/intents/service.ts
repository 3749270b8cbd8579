import type { Database, Tx } from '../db/database.ts';
import { createId } from '../lib/id.ts';
import { invariant } from '../lib/invariant.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import type { Queue } from '../queue/queue.ts';
import type { Carrier, Carriers, Intent, IntentKind, Intents, Outcome, Verdict } from './kinds.ts';
import {
  type IntentRow,
  insertIntent,
  intentById,
  intentByKey,
  markDone,
  markRefused,
  markSent,
  markUnsettled,
  openIntents,
  openIntentsOf,
} from './store.ts';

export type IntentBook = ReturnType<typeof createIntents>;

/** Kinds of wishes that are decided one after the other. */
export type WishKinds = 'subscription.' | 'invoice.';

/** A job could not find out what became of an intent, and runs again. */
class Unsettled extends Error {
  override name = 'Unsettled';
}

/**
 * Changes at Stripe, each written down in the transaction that decided it and carried out afterwards, at most once in its
 * effect. A lost answer is never taken for a failure: before a repeat, Stripe is read. The idempotency key is a pure
 * function of the row.
 */
export function createIntents(deps: {
  db: Database;
  clock: Clock;
  log: Log;
  queue: Pick<Queue, 'enqueue' | 'work'>;
  installation_id: string;
  carriers: Partial<Carriers>;
  verdictOf(error: unknown): Verdict;
}) {
  const { db, clock, queue, log } = deps;

  /** In the transaction of the decision. The same `dedupe_key` twice is one intent; its job carries it out if nobody waits for it. */
  async function record<K extends IntentKind>(
    tx: Tx,
    wish: { kind: K; customer_id: string; dedupe_key: string; data: Intents[K]['data'] },
  ): Promise<{ id: string; is_new: boolean }> {
    const now = clock.now();
    const recorded = await insertIntent(tx, {
      ...wish,
      id: createId('intt', now),
      data: JSON.stringify(wish.data),
      created_at: new Date(now),
    });
    if (recorded.is_new) await queue.enqueue(tx, { name: 'stripe.intent', data: { intent_id: recorded.id } });
    return recorded;
  }

  /** Carries an intent out now, or says what became of it. One worker at a time; call it outside of transactions. */
  async function settle<K extends IntentKind>(id: string, kind: K): Promise<Outcome<K>> {
    return await db.withLock(`stripe.intent:${id}`, async () => {
      const row = await intentById(db.kysely, id);
      invariant(row !== null && row.kind === kind, `${id} is an intent of the kind ${kind}`);
      const ended = endOf<K>(row);
      if (ended !== null) return ended;
      return await carryOut<K>(row, carrierOf(deps.carriers, kind), asIntent<K>(row));
    });
  }

  async function carryOut<K extends IntentKind>(
    row: IntentRow,
    carrier: Carrier<K>,
    intent: Intent<K>,
  ): Promise<Outcome<K>> {
    try {
      const found = row.state === 'sent' ? await carrier.find(intent) : null;
      if (found !== null) return await done(row.id, found);
      // A failure that Stripe has answered is over, and the reading shows no effect: only then is another key safe.
      const round = row.failure_answered ? row.round + 1 : row.round;
      await markSent(db.kysely, row.id, round, new Date(clock.now()));
      return await done(row.id, await carrier.send(intent, idempotencyKey(deps.installation_id, row.id, round)));
    } catch (error) {
      const verdict = deps.verdictOf(error);
      const last_error = error instanceof Error ? error.message : String(error);
      if (verdict.type === 'refused') {
        await markRefused(db.kysely, row.id, JSON.stringify(verdict.refusal), new Date(clock.now()));
        return { state: 'refused', refusal: verdict.refusal };
      }
      await markUnsettled(db.kysely, row.id, { failure_answered: verdict.type === 'failed', last_error });
      log.warn({ intent: row.id, kind: row.kind, verdict: verdict.type, reason: last_error }, 'intent not settled');
      return { state: 'unknown' };
    }
  }

  async function done<K extends IntentKind>(id: string, result: Intents[K]['result']): Promise<Outcome<K>> {
    await markDone(db.kysely, id, JSON.stringify(result), new Date(clock.now()));
    return { state: 'done', result };
  }

  return {
    record,
    settle,
    register(afterwards: (customerId: string) => Promise<void>): void {
      queue.work('stripe.intent', async ({ intent_id }) => {
        const row = await intentById(db.kysely, intent_id);
        if (row === null) return;
        const outcome = await settle(row.id, kindOf(row, deps.carriers));
        if (outcome.state === 'unknown')
          throw new Unsettled(`What became of ${row.id} (${row.kind}) is not known yet.`);
        await afterwards(row.customer_id);
      });
    },
    /**
     * What a customer wished before, of kinds that begin so, and what nobody has settled yet, is carried out now. False while it is not
     * known what became of it: then nothing else of the kind may be decided.
     */
    async settleOpen(customerId: string, kinds: WishKinds): Promise<boolean> {
      for (const row of await openIntentsOf(db.kysely, customerId, kinds))
        if ((await settle(row.id, kindOf(row, deps.carriers))).state === 'unknown') return false;
      return true;
    },
    /** What became of a wish so far, without carrying it out; null: nobody wished it. */
    async outcomeOf<K extends IntentKind>(kind: K, dedupeKey: string): Promise<Outcome<K> | null> {
      const row = await intentByKey(db.kysely, dedupeKey);
      if (row === null) return null;
      invariant(row.kind === kind, `${row.id} is an intent of the kind ${kind}`);
      return endOf<K>(row) ?? { state: 'unknown' };
    },
    /** Intents that nobody carries out any more, for the sweep. */
    open: (before: Date, limit: number) => openIntents(db.kysely, before, limit),
  };
}

/** Pure: the same row and round give the same key, on every machine and after every crash. */
export function idempotencyKey(installationId: string, intentId: string, round: number): string {
  return `farebox:${installationId}:${intentId}${round === 0 ? '' : `:${round}`}`;
}

function endOf<K extends IntentKind>(row: IntentRow): Outcome<K> | null {
  if (row.state === 'done') return { state: 'done', result: row.result as Intents[K]['result'] };
  if (row.state !== 'refused') return null;
  invariant(row.refusal !== null, 'a refused intent says why');
  return { state: 'refused', refusal: row.refusal };
}

/** `record` wrote `data` from the type that `kind` names; JSON lies in between. */
function asIntent<K extends IntentKind>(row: IntentRow): Intent<K> {
  return { id: row.id, customer_id: row.customer_id, kind: row.kind as K, data: row.data as Intents[K]['data'] };
}

function carrierOf<K extends IntentKind>(carriers: Partial<Carriers>, kind: K): Carrier<K> {
  const carrier: Carrier<K> | undefined = carriers[kind];
  invariant(carrier !== undefined, `${kind} has a carrier`);
  return carrier;
}

function kindOf(row: Pick<IntentRow, 'id' | 'kind'>, carriers: Partial<Carriers>): IntentKind {
  invariant(Object.hasOwn(carriers, row.kind), `${row.kind} is a kind of intent`);
  return row.kind as IntentKind;
}
