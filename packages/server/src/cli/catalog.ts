import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toPlanFile } from '@farebox/core';
import { createId } from '../lib/id.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { Refusal } from '../lib/refusal.ts';
import { planFileText } from '../plans/catalog/file-text.ts';
import { loadPriceList } from '../plans/load.ts';
import { reportMarkdown, reportText } from '../plans/catalog/report.ts';
import { catalogReport, createPlans } from '../plans/service.ts';
import { storedPriceList } from '../plans/store.ts';
import { createQueue } from '../queue/queue.ts';
import { createStripe } from '../stripe/client.ts';
import { createPush } from '../stripe/push.ts';
import { ensureEventDestination } from '../stripe/webhook-endpoint.ts';
import { installationId } from '../stripe/store.ts';
import { createTelling } from '../telling.ts';
import { configuration, options } from './arguments.ts';
import { withDatabase } from './reach.ts';

const outputs = { markdown: { type: 'boolean' }, json: { type: 'boolean' } } as const;

/** Exit code of `farebox diff` when a push would change something; 1 is a failure. */
const wouldChange = 2;

/** `farebox diff [--markdown | --json]`: what a push would change, here and at Stripe, and whom it touches. Changes nothing. */
export async function diff(args: string[]): Promise<number> {
  const { markdown = false, json = false } = options(args, outputs);
  const { config } = configuration();
  const list = await loadPriceList(config.price_list);
  const report = await withDatabase(config, async (db) => await catalogReport(db.kysely, list));
  console.log(json ? JSON.stringify(report, null, 2) : markdown ? reportMarkdown(report) : reportText(report));
  return report.changes ? wouldChange : 0;
}

/**
 * `farebox push`: publishes the price list, and brings it to Stripe where STRIPE_SECRET_KEY names one. A local Stripe gets it
 * from the running `npm start`, or from the next one. Idempotent. `--events-secret FILE` also makes the event destination that
 * hears what Stripe's meters took and did not count, once, and keeps its secret in that file.
 */
export async function push(args: string[]): Promise<number> {
  const { 'events-secret': secret_file } = options(args, { 'events-secret': { type: 'string' } } as const);
  const { config, secrets } = configuration();
  const list = await loadPriceList(config.price_list);
  return await withDatabase(config, async (db, url) => {
    const log = createLog('error');
    const queue = createQueue({ url, log });
    await queue.start();
    try {
      console.log(reportText(await catalogReport(db.kysely, list)));
      const clock = systemClock;
      const told = createTelling({ db, clock, queue, list, livemode: config.livemode }).plan;
      await createPlans({ db, clock, queue, list, told }).publish();
      if (config.stripe.kind === 'sandbox') {
        console.log('Published. The local Stripe has it once `npm start` runs.');
        return 0;
      }
      const now = systemClock.now();
      const installation_id = await installationId(db.kysely, { id: createId('inst', now), created_at: new Date(now) });
      const stripe = createStripe({ secret_key: secrets.stripe_secret_key, address: null });
      if (secret_file !== undefined) {
        const hears = `${config.base_url}/v1/stripe/webhooks`;
        await ensureEventDestination({ stripe, url: hears, secret_file: resolve(secret_file) });
        console.log(
          `Stripe tells ${hears} what its meters did not count. The secret is the second word of ${secret_file}:`,
        );
        console.log('add it to STRIPE_WEBHOOK_SECRET, after a comma.');
      }
      const meterName = (id: string) => list.meters.find((meter) => meter.id === id)?.name ?? id;
      const pushed = await createPush({ db, clock: systemClock, stripe, installation_id, meterName, log })();
      console.log(
        pushed.length === 0 ? 'Published; Stripe has it all.' : `Published; now at Stripe: ${pushed.join(', ')}.`,
      );
      return 0;
    } finally {
      await queue.stop();
    }
  });
}

/** `farebox pull [--out FILE]`: the price list as it was published last, as a file that `definePlans` reads to the same list. */
export async function pull(args: string[]): Promise<number> {
  const { out, force = false } = options(args, { out: { type: 'string' }, force: { type: 'boolean' } } as const);
  const { config } = configuration();
  const path = out === undefined ? null : resolve(out);
  if (path !== null && existsSync(path) && !force)
    throw new Refusal(`${path} exists. Name another file, or add --force to replace it.`);
  const list = await withDatabase(config, async (db) => await storedPriceList(db.kysely));
  if (list === null) throw new Refusal('No price list was published yet: `farebox push` does, and every start.');
  const text = planFileText(toPlanFile(list));
  if (path === null) console.log(text.trimEnd());
  else {
    writeFileSync(path, text);
    console.log(`Wrote ${list.plans.length} plans to ${path}.`);
  }
  return 0;
}
