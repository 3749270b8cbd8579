import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApp } from '../app.ts';
import { readConfig, readEnvironment } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { Refusal } from '../lib/refusal.ts';
import { loadPriceList } from '../plans/load.ts';
import type { Reconciliation } from '../stripe/reconcile/service.ts';
import { withDatabase } from './reach.ts';

/** Exit code while something differs that was not repaired; 1 is a failure. */
const differs = 2;

/**
 * `farebox reconcile [--repair] [--json]`: what differs between here and Stripe, in words; with `--repair` everything that has
 * one right answer is put right. Runs beside a running Farebox, which does the same every night.
 */
export async function reconcile(args: string[]): Promise<number> {
  const { repair = false, json = false } = options(args);
  const { config, secrets } = readConfig('serve', readEnvironment());
  const list = await loadPriceList(config.price_list);
  const log = createLog('silent');
  return await withDatabase(config, async (db, url) => {
    const web_dir = join(import.meta.dirname, '../../../web/dist');
    // An address, so that this process takes no jobs from the one that keeps the embedded database.
    const reached = { ...config, database: { kind: 'postgres', url } } as const;
    const app = await createApp({
      config: reached,
      secrets,
      list,
      db,
      database_url: url,
      log,
      clock: systemClock,
      stripe: null,
      web_dir,
    });
    await app.queue.start();
    try {
      const result = await app.stripe.reconcile({ repair });
      console.log(json ? JSON.stringify(result, null, 2) : reconciliationText(result));
      return result.found.every(({ repaired }) => repaired) ? 0 : differs;
    } finally {
      await app.stop();
    }
  });
}

/** One line for each difference, and what became of it. */
export function reconciliationText({ checked, found }: Reconciliation): string {
  const lines = found.map(({ kind, detail, repair, repaired }) => {
    const then = repaired ? 'Repaired.' : repair === null ? 'This is for a person to decide.' : 'Add --repair.';
    return `  ${kind.padEnd(20)} ${detail} ${then}`;
  });
  const head =
    found.length === 0
      ? `Nothing differs; ${checked} objects of Stripe were looked at.`
      : `${found.length} of ${checked} objects of Stripe differ or are missing:`;
  return [head, ...lines].join('\n');
}

function options(args: string[]) {
  try {
    const known = { repair: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    return parseArgs({ args, options: known, strict: true }).values;
  } catch (error) {
    throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
