import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { createFarebox } from '@farebox/sdk';

/** What the SDK's own decision costs where nothing is around it: no framework, no socket of a caller. */
export interface LocalTold {
  url: string;
  secret_key: string;
  keys: string;
  seconds: number;
}

export interface LocalDecisions {
  decisions: number;
  /** Of the processor, per decision; calls for blocks and of usage are in it. */
  cpu_us: number;
  /** Half of the decisions were made within. */
  p50_us: number;
  /** Decisions that took a call each. */
  asked: number;
  /** Calls for units and of usage, each of many decisions. */
  calls: number;
  refused: number;
}

const callers = 32;
const told: LocalTold = JSON.parse(process.argv[2] ?? '');
const farebox = createFarebox({ url: told.url, secret_key: told.secret_key, mode: 'local' });
const keys = readFileSync(told.keys, 'utf8').trim().split('\n');
while (farebox.local()?.current !== true) await wait(20);

const decide = async (key: string) =>
  (await farebox.decide({ key, scope: 'forecast:read', endpoint: '/v1/forecast', ip: '203.0.113.9' })).verification
    .valid;
for (let from = 0; from < keys.length; from += callers) await Promise.all(keys.slice(from, from + callers).map(decide));

const latencies: number[] = [];
let refused = 0;
async function run(seconds: number): Promise<void> {
  const ends = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let count = 0; ; count += 1) {
        const begun = performance.now();
        if (begun >= ends) return;
        if (!(await decide(keys[Math.floor(Math.random() * keys.length)] ?? ''))) refused += 1;
        latencies.push((performance.now() - begun) * 1000);
        // A server that has callers comes back to its sockets, too.
        if (count % 100 === 0) await wait(0);
      }
    }),
  );
}
await run(told.seconds);
latencies.length = 0;
refused = 0;
const { asked = 0, calls = 0 } = farebox.local() ?? {};
const before = process.cpuUsage();
await run(told.seconds);
const { user, system } = process.cpuUsage(before);
const sorted = Float64Array.from(latencies).sort();
const result: LocalDecisions = {
  decisions: sorted.length,
  cpu_us: (user + system) / sorted.length,
  p50_us: sorted[sorted.length >> 1] ?? 0,
  asked: (farebox.local()?.asked ?? 0) - asked,
  calls: (farebox.local()?.calls ?? 0) - calls,
  refused,
};
process.send?.(result);
await farebox.close();
process.disconnect();
