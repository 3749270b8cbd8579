import { setTimeout as wait } from 'node:timers/promises';
import { openDatabase } from '../packages/server/src/db/database.ts';
import type { Carrier } from '../packages/server/src/intents/kinds.ts';
import { createIntents } from '../packages/server/src/intents/service.ts';
import { systemClock } from '../packages/server/src/lib/clock.ts';
import { createLog } from '../packages/server/src/lib/log.ts';
import { createQueue } from '../packages/server/src/queue/queue.ts';

/**
 * One worker of the races: carries out intents whose effect is a row in `drill_effect`, which stands for Stripe. As there, a
 * key makes one effect however often it is sent, an answer takes its time, and nothing but reading tells what was done.
 */
const db = openDatabase({ url: process.argv[2] ?? '', max: 8 });
const log = createLog('silent');
const queue = createQueue({ url: process.argv[2] ?? '', log, supervise_s: 2 });

const carrier: Carrier<'subscription.undo'> = {
  async find({ id }) {
    const { rows } = await db.pool.query('select 1 from drill_effect where intent_id = $1', [id]);
    return rows.length === 0 ? null : { stripe_refund_ids: [] };
  },
  async send({ id }, key) {
    await db.pool.query('insert into drill_request (intent_id) values ($1)', [id]);
    await db.pool.query('insert into drill_effect (key, intent_id) values ($1, $2) on conflict (key) do nothing', [
      key,
      id,
    ]);
    await wait(5);
    return { stripe_refund_ids: [] };
  },
};

const intents = createIntents({
  db,
  clock: systemClock,
  log,
  queue,
  installation_id: 'inst_drill',
  carriers: { 'subscription.undo': carrier },
  verdictOf: () => ({ type: 'unknown' }),
});
intents.register(() => Promise.resolve());
await queue.start();
console.log('ready');
