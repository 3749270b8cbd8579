import { defaultDunning, formatKey } from '@farebox/core';
import { describe, expect, test } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { createTestKeys, testPeppers } from '../../test/keys.ts';
import { createSubscribers, planOf } from '../../test/subscribers.ts';
import { createMemoryCounter } from '../counter/memory.ts';
import { listenTo } from '../db/listen.ts';
import { fakeClock } from '../lib/clock.ts';
import { Problem } from '../problem.ts';
import { createUsage } from '../usage/service.ts';
import { createEntries } from './entries.ts';
import { createGate } from './gate.ts';
import { createSnapshot } from './snapshot.ts';
import type { Found, Source } from './world.ts';

const db = await testDatabase();
const clock = fakeClock(Date.UTC(2026, 2, 10, 12));
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const peppers = testPeppers;
const usage = createUsage({ db, clock, log: quiet, meters: [], flush_ms: 3_600_000 });
const people = createSubscribers(db, clock);

function node(options: { max_ids?: number } = {}) {
  const snapshot = createSnapshot({
    db,
    clock,
    peppers,
    usedInPeriods: usage.usedInPeriods,
    settle: usage.flush,
    log: quiet,
  });
  const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });
  const counter = createMemoryCounter({ ...options, onQuotaEvicted: (id) => snapshot.reseed(id.split(':')[0] ?? '') });
  const gate = createGate({
    entries: snapshot,
    counter,
    clock,
    record: usage.record,
    brand: 'sky',
    policy: { grace_ms: 0, dunning: defaultDunning(0) },
  });
  return { snapshot, keys, gate, counter };
}

/** A source that answers when it is told to, so that a test decides what happens in between. */
function createStagedSource() {
  const calls: { digests: readonly Buffer[]; answer: (found: Found[]) => void; fail: (error: Error) => void }[] = [];
  let version = 1;
  let broken: Error | null = null;
  const source: Source = {
    changesSince: async (seen) => {
      if (broken !== null) throw broken;
      return { version, customers: seen === version ? [] : null };
    },
    hasForeign: async () => false,
    read: (digests) => {
      if (broken !== null) return Promise.reject(broken);
      return new Promise((resolve, reject) => calls.push({ digests, answer: resolve, fail: reject }));
    },
  };
  return {
    source,
    calls,
    bump: () => (version += 1),
    breakDown: (error: Error | null) => (broken = error),
  };
}

function foundFor(digest: Buffer, revoked_at: number | null = null): Found {
  return {
    digest,
    entry: {
      parts: null,
      key_id: 'key_1',
      customer_id: 'cust_1',
      livemode: false,
      scopes: [],
      allowed_cidrs: [],
      expires_at: null,
      disabled_at: null,
      revoked_at,
      subscription: null,
      plan: null,
      budget: null,
      quota_used: 0,
      key_used: 0,
      quota_period_start_at: null,
      budget_period_start_at: null,
      plan_next: null,
      spending: null,
      plan_takes: null,
    },
  };
}

const token = formatKey('sky', 'test', 'B'.repeat(30));

