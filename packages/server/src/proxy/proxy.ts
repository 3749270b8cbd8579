import { type IncomingMessage, ServerResponse, createServer } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Verification } from '@farebox/core';
import { readFirst } from '../http/read-first.ts';
import { createRequestId } from '../lib/id.ts';
import { Problem } from '../problem.ts';
import { type Refusal, join, refusalOf, refuse, relay } from './exchange.ts';
import { type FlatHeaders, headerOf, linesOf } from './headers.ts';
import { createPlainDoor } from './plain-door.ts';
import { type Question, type RulesDeps, createRules } from './rules.ts';
import { type Target, readTarget } from './target.ts';
import { Leaving, type UpstreamAnswer } from './upstream.ts';

/** One request on its way. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  request_id: string;
  begun: number;
  /** The connection, of a request that wants to be a WebSocket. */
  upgrade: Socket | null;
}

const meaningless = 'This is not a request of HTTP/1.1 that has one meaning.';
/** Longer heads are refused by the parser. */
const mostHead = 16_384;
/** For the head of a request. */
const headMs = 15_000;

/**
 * The door that stands before the seller's API itself: decides about each request in this process, forwards it in one canonical
 * form and streams both ways. What two readers could read differently is refused before anything is taken from a limit.
 */
export function createProxy(deps: RulesDeps) {
  const { gate, clock, upstream } = deps;
  const { connect_ms, headers_ms, idle_ms } = upstream.timeouts;
  const rules = createRules(deps);
  const sockets = new Set<Duplex>();
  /** Requests of a connection that are not answered yet. */
  const busy = new WeakMap<Duplex, number>();
  /** Connections whose last answer is decided. */
  const ending = new WeakSet<Duplex>();

  async function handle(exchange: Exchange): Promise<void> {
    const { request, response, request_id } = exchange;
    try {
      const target = readTarget(request);
      if (exchange.upgrade !== null) readUpgrade(request, target);
      const peer = request.socket.remoteAddress ?? '';
      // Before anything is waited for: behind what is refused here nothing is read as another request.
      const question = rules.question(target, { rawHeaders: request.rawHeaders, peer, request_id });
      await decide(exchange, question);
    } catch (error) {
      refuseWith(exchange, rules.failure(error, request_id));
    } finally {
      if (!response.writableEnded && response.headersSent) response.destroy();
    }
  }

  function refuseWith(exchange: Exchange, refusal: Refusal): void {
    if (refuse(exchange, refusal)) ending.add(exchange.request.socket);
  }

  async function decide(exchange: Exchange, question: Question): Promise<void> {
    const verification = await gate.verify(question.asked);
    if (!verification.valid) return refuseWith(exchange, rules.refusal(question, verification));
    try {
      await forward(exchange, question, verification);
    } finally {
      if (verification.lease) await gate.release(verification.lease.id);
    }
  }

  async function forward(exchange: Exchange, question: Question, verification: Verification): Promise<void> {
    const { request, response, upgrade, begun } = exchange;
    const { target, asked } = question;
    const leaving = new Leaving();
    // What is over is not taken back: its connection to the API may serve another request by now.
    const left = (): void => void (response.writableFinished || leaving.leave());
    (upgrade ?? response).once('close', left);
    let status = 499;
    let latency_ms = 0;
    try {
      if (request.headers.expect !== undefined) response.writeContinue();
      const found = await upstream.send({
        method: target.method,
        path: target.path + target.query,
        headers: rules.toUpstream(question, verification, upgrade !== null),
        body: target.body === null ? null : request,
        upgrades: upgrade !== null,
        leaving,
      });
      status = found.answer.statusCode ?? 502;
      latency_ms = performance.now() - begun;
      const units = rules.unitsOf(found.answer.rawHeaders);
      if (units !== undefined) await rules.measure(units, asked);
      await handOn(exchange, found, rules.toCaller(found.answer.rawHeaders, verification));
    } catch (error) {
      if (leaving.isGone) return;
      if (error instanceof Problem && !response.headersSent) status = error.code === 'upstream_timeout' ? 504 : 502;
      throw error;
    } finally {
      (upgrade ?? response).off('close', left);
      if (latency_ms === 0) latency_ms = performance.now() - begun;
      rules.record(asked, verification, status, latency_ms);
    }
  }

  async function handOn(exchange: Exchange, found: UpstreamAnswer, headers: FlatHeaders): Promise<void> {
    const { response, upgrade, request } = exchange;
    if (found.kind === 'answer') {
      // A connection that asked for another protocol is not asked again.
      if (upgrade !== null) response.shouldKeepAlive = false;
      await relay(found.answer, response, headers);
      return;
    }
    const { answer, socket, head } = found;
    if (upgrade === null || answer.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.destroy();
      throw new Problem('upstream_unavailable', 'The API could not be reached, or broke off.', {
        detail: 'it switched to another protocol than the one asked for',
      });
    }
    response.detachSocket(upgrade);
    sockets.add(upgrade);
    const line = `HTTP/1.1 101 ${answer.statusMessage ?? ''}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
    upgrade.write(`${line}${linesOf(headers)}\r\n`, 'latin1');
    if (head.length > 0) socket.unshift(head);
    request.socket.setTimeout(0);
    await join(upgrade, socket, idle_ms);
    sockets.delete(upgrade);
  }

  function begin(request: IncomingMessage, response: ServerResponse, upgrade: Socket | null = null): void {
    const { socket } = request;
    // The parser goes on reading behind a request that was refused for having no single meaning; nobody else does.
    if (ending.has(socket)) return;
    const request_id = createRequestId(clock.now());
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    response.once('close', () => busy.set(socket, (busy.get(socket) ?? 1) - 1));
    void handle({ request, response, request_id, begun: performance.now(), upgrade });
  }

  const server = createServer(
    {
      insecureHTTPParser: false,
      requireHostHeader: false, // told in our own words
      maxHeaderSize: mostHead,
      headersTimeout: headMs,
      requestTimeout: 0, // a body may take as long as it moves
      noDelay: true,
      // Any other protocol that is offered is declined by going on in this one.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    },
    (request, response) => begin(request, response),
  );
  server.maxHeadersCount = 0; // bounded by their bytes: one that is counted out is not seen, yet may mean something
  server.timeout = Math.max(connect_ms + headers_ms, idle_ms) + 1000;
  server.on('checkContinue', (request, response) => begin(request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const response = new ServerResponse(request);
    // What follows an upgrade before its answer is an attempt to be taken for something else.
    if (!(socket instanceof Socket) || head.length > 0 || (busy.get(socket) ?? 0) > 0) return void socket.destroy();
    socket.on('error', () => socket.destroy());
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    // No parser that would say so is on this connection any more.
    socket.on('drain', () => response.emit('drain'));
    begin(request, response, socket);
  });
  server.on('connect', (_request, socket) =>
    answerRaw(socket, new Problem('method_not_allowed', 'This method is not forwarded.')),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Nobody is there to be answered, or an answer is under way on this connection.
    if (error.code === 'ECONNRESET' || !socket.writable || (busy.get(socket) ?? 0) > 0) return void socket.destroy();
    answerRaw(socket, new Problem('invalid_request', meaningless));
  });

  function answerRaw(socket: Duplex, problem: Problem): void {
    const { status, headers, body } = refusalOf(problem, createRequestId(clock.now()), deps.headers);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `HTTP/1.1 ${status} ${status === 405 ? 'Method Not Allowed' : 'Bad Request'}\r\n${lines.join('')}`;
    socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  }

  const handOver = readFirst(server, (socket) => door.accept(socket));
  const door = createPlainDoor({
    ...deps,
    rules,
    handOver,
    broken: (socket) => answerRaw(socket, new Problem('invalid_request', meaningless)),
    keep_alive_ms: server.keepAliveTimeout,
  });

  return {
    server,
    /** Answers what was accepted, and takes nothing more. */
    close: () => door.close(),
    /** Cuts what is open by nature: WebSockets, and connections to the API. */
    destroy(): void {
      door.destroy();
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      upstream.close();
    },
  };
}

/** RFC 6455, 4.2.1: what asks to be a WebSocket and is none would be let through as a tunnel. */
function readUpgrade(request: IncomingMessage, target: Target): void {
  const { headers } = request;
  const isOne =
    target.method === 'GET' &&
    target.body === null &&
    headers['sec-websocket-version'] === '13' &&
    /^[A-Za-z0-9+/]{22}==$/.test(headerOf(request.rawHeaders, 'sec-websocket-key') ?? '');
  if (!isOne)
    throw new Problem('invalid_request', 'upgrade: Open a WebSocket by GET, version 13, with a key.', {
      param: 'upgrade',
    });
}
