import type { BlockList } from 'node:net';
import { type Verification, gateHeaders, identityHeaders, readCredential } from '@farebox/core';
import { forwardAuthAnswer } from '../gate/answered.ts';
import type { Gate, VerifyRequest } from '../gate/gate.ts';
import { clientChain, isTrusted } from '../http/client-ip.ts';
import { byText } from '../lib/by-text.ts';
import { createRequestId } from '../lib/id.ts';
import type { Log } from '../lib/log.ts';
import type { Clock } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Answered } from './answers.ts';
import { type Refusal, refusalOf } from './exchange.ts';
import { type FlatHeaders, headerOf, requestHeaders, responseHeaders } from './headers.ts';
import type { Target } from './target.ts';
import type { Upstream } from './upstream.ts';

export interface ProxySettings {
  /** The header of an answer that says how many units the request used in all, in small letters. */
  meter_header: string;
  /** True: the API sees the caller's key. */
  forwards_key: boolean;
}

export interface RulesDeps {
  gate: Pick<Gate, 'verify' | 'measure' | 'release' | 'endpointOf'>;
  clock: Clock;
  log: Pick<Log, 'warn' | 'error'>;
  upstream: Upstream;
  trusted: BlockList;
  settings: ProxySettings;
  /** Of every answer that is ours. */
  headers: Readonly<Record<string, string>>;
  answered(answered: Answered): void;
}

/** A request of which the gate is asked, and where it comes from: the client's address, and those of trusted proxies behind it. */
export interface Question {
  target: Target;
  rawHeaders: readonly string[];
  asked: VerifyRequest & { request_id: string };
  chain: readonly string[];
}

export type Rules = ReturnType<typeof createRules>;

const mostUnits = 1_000_000_000;

/** What happens to a request and its answer, however they are read and written. */
export function createRules(deps: RulesDeps) {
  const { gate, clock, log, upstream, settings, trusted } = deps;
  const hidden = new Set([settings.meter_header]);
  /** The chain of a peer that is no trusted proxy: nothing it says changes it. Null of one that is. */
  const strangers = byText((peer) => {
    const chain = clientChain(peer, undefined, trusted);
    return chain[0] !== undefined && isTrusted(chain[0], trusted) ? null : chain;
  });

  /** Throws a `Problem` where it is not clear whose request it is. */
  function question(
    target: Target,
    from: { rawHeaders: readonly string[]; peer: string; request_id: string },
  ): Question {
    const credential = readCredential(target.header('authorization'), target.header('x-api-key'));
    if (credential.kind === 'ambiguous')
      throw new Problem('ambiguous_key', 'Authorization and X-Api-Key carry two different keys. Send one.');
    const { rawHeaders, peer, request_id } = from;
    const chain = strangers(peer) ?? clientChain(peer, headerOf(rawHeaders, 'x-forwarded-for'), trusted);
    const token = credential.kind === 'key' ? credential.key : '';
    const { method, path } = target;
    const asked = { token, method, path, ip: chain[0] ?? null, releases: true, request_id };
    return { target, rawHeaders, asked, chain };
  }

  /** What a request that may not pass is answered with. */
  function refusal({ asked }: Question, verification: Verification): Refusal {
    const refused = forwardAuthAnswer(verification, { has_key: asked.token !== '' }, clock.now());
    return { ...refused, headers: { ...deps.headers, ...refused.headers } };
  }

  /** What is answered when it could not be forwarded. Says in the log what the caller is not told. */
  function failure(error: unknown, request_id: string): Refusal {
    if (!(error instanceof Problem)) log.error({ request_id, err: error }, 'a request could not be forwarded');
    else if (error.detail !== undefined)
      log.warn({ request_id, code: error.code, detail: error.detail }, error.message);
    const failed = new Problem('internal_error', 'This failed on our side and has been logged.');
    return refusalOf(error instanceof Problem ? error : failed, request_id, deps.headers);
  }

  function toUpstream(
    { target, rawHeaders, asked, chain }: Question,
    verification: Verification,
    upgrades: boolean,
  ): FlatHeaders {
    const isBehind = chain.length > 1 || strangers(chain[0] ?? '') === null;
    const proto = isBehind ? target.header('x-forwarded-proto') : undefined;
    const host = isBehind ? target.header('x-forwarded-host') : undefined;
    return requestHeaders(rawHeaders, {
      target,
      host: upstream.host,
      chain,
      proto: proto === 'https' ? 'https' : 'http',
      forwarded_host: host !== undefined && /^[\w.:[\]-]+$/.test(host) ? host : target.host,
      identity: identityHeaders(verification),
      request_id: asked.request_id,
      forwards_key: settings.forwards_key,
      upgrades,
    });
  }

  /** The units that an answer says it used, to be counted before it is handed on: once it is, its caller may ask again. */
  async function measure(text: string, asked: VerifyRequest): Promise<void> {
    const units = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (units <= mostUnits) await gate.measure(asked, units - (gate.endpointOf(asked)?.cost ?? 1));
    else log.warn({ request_id: asked.request_id, value: text.slice(0, 100) }, 'the units of an answer are no number');
  }

  return {
    newName: () => createRequestId(clock.now()),
    question,
    refusal,
    failure,
    toUpstream,
    measure,
    /** What an answer says it used; nothing, mostly. */
    unitsOf: (rawHeaders: readonly string[]) => headerOf(rawHeaders, settings.meter_header),
    toCaller: (rawHeaders: readonly string[], verification: Verification): FlatHeaders =>
      responseHeaders(rawHeaders, gateHeaders(verification, clock.now()), hidden),
    /** After the request is over, however it ended. */
    record(asked: VerifyRequest, { customer_id }: Verification, status: number, latency_ms: number): void {
      if (customer_id === null) return;
      const endpoint = gate.endpointOf(asked)?.name ?? '';
      deps.answered({ customer_id, endpoint, status, latency_ms, at: clock.now() });
    },
  };
}