describe('revocation', () => {
  test('counts at once on the node that revoked: no request that starts after the answer passes', async () => {
    const here = node();
    const customer = await people.subscriber();
    for (let round = 0; round < 20; round += 1) {
      clock.advance(2000);
      const { key, secret } = await here.keys.create(null, { customer_id: customer, name: 'k' });
      expect((await here.gate.verify({ token: secret })).code).toBe('VALID');
      // Requests race the revocation; whatever they answer, nothing passes after it.
      const racing = Promise.all(Array.from({ length: 5 }, async () => here.gate.verify({ token: secret, cost: 0 })));
      await here.keys.revoke(customer, key.id);
      expect(here.gate.verify({ token: secret })).toMatchObject({ code: 'REVOKED' });
      await racing;
      expect((await here.gate.verify({ token: secret })).code).toBe('REVOKED');
    }
  });

  test('is heard of elsewhere without a poll, and once more when the line was cut and stands again', async () => {
    const [here, elsewhere] = [node(), node()];
    const customer = await people.subscriber();
    const made = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => await here.keys.create(null, { customer_id: customer, name })),
    );
    await elsewhere.snapshot.tick();
    let heard = 0;
    const onNotice = () => void elsewhere.snapshot.noticed().then(() => (heard += 1));
    const listening = listenTo({ url: db.url, channel: 'farebox_gate', onNotice, onError: () => undefined });
    await expect.poll(() => heard).toBe(1);
    const codes = async () =>
      await Promise.all(made.map(async ({ secret }) => (await elsewhere.gate.verify({ token: secret, cost: 0 })).code));
    expect(await codes()).toEqual(['VALID', 'VALID', 'VALID']);
    await here.keys.revoke(customer, made[0]!.key.id);
    await expect.poll(codes).toEqual(['REVOKED', 'VALID', 'VALID']);
    const cut =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'farebox-listen' and datname = current_database()";
    expect((await db.pool.query(cut)).rowCount).toBe(1);
    await here.keys.revoke(customer, made[1]!.key.id);
    await expect.poll(codes, { timeout: 5000 }).toEqual(['REVOKED', 'REVOKED', 'VALID']);
    await listening.close();
  });

  test('counts elsewhere at the next poll, for keys that are busy and keys that are not', async () => {
    const [here, elsewhere] = [node(), node()];
    const customer = await people.subscriber();
    const made = [];
    for (let count = 0; count < 5; count += 1)
      made.push(await here.keys.create(null, { customer_id: customer, name: 'k' }));
    await elsewhere.snapshot.tick();
    for (const { secret } of made) expect((await elsewhere.gate.verify({ token: secret })).code).toBe('VALID');
    for (const { key } of made) await here.keys.revoke(customer, key.id);
    await elsewhere.snapshot.tick();
    for (const { secret } of made) expect(elsewhere.gate.verify({ token: secret })).toMatchObject({ code: 'REVOKED' });
  });

  test('a change of one customer reads that customer’s keys again and no others; an unnamed change reads all', async () => {
    const here = node();
    const reads: number[] = [];
    const [one, two] = [await people.subscriber(), await people.subscriber()];
    const counted = createSnapshot({
      db,
      clock,
      peppers,
      usedInPeriods: async (scopes) => {
        reads.push(scopes.length);
        return await usage.usedInPeriods(scopes);
      },
      log: quiet,
    });
    const made = await Promise.all(
      [one, one, two].map((customer_id) => here.keys.create(null, { customer_id, name: 'k' })),
    );
    await counted.tick();
    for (const { secret } of made) await counted.get(secret);
    const entries = () => made.map(({ secret }) => counted.get(secret));
    const before = entries();
    await here.keys.revoke(one, made[0]?.key.id ?? '');
    await counted.tick();
    const after = entries();
    expect(after.map((entry, index) => entry === before[index])).toEqual([false, false, true]);
    expect(after[0]).toMatchObject({ revoked_at: clock.now() });
    await people.bump();
    await counted.tick();
    expect(entries().map((entry, index) => entry === after[index])).toEqual([false, false, false]);
    // Usage of a period that goes on is not counted again.
    expect(reads.reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  test('many changes between two polls are all followed', async () => {
    const [here, elsewhere] = [node(), node()];
    const customers = [];
    for (let count = 0; count < 12; count += 1) customers.push(await people.subscriber());
    const made = await Promise.all(customers.map((customer_id) => here.keys.create(null, { customer_id, name: 'k' })));
    await elsewhere.snapshot.tick();
    for (const { secret } of made) expect((await elsewhere.gate.verify({ token: secret })).code).toBe('VALID');
    await Promise.all(made.map(({ key }) => here.keys.revoke(null, key.id)));
    await elsewhere.snapshot.tick();
    for (const { secret } of made) expect(elsewhere.gate.verify({ token: secret })).toMatchObject({ code: 'REVOKED' });
  });

  test('a key made elsewhere passes after the next poll though it was asked for before it was made', async () => {
    const elsewhere = node();
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet });
    const early = entries.get(token);
    staged.calls[0]?.answer([]);
    expect(await early).toBeNull();
    expect(entries.get(token)).toBeNull();
    staged.bump();
    await entries.tick();
    const later = entries.get(token);
    staged.calls[1]?.answer([foundFor(staged.calls[1].digests[0]!)]);
    expect(await later).toMatchObject({ key_id: 'key_1' });
    await elsewhere.snapshot.stop();
  });

  test('a read that began before a change is not kept, and does not answer who asks after it', async () => {
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet });
    const before = entries.get(token);
    await entries.changed();
    const after = entries.get(token);
    const digest = staged.calls[0]!.digests[0]!;
    staged.calls[0]?.answer([foundFor(digest)]);
    expect(await before).toMatchObject({ revoked_at: null });
    await expect.poll(() => staged.calls.length).toBe(2);
    staged.calls[1]?.answer([foundFor(digest, 1)]);
    expect(await after).toMatchObject({ revoked_at: 1 });
    expect(entries.get(token)).toMatchObject({ revoked_at: 1 });
  });

  test('a key that is revoked for good is read when it is used again, so that no other waits for it', async () => {
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet });
    const first = entries.get(token);
    const digest = staged.calls[0]!.digests[0]!;
    staged.calls[0]?.answer([foundFor(digest, clock.now())]);
    expect(await first).toMatchObject({ revoked_at: clock.now() });
    await entries.changed();
    expect(staged.calls).toHaveLength(1);
    const again = entries.get(token);
    staged.calls[1]?.answer([foundFor(digest, clock.now())]);
    expect(await again).toMatchObject({ revoked_at: clock.now() });
  });
});

