import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ProblemBody, header } from '@farebox/core';
import { problemBody, statusOf } from '../http/answer.ts';
import type { Problem } from '../problem.ts';
import type { FlatHeaders } from './headers.ts';

/** Bytes of a refused body that are read away, so that the connection can be kept. */
const mostReadAway = 65_536;
/** How long a refused body may take. */
const readAwayMs = 5000;

/** An answer of ours to a request that is not forwarded. */
export interface Refusal {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** Answers a request that is not forwarded; true: with the connection's last answer. What it brought along is not read as another request. */
export function refuse(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  refusal: Refusal,
): boolean {
  if (response.headersSent) {
    // A half of an answer cannot be taken back: its end must not look like one.
    response.destroy();
    return true;
  }
  const length = Number(request.headers['content-length'] ?? (request.headers['transfer-encoding'] ? Infinity : 0));
  // What had no single meaning may not have the end that it seems to have.
  const isClear = refusal.status !== 400 && refusal.status !== 405;
  const isKept = isClear && length <= mostReadAway && request.headers.expect === undefined;
  response.writeHead(refusal.status, {
    ...refusal.headers,
    'content-length': Buffer.byteLength(refusal.body),
    ...(isKept ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : refusal.body);
  if (!request.complete) {
    const cut = setTimeout(() => request.destroy(), readAwayMs).unref();
    request.once('close', () => clearTimeout(cut)).resume();
  }
  return !isKept;
}

/** A refusal of ours as every other door writes it. */
export function refusalOf(problem: Problem, request_id: string, always: Readonly<Record<string, string>>): Refusal {
  const body: ProblemBody = problemBody(problem, request_id);
  const status = statusOf(problem.code);
  const headers: Record<string, string> = {
    ...always,
    'content-type': 'application/problem+json',
    [header.requestId]: request_id,
    ...(status === 405 ? { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' } : {}),
    ...(status === 503 || status === 502 ? { 'retry-after': '1' } : {}),
  };
  return { status, headers, body: JSON.stringify(body) };
}

/**
 * Hands an answer of the API on, as it comes. Rejects when either side breaks off; then the caller sees that it is not whole. Piped by
 * hand: `pipeline` makes an error with its stack for each answer that ends well.
 */
export async function relay(answer: IncomingMessage, response: ServerResponse, headers: FlatHeaders): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  response.sendDate = false;
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headers);
  response.once('finish', resolve).once('error', reject);
  response.once('close', () => reject(new Error('the caller left before the answer was whole')));
  answer.once('error', reject);
  answer.once('close', () => answer.readableEnded || reject(new Error('the API broke off')));
  // Its head came before anybody listened, and it may have broken off since.
  if (answer.destroyed && !answer.readableEnded) reject(answer.errored ?? new Error('the API broke off'));
  answer.pipe(response);
  try {
    await promise;
  } catch (error) {
    answer.destroy();
    response.destroy();
    throw error;
  }
}

/** An answer on a connection that `node:http` has not read the request from. Whoever asked detaches it when it is finished. */
export function answerOn(socket: Socket, method: string): ServerResponse {
  const request = new IncomingMessage(socket);
  request.method = method;
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  return response;
}

/** Joins two sockets until one ends, breaks off, or neither says anything for `idle_ms`. */
export async function join(one: Duplex, other: Duplex, idle_ms: number): Promise<void> {
  const cut = (): void => void (one.destroy(), other.destroy());
  const timer = setTimeout(cut, idle_ms);
  for (const side of [one, other]) side.on('data', () => timer.refresh());
  await Promise.allSettled([pipeline(one, other), pipeline(other, one)]);
  clearTimeout(timer);
  cut();
}
