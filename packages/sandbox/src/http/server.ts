import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ApiError } from './api-error.ts';
import { refuse } from './api.ts';
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
/** More than the API takes of a request line, so that it is the API that refuses, in its own words. */
const MAX_HEADER = 65_536;

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function toRequest(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '');
  }
  const { method = 'GET', url = '/' } = incoming;
  const target = url.startsWith('/') ? url : '/';
  const has_body = method !== 'GET' && method !== 'HEAD' && body.length > 0;
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

/** The envelope for what is no request that the API could be asked. */
function unreadable(incoming: IncomingMessage, status: number, message: string): Response {
  const origin = `http://${incoming.headers.host ?? 'localhost'}`;
  return refuse(new ApiError(status, 'invalid_request_error', message), origin);
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: (request: Request) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => {
    // The client went away before it had its answer.
    if (!outgoing.writableFinished) gone.abort();
  });
  try {
    const body = await bodyOf(incoming);
    if (body === null) {
      outgoing.setHeader('connection', 'close');
      await write(outgoing, unreadable(incoming, 413, 'The request body is too large.'));
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
    if (outgoing.headersSent) outgoing.destroy();
    else await write(outgoing, unreadable(incoming, 400, `The request could not be read: ${message}`));
  }
}

/** What is no HTTP gets the envelope too: a client decides by it and not by the status whether something went wrong. */
function refuseGarbage(cause: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const is_large = 'code' in cause && cause.code === 'HPE_HEADER_OVERFLOW';
  const status = is_large ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const message = `The request could not be read: ${is_large ? 'its headers are too large' : cause.message}`;
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error' } });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close`;
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Puts a handler on a port. */
export async function listen(
  options: ListenOptions,
  handle: (request: Request) => Promise<Response>,
): Promise<Listening> {
  const { port, host = '127.0.0.1' } = options;
  const server = createServer(
    { maxHeaderSize: MAX_HEADER },
    (incoming, outgoing) => void serve(incoming, outgoing, handle),
  );
  server.on('clientError', refuseGarbage);
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
