import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { testApp } from '../harness.ts';
import { dearer, publishChanged } from '../published.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const people = 12;
const farebox = await testApp({ list: smallList(), sandbox: { now: systemClock.now } });
const folder = mkdtempSync(join(tmpdir(), 'farebox-worker-'));
const workers: ChildProcess[] = [];
afterAll(() => {
  for (const worker of workers) worker.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function startWorker(): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '../worker.ts');
  const args = ['--conditions=farebox', program, farebox.db.url, String(farebox.stripe_port), folder];
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  worker.stderr.pipe(process.stderr);
  workers.push(worker);
  await once(worker.stdout, 'data', { signal: AbortSignal.timeout(180_000) });
  return worker;
}

test(
  'three workers of which two are killed in their work move every subscriber once',
  { timeout: 400_000 },
  async () => {
    const subscriptions: string[] = [];
    for (let made = 0; made < people; made += 1) {
      const visitor = await farebox.signUp();
      const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
      await payOnPage(checkout.url);
      const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
      subscriptions.push(subscription.id);
    }
    await publishChanged(farebox, 'pro', dearer(59_900));
    const [first, second] = await Promise.all([startWorker(), startWorker()]);

    const path = '/v1/plans/pro/migrations';
    const wish = { when: 'now', proration_behavior: 'always_invoice', per_second: 20 };
    const { id } = await farebox.seller.post(path, wish);
    // Each worker gets a job of its own, and all of them work through the same list.
    for (let more = 0; more < 4; more += 1)
      await farebox.app.queue.enqueue(farebox.db.kysely, { name: 'plans.migrate', data: { migration_id: id } });
    const done = async () => (await farebox.seller.get(`${path}/${id}`)).counts.done as number;
    await expect.poll(done, { timeout: 180_000, interval: 20 }).toBeGreaterThan(1);
    first.kill('SIGKILL');
    await expect.poll(done, { timeout: 180_000, interval: 20 }).toBeGreaterThan(4);
    second.kill('SIGKILL');
    // As if the heartbeats of the two had been missing for a minute.
    await farebox.db.pool.query(
      "update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'",
    );
    await expect.poll(done, { timeout: 180_000 }).toBe(people);
    await farebox.app.settle();

    expect(await farebox.seller.get(`${path}/${id}`)).toMatchObject({
      state: 'done',
      counts: { total: people, done: people, failed: 0, skipped: 0, remaining: 0 },
    });
    const changes: { status: string | null; total: number }[] = [];
    for await (const invoice of farebox.stripe.invoices.list({ limit: 100 }))
      if (invoice.billing_reason === 'subscription_update') changes.push(invoice);
    expect(changes.map(({ status }) => status)).toEqual(subscriptions.map(() => 'paid'));
    // The difference for nearly the whole period: some seconds of it may have passed.
    expect(changes.filter(({ total }) => total < 9900 || total > 10_000)).toEqual([]);
    const intents = await farebox.db.kysely
      .selectFrom('stripe_intent')
      .select(['dedupe_key', 'state'])
      .where('kind', '=', 'subscription.change')
      .execute();
    expect(intents.map(({ dedupe_key }) => dedupe_key).toSorted()).toEqual(
      subscriptions.map((subscription) => `plan.migration:${id}:${subscription}:1`).toSorted(),
    );
    expect(intents.every(({ state }) => state === 'done')).toBe(true);
  },
);
