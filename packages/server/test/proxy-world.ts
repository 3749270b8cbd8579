import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { type Plan, createEndpointMatch, defaultDunning, readEndpoints } from '@farebox/core';
import { afterAll } from 'vitest';
import { createMemoryCounter } from '../src/counter/memory.ts';
import { createGate } from '../src/gate/gate.ts';
import { createSnapshot } from '../src/gate/snapshot.ts';
import { blockListOf } from '../src/http/client-ip.ts';
import { dataHeaders } from '../src/http/security-headers.ts';
import { fakeClock } from '../src/lib/clock.ts';
import { createAnswers } from '../src/proxy/answers.ts';
import { createProxy } from '../src/proxy/proxy.ts';
import type { ProxySettings } from '../src/proxy/rules.ts';
import { type UpstreamTimeouts, createUpstream } from '../src/proxy/upstream.ts';
import { createUsage } from '../src/usage/service.ts';
import { testDatabase } from './database.ts';
import { createTestKeys, testPeppers } from './keys.ts';
import { createSubscribers, planOf } from './subscribers.ts';

/** The reverse proxy with all that it stands on but the rest of the program: keys and usage in a database, counters in this process. */
export async function proxyWorld() {
  const db = await testDatabase();
  const clock = fakeClock(Date.UTC(2026, 2, 10, 12));
  const lines: string[] = [];
  const say = (_: object, message: string): void => void lines.push(message);
  const log = { info: say, warn: say, error: say };
  const people = createSubscribers(db, clock);
  const usage = createUsage({ db, clock, log, meters: [], flush_ms: 3_600_000 });
  const answers = createAnswers({ db, clock, log, interval_ms: 3_600_000 });
  const snapshot = createSnapshot({
    db,
    clock,
    peppers: testPeppers,
    usedInPeriods: usage.usedInPeriods,
    settle: usage.flush,
    log,
  });
  const { keys } = createTestKeys({ db, clock, changed: snapshot.changed });

  async function keyOn(plan: Partial<Plan> = {}, more: { scopes?: string[] } = {}) {
    const customer_id = await people.subscriber(planOf({ limits: [], ...plan }));
    const { secret, key } = await keys.create(null, { customer_id, name: 'test', ...more });
    return { customer_id, secret, key_id: key.id };
  }

  /** A proxy before this upstream, on a port of its own. */
  async function proxyTo(
    upstream: string,
    options: {
      openapi?: unknown;
      trusted?: string[];
      settings?: Partial<ProxySettings>;
      timeouts?: Partial<UpstreamTimeouts>;
    } = {},
  ) {
    const { endpoints, faults } = readEndpoints(options.openapi ?? { paths: {} });
    if (faults.length > 0) throw new Error(JSON.stringify(faults));
    const gate = createGate({
      entries: snapshot,
      counter: createMemoryCounter(),
      clock,
      record: usage.record,
      match: createEndpointMatch(endpoints),
      upgrade_url: 'https://billing.example.com/dashboard',
      brand: 'sky',
      policy: { grace_ms: 0, dunning: defaultDunning(0) },
    });
    const proxy = createProxy({
      gate,
      clock,
      log,
      upstream: createUpstream(upstream, { connect_ms: 2000, headers_ms: 5000, idle_ms: 5000, ...options.timeouts }),
      trusted: blockListOf(options.trusted ?? []),
      settings: { meter_header: 'farebox-units', forwards_key: false, ...options.settings },
      headers: dataHeaders({ https: false }),
      answered: (answered) => answers.record(answered),
    });
    let careful = 0;
    proxy.server.on('request', () => (careful += 1));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    afterAll(() => {
      proxy.destroy();
      proxy.server.close();
    });
    const { port } = proxy.server.address() as AddressInfo;
    /** Requests that were read by node:http. */
    return { port, url: `http://127.0.0.1:${port}`, careful: () => careful };
  }

  /** What was written down of a customer's usage, by endpoint. */
  async function usageOf(customerId: string) {
    await usage.flush();
    const rows = await db.kysely
      .selectFrom('usage_event')
      .select(['id', 'quantity', 'endpoint', 'key_id'])
      .where('customer_id', '=', customerId)
      .orderBy('id')
      .execute();
    return rows.map(({ quantity, endpoint, key_id }) => ({ quantity: Number(quantity), endpoint, key_id }));
  }

  return { db, clock, lines, keys, keyOn, proxyTo, usageOf, answers, snapshot };
}

/** An API as people write it. */
export async function api(listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
