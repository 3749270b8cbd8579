import type { Socket } from 'node:net';
import { createDateLine } from './date-line.ts';
import { type PlainRequest, readPlain } from './plain-request.ts';

/** An answer ready for the wire, without the headers that every answer has. */
export interface PlainAnswer {
  status: 200 | 401 | 402 | 403 | 429;
  headers: Record<string, string>;
  body: string;
}

/** What a plain request is answered with. Null: nothing was done yet, and the complete parser shall answer it. */
export type PlainCall = (
  request: PlainRequest,
  peer: string | undefined,
) => PlainAnswer | Promise<PlainAnswer | null> | null;

/** By method and path: `POST /v1/keys/verify`. */
export type PlainCalls = ReadonlyMap<string, PlainCall>;

export type PlainServer = ReturnType<typeof createPlainServer>;

const reasons = { 200: 'OK', 401: 'Unauthorized', 402: 'Payment Required', 403: 'Forbidden', 429: 'Too Many Requests' };
const sweepMs = 1000;
/** Half a request is waited for as long; the complete parser, which has it then, has limits of its own. */
const patienceMs = 1000;

interface Line {
  socket: Socket;
  /** Takes off the socket what this server listens for. */
  unlisten(): void;
  /** Bytes that were read and not understood yet. */
  rest: Buffer | null;
  /** So many bytes at the head of what was put back are answered by now. */
  answered: number;
  /** An answer is being made; what comes next waits for it, because answers have the order of their requests. */
  busy: boolean;
  /** The other side has said its last. */
  ended: boolean;
  /** When its last request began to arrive, or was answered. */
  heard_at: number;
  /** Whether a request of it was answered here. */
  served: boolean;
}

/**
 * The gate's two calls on the raw socket: parsing a request and writing an answer cost more than the decision between them.
 * It answers requests of one plain shape (see `plain-request.ts`); the first bytes that have another are handed, with the
 * connection and for good, to the server that parses everything.
 */
export function createPlainServer(deps: {
  calls: PlainCalls;
  /** Headers of every answer. */
  headers: Record<string, string>;
  /** The machine's time, which `Date` says, in milliseconds since 1970. */
  now(): number;
  handOver(socket: Socket): void;
  /** How long a connection may be silent between two requests. */
  keep_alive_ms: number;
}) {
  const { calls } = deps;
  const lines = new Set<Line>();
  let closing = false;
  const always = Object.entries(deps.headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(deps.keep_alive_ms / 1000)}\r\n`;
  const dateLine = createDateLine(deps.now);

  function common(): string {
    return `${always}${dateLine()}${closing ? 'Connection: close\r\n' : keepAlive}\r\n`;
  }

  function textOf(answer: PlainAnswer): string {
    let head = `HTTP/1.1 ${answer.status} ${reasons[answer.status]}\r\n`;
    const { headers } = answer;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    return `${head}Content-Length: ${Buffer.byteLength(answer.body)}\r\n${common()}${answer.body}`;
  }

  function handOver(line: Line, bytes: Buffer | null): void {
    forget(line);
    const { socket } = line;
    socket.pause();
    deps.handOver(socket);
    if (bytes !== null) socket.unshift(bytes);
    socket.resume();
  }

  function forget(line: Line): void {
    lines.delete(line);
    line.unlisten();
  }

  /** Answers what was read, in order, as far as it is whole and plain. */
  function proceed(line: Line, bytes: Buffer): void {
    let out = '';
    let at = 0;
    line.rest = null;
    while (at < bytes.length) {
      if (line.socket.writableNeedDrain) {
        putBack(line, bytes.subarray(at));
        break;
      }
      const request = readPlain(bytes, at);
      if (request === 'partial') {
        line.rest = bytes.subarray(at);
        break;
      }
      const call = request === 'other' ? undefined : calls.get(`${request.method} ${request.path}`);
      const answer = request === 'other' || call === undefined ? null : call(request, line.socket.remoteAddress);
      if (request === 'other' || answer === null) {
        write(line, out);
        return handOver(line, bytes.subarray(at));
      }
      line.served = true;
      if (answer instanceof Promise) {
        write(line, out);
        putBack(line, bytes.subarray(at));
        return waitFor(line, answer, request.end - at);
      }
      out += textOf(answer);
      at = request.end;
    }
    write(line, out);
    finish(line);
  }

  /**
   * Reads nothing for now, and gives the stream back what was not answered: its end is not heard of before that is read
   * again, and bytes cannot be handed over behind their end.
   */
  function putBack({ socket }: Line, bytes: Buffer): void {
    socket.pause();
    socket.unshift(bytes);
  }

  function waitFor(line: Line, answer: Promise<PlainAnswer | null>, length: number): void {
    line.busy = true;
    answer.then(
      (made) => {
        line.busy = false;
        if (!lines.has(line)) return;
        if (made === null) return handOver(line, null);
        line.answered = length;
        write(line, textOf(made));
        if (!line.socket.writableNeedDrain) line.socket.resume();
      },
      // Nothing was decided: the complete server asks again and says what is wrong.
      () => {
        line.busy = false;
        if (lines.has(line)) handOver(line, null);
      },
    );
  }

  function write(line: Line, text: string): void {
    if (text === '') return;
    line.heard_at = performance.now();
    if (!line.socket.write(text)) line.socket.pause();
  }

  /** Ends a connection whose other side ended it, or that has to end, once all is answered. */
  function finish(line: Line): void {
    if (line.busy || !lines.has(line)) return;
    if (line.ended && line.rest !== null) line.socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else if (line.ended || (closing && line.rest === null)) line.socket.end();
  }

  function sweep(): void {
    const now = performance.now();
    for (const line of lines) {
      if (line.busy) continue;
      const silent = now - line.heard_at;
      if (line.rest !== null || !line.served) {
        if (silent >= patienceMs && !line.socket.writableNeedDrain) handOver(line, line.rest);
      } else if (silent >= deps.keep_alive_ms + sweepMs) line.socket.destroy();
    }
  }

  const sweeping = setInterval(() => {
    sweep();
    if (closing && lines.size === 0) clearInterval(sweeping);
  }, sweepMs);
  sweeping.unref();

  return {
    /** Takes a new connection. */
    accept(socket: Socket): void {
      const data = (chunk: Buffer): void => {
        // From its first byte: a request that comes in drops is not waited for longer.
        if (line.rest === null) line.heard_at = performance.now();
        const fresh = line.answered === 0 ? chunk : chunk.subarray(line.answered);
        line.answered = 0;
        proceed(line, line.rest === null ? fresh : Buffer.concat([line.rest, fresh]));
      };
      const drain = (): void => {
        if (!line.busy) socket.resume();
      };
      const end = (): void => {
        line.ended = true;
        finish(line);
      };
      // The other side went away; there is nobody to answer.
      const error = (): void => void socket.destroy();
      const close = (): void => void lines.delete(line);
      const line: Line = {
        socket,
        unlisten: () => {
          socket.off('data', data).off('drain', drain).off('end', end).off('error', error).off('close', close);
        },
        rest: null,
        answered: 0,
        busy: false,
        ended: false,
        heard_at: performance.now(),
        served: false,
      };
      lines.add(line);
      socket.on('data', data).on('drain', drain).on('end', end).on('error', error).on('close', close);
    },

    /** Answers what was read and ends every connection; what still waits for an answer gets it. */
    close(): void {
      closing = true;
      for (const line of lines) finish(line);
    },

    /** Cuts what is left. */
    destroy(): void {
      for (const line of lines) line.socket.destroy();
    },
  };
}
