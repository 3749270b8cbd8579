import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createSubscribers } from '../../test/subscribers.ts';
import { fakeClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import type { Carrier, Verdict } from './kinds.ts';
import { createIntents, idempotencyKey } from './service.ts';

const db = await testDatabase();
const clock = fakeClock(Date.parse('2026-03-01T00:00:00Z'));
const customer_id = await createSubscribers(db, clock).customer();

/** What happens to one request: answered; or its answer is lost, or a failure, before or after it had its effect. */
type Fate = 'answered' | 'lost_before' | 'lost_after' | 'failed_before' | 'failed_after' | 'refused' | 'crash';

class Told extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.type);
    this.verdict = verdict;
  }
}

/** Stripe as far as a refund goes: it keeps every answer under its key, also a failure of its own. */
function smallStripe(fates: Fate[]) {
  const effects: string[] = [];
  const stored = new Map<string, Verdict | 'done'>();
  const keys: string[] = [];
  const carrier: Carrier<'subscription.undo'> = {
    find: () => Promise.resolve(effects.length > 0 ? { stripe_refund_ids: [...effects] } : null),
    send(_intent, key) {
      keys.push(key);
      const fate = fates.shift() ?? 'answered';
      const before = stored.get(key);
      if (fate === 'lost_before') return Promise.reject(new Told({ type: 'unknown' }));
      if (before === undefined) {
        if (fate === 'refused') {
          const refusal = { code: 'charge_already_refunded', message: 'No.', param: null };
          stored.set(key, { type: 'refused', refusal });
        } else if (fate === 'failed_before') stored.set(key, { type: 'failed' });
        else {
          effects.push(`re_${effects.length}`);
          stored.set(key, fate === 'failed_after' ? { type: 'failed' } : 'done');
        }
      }
      if (fate === 'lost_after' || fate === 'crash') return Promise.reject(new Told({ type: 'unknown' }));
      const answer = stored.get(key);
      if (answer === undefined || answer === 'done') return Promise.resolve({ stripe_refund_ids: [...effects] });
      return Promise.reject(new Told(answer));
    },
  };
  return { effects, keys, carrier };
}

function bookOf(carrier: Carrier<'subscription.undo'>) {
  const queued: string[] = [];
  const book = createIntents({
    db,
    clock,
    log: createLog('silent'),
    installation_id: 'inst_1',
    queue: {
      enqueue: (_tx, job) => {
        queued.push(job.name);
        return Promise.resolve();
      },
      work: () => undefined,
    },
    carriers: { 'subscription.undo': carrier },
    verdictOf: (error) => (error instanceof Told ? error.verdict : { type: 'unknown' }),
  });
  return { book, queued };
}

let wishes = 0;
function wish() {
  wishes += 1;
  return {
    kind: 'subscription.undo' as const,
    customer_id,
    dedupe_key: `undo:${wishes}`,
    data: { stripe_subscription_id: `sub_${wishes}` },
  };
}

test('however answers are lost, one intent has one effect, and settles as soon as Stripe can be read', async () => {
  const fate = fc.constantFrom<Fate>('answered', 'lost_before', 'lost_after', 'failed_before', 'failed_after');
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 8 }), async (fates) => {
      const { effects, keys, carrier } = smallStripe([...fates]);
      const { book } = bookOf(carrier);
      const { id } = await db.transaction((tx) => book.record(tx, wish()));
      let outcome = await book.settle(id, 'subscription.undo');
      for (let tries = 0; outcome.state === 'unknown' && tries < 12; tries += 1)
        outcome = await book.settle(id, 'subscription.undo');
      expect(outcome).toEqual({ state: 'done', result: { stripe_refund_ids: ['re_0'] } });
      expect(effects).toHaveLength(1);
      expect(keys.every((key) => key.startsWith(`farebox:inst_1:${id}`))).toBe(true);
      expect(await book.settle(id, 'subscription.undo')).toEqual(outcome);
      expect(effects).toHaveLength(1);
    }),
    { numRuns: 15 },
  );
});

test('the same wish twice is one intent and one job; a wish whose transaction fails is none', async () => {
  const { carrier } = smallStripe([]);
  const { book, queued } = bookOf(carrier);
  const twice = wish();
  const first = await db.transaction((tx) => book.record(tx, twice));
  const second = await db.transaction((tx) => book.record(tx, twice));
  expect([first.is_new, second.is_new, second.id === first.id, queued]).toEqual([true, false, true, ['stripe.intent']]);
  const undone = wish();
  const failing = db.transaction(async (tx) => {
    await book.record(tx, undone);
    throw new Error('the decision did not stand');
  });
  await expect(failing).rejects.toThrow('did not stand');
  const rows = await db.kysely.selectFrom('stripe_intent').where('dedupe_key', '=', undone.dedupe_key).execute();
  expect(rows).toEqual([]);
});

test('what Stripe refuses is refused for good, with its words; nothing is sent again', async () => {
  const { keys, carrier } = smallStripe(['refused']);
  const { book } = bookOf(carrier);
  const { id } = await db.transaction((tx) => book.record(tx, wish()));
  const refusal = { code: 'charge_already_refunded', message: 'No.', param: null };
  expect(await book.settle(id, 'subscription.undo')).toEqual({ state: 'refused', refusal });
  expect(await book.settle(id, 'subscription.undo')).toEqual({ state: 'refused', refusal });
  expect(keys).toHaveLength(1);
});

test('twenty callers at once carry an intent out once', async () => {
  const { effects, keys, carrier } = smallStripe([]);
  const { book } = bookOf(carrier);
  const { id } = await db.transaction((tx) => book.record(tx, wish()));
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => book.settle(id, 'subscription.undo')));
  expect(outcomes.every((outcome) => outcome.state === 'done')).toBe(true);
  expect([effects.length, keys.length]).toEqual([1, 1]);
});

test('the key is a function of the intent and of how often Stripe answered with a failure, of nothing else', () => {
  expect(idempotencyKey('inst_1', 'intt_1', 0)).toBe('farebox:inst_1:intt_1');
  expect(idempotencyKey('inst_1', 'intt_1', 2)).toBe('farebox:inst_1:intt_1:2');
});
