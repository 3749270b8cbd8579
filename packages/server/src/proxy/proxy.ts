import { type IncomingMessage, ServerResponse, createServer } from 'node:http';
import { type BlockList, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Verification, gateHeaders, header, identityHeaders, readCredential } from '@farebox/core';
import { forwardAuthAnswer } from '../gate/answered.ts';
import type { Gate, VerifyRequest } from '../gate/gate.ts';
import { clientChain, isTrusted } from '../http/client-ip.ts';
import { createRequestId } from '../lib/id.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Answered } from './answers.ts';
import { join, refusalOf, refuse, relay } from './exchange.ts';
import { type FlatHeaders, requestHeaders, responseHeaders } from './headers.ts';
import { type Target, readTarget } from './target.ts';
import { Leaving, type Upstream, type UpstreamAnswer } from './upstream.ts';

export interface ProxySettings {
  /** The header of an answer that says how many units the request used in all, in small letters. */
  meter_header: string;
  /** True: the API sees the caller's key. */
  forwards_key: boolean;
}

/** One request on its way. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  request_id: string;
  begun: number;
  /** The connection, of a request that wants to be a WebSocket. */
  upgrade: Socket | null;
}

/** Longer heads are refused by the parser. */
const mostHead = 16_384;
/** For the head of a request. */
const headMs = 15_000;
const mostUnits = 1_000_000_000;

/**
 * The door that stands before the seller's API itself: decides about each request in this process, forwards it in one canonical
 * form and streams both ways. What two readers could read differently is refused before anything is taken from a limit.
 */
