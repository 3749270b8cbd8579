import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { GateUsage } from '@farebox/core';
import { expect, onTestFinished, test } from 'vitest';
import { secretKey, serve } from '../test/farebox-server.ts';
import { createUsageBuffer } from './lib/local/usage.ts';

/** A buffer, and a Farebox that answers its calls with this status when it is let. */
async function start(status: () => number) {
  const sizes: number[] = [];
  let [mayAnswer, let_] = [Promise.resolve(), () => {}];
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { events } = JSON.parse(await text(request)) as { events: unknown[] };
    sizes.push(events.length);
    await mayAnswer;
    response.writeHead(status(), { 'content-type': 'application/json' }).end('{}');
  }
  const { url } = await serve((request, response) => void answer(request, response));
  const errors: unknown[] = [];
  const buffer = createUsageBuffer({ base_url: url, secret_key: secretKey, timeout_ms: 5000 }, (error) =>
    errors.push(error),
  );
  onTestFinished(() => let_());
  return {
    url,
    buffer,
    sizes,
    errors,
    hold(): void {
      const held = Promise.withResolvers<void>();
      [mayAnswer, let_] = [held.promise, held.resolve];
    },
    go: () => let_(),
  };
}

let ids = 0;
function event(): GateUsage {
  ids += 1;
  return {
    id: `req_${ids}`,
    customer_id: 'cust_1',
    key_id: 'key_1',
    meter_id: 'requests',
    quantity: 1,
    occurred_at: 1_780_000_000_000,
    endpoint: '',
  };
}

function pushMany(buffer: ReturnType<typeof createUsageBuffer>, count: number): void {
  for (let left = count; left > 0; left -= 1) buffer.push(event(), 'memory:1');
}

test('a thousand are sent at once, what comes while a call is under way when it is due', async () => {
  const { buffer, sizes, hold, go } = await start(() => 200);
  hold();
  pushMany(buffer, 1000);
  await expect.poll(() => sizes).toEqual([1000]);
  pushMany(buffer, 2300);
  go();
  // Whole batches follow each other; the rest waits its 200 ms.
  await expect.poll(() => sizes.length).toBe(3);
  await expect.poll(() => buffer.pending()).toBe(0);
  expect(sizes).toEqual([1000, 1000, 1000, 300]);
});

test('what comes while a call is under way is not worth a call of its own', async () => {
  const { buffer, sizes, url } = await start(() => 200);
  const began = performance.now();
  pushMany(buffer, 1000);
  let pushed = 1000;
  for (; performance.now() - began < 600; pushed += 1) {
    pushMany(buffer, 1);
    // As long as a call takes.
    await fetch(url, { method: 'POST', body: '{"events":[]}' });
  }
  const calls = sizes.filter((size) => size > 0).length;
  expect(calls).toBeLessThanOrEqual((performance.now() - began) / 200 + 2);
  await expect.poll(() => sizes.reduce((sum, size) => sum + size, 0)).toBe(pushed);
});

test('where more comes than Farebox takes, requests wait for what goes out, and none is lost', async () => {
  const { buffer, sizes, hold, go } = await start(() => 200);
  hold();
  pushMany(buffer, 49_999);
  expect(buffer.room()).toBeNull();
  pushMany(buffer, 1);
  const room = buffer.room();
  expect(room).not.toBeNull();
  go();
  await room;
  await expect.poll(() => buffer.pending()).toBe(0);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(50_000);
  expect(buffer.dropped()).toBe(0);
});

test('nobody waits for a Farebox that takes nothing; what there is no room for is counted, and told once', async () => {
  let status = 503;
  const { buffer, errors } = await start(() => status);
  pushMany(buffer, 100_002);
  await expect.poll(() => buffer.room()).toBeNull();
  expect(buffer.dropped()).toBe(2);
  expect(errors).toHaveLength(1);
  status = 200;
  await buffer.close(5000, () => performance.now());
  expect(buffer.pending()).toBe(0);
});
