import {
  type AccessPolicy,
  type Instant,
  type QuotaTake,
  createEndpointMatch,
  groupsOf,
  soFarTake,
} from '@farebox/core';
import type { Accounts } from './accounts/service.ts';
import type { AppOptions } from './app.ts';
import { createCounter } from './counter/counter.ts';
import type { Tx } from './db/database.ts';
import { listenTo } from './db/listen.ts';
import { createCommittedGate } from './gate/committed.ts';
import { createGate } from './gate/gate.ts';
import { endpointsOf } from './gate/endpoints.ts';
import { createChanges } from './gate/changes.ts';
import { createLocalRoutes } from './gate/local/routes.ts';
import { createLocalGate } from './gate/local/service.ts';
import { createGateRoutes } from './gate/routes.ts';
import { type RateLimited, createRefusals } from './gate/refusals.ts';
import { createSnapshot } from './gate/snapshot.ts';
import { createAdopt } from './keys/import/adopt.ts';
import { createKeyImportRoutes } from './keys/import/routes.ts';
import { createKeyImport } from './keys/import/service.ts';
import { createLastUsed } from './keys/last-used.ts';
import { createLeakRoutes } from './keys/leaks/routes.ts';
import { createLeaks } from './keys/leaks/service.ts';
import type { KeyNotify, KeyTold } from './keys/record.ts';
import { createKeyRoutes } from './keys/routes.ts';
import { createKeys } from './keys/service.ts';
import { bumpGateVersion } from './keys/store.ts';
import { createPaced } from './lib/paced.ts';
import { monotonic } from './lib/clock.ts';
import { createId } from './lib/id.ts';
import type { Plans } from './plans/service.ts';
import { liveSubscriptions } from './subscriptions/store.ts';
import type { AskedScope, Usage } from './usage/service.ts';

/** While a capped customer uses something, how often every node looks at what all of it costs. */
const capPaceMs = 1_000;

