import type { IncomingMessage } from 'node:http';
import { type Socket, connect, isIP } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { CarefulAnswer } from './careful-answer.ts';
import { type PlainAnswer, readPlainAnswer } from './plain-answer.ts';
import { ClosedUnder, Gone, Late } from './failures.ts';
import type { UpstreamTimeouts } from './upstream.ts';

/** Who waits for an answer. Called until `last`, or until `failed`. */
export interface Waiting {
  /** In the shape that is read here, with what of its body came along. Bytes are good until the call returns. */
  plain(answer: PlainAnswer, body: Buffer, last: boolean): void;
  /** More of the body. */
  more(body: Buffer, last: boolean): void;
  /** In another shape; it is read as a stream, and nothing else is called. */
  careful(answer: IncomingMessage): void;
  failed(error: Error): void;
}

/** A request that is ready for the wire. */
export interface Outgoing {
  method: string;
  head: string;
  body: Buffer | null;
}

export type Connections = ReturnType<typeof createConnections>;
/** A connection that was asked. */
export type Asked = ReturnType<Connections['send']>;

/** Connections at the same time, and those kept for later. */
const mostConnections = 1024;
const mostFree = 256;
/** So many bytes are cheaper to write as a piece of text than by themselves. */
const shortBody = 8192;
const nothing = Buffer.alloc(0);
const gone = new Gone('nobody waits for the answer');

/**
 * Connections to the seller's API for requests that are whole and answers that say their length. An answer of another shape is read
 * by the complete parser, on the same connection.
 */
