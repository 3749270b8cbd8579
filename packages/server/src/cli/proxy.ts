import { readConfig, readEnvironment } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { systemClock } from '../lib/clock.ts';
import { invariant } from '../lib/invariant.ts';
import { createLog } from '../lib/log.ts';
import { loadPriceList } from '../plans/load.ts';
import { openProxy } from '../proxying.ts';
import { createSlices, createTools } from '../slices.ts';
import { options } from './arguments.ts';
import { untilStopped } from './stop.ts';

/**
 * `farebox proxy --upstream URL`: the reverse proxy in a process of its own, on the database of a Farebox that runs elsewhere. It
 * decides and counts; it has no pages, runs no jobs and speaks neither to Stripe nor to a mail server.
 */
export async function proxy(args: string[]): Promise<number> {
  const { upstream, port } = options(args, { upstream: { type: 'string' }, port: { type: 'string' } });
  const { config, secrets } = readConfig('proxy', {
    ...readEnvironment(),
    ...(upstream === undefined ? {} : { FAREBOX_UPSTREAM: upstream }),
    ...(port === undefined ? {} : { FAREBOX_PROXY_PORT: port }),
  });
  invariant(config.database.kind === 'postgres', 'a proxy alone is refused without a database');
  const log = createLog(config.log_level);
  const list = await loadPriceList(config.price_list);
  const { url } = config.database;
  const db = openDatabase({ url, max: 10 });
  const stops = [() => db.close()];
  const stop = async () => {
    for (const step of stops.splice(0)) await step();
  };
  try {
    await migrate(db.pool);
    // What only a whole Farebox has stays unused: nobody asks this process for it.
    const whole = { config, secrets, list, db, database_url: url, log, clock: systemClock, stripe: null, web_dir: '' };
    const slices = createSlices(whole, createTools(whole));
    await slices.gating.start();
    stops.unshift(() => slices.close());
    const door = await openProxy({ ...whole, ...slices });
    invariant(door !== null, 'a proxy alone is refused without an upstream');
    stops.unshift(() => door.close());
    log.info({ port: door.port, upstream: config.proxy?.upstream }, 'forwarding');
    return await untilStopped([stop]);
  } catch (error) {
    await stop();
    throw error;
  }
}