/** Joins what decides about a request: keys, what the gate knows of them, counters. Its part of `createApp`. */
export function createGating(
  deps: Pick<AppOptions, 'config' | 'secrets' | 'db' | 'database_url' | 'listens' | 'clock' | 'list' | 'log'> & {
    accounts: Pick<Accounts, 'audit'>;
    plans: Plans;
    usage: Usage;
    notify: KeyNotify;
    keyTold: KeyTold;
    /** In a transaction of its own: a customer met a rate limit. */
    limitTold(tx: Tx, refusal: RateLimited): Promise<void>;
    access: AccessPolicy;
  },
) {
  const { config, secrets, db, clock, log, usage } = deps;
  const { key_peppers: peppers, seal_key } = secrets;
  const brand = deps.list.seller.key_prefix;
  const lastUsed = createLastUsed({ db, log, peppers, also: () => keys.rehashSecretKeys() });
  const refusals = createRefusals({ db, log, told: deps.limitTold });
  const changes = createChanges({ clock, monotonic });
  const snapshot = createSnapshot({
    db,
    clock,
    peppers,
    log,
    onOld: (from, digest) => lastUsed.move(from, digest),
    usedInPeriods: (scopes) => usage.usedInPeriods(scopes),
    settle: () => usage.flush(),
    onRead: (customers) => changes.changed(customers),
    onCurrent: (at_ms, version) => changes.current(at_ms, { version, foreign: gate.isForeign() }),
    groups: groupsOf(deps.list),
  });
  const changed = (customerId: string) => snapshot.changed(customerId);
  const shared = { db, clock, audit: deps.accounts.audit, livemode: config.livemode, brand, changed };
  const ofKeys = { ...shared, secrets: { peppers, seal_key }, notify: deps.notify, told: deps.keyTold, planKeyLimit };
  const keys = createKeys(ofKeys);
  const keyImport = createKeyImport({ ...shared, peppers });
  const leaks = createLeaks({ ...ofKeys, ...config.leaks, log, keys });
  const counter = createCounter({
    choice: config.counter,
    time: config.stripe.kind === 'sandbox' ? 'caller' : 'redis',
    log,
    onQuotaEvicted: (id) => snapshot.reseed(id.slice(0, id.indexOf(':'))),
    onBack: (customers) => {
      if (customers === null) snapshot.reseedAll();
      else for (const customer of customers) snapshot.reseed(customer);
    },
    readUsage,
  });
  const followed = createPaced({
    pace_ms: capPaceMs,
    run: async (customerId) => {
      await db.transaction((tx) => bumpGateVersion(tx, customerId));
      await snapshot.changed(customerId);
    },
    onError: (error, customerId) =>
      log.warn({ err: error, customer_id: customerId }, 'a spend cap is not followed yet'),
  });
  // What other meters cost, and what came otherwise than through the gate, counts under a cap on every node.
  usage.onRecorded((customerId) => {
    if (snapshot.isCapped(customerId)) followed.ask(customerId);
  });
  const endpoints = config.openapi === null ? null : endpointsOf(config.openapi, deps.list.meters);
  const { key_verifier_url: url } = config;
  let listening: { close(): Promise<void> } | null = null;
  const deciding = {
    entries: snapshot,
    counter,
    clock,
    used: (keyId: string, at: Instant) => lastUsed.touch(keyId, at),
    limited: refusals.note,
    ...(url === null ? {} : { adopt: createAdopt({ url, secret: secrets.key_verifier, clock, log, keyImport }) }),
    ...(endpoints === null ? {} : { match: createEndpointMatch(endpoints) }),
    upgrade_url: `${config.base_url}/dashboard`,
    brand,
    policy: deps.access,
    meters: deps.list.meters,
    features: deps.list.features,
  };
  const gate =
    config.usage.durability === 'committed'
      ? createCommittedGate({ ...deciding, commit: usage.commit })
      : createGate({ ...deciding, record: config.usage.each_request ? usage.record : usage.add });
  const local = createLocalGate({
    gate,
    counter,
    clock,
    endpoints,
    version: () => snapshot.version() ?? 0,
    counter_id: config.counter.kind === 'memory' ? createId('counter', clock.now()) : 'shared',
    write: (id, events) => usage.writeRecords(id, events),
    reseed: (customerId) => snapshot.reseed(customerId),
  });
  return {
    keys,
    gate,
    counted,
    snapshot,
    documented: [
      createKeyImportRoutes({ keyImport }),
      createLeakRoutes({ leaks, keys: config.leaks.keys }),
      createKeyRoutes({ keys, clock, brand }),
      createGateRoutes({ gate, clock }),
      createLocalRoutes({ local, changes }),
    ],
    async start(): Promise<void> {
      await Promise.all([snapshot.start(), counter.ready()]);
      if (config.roles.includes('gate') && deps.listens !== false)
        listening = listenTo({
          url: deps.database_url,
          channel: 'farebox_gate',
          onNotice: () => void snapshot.noticed(),
          onError: (error) => log.debug({ err: error }, 'the gate hears of no changes; it asks for them'),
        });
      lastUsed.start();
      const refused = await keys.underUnknownPepper();
      if (refused > 0)
        log.warn({ keys: refused }, 'keys are kept under a pepper that is not configured: all are refused');
    },
    /** Hears of no changes any more, and asks for none. */
    async quiet(): Promise<void> {
      await listening?.close();
      await snapshot.stop();
    },
    /** Who listens for changes goes to another process. */
    drain: () => changes.close(),
    /** What waits to be told is told now. */
    settle: () => refusals.flush(),
    /** After the last request: what is kept for later is written. */
    async close(): Promise<void> {
      await followed.close();
      await refusals.close();
      await lastUsed.close();
      await counter.close();
    },
  };

  /** What the customer's counter of each quota came to; null where nothing is known of it. Takes nothing. */
  async function counted(scopes: readonly AskedScope[]): Promise<(number | null)[]> {
    const found: (number | null)[] = [];
    for (const { customer_id, meter_id, start_at, end_at } of scopes) {
      const take = soFarTake({ customer_id, meter_id, start_at, end_at });
      const { used, unavailable } = await counter.take([take], 0, clock.now());
      found.push(unavailable === true || used[0] === 0 ? null : (used[0] ?? null));
    }
    return found;
  }

  /** What was used per the database, with what is still on its way here. */
  async function readUsage({ id, of, period_end_at: end_at }: QuotaTake): Promise<number> {
    const { meter_id, key_id, start_at } = of;
    if (meter_id === null) return 0;
    await usage.flush();
    const customer_id = id.slice(0, id.indexOf(':'));
    const scope = { customer_id, meter_id, start_at, end_at, ...(key_id === null ? {} : { key_id }) };
    const [used = 0] = await usage.usedInPeriods([scope]);
    return used;
  }

  /** Of several plans the most generous counts, so that buying one more takes no key away. */
  async function planKeyLimit(tx: Tx, customerId: string): Promise<number | null> {
    const limits: number[] = [];
    for (const live of await liveSubscriptions(tx, customerId)) {
      const version = await deps.plans.version(tx, live.plan_version_id);
      if (version?.content.max_keys === undefined) return null;
      limits.push(version.content.max_keys);
    }
    return limits.length === 0 ? null : Math.max(...limits);
  }
}
