import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { ConnectionCut } from './struck.ts';

/** Where to listen. */
export interface ListenOptions {
  /** 0 takes any free one. */
  port: number;
  /** Loopback only when left out. */
  host?: string;
  /** The address browsers reach it at, when that is another one: `http://localhost:4242` outside a container. */
  public_url?: string;
}

/** A listening sandbox. */
export interface Listening {
  url: string;
  port: number;
  /** Stops listening when the requests under way are answered. */
  close(): Promise<void>;
}

const MAX_BODY = 1_000_000;

async function bodyOf(incoming: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toRequest(incoming: IncomingMessage, body: string, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '');
  }
  const { method = 'GET', url = '/' } = incoming;
  const target = url.startsWith('/') ? url : '/';
  const has_body = method !== 'GET' && method !== 'HEAD' && body !== '';
  return new Request(`http://${incoming.headers.host ?? 'localhost'}${target}`, {
    method,
    headers,
    signal,
    ...(has_body ? { body } : {}),
  });
}

async function write(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  try {
    const body = await bodyOf(incoming);
    if (body === null) {
      const error = { type: 'invalid_request_error', message: 'The request body is too large.' };
      await write(outgoing, Response.json({ error }, { status: 413, headers: { connection: 'close' } }));
      return;
    }
    await write(outgoing, await handle(toRequest(incoming, body, gone.signal)));
  } catch (cause) {
    if (cause instanceof ConnectionCut) {
      outgoing.destroy();
      return;
    }
    // A Host header that makes no URL, a method fetch does not know, a client that went away.
    const message = cause instanceof Error ? cause.message : String(cause);
    const error = { type: 'invalid_request_error', message: `The request could not be read: ${message}` };
    if (!outgoing.headersSent) await write(outgoing, Response.json({ error }, { status: 400 }));
    else outgoing.destroy();
  }
}

/** Puts a handler on a port. */
export async function listen(
  options: ListenOptions,
  handle: (request: Request) => Promise<Response>,
): Promise<Listening> {
  const { port, host = '127.0.0.1' } = options;
  const server = createServer((incoming, outgoing) => void serve(incoming, outgoing, handle));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(`Port ${port} is taken by another program. Stop it, or choose another port.`, { cause });
    }
    throw cause;
  }
  const taken = (server.address() as AddressInfo).port;
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    url: options.public_url?.replace(/\/+$/, '') ?? `http://${name}:${taken}`,
    port: taken,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const forced = setTimeout(() => server.closeAllConnections(), 2_000);
      await closed;
      clearTimeout(forced);
    },
  };
}
