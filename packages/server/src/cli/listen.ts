import { createServer as createProbe } from 'node:net';
import { serve as serveFetch } from '@hono/node-server';
import type { Server } from 'node:http';
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
    const probe = createProbe();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new Refusal(`Cannot listen on ${host}:${port}: ${error.message}.`));
    });
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** Serves until `close`, which lets requests that were accepted finish and waits for no idle connection. */
export async function listen(
  fetch: (request: Request, bindings: object) => Response | Promise<Response>,
  options: { host: string; port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  return await new Promise((resolve, reject) => {
    const server = serveFetch({ fetch, hostname: options.host, port: options.port }, (info) => {
      resolve({ port: info.port, close: () => close(server as Server) });
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Refusal(`Port ${options.port} is taken by another program. Choose another with PORT.`)
          : error,
      );
    });
  });
}

/** Streams that stay open by nature are cut after this. */
const drainMs = 3000;

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
