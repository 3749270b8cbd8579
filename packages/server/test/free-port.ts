import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The first of `count` neighbouring ports of this machine that nobody listened on a moment ago. Several are taken from below
 * the range that the system gives out by itself, so that a test running beside cannot be given one in between.
 */
export async function freePort(count = 1): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const first = await claim(count === 1 ? 0 : randomInt(20_000, 32_000));
    const others = await Promise.all(
      Array.from({ length: count - 1 }, async (_, index) => await claim(first + index + 1)),
    );
    if (first > 0 && others.every((port) => port > 0)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** The port, or 0 when it is taken. */
async function claim(port: number): Promise<number> {
  if (port > 65_535) return 0;
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return 0;
    throw error;
  }
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