describe('misses', () => {
  test('any number of callers of one key make one read', async () => {
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet });
    const asked = Array.from({ length: 100 }, async () => entries.get(token));
    expect(staged.calls).toHaveLength(1);
    staged.calls[0]?.answer([foundFor(staged.calls[0].digests[0]!)]);
    expect(new Set(await Promise.all(asked)).size).toBe(1);
    expect(staged.calls).toHaveLength(1);
  });

  test('a flood of keys that do not exist makes one read at a time and a bounded memory', async () => {
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet, max_entries: 10 });
    const asked = Array.from({ length: 2500 }, async (_, index) =>
      entries.get(formatKey('sky', 'test', String(index).padStart(30, '0'))),
    );
    for (let read = 0; read < 4; read += 1) {
      await expect.poll(() => staged.calls.length).toBe(read + 1);
      staged.calls[read]?.answer([]);
    }
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 2500 }, () => null));
    expect(staged.calls.map(({ digests }) => digests.length)).toEqual([1, 1000, 1000, 499]);
  });

  test('what is held is bounded; what was pushed out is read again', async () => {
    const here = node();
    const small = createSnapshot({
      db,
      clock,
      peppers,
      usedInPeriods: usage.usedInPeriods,
      log: quiet,
      max_entries: 3,
    });
    const customer = await people.subscriber();
    const secrets = [];
    for (let count = 0; count < 10; count += 1)
      secrets.push((await here.keys.create(null, { customer_id: customer, name: 'k' })).secret);
    for (const secret of [...secrets, ...secrets])
      expect(await small.get(secret)).toMatchObject({ customer_id: customer });
    expect(small.stats().entries).toBe(3);
  });

  test('a key under an older pepper is found while that pepper is kept', async () => {
    const here = node();
    const customer = await people.subscriber();
    const { secret } = await here.keys.create(null, { customer_id: customer, name: 'k' });
    const both = [...peppers, { id: 2, secret: 'newer' }];
    const rotated = createSnapshot({ db, clock, peppers: both, usedInPeriods: usage.usedInPeriods, log: quiet });
    expect(await rotated.get(secret)).toMatchObject({ customer_id: customer });
    expect(rotated.get(secret)).toMatchObject({ customer_id: customer });
  });
});

