import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Sandbox } from '../../src/index.ts';

/** What a client is driven with. */
export interface Desk {
  sandbox: Sandbox;
  port: number;
  /** A module of those installed for this, as CommonJS. Its types are the caller's to say. */
  load<T>(name: string): T;
  /** A file of an installed module. */
  open<T>(path: string): Promise<T>;
  /** Does something and notes whether it could be done; `null` when not. */
  check<T>(name: string, work: () => Promise<T> | T): Promise<T | null>;
}

/** What came of one client. */
export interface Driven {
  client: string;
  done: string[];
  failed: { name: string; message: string }[];
}

/** Fails with a sentence. */
export function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

/** Waits until every webhook of a run was attempted. */
export async function settled(sandbox: Sandbox, run: string): Promise<void> {
  await (await sandbox.run(run)).webhooks.settled();
}

/** Listens for webhooks on any port; `take` gets path, body and signature. */
export async function hookServer(
  take: (path: string, body: string, signature: string) => Promise<void>,
): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      let body = '';
      for await (const chunk of incoming as AsyncIterable<Buffer>) body += chunk.toString('utf8');
      await take(incoming.url ?? '/', body, String(incoming.headers['stripe-signature']));
      outgoing.end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
