import { lookup } from 'node:dns/promises';
import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { isLoopbackAddress, isPublicAddress } from '@farebox/core';

/** What came of one attempt. */
export interface Sent {
  /** Null when nothing was answered. */
  status: number | null;
  /** The beginning of the answer. */
  answer: string;
  /** Why it failed, in words; null when it was taken (2xx). */
  failure: string | null;
  duration_ms: number;
}

export interface SenderOptions {
  /** In development an endpoint may be on this machine, and without TLS. */
  allows_loopback: boolean;
  /** Every address of a name. */
  resolve?(host: string): Promise<string[]>;
  timeout_ms?: number;
}

const answerBytes = 2048;
/** Names that are never public, whatever they resolve to: RFC 6761, RFC 6762, RFC 8375 and what clouds use inside. */
const localNames = /(^|\.)(localhost|local|internal|intranet|lan|home|corp|private|home\.arpa|onion|test|invalid)$/;

/**
 * Why a webhook cannot go to this address; null when it can, as far as the text says. What a name resolves to is looked at
 * when it is sent.
 */
export function urlFault(text: string, { allows_loopback }: Pick<SenderOptions, 'allows_loopback'>): string | null {
  if (!URL.canParse(text)) return 'Write an address: https://example.com/webhooks.';
  const url = new URL(text);
  const host = hostOf(url);
  const isOwn = allows_loopback && (host === 'localhost' || isLoopbackAddress(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isOwn)) return 'It must begin with https://.';
  if (url.username !== '' || url.password !== '') return 'Leave out user and password: the signature says who sends.';
  if (url.hash !== '') return 'Leave out what follows #: it is never sent.';
  if (isOwn) return null;
  if (isIP(host) !== 0) return isPublicAddress(host) ? null : 'This address is not on the public internet.';
  if (localNames.test(host) || !host.includes('.')) return 'This name is not on the public internet.';
  return null;
}

/** The host as DNS and sockets want it: no brackets, no final dot. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/**
 * Posts to addresses that strangers choose. A name is resolved once per attempt, refused if any of its addresses is not on the
 * public internet, and the connection goes to an address that was looked at, whatever the name says a moment later. Redirects
 * are not followed; little of the answer is read; nothing lasts longer than the timeout.
 */
export function createSender(options: SenderOptions) {
  const { timeout_ms = 10_000, resolve = everyAddress } = options;

  async function addressOf(url: URL, signal: AbortSignal): Promise<string> {
    const host = hostOf(url);
    const found = isIP(host) !== 0 ? [host] : await before(signal, resolve(host));
    const refused = found.find((ip) => !isPublicAddress(ip) && !(options.allows_loopback && isLoopbackAddress(ip)));
    if (refused !== undefined) throw new Refused(`${host} is at ${refused}, which is not on the public internet.`);
    const [first] = found;
    if (first === undefined) throw new Refused(`${host} has no address.`);
    return first;
  }

  return async function send(target: string, headers: Record<string, string>, body: string): Promise<Sent> {
    const begun = performance.now();
    const signal = AbortSignal.timeout(timeout_ms);
    const ended = (of: Omit<Sent, 'duration_ms'>) => ({ ...of, duration_ms: Math.round(performance.now() - begun) });
    const fault = urlFault(target, options);
    if (fault !== null) return ended({ status: null, answer: '', failure: fault });
    try {
      const url = new URL(target);
      const address = await addressOf(url, signal);
      const { status, answer } = await post(url, { address, headers, body, signal });
      const isTaken = status >= 200 && status < 300;
      const isElsewhere = status >= 300 && status < 400;
      const failure = isElsewhere ? `It answered ${status}: redirects are not followed.` : `It answered ${status}.`;
      return ended({ status, answer, failure: isTaken ? null : failure });
    } catch (error) {
      const failure = signal.aborted ? `No answer within ${timeout_ms / 1000} s.` : reasonOf(error);
      return ended({ status: null, answer: '', failure });
    }
  };
}

/** What was not even tried. */
class Refused extends Error {
  override name = 'Refused';
}

async function everyAddress(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** The system's resolver takes no signal. */
async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = () => late.reject(new Error('too late'));
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface Post {
  address: string;
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** The name stays in the Host header and the certificate's check; the socket goes to `address`. */
function post(url: URL, { address, headers, body, signal }: Post): Promise<{ status: number; answer: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; answer: string }>();
  const pinned: RequestOptions['lookup'] = (_name, options, done) =>
    options.all === true ? done(null, [{ address, family: isIP(address) }]) : done(null, address, isIP(address));
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
    lookup: pinned,
    agent: false,
    signal,
  });
  request.once('error', reject);
  request.once('response', (response) => {
    const status = response.statusCode ?? 0;
    const parts: Buffer[] = [];
    let bytes = 0;
    // The status has come: a body that does not is no reason to send again.
    const close = () => resolve({ status, answer: textOf(Buffer.concat(parts)) });
    response.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes >= answerBytes) response.destroy();
    });
    response.once('close', close);
    response.once('error', close);
    request.off('error', reject).once('error', close);
  });
  request.end(body);
  return promise;
}

/** PostgreSQL's text has no NUL, and nobody's screen needs the others. */
function textOf(bytes: Buffer): string {
  return bytes
    .subarray(0, answerBytes)
    .toString('utf8')
    .replaceAll(/(?![\n\t])\p{Cc}/gu, '');
}

function reasonOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Record<string, string> = {
    ECONNREFUSED: 'Nothing listens there.',
    ECONNRESET: 'The connection was cut.',
    ENOTFOUND: 'The name does not exist.',
    EAI_AGAIN: 'The name could not be resolved.',
    ENETUNREACH: 'There is no way there.',
    EHOSTUNREACH: 'There is no way there.',
  };
  return words[code] ?? (error instanceof Error ? error.message.slice(0, 300) : 'It could not be sent.');
}