export function createConnections(base: URL, timeouts: UpstreamTimeouts) {
  const isSecure = base.protocol === 'https:';
  const host = base.hostname.replace(/^\[|\]$/g, '');
  const to = { host, port: base.port === '' ? (isSecure ? 443 : 80) : Number(base.port), noDelay: true };
  /** Where every connection is read into: a buffer of its own for each read costs more than what is done with it. */
  const buffer = Buffer.allocUnsafe(65_536);
  const secure = { ...to, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] };
  const free: Connection[] = [];
  const all = new Set<Connection>();

  class Connection {
    private readonly socket: Socket;
    private waiting: Waiting | null = null;
    private method = '';
    /** The beginning of a head. */
    private rest: Buffer | null = null;
    /** Bytes of the body that are missing; -1 before the head. */
    private left = -1;
    private careful: CarefulAnswer | null = null;
    private keeps_until = Infinity;
    private keeps_ms = Infinity;
    private isConnected = false;
    private isUsed = false;
    private hasHeard = false;
    private isPaused = false;
    /** When what is waited for is late. */
    private late_at = 0;
    private late_ms = 0;
    private late = '';
    /** When the timer looks whether it is. */
    private looks_at = 0;
    private timer: NodeJS.Timeout | null = null;

    constructor() {
      this.socket = isSecure ? connectSecure(secure) : connect({ ...to, onread: { buffer, callback: this.read } });
      this.socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        this.isConnected = true;
        if (this.waiting !== null) this.within(timeouts.headers_ms, 'no answer');
      });
      if (isSecure) this.socket.on('data', (chunk: Buffer) => this.heard(chunk));
      this.socket.on('end', () => this.ended(new Error('the API ended the connection')));
      this.socket.on('error', (error) => this.broke(error));
      this.socket.on('close', () => this.broke(new Error('the API closed the connection')));
      all.add(this);
    }

    /** False: reads nothing for now. */
    private readonly read = (length: number): boolean => {
      this.heard(buffer.subarray(0, length));
      return !this.isPaused;
    };

    send({ method, head, body }: Outgoing, waiting: Waiting): void {
      this.waiting = waiting;
      this.method = method;
      if (this.isConnected) this.within(timeouts.headers_ms, 'no answer');
      else this.within(timeouts.connect_ms, 'no connection');
      writeTogether(this.socket, head, body);
    }

    /** Whether it can be asked now. */
    isGood(now: number): boolean {
      if (this.socket.writable && now < this.keeps_until) return true;
      this.destroy();
      return false;
    }

    pause(): void {
      this.isPaused = true;
      this.socket.pause();
    }

    resume(): void {
      if (!this.isPaused) return;
      this.isPaused = false;
      this.within(timeouts.idle_ms, 'nothing');
      this.socket.resume();
    }

    /** Whoever waits hears nothing more. */
    destroy(): void {
      this.waiting = null;
      this.broke(gone);
    }

    private heard(chunk: Buffer): void {
      if (this.waiting === null) return this.destroy();
      this.hasHeard = true;
      if (this.careful !== null) {
        this.within(timeouts.idle_ms, 'nothing');
        this.careful.hear(Buffer.from(chunk));
      } else if (this.left === -1)
        this.heardHead(this.waiting, this.rest === null ? chunk : Buffer.concat([this.rest, chunk]));
      else this.heardBody(this.waiting, chunk);
    }

    private heardHead(waiting: Waiting, bytes: Buffer): void {
      const answer = readPlainAnswer(bytes, this.method);
      if (answer === 'partial') return void (this.rest = Buffer.from(bytes));
      this.rest = null;
      if (answer === 'other') return this.readCarefully(waiting, bytes);
      this.keeps_ms = answer.keeps_ms;
      const body = bytes.length === answer.end ? nothing : bytes.subarray(answer.end);
      this.left = answer.length;
      const isLast = this.count(body);
      waiting.plain(answer, body.length > answer.length ? body.subarray(0, answer.length) : body, isLast);
    }

    private heardBody(waiting: Waiting, chunk: Buffer): void {
      const { left } = this;
      const isLast = this.count(chunk);
      waiting.more(chunk.length > left ? chunk.subarray(0, left) : chunk, isLast);
    }

    /** Whether these are the last bytes; then it is free again. */
    private count(bytes: Buffer): boolean {
      this.left -= bytes.length;
      if (this.left > 0) this.within(timeouts.idle_ms, 'nothing');
      else this.finish(this.left === 0);
      return this.waiting === null;
    }

    private finish(isKept: boolean): void {
      this.waiting = null;
      this.left = -1;
      if (!isKept || this.keeps_ms === 0 || this.isPaused || free.length >= mostFree) return this.destroy();
      this.isUsed = true;
      this.hasHeard = false;
      this.keeps_until = this.keeps_ms === Infinity ? Infinity : performance.now() + this.keeps_ms;
      free.push(this);
    }

    private readCarefully(waiting: Waiting, bytes: Buffer): void {
      this.within(timeouts.headers_ms, 'no answer');
      this.careful = new CarefulAnswer(this, this.method, {
        answered: (answer) => {
          this.within(timeouts.idle_ms, 'nothing');
          waiting.careful(answer);
        },
        over: (isKept) => {
          this.careful = null;
          this.resume();
          this.keeps_ms = Infinity;
          this.finish(isKept);
        },
        failed: (error) => this.broke(error),
      });
      this.careful.hear(Buffer.from(bytes));
    }

    private ended(error: Error): void {
      // It may be what ends an answer without a length.
      if (this.careful === null) this.broke(error);
      else this.careful.ends();
    }

    private broke(error: Error): void {
      const { waiting, careful } = this;
      this.waiting = null;
      this.careful = null;
      if (!all.delete(this)) return;
      const at = free.indexOf(this);
      if (at !== -1) free.splice(at, 1);
      if (this.timer !== null) clearTimeout(this.timer);
      this.socket.destroy();
      careful?.destroy(error);
      waiting?.failed(this.isUsed && !this.hasHeard && !(error instanceof Late) ? new ClosedUnder(error) : error);
    }

    /** One timer for all that it waits for, which looks again when it was too early: most answers come long before. */
    private within(ms: number, what: string): void {
      const now = performance.now();
      this.late_at = now + ms;
      this.late_ms = ms;
      this.late = what;
      if (this.timer === null || this.late_at < this.looks_at) this.look(now);
    }

    private look(now: number): void {
      if (this.timer !== null) clearTimeout(this.timer);
      this.looks_at = this.late_at;
      this.timer = setTimeout(() => this.looked(), Math.ceil(this.late_at - now));
    }

    private looked(): void {
      this.timer = null;
      if (this.waiting === null) return;
      const now = performance.now();
      if (now >= this.late_at) this.broke(new Late(`${this.late} within ${this.late_ms} ms`));
      else this.look(now);
    }
  }

  return {
    /** Whether a request goes out at once. */
    hasRoom: (): boolean => free.length > 0 || all.size < mostConnections,
    /** `isFresh`: on a connection of its own. What it answers hears of it until the answer is over. */
    send(outgoing: Outgoing, waiting: Waiting, isFresh: boolean): Connection {
      const now = performance.now();
      let connection = isFresh ? undefined : free.pop();
      while (connection !== undefined && !connection.isGood(now)) connection = free.pop();
      connection ??= new Connection();
      connection.send(outgoing, waiting);
      return connection;
    },
    close(): void {
      for (const connection of all) connection.destroy();
    },
  };
}

/** A head and what follows it as one piece; the bytes are the caller's again. Whether there is room for more. */
export function writeTogether(socket: Socket, head: string, body: Buffer | null): boolean {
  if (body === null || body.length === 0) return socket.write(head, 'latin1');
  if (body.length <= shortBody) return socket.write(head + body.toString('latin1'), 'latin1');
  socket.cork();
  socket.write(head, 'latin1');
  const hasRoom = socket.write(Buffer.from(body));
  socket.uncork();
  return hasRoom;
}
