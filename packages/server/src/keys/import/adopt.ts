import { z } from 'zod';
import { admit, freshCircuit, settle } from '../../lib/circuit.ts';
import type { Log } from '../../lib/log.ts';
import { sha256 } from '../../lib/secret.ts';
import type { Clock } from '../../ports.ts';
import { Problem } from '../../problem.ts';
import type { KeyImport } from './service.ts';

/** What the former system answers about a key. */
const answerSchema = z.object({
  valid: z.boolean(),
  /** Farebox's id of the customer, or the seller's own. */
  customer: z.string().min(1).max(128).optional(),
  name: z.string().trim().min(1).max(100).default('Adopted key'),
  scopes: z.array(z.string().max(64)).max(50).default([]),
  allowed_cidrs: z.array(z.string().max(64)).max(50).default([]),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
});

const timeoutMs = 2000;
const mostAtOnce = 50;
/** For this long a key that the former system refused is not asked for again. */
const refusedMs = 60_000;
const mostRefused = 10_000;
/** Letters of a key that are shown, of a text that is at least four times as long. */
const mostShown = 8;

/**
 * The fall-through verifier: a key that is not known is asked for at the seller's former system, once, and taken over when that
 * knows it. So keys move as they are used, and nobody has to hand over a file. While it does not answer, a key that is not
 * known cannot be decided about.
 */
export function createAdopt(deps: {
  url: string;
  /** Sent as a bearer token, so that the former system answers nobody else. */
  secret: string;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  keyImport: Pick<KeyImport, 'importKeys'>;
}): (token: string) => Promise<boolean> {
  const { clock, log } = deps;
  const asking = new Map<string, Promise<boolean>>();
  const refused = new Map<string, number>();
  let circuit = freshCircuit;

  async function ask(token: string): Promise<unknown> {
    const admitted = admit(circuit, clock.now());
    circuit = admitted.state;
    if (!admitted.allowed) throw unanswered(null);
    try {
      const response = await fetch(deps.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${deps.secret}` },
        body: JSON.stringify({ key: token }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) throw new Error(`The former system answered ${response.status}.`);
      const answer: unknown = await response.json();
      circuit = settle(circuit, true, clock.now());
      return answer;
    } catch (error) {
      circuit = settle(circuit, false, clock.now());
      log.warn({ err: error }, 'the former system did not say whether it knows a key');
      throw unanswered(error);
    }
  }

  async function takeOver(token: string, hash: Buffer): Promise<boolean> {
    const parsed = answerSchema.safeParse(await ask(token));
    if (!parsed.success) {
      log.warn({ faults: z.prettifyError(parsed.error) }, 'the answer of the former system is not understood');
      throw unanswered(parsed.error);
    }
    const { valid, customer, expires_at, ...key } = parsed.data;
    if (!valid || customer === undefined) return false;
    const start = token.slice(0, Math.min(mostShown, Math.floor(token.length / 4)));
    const until = expires_at === null ? null : Date.parse(expires_at);
    const found = { ...key, customer, hash, start, budget: null, expires_at: until };
    const [result] = await deps.keyImport.importKeys([found], 'system');
    if (result?.status === 'rejected') log.warn({ customer, detail: result.detail }, 'a key could not be taken over');
    return result !== undefined && result.status !== 'rejected';
  }

  function remember(id: string): void {
    const [oldest] = refused.size >= mostRefused ? refused.keys() : [];
    if (oldest !== undefined) refused.delete(oldest);
    refused.set(id, clock.now() + refusedMs);
  }

  async function once(token: string, hash: Buffer, id: string): Promise<boolean> {
    try {
      const isKnown = await takeOver(token, hash);
      if (!isKnown) remember(id);
      return isKnown;
    } finally {
      asking.delete(id);
    }
  }

  return async (token) => {
    const hash = sha256(token);
    const id = hash.toString('latin1');
    if ((refused.get(id) ?? 0) > clock.now()) return false;
    const begun = asking.get(id);
    if (begun !== undefined) return await begun;
    if (asking.size >= mostAtOnce) throw unanswered(null);
    const mine = once(token, hash, id);
    asking.set(id, mine);
    return await mine;
  };
}

function unanswered(error: unknown): Problem {
  const options = error === null ? {} : { detail: error };
  return new Problem(
    'gate_unavailable',
    'The system that may know this key does not answer, so this request was not decided. Try again.',
    options,
  );
}
