import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Verification } from '@farebox/core';
import type { Gate } from '../gate/gate.ts';
import type { Log } from '../lib/log.ts';
import { type Asked, type Outgoing, type Waiting, writeTogether } from './connections.ts';
import { type Refusal, answerOn, relay } from './exchange.ts';
import { ClosedUnder } from './failures.ts';
import { clean, linesOf } from './headers.ts';
import type { PlainAnswer } from './plain-answer.ts';
import type { Caller } from './plain-door.ts';
import type { PlainRequest } from './plain-request.ts';
import type { Question, Rules } from './rules.ts';
import { readTarget } from './target.ts';
import { type Upstream, canRepeat, problemOf } from './upstream.ts';

export interface Around {
  rules: Rules;
  gate: Pick<Gate, 'verify' | 'release'>;
  log: Pick<Log, 'error'>;
  upstream: Upstream;
  /** The header `Date` of an answer of ours. */
  dateLine(): string;
}

/**
 * Asks the gate about a plain request and answers it. False, at once or later: nothing was done, and the complete server shall do
 * it all, which comes to the same point and says what is wrong.
 */
export function beginPlain(around: Around, caller: Caller, request: PlainRequest): boolean | Promise<boolean> {
  const { rules, gate } = around;
  try {
    const question = rules.question(readTarget(request), {
      ...request,
      peer: caller.peer,
      request_id: rules.newName(),
    });
    const exchange = new PlainExchange(around, caller, question, request);
    const verification = gate.verify(question.asked);
    if (verification instanceof Promise) return beginLater(exchange, verification);
    exchange.decided(verification);
    return true;
  } catch {
    return false;
  }
}

async function beginLater(exchange: PlainExchange, verification: Promise<Verification>): Promise<boolean> {
  exchange.decided(await verification);
  return true;
}

/** One request that was decided about, to the last byte of its answer. */
class PlainExchange implements Waiting {
  private readonly around: Around;
  private readonly caller: Caller;
  private readonly question: Question;
  private readonly body: Buffer | null;
  private readonly begun = performance.now();
  private verification: Verification | null = null;
  private outgoing: Outgoing | null = null;
  /** While something is to be heard on it. */
  private connection: Asked | null = null;
  private isRepeated = false;
  /** Of an answer that is read as a stream. */
  private response: ServerResponse | null = null;
  private isStream = false;
  /** The head of an answer was written. */
  private hasAnswered = false;
  private isOver = false;
  private status = 499;
  private latency_ms = 0;

  constructor(around: Around, caller: Caller, question: Question, { body }: PlainRequest) {
    this.around = around;
    this.caller = caller;
    this.question = question;
    this.body = body;
    caller.exchange = this;
  }

  /** Never throws: what was taken from a limit is not taken again. */
  decided(verification: Verification): void {
    const { rules, upstream } = this.around;
    try {
      if (!verification.valid) {
        this.refuse(rules.refusal(this.question, verification));
        if (!this.isOver) this.end();
        return;
      }
      this.verification = verification;
      const { method, path, query } = this.question.target;
      const headers = linesOf(rules.toUpstream(this.question, verification, false));
      const head = `${method} ${upstream.prefix}${path}${query} HTTP/1.1\r\n${headers}Connection: keep-alive\r\n\r\n`;
      this.outgoing = { method, head, body: this.body };
      if (this.isOver) this.settle();
      else this.connection = upstream.connections.send(this.outgoing, this, false);
    } catch (error) {
      this.fail(error);
    }
  }

  plain(answer: PlainAnswer, body: Buffer, isLast: boolean): void {
    const { rules } = this.around;
    if (isLast) this.connection = null;
    this.heard(answer.status);
    const units = rules.unitsOf(answer.rawHeaders);
    if (units === undefined) return this.answer(answer, body, isLast);
    this.connection?.pause();
    const kept = Buffer.from(body);
    rules.measure(units, this.question.asked).then(
      () => this.answer(answer, kept, isLast),
      (error: unknown) => this.fail(error),
    );
  }

  more(body: Buffer, isLast: boolean): void {
    if (isLast) this.connection = null;
    this.wrote(this.caller.socket.write(Buffer.from(body)), isLast);
  }

