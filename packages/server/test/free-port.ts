import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The first of `count` neighbouring ports of this machine that nobody listened on a moment ago. It lies below the range from
 * which the system takes a port for whoever opens a connection, so that none is taken between here and the use of it.
 * With `and_above`, the ports so far above these are free as well.
 */
export async function freePort(count = 1, options: { and_above?: number } = {}): Promise<number> {
  const above = options.and_above ?? 0;
  for (let tries = 0; tries < 50; tries += 1) {
    const first = randomInt(10_000, 32_000 - above);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const all = above === 0 ? ports : [...ports, ...ports.map((port) => port + above)];
    if ((await Promise.all(all.map(isFree))).every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
