import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as SecureAgent, request as requestHttps } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { invariant } from '../lib/invariant.ts';
import { Problem } from '../problem.ts';
import { createConnections } from './connections.ts';
import { ClosedUnder, Gone, Late } from './failures.ts';
import type { FlatHeaders } from './headers.ts';

/** In milliseconds. */
export interface UpstreamTimeouts {
  /** For a connection, a free one included. */
  connect_ms: number;
  /** From the last byte of the request to the head of the answer. */
  headers_ms: number;
  /** Without a byte either way while a body or a WebSocket is under way. */
  idle_ms: number;
}

export interface UpstreamRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: FlatHeaders;
  body: Readable | null;
  /** Whether the answer may be 101. */
  upgrades: boolean;
  /** Ends it when nobody waits for the answer any more. */
  leaving: Leaving;
}

export type UpstreamAnswer =
  | { kind: 'answer'; answer: IncomingMessage }
  | { kind: 'upgraded'; answer: IncomingMessage; socket: Duplex; head: Buffer };

/** Whether the caller is gone, and what ends then. An `AbortController` for each request would cost more than reading it. */
export class Leaving {
  isGone = false;
  private cut: (() => void) | null = null;

  /** What is under way now; it ends at once when the caller is gone already. */
  ends(cut: () => void): void {
    this.cut = cut;
    if (this.isGone) cut();
  }

  leave(): void {
    this.isGone = true;
    this.cut?.();
  }
}

export type Upstream = ReturnType<typeof createUpstream>;

/** Connections at the same time, and those kept for later. */
const mostSockets = 1024;
const mostFree = 256;

/** The seller's API. Each request goes out once, but for one that a kept connection was closed under before it said anything. */
export function createUpstream(url: string, timeouts: UpstreamTimeouts) {
  const base = new URL(url);
  const isSecure = base.protocol === 'https:';
  const kept = { keepAlive: true, maxSockets: mostSockets, maxFreeSockets: mostFree, scheduling: 'lifo' as const };
  const agent = isSecure ? new SecureAgent(kept) : new Agent(kept);
  const start = isSecure ? requestHttps : requestHttp;
  const to = {
    host: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port === '' ? (isSecure ? 443 : 80) : Number(base.port),
  };
  const prefix = base.pathname.replace(/\/+$/, '');
  const connections = createConnections(base, timeouts);

  async function send(sent: UpstreamRequest): Promise<UpstreamAnswer> {
    try {
      return await once(sent, agent);
    } catch (error) {
      if (!(error instanceof ClosedUnder) || sent.body !== null || !canRepeat(sent.method)) throw problemOf(error);
    }
    // On a connection of its own: another kept one may be closed as well.
    return await once(sent, false).catch((error: unknown) => {
      throw problemOf(error);
    });
  }

  function once(sent: UpstreamRequest, from: Agent | false): Promise<UpstreamAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<UpstreamAnswer>();
    const { method, path, headers } = sent;
    const request = start({ ...to, agent: from, method, path: prefix + path, headers });
    let timer: NodeJS.Timeout | undefined;
    const within = (ms: number, what: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => request.destroy(new Late(`${what} within ${ms} ms`)), ms);
    };
    within(timeouts.connect_ms, 'no connection');
    request.on('socket', (socket) => {
      const connected = (): void => within(timeouts.headers_ms, 'no answer');
      if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    request.on('response', (answer) => {
      clearTimeout(timer);
      watchIdle(answer, timeouts.idle_ms);
      resolve({ kind: 'answer', answer });
    });
    request.on('upgrade', (answer, socket, head) => {
      clearTimeout(timer);
      if (!sent.upgrades) {
        socket.destroy();
        reject(new Error('the API answered 101 to a request that asked for no upgrade'));
      } else resolve({ kind: 'upgraded', answer, socket, head });
    });
    request.on('error', (error) => {
      clearTimeout(timer);
      const isClosed = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      reject(isClosed ? new ClosedUnder(error) : error);
    });
    sent.leaving.ends(() => request.destroy(new Gone('the caller left')));
    if (sent.body === null) request.end();
    else {
      sent.body.on('data', () => timer?.refresh());
      sent.body.pipe(request);
    }
    return promise;
  }

  return {
    /** What the API is called by. */
    host: base.host,
    timeouts,
    /** Of every path. */
    prefix,
    /** For requests that are whole. */
    connections,
    /** Rejects with a `Problem`: it cannot be reached, broke off, or did not answer in time. */
    send,
    close(): void {
      agent.destroy();
      connections.close();
    },
  };
}

/** Ends an answer of which nothing comes any more. */
function watchIdle(answer: IncomingMessage, idle_ms: number): void {
  const { socket } = answer;
  const late = (): void => void answer.destroy(new Late(`nothing for ${idle_ms} ms`));
  socket.setTimeout(idle_ms).once('timeout', late);
  // The connection may be kept for another request.
  answer.once('end', () => socket.setTimeout(0).off('timeout', late));
}

/** Whether a request that may have arrived can be sent again. */
export function canRepeat(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** What the caller is told of it. */
export function problemOf(error: unknown): Problem {
  invariant(error instanceof Error, 'what fails is an Error');
  return error instanceof Late
    ? new Problem('upstream_timeout', 'The API did not answer in time.', { detail: error.message })
    : new Problem('upstream_unavailable', 'The API could not be reached, or broke off.', { detail: error.message });
}