describe('without the database', () => {
  test('the last snapshot decides for the stated time, then nothing passes, and it heals', async () => {
    const staged = createStagedSource();
    const entries = createEntries({
      source: staged.source,
      clock,
      peppers,
      log: quiet,
      poll_ms: 500,
      stale_ms: 60_000,
    });
    const first = entries.get(token);
    staged.calls[0]?.answer([foundFor(staged.calls[0].digests[0]!)]);
    await first;
    const down = new Error('connection refused');
    staged.breakDown(down);
    const unseen = entries.get(formatKey('sky', 'test', 'C'.repeat(30)));
    await expect(unseen).rejects.toMatchObject({ code: 'gate_unavailable', detail: down });
    for (let beat = 0; beat < 120; beat += 1) {
      await entries.tick();
      expect(entries.get(token)).toMatchObject({ key_id: 'key_1' });
    }
    await entries.tick();
    expect(() => entries.get(token)).toThrow(Problem);
    staged.breakDown(null);
    const healing = entries.tick();
    await expect.poll(() => staged.calls.length).toBe(2);
    staged.calls[1]?.answer([foundFor(staged.calls[1].digests[0]!)]);
    await healing;
    expect(entries.get(token)).toMatchObject({ key_id: 'key_1' });
  });

  test('a database that takes the question and never answers counts as away', async () => {
    const source: Source = {
      changesSince: () => new Promise(() => undefined),
      read: async () => [],
      hasForeign: async () => false,
    };
    const entries = createEntries({ source, clock, peppers, log: quiet, poll_ms: 500, stale_ms: 1000 });
    for (let beat = 0; beat < 3; beat += 1) void entries.tick();
    expect(() => entries.get(token)).toThrow(Problem);
  });

  test('a refresh that failed is made up for at the next poll, though the version did not move again', async () => {
    const staged = createStagedSource();
    const entries = createEntries({ source: staged.source, clock, peppers, log: quiet });
    await entries.tick();
    const first = entries.get(token);
    const digest = staged.calls[0]!.digests[0]!;
    staged.calls[0]?.answer([foundFor(digest)]);
    await first;
    const failing = entries.changed();
    staged.calls[1]?.fail(new Error('connection reset'));
    await failing;
    const poll = entries.tick();
    await expect.poll(() => staged.calls.length).toBe(3);
    staged.calls[2]?.answer([foundFor(digest, 1)]);
    await poll;
    expect(entries.get(token)).toMatchObject({ revoked_at: 1 });
  });
});

describe('forgotten counters', () => {
  test('a hard quota admits its limit exactly, though its counter is thrown out over and over', async () => {
    const here = node({ max_ids: 2 });
    const hard = planOf({
      limits: [],
      usage: [{ meter_id: 'requests', included: 5, quota: 'hard', interval: 'month', overage: null }],
    });
    const secrets: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      const customer = await people.subscriber(hard);
      // Two keys of one customer share what is left.
      for (let key = 0; key < 2; key += 1)
        secrets.push((await here.keys.create(null, { customer_id: customer, name: 'k' })).secret);
    }
    const admitted = new Map<string, number>();
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(secrets.map(async (secret) => here.gate.verify({ token: secret })));
      for (const { valid, customer_id } of answers) {
        if (valid) admitted.set(customer_id ?? '', (admitted.get(customer_id ?? '') ?? 0) + 1);
      }
    }
    expect([...admitted.values()]).toEqual([5, 5, 5, 5, 5, 5]);
    expect(here.counter.stats().evicted_quotas).toBeGreaterThan(10);
  });
});
