import type { Socket } from 'node:net';
import { createDateLine } from '../http/date-line.ts';
import { systemClock } from '../lib/clock.ts';
import { type Around, type PlainExchange, beginPlain } from './plain-exchange.ts';
import { readPlainRequest } from './plain-request.ts';

/** A caller's connection, read here as long as its requests are plain. */
export interface Caller {
  readonly socket: Socket;
  /** Its address. */
  readonly peer: string;
  /** What is under way. */
  exchange: PlainExchange | null;
  /** What ends the head of an answer on this connection. */
  headEnd(): string;
  /** Whether it is not kept behind the next answer. */
  isLast(): boolean;
  /** The answer is written: the next request may be read. */
  over(): void;
}

interface Line extends Caller {
  /** Takes off the socket what is listened for here. */
  unlisten(): void;
  /** Bytes that were read, and not understood or not answered yet. */
  rest: Buffer | null;
  /** Reads nothing for now: what comes next waits for the answer before it. */
  isHeld: boolean;
  isBusy: boolean;
  isReading: boolean;
  hasEnded: boolean;
  /** When its last request began to arrive, or was answered. */
  heard_at: number;
  /** Whether a request of it was answered here. */
  isServed: boolean;
}

const sweepMs = 1000;
/** Half a request is waited for as long; the complete parser, which has it then, has limits of its own. */
const patienceMs = 1000;

/**
 * Reads requests that are whole and plain (`plain-request.ts`) from the raw socket: parsing and writing cost more than all that is
 * decided in between. The first bytes of another shape are handed, with the connection and for good, to the server that parses
 * everything; so is what is wrong with a request, before anything is taken from a limit.
 */
export function createPlainDoor(
  deps: Omit<Around, 'dateLine'> & {
    handOver(socket: Socket): void;
    /** Answers a connection that ended within a request. */
    broken(socket: Socket): void;
    /** How long a connection may be silent between two requests. */
    keep_alive_ms: number;
  },
) {
  const lines = new Set<Line>();
  let isClosing = false;
  const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(deps.keep_alive_ms / 1000)}\r\n\r\n`;
  const isLast = (): boolean => isClosing;
  const headEnd = (): string => (isClosing ? 'Connection: close\r\n\r\n' : keepAlive);
  const around: Around = { ...deps, dateLine: createDateLine(systemClock.now) };

  function handOver(line: Line, bytes: Buffer | null): void {
    const { socket } = line;
    lines.delete(line);
    line.unlisten();
    socket.pause();
    deps.handOver(socket);
    if (bytes !== null && bytes.length > 0) socket.unshift(bytes);
    socket.resume();
  }

  /** Answers what was read, one after the other, as far as it is whole and plain. */
  function proceed(line: Line, bytes: Buffer): void {
    line.isReading = true;
    line.rest = null;
    let at = 0;
    while (at < bytes.length) {
      if (line.socket.writableNeedDrain) return hold(line, bytes.subarray(at));
      const request = readPlainRequest(bytes, at);
      if (request === 'partial') {
        line.rest = bytes.subarray(at);
        break;
      }
      // Where there is no room, the complete server has a queue.
      if (request === 'other' || !deps.upstream.connections.hasRoom()) return handOver(line, bytes.subarray(at));
      line.isBusy = true;
      const isTaken = beginPlain(around, line, request);
      if (isTaken === false) return handOver(line, bytes.subarray(at));
      if (isTaken !== true) {
        hold(line, bytes.subarray(at));
        return waitFor(line, isTaken, request.end - at);
      }
      at = request.end;
      if (line.isBusy) break;
    }
    line.isReading = false;
    if (line.isBusy && at < bytes.length) hold(line, bytes.subarray(at));
    finish(line);
  }

  function hold(line: Line, bytes: Buffer): void {
    line.isReading = false;
    line.rest = bytes;
    line.isHeld = true;
    line.socket.pause();
  }

  /** The request is not taken before the gate has decided: until then it can be handed over. */
  function waitFor(line: Line, taken: Promise<boolean>, length: number): void {
    line.isReading = true;
    const go = (isTaken: boolean): void => {
      if (!lines.has(line)) return;
      line.isReading = false;
      if (!isTaken) return handOver(line, line.rest);
      line.rest = line.rest === null || line.rest.length === length ? null : line.rest.subarray(length);
      if (!line.isBusy) next(line);
      else if (line.rest === null) release(line);
    };
    taken.then(go, () => go(false));
  }

  function release(line: Line): void {
    line.isHeld = false;
    line.socket.resume();
  }

  /** Goes on behind an answer. */
  function next(line: Line): void {
    if (!line.isHeld) return finish(line);
    if (line.socket.writableNeedDrain) return;
    line.isHeld = false;
    if (line.rest === null) finish(line);
    else proceed(line, line.rest);
    if (lines.has(line) && !line.isHeld) line.socket.resume();
  }

  /** Ends a connection whose other side ended it, or that has to end, once all is answered. */
  function finish(line: Line): void {
    if (line.isBusy || line.isHeld || !lines.has(line)) return;
    if (line.hasEnded && line.rest !== null) deps.broken(line.socket);
    else if (line.hasEnded || (isClosing && line.rest === null)) line.socket.end();
  }

  function sweep(): void {
    const now = performance.now();
    for (const line of lines) {
      if (line.isBusy || line.isHeld) continue;
      const silent = now - line.heard_at;
      if (line.rest !== null || !line.isServed) {
        if (silent >= patienceMs) handOver(line, line.rest);
      } else if (silent >= deps.keep_alive_ms + sweepMs) line.socket.destroy();
    }
  }

  const sweeping = setInterval(() => {
    sweep();
    if (isClosing && lines.size === 0) clearInterval(sweeping);
  }, sweepMs);
  sweeping.unref();

  return {
    /** Takes a new connection. */
    accept(socket: Socket): void {
      const data = (chunk: Buffer): void => {
        const bytes = line.rest === null ? chunk : Buffer.concat([line.rest, chunk]);
        if (line.isBusy) return hold(line, bytes);
        // From its first byte: a request that comes in drops is not waited for longer.
        if (line.rest === null) line.heard_at = performance.now();
        proceed(line, bytes);
      };
      const drain = (): void => {
        line.exchange?.drained();
        if (!line.isBusy && line.isHeld) next(line);
      };
      const end = (): void => {
        line.hasEnded = true;
        if (line.isBusy) gone();
        else finish(line);
      };
      // The other side went away; there is nobody to answer.
      const gone = (): void => {
        lines.delete(line);
        const { exchange } = line;
        line.exchange = null;
        exchange?.left();
        socket.destroy();
      };
      const line: Line = {
        socket,
        peer: socket.remoteAddress ?? '',
        exchange: null,
        headEnd,
        isLast,
        over() {
          line.exchange = null;
          line.isBusy = false;
          line.isServed = true;
          line.heard_at = performance.now();
          if (!line.isReading) next(line);
        },
        unlisten: () => {
          socket.off('data', data).off('drain', drain).off('end', end).off('error', gone).off('close', gone);
        },
        rest: null,
        isHeld: false,
        isBusy: false,
        isReading: false,
        hasEnded: false,
        heard_at: performance.now(),
        isServed: false,
      };
      lines.add(line);
      socket.on('data', data).on('drain', drain).on('end', end).on('error', gone).on('close', gone);
    },

    /** Answers what was read and ends every connection; what still waits for an answer gets it. */
    close(): void {
      isClosing = true;
      for (const line of lines) finish(line);
    },

    /** Cuts what is left. */
    destroy(): void {
      for (const line of lines) line.socket.destroy();
    },
  };
}
