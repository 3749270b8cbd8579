import type { BlockList } from 'node:net';
import type { Verification } from '@farebox/core';
import type { FindSecretKey } from '../http/authenticate.ts';
import { resolveClientIp } from '../http/client-ip.ts';
import type { PlainAnswer, PlainCall, PlainCalls } from '../http/plain-server.ts';
import { createRequestId } from '../lib/id.ts';
import type { Clock } from '../ports.ts';
import { forwardAuthAnswer, verifyAnswer } from './answered.ts';
import { type ForwardAuth, readForwardAuth, readVerify } from './asked.ts';
import type { Gate, VerifyRequest } from './gate.ts';

const secretKey = /^bearer +(fbx_sk_[^\s,]+)$/i;

/**
 * The gate's two calls for the server that reads plain requests. They answer what can be decided; everything that is wrong with
 * a request, or with the program, is left to the routes, which say it. So nothing may be taken from a limit before it is clear
 * that the answer is given here.
 */
export function createGateCalls(deps: {
  gate: Gate;
  clock: Clock;
  trusted: BlockList;
  findSecretKey: FindSecretKey;
}): PlainCalls {
  const { gate, clock } = deps;

  const verify: PlainCall = ({ authorization, content_type, query, body }) => {
    const secret = secretKey.exec(authorization ?? '')?.[1];
    const asked = secret === undefined || query !== '' ? null : read(() => readVerify(content_type, body));
    if (secret === undefined || asked === null) return null;
    const caller = deps.findSecretKey(secret);
    return caller instanceof Promise ? caller.then((found) => verifyFor(found, asked)) : verifyFor(caller, asked);
  };

  function verifyFor(caller: Awaited<ReturnType<FindSecretKey>>, asked: VerifyRequest) {
    if (caller === null) return null;
    return decided({ ...asked, livemode: caller.livemode }, (verification) => verifyAnswer(verification, clock.now()));
  }

  const forwardAuth: PlainCall = (request, peer) => {
    const ip = peer === undefined ? null : resolveClientIp(peer, request.x_forwarded_for, deps.trusted);
    const asked = read((): ForwardAuth | null => {
      const { authorization, x_api_key } = request;
      // The seller's own credential is nobody's key, and the routes know what to say of it.
      if (secretKey.test(authorization ?? '')) return null;
      // The path stands in headers that only the routes read.
      if (gate.reads_paths) return null;
      return readForwardAuth({ authorization, x_api_key, query: parametersOf(request.query) });
    });
    if (asked === null) return null;
    return decided({ ...asked.request, ip }, (verification) => forwardAuthAnswer(verification, asked, clock.now()));
  };

  function decided(
    request: VerifyRequest,
    answer: (verification: Verification) => PlainAnswer,
  ): PlainAnswer | Promise<PlainAnswer> | null {
    request.request_id = createRequestId(clock.now());
    const verification = read(() => gate.verify(request));
    if (verification === null) return null;
    return verification instanceof Promise ? verification.then(answer) : answer(verification);
  }

  return new Map([
    ['POST /v1/keys/verify', verify],
    ['GET /v1/gate/forward-auth', forwardAuth],
  ]);
}

/** Null for what fails: the routes come to the same point and answer with the reason. */
function read<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** Queries that were met: they stand in configurations of proxies, and one is sent with every request. Bounded: it begins anew. */
const queries = new Map<string, Record<string, string[]>>();
const mostQueries = 256;

function parametersOf(query: string): Record<string, string[]> {
  const known = queries.get(query);
  if (known !== undefined) return known;
  if (queries.size >= mostQueries) queries.clear();
  const parameters = splitQuery(query);
  queries.set(query, parameters);
  return parameters;
}

/** The query's characters mean themselves (see `plain-request.ts`), so there is nothing to decode. */
function splitQuery(query: string): Record<string, string[]> {
  const parameters: Record<string, string[]> = {};
  if (query === '') return parameters;
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const name = at === -1 ? pair : pair.slice(0, at);
    (parameters[name] ??= []).push(at === -1 ? '' : pair.slice(at + 1));
  }
  return parameters;
}