  careful(answer: IncomingMessage): void {
    this.isStream = true;
    this.relay(answer).then(
      () => this.end(),
      (error: unknown) => this.fail(error),
    );
  }

  failed(error: Error): void {
    const { connections } = this.around.upstream;
    this.connection = null;
    // Who reads the stream hears of it there.
    if (this.isOver || this.isStream) return;
    const isSafe = error instanceof ClosedUnder && !this.isRepeated && this.body === null;
    if (isSafe && this.outgoing !== null && canRepeat(this.outgoing.method)) {
      this.isRepeated = true;
      // On a connection of its own: another kept one may be closed as well.
      this.connection = connections.send(this.outgoing, this, true);
    } else this.fail(this.hasAnswered ? error : problemOf(error));
  }

  /** The caller is gone: nobody works for it any more. */
  left(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.connection?.destroy();
    if (this.verification !== null) this.settle();
  }

  /** The caller has room for more of the answer. */
  drained(): void {
    if (this.response === null) this.connection?.resume();
    else this.response.emit('drain');
  }

  private answer({ status, reason, rawHeaders }: PlainAnswer, body: Buffer, isLast: boolean): void {
    if (this.isOver || this.verification === null) return;
    const { rules } = this.around;
    try {
      const headers = linesOf(rules.toCaller(rawHeaders, this.verification));
      const head = `HTTP/1.1 ${status} ${reason}\r\n${headers}${this.caller.headEnd()}`;
      this.hasAnswered = true;
      this.wrote(writeTogether(this.caller.socket, head, body), isLast);
    } catch (error) {
      this.fail(error);
    }
  }

  private wrote(hasRoom: boolean, isLast: boolean): void {
    if (isLast) this.end();
    else if (hasRoom) this.connection?.resume();
    else this.connection?.pause();
  }

  private async relay(answer: IncomingMessage): Promise<void> {
    const { rules } = this.around;
    const { socket } = this.caller;
    this.heard(answer.statusCode ?? 502);
    const units = rules.unitsOf(answer.rawHeaders);
    if (units !== undefined) await rules.measure(units, this.question.asked);
    if (this.isOver || this.verification === null) return;
    const headers = rules.toCaller(answer.rawHeaders, this.verification);
    this.response = answerOn(socket, this.question.target.method);
    this.response.shouldKeepAlive = !this.caller.isLast();
    this.hasAnswered = true;
    await relay(answer, this.response, headers);
    this.response.detachSocket(socket);
  }

  private heard(status: number): void {
    this.status = status;
    this.latency_ms = performance.now() - this.begun;
  }

  private refuse({ status, headers, body }: Refusal): void {
    if (this.isOver) return;
    const { caller, around } = this;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
    for (const name in headers) head += `${name}: ${clean(headers[name] ?? '')}\r\n`;
    head += `content-length: ${Buffer.byteLength(body)}\r\n${around.dateLine()}${caller.headEnd()}`;
    caller.socket.write(this.question.target.method === 'HEAD' ? head : head + body);
  }

  private fail(error: unknown): void {
    if (this.isOver) return;
    const refusal = this.around.rules.failure(error, this.question.asked.request_id);
    this.connection?.destroy();
    if (!this.hasAnswered) {
      this.heard(refusal.status);
      this.refuse(refusal);
      this.end();
      return;
    }
    // A half of an answer cannot be taken back: its end must not look like one.
    this.isOver = true;
    this.settle();
    this.caller.socket.destroy();
  }

  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.verification !== null) this.settle();
    this.caller.over();
  }

  private settle(): void {
    const { rules, gate, log } = this.around;
    const { asked } = this.question;
    if (this.verification === null) return;
    if (this.latency_ms === 0) this.latency_ms = performance.now() - this.begun;
    rules.record(asked, this.verification, this.status, this.latency_ms);
    const { lease } = this.verification;
    if (!lease) return;
    gate.release(lease.id).catch((error: unknown) => {
      log.error({ request_id: asked.request_id, err: error }, 'a place was not given back; it runs out by itself');
    });
  }
}

export type { PlainExchange };
