import { Server as HttpServer } from 'node:http';
import { createServer } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type PlainCalls, type PlainServer, createPlainServer } from '../http/plain-server.ts';
import { readFirst } from '../http/read-first.ts';
import { systemClock } from '../lib/clock.ts';
import { invariant } from '../lib/invariant.ts';
import { Refusal } from '../lib/refusal.ts';

/** Refuses before anything is started when a port is taken; names the port and what to set. */
export async function claimPorts(host: string, wanted: readonly { port: number; what: string }[]): Promise<void> {
  const taken: string[] = [];
  for (const { port, what } of wanted)
    if (!(await isFree(host, port))) taken.push(`Port ${port} (${what}) is taken by another program.`);
  if (taken.length > 0)
    throw new Refusal(
      `${taken.join('\n')}\nStop it, or choose others with PORT, for example: PORT=${(wanted[0]?.port ?? 4000) + 100} npm start`,
    );
}

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new Refusal(`Cannot listen on ${host}:${port}: ${error.message}.`));
    });
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** What a server answers with: everything by `fetch`, and the plain requests of `plain` from the raw socket. */
export interface Served {
  fetch(request: Request, bindings: object): Response | Promise<Response>;
  plain: { calls: PlainCalls; headers: Record<string, string> };
}

/** Serves until `close`, which lets requests that were accepted finish and waits for no idle connection. */
export async function listen(
  served: Served,
  options: { host: string; port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const complete = createAdaptorServer({ fetch: (request, bindings) => served.fetch(request, bindings) });
  invariant(complete instanceof HttpServer, 'the adaptor makes a server of node:http');
  let isClosing = false;
  // Who asks again and again on one connection would keep it, and the server with it, for ever.
  complete.prependListener('request', (_request, response) => {
    if (isClosing) response.shouldKeepAlive = false;
  });
  const plain = createPlainServer({
    ...served.plain,
    now: systemClock.now,
    handOver: readFirst(complete, (socket) => plain.accept(socket)),
    keep_alive_ms: complete.keepAliveTimeout,
  });
  await new Promise<void>((resolve, reject) => {
    complete.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Refusal(`Port ${options.port} is taken by another program. Choose another with PORT.`)
          : error,
      );
    });
    complete.listen(options.port, options.host, resolve);
  });
  const address = complete.address();
  invariant(address !== null && typeof address === 'object', 'a server that listens on a port has one');
  return {
    port: address.port,
    close: async () => {
      isClosing = true;
      await close(plain, complete);
    },
  };
}

/** Streams that stay open by nature are cut after this. */
const drainMs = 3000;

async function close(plain: PlainServer, complete: HttpServer): Promise<void> {
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => {
      plain.destroy();
      complete.closeAllConnections();
    }, drainMs);
    complete.close(() => {
      clearTimeout(cut);
      resolve();
    });
    plain.close();
    complete.closeIdleConnections();
  });
}