export function createProxy(deps: {
  gate: Pick<Gate, 'verify' | 'measure' | 'release' | 'endpointOf'>;
  clock: Clock;
  log: Pick<Log, 'warn' | 'error'>;
  upstream: Upstream;
  trusted: BlockList;
  settings: ProxySettings;
  /** Of every answer that is ours. */
  headers: Readonly<Record<string, string>>;
  answered(answered: Answered): void;
}) {
  const { gate, clock, log, upstream, settings } = deps;
  const { connect_ms, headers_ms, idle_ms } = upstream.timeouts;
  const hidden = new Set([settings.meter_header]);
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
      await decide(exchange, target);
    } catch (error) {
      if (!(error instanceof Problem)) log.error({ request_id, err: error }, 'a request could not be forwarded');
      else if (error.detail !== undefined)
        log.warn({ request_id, code: error.code, detail: error.detail }, error.message);
      const failed = new Problem('internal_error', 'This failed on our side and has been logged.');
      const refusal = refusalOf(error instanceof Problem ? error : failed, request_id, deps.headers);
      if (refuse(exchange, refusal)) ending.add(request.socket);
    } finally {
      if (!response.writableEnded && response.headersSent) response.destroy();
    }
  }

  async function decide(exchange: Exchange, target: Target): Promise<void> {
    const { request, request_id } = exchange;
    const { method, path } = target;
    const credential = readCredential(target.header('authorization'), target.header('x-api-key'));
    if (credential.kind === 'ambiguous')
      throw new Problem('ambiguous_key', 'Authorization and X-Api-Key carry two different keys. Send one.');
    const peer = request.socket.remoteAddress ?? '';
    const chain = clientChain(peer, joined(request.headers['x-forwarded-for']), deps.trusted);
    const token = credential.kind === 'key' ? credential.key : '';
    const asked = { token, method, path, ip: chain[0] ?? null, releases: true, request_id };
    const verification = await gate.verify(asked);
    if (!verification.valid) {
      const { status, headers, body } = forwardAuthAnswer(
        verification,
        { has_key: credential.kind === 'key' },
        clock.now(),
      );
      if (refuse(exchange, { status, headers: { ...deps.headers, ...headers }, body })) ending.add(request.socket);
      return;
    }
    try {
      await forward(exchange, { target, asked, verification, chain });
    } finally {
      if (verification.lease) await gate.release(verification.lease.id);
    }
  }

  interface Admitted {
    target: Target;
    asked: VerifyRequest;
    verification: Verification;
    chain: readonly string[];
  }

  async function forward(exchange: Exchange, admitted: Admitted): Promise<void> {
    const { request, response, upgrade, begun } = exchange;
    const { target, asked, verification } = admitted;
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
        headers: toUpstream(exchange, admitted),
        body: target.body === null ? null : request,
        upgrades: upgrade !== null,
        leaving,
      });
      status = found.answer.statusCode ?? 502;
      latency_ms = performance.now() - begun;
      await measure(found.answer, asked);
      const headers = responseHeaders(found.answer.rawHeaders, gateHeaders(verification, clock.now()), hidden);
      await handOn(exchange, found, headers);
    } catch (error) {
      if (leaving.isGone) return;
      if (error instanceof Problem && !response.headersSent) status = error.code === 'upstream_timeout' ? 504 : 502;
      throw error;
    } finally {
      (upgrade ?? response).off('close', left);
      if (latency_ms === 0) latency_ms = performance.now() - begun;
      const endpoint = gate.endpointOf(asked)?.name ?? '';
      if (verification.customer_id !== null)
        deps.answered({ customer_id: verification.customer_id, endpoint, status, latency_ms, at: clock.now() });
    }
  }

  function toUpstream({ request, upgrade, request_id }: Exchange, { target, verification, chain }: Admitted) {
    const isBehind = chain.length > 1 || isTrusted(chain[0] ?? '0.0.0.0', deps.trusted);
    const proto = isBehind ? target.header('x-forwarded-proto') : undefined;
    const host = isBehind ? target.header('x-forwarded-host') : undefined;
    return requestHeaders(request.rawHeaders, {
      target,
      host: upstream.host,
      chain,
      proto: proto === 'https' ? 'https' : 'http',
      forwarded_host: host !== undefined && /^[\w.:[\]-]+$/.test(host) ? host : target.host,
      identity: { ...identityHeaders(verification), [header.requestId]: request_id },
      forwards_key: settings.forwards_key,
      upgrades: upgrade !== null,
    });
  }

  /** Before the answer is handed on: once it is, its caller may ask again. */
  async function measure(answer: IncomingMessage, asked: VerifyRequest): Promise<void> {
    const text = joined(answer.headers[settings.meter_header]);
    if (text === undefined) return;
    const units = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (units <= mostUnits) await gate.measure(asked, units - (gate.endpointOf(asked)?.cost ?? 1));
    else log.warn({ request_id: asked.request_id, value: text.slice(0, 100) }, 'the units of an answer are no number');
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
    const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? ''}`, 'Connection: Upgrade', 'Upgrade: websocket'];
    for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
    upgrade.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
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
    begin(request, response, socket);
  });
  server.on('connect', (_request, socket) =>
    answerRaw(socket, new Problem('method_not_allowed', 'This method is not forwarded.')),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Nobody is there to be answered, or an answer is under way on this connection.
    if (error.code === 'ECONNRESET' || !socket.writable || (busy.get(socket) ?? 0) > 0) return void socket.destroy();
    answerRaw(socket, new Problem('invalid_request', 'This is not a request of HTTP/1.1 that has one meaning.'));
  });

  function answerRaw(socket: Duplex, problem: Problem): void {
    const { status, headers, body } = refusalOf(problem, createRequestId(clock.now()), deps.headers);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `HTTP/1.1 ${status} ${status === 405 ? 'Method Not Allowed' : 'Bad Request'}\r\n${lines.join('')}`;
    socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  }

  return {
    server,
    /** Cuts what is open by nature: WebSockets, and connections to the API. */
    destroy(): void {
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
    /^[A-Za-z0-9+/]{22}==$/.test(joined(headers['sec-websocket-key']) ?? '');
  if (!isOne)
    throw new Problem('invalid_request', 'upgrade: Open a WebSocket by GET, version 13, with a key.', {
      param: 'upgrade',
    });
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
