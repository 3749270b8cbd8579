import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Farebox } from './index.ts';
import { remember } from './lib/admitted.ts';
import { type CheckResult, type GateOptions, check } from './lib/check.ts';
import { toldOf } from './node.ts';

export { verificationOf } from './lib/admitted.ts';

/** A request of Fastify, as far as it plays a part. */
export interface FastifyRequest {
  raw: IncomingMessage;
  originalUrl: string;
  /** By Fastify's own `trustProxy`. */
  ip: string;
}

/** An answer of Fastify, as far as it plays a part. */
export interface FastifyReply {
  raw: ServerResponse;
  code(status: number): this;
  headers(headers: Record<string, string>): this;
  send(body: Uint8Array): this;
}

/**
 * A hook for Fastify: `app.addHook('onRequest', gate(farebox))`, or `onRequest` of one route. What may pass goes on with the limit headers on
 * its answer, and `verificationOf(request)` says who calls; another request is answered here, before its body is read.
 */
export function gate<R extends FastifyRequest>(
  farebox: Farebox,
  options: GateOptions<R> = {},
): (request: R, reply: FastifyReply, done: (error?: Error) => void) => void {
  return (request, reply, done) => {
    const told = { ...toldOf(request.raw, request.originalUrl), ip: request.ip };
    const goOn = (result: CheckResult): void => {
      reply.headers(result.headers);
      // As bytes: to a text Fastify adds a charset, which JSON has none of.
      if (!result.allowed) return void reply.code(result.status).send(Buffer.from(result.body));
      remember(request, result.verification);
      if (result.over !== null) reply.raw.once('close', result.over);
      done();
    };
    const result = check(farebox, request, told, options);
    if (result instanceof Promise) void later(result, goOn, done);
    else goOn(result);
  };
}

/** What fails on the way is the framework's to answer. */
async function later(
  result: Promise<CheckResult>,
  goOn: (result: CheckResult) => void,
  failed: (error: Error) => void,
): Promise<void> {
  try {
    goOn(await result);
  } catch (error) {
    failed(error instanceof Error ? error : new Error(String(error)));
  }
}
