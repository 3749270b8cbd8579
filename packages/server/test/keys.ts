import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { defaultDunning } from '@farebox/core';
import { createAudit } from '../src/accounts/audit.ts';
import { createMemoryCounter } from '../src/counter/memory.ts';
import type { Database } from '../src/db/database.ts';
import { createGate } from '../src/gate/gate.ts';
import { createSnapshot } from '../src/gate/snapshot.ts';
import { createAdopt } from '../src/keys/import/adopt.ts';
import { createKeyImportRoutes } from '../src/keys/import/routes.ts';
import { createKeyImport } from '../src/keys/import/service.ts';
import { createLastUsed } from '../src/keys/last-used.ts';
import { createLeakRoutes } from '../src/keys/leaks/routes.ts';
import { type LeakPolicy, createLeaks } from '../src/keys/leaks/service.ts';
import type { KeyNotice } from '../src/keys/record.ts';
import { createKeyRoutes } from '../src/keys/routes.ts';
import { type KeysDeps, createKeys } from '../src/keys/service.ts';
import type { Pepper } from '../src/lib/pepper.ts';
import type { ReportKey } from '../src/lib/signed-report.ts';
import type { Clock } from '../src/ports.ts';
import type { Usage } from '../src/usage/service.ts';
import { createTestApp } from './subscribers.ts';

export const testPeppers: readonly Pepper[] = [{ id: 1, secret: 'pepper one' }];
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Options {
  db: Database;
  clock: Clock;
  changed?: (customerId: string) => Promise<void>;
  peppers?: readonly Pepper[];
  most?: (customerId: string) => number | null;
}

/** Keys on their own: what customers are told is kept in `notices`, and plans say nothing unless `most` does. */
export function createTestKeys(options: Options) {
  const { db, clock } = options;
  const notices: (KeyNotice & { customer_id: string })[] = [];
  const deps: KeysDeps = {
    db,
    clock,
    audit: createAudit({ db, clock }),
    secrets: { peppers: options.peppers ?? testPeppers, seal_key: Buffer.alloc(32, 7) },
    livemode: false,
    brand: 'sky',
    notify: async (_, customer_id, notice) => void notices.push({ ...notice, customer_id }),
    told: () => Promise.resolve(),
    planKeyLimit: async (_, customerId) => options.most?.(customerId) ?? null,
    changed: options.changed ?? (() => Promise.resolve()),
  };
  return { keys: createKeys(deps), notices, deps };
}

/** One process: keys, and the gate that reads what they write. */
export function keyNode(
  options: Options & {
    usage: Usage;
    verifier_url?: string;
    leak_policy?: LeakPolicy;
    leak_keys?: readonly ReportKey[];
  },
) {
  const { db, clock, usage, peppers = testPeppers } = options;
  const lastUsed = createLastUsed({ db, log: quiet, peppers });
  const snapshot = createSnapshot({
    db,
    clock,
    peppers,
    onOld: lastUsed.move,
    usedInPeriods: usage.usedInPeriods,
    settle: usage.flush,
    log: quiet,
  });
  const { keys, notices, deps } = createTestKeys({ ...options, changed: snapshot.changed });
  const keyImport = createKeyImport({ ...deps, peppers });
  const leaks = createLeaks({
    ...deps,
    log: quiet,
    keys,
    policy: options.leak_policy ?? 'rotate',
    grace_ms: 3_600_000,
  });
  const gate = createGate({
    entries: snapshot,
    counter: createMemoryCounter(),
    clock,
    record: usage.record,
    used: lastUsed.touch,
    ...(options.verifier_url === undefined
      ? {}
      : { adopt: createAdopt({ url: options.verifier_url, secret: 'old secret', clock, log: quiet, keyImport }) }),
    brand: 'sky',
    policy: { grace_ms: 0, dunning: defaultDunning(0) },
  });
  const codeOf = async (token: string, request: { cost?: number; scope?: string; ip?: string } = {}) =>
    (await gate.verify({ token, ...request })).code;
  const { call, app } = createTestApp({
    clock,
    routes: [
      createKeyImportRoutes({ keyImport }),
      createLeakRoutes({ leaks, keys: options.leak_keys ?? [] }),
      createKeyRoutes({ keys, clock, brand: 'sky' }),
    ],
  });
  return { keys, keyImport, notices, gate, snapshot, lastUsed, codeOf, call, app };
}

/** Somebody who scans for leaks: a key of its own and what it signs. */
export function createScanner(id: string): { key: ReportKey; signed(body: string): Record<string, string> } {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    key: { id, key: pair.publicKey },
    signed: (body) => ({
      'content-type': 'application/json',
      'github-public-key-identifier': id,
      'github-public-key-signature': sign('sha256', Buffer.from(body), pair.privateKey).toString('base64'),
    }),
  };
}
