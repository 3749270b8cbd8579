import type { Operations } from '../operations.ts';
import { keyedOperations } from '../operations.ts';
import { FareboxError, FareboxUnavailable } from './errors.ts';

/** Where Farebox is and how it is spoken to. */
export interface Connection {
  /** Without a slash at its end. */
  base_url: string;
  secret_key: string;
  timeout_ms: number;
  /** How operations are called; by `fetch` unless said. */
  exchange?: Exchange;
}

/** One call and its whole answer, whatever its status. Rejects with `FareboxUnavailable`. */
export type Exchange = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string },
  signal: AbortSignal | undefined,
) => Promise<{ status: number; location: string | null; content_type: string; text: string }>;

export interface CallOptions {
  /** Names a write that is done once. Made for each call if left out. */
  idempotency_key?: string;
  signal?: AbortSignal;
}

/** Operations whose answer is a page, and what is on it. */
export type ListOperation = {
  [K in keyof Operations]: Operations[K]['answer'] extends { data: readonly unknown[]; next_cursor: string | null }
    ? K
    : never;
}[keyof Operations];
export type ItemOf<K extends ListOperation> = Operations[K]['answer'] extends { data: readonly (infer T)[] }
  ? T
  : never;

/** An input that may be left out where nothing in it has to be said. */
export type InputOf<K extends keyof Operations> = {} extends Operations[K]['input']
  ? [input?: Operations[K]['input'], options?: CallOptions]
  : [input: Operations[K]['input'], options?: CallOptions];

interface AnyInput {
  path?: object;
  query?: object;
  body?: unknown;
}

/** Tries after the first, and what is waited before each, in milliseconds. */
const pauses = [100, 400];

/**
 * One operation of the API. What can be repeated without being done twice (a read, a write under its key) is repeated while
 * Farebox is away. Rejects with `FareboxUnavailable` or `FareboxError`; of an argument that makes no address, with `TypeError`.
 */
export function callApi<K extends keyof Operations>(
  connection: Connection,
  operation: K,
  input: AnyInput,
  options: CallOptions,
): Promise<Operations[K]['answer']>;
// The types are those of the document that Farebox holds its own answers against.
export async function callApi(
  connection: Connection,
  operation: string,
  input: AnyInput,
  options: CallOptions,
): Promise<unknown> {
  const [method = '', template = ''] = operation.split(' ');
  const url = `${connection.base_url}${pathOf(template, input.path ?? {})}${queryOf(input.query ?? {})}`;
  const headers: Record<string, string> = { authorization: `Bearer ${connection.secret_key}` };
  if (input.body !== undefined) headers['content-type'] = 'application/json';
  const isKeyed = keyedOperations.has(operation);
  if (isKeyed) headers['idempotency-key'] = options.idempotency_key ?? crypto.randomUUID();
  const init = { method, headers, ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }) };
  for (const pause of method === 'GET' || isKeyed ? pauses : []) {
    try {
      return await once(connection, url, init, options);
    } catch (error) {
      if (!(error instanceof FareboxUnavailable) || options.signal?.aborted === true) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return await once(connection, url, init, options);
}

/** One page of a list. */
export function callPage<K extends ListOperation>(
  connection: Connection,
  operation: K,
  input: AnyInput,
  options: CallOptions,
): Promise<{ data: ItemOf<K>[]; next_cursor: string | null }>;
export async function callPage(
  connection: Connection,
  operation: ListOperation,
  input: AnyInput,
  options: CallOptions,
): Promise<unknown> {
  return await callApi(connection, operation, input, options);
}

async function once(
  connection: Connection,
  url: string,
  init: Parameters<Exchange>[1],
  options: CallOptions,
): Promise<unknown> {
  const exchange = connection.exchange ?? exchangeByFetch(connection);
  const { status, location, content_type, text } = await exchange(url, init, options.signal);
  if (status >= 300 && status < 400 && location !== null) return { location };
  const isJson = /^application\/(?:[\w.+-]+\+)?json\b/.test(content_type);
  const body = isJson ? parse(text) : undefined;
  if (status >= 200 && status < 300) {
    if (isJson && body === undefined) throw new FareboxUnavailable('Farebox answered with half a text.');
    return isJson ? body : text === '' ? null : text;
  }
  throw failureOf(status, body);
}

const exchangeByFetch =
  (connection: Connection): Exchange =>
  async (url, init, signal) => {
    const { response, text } = await send(connection, url, init, signal);
    const { status, headers } = response;
    return { status, location: headers.get('location'), content_type: headers.get('content-type') ?? '', text };
  };

/** What an answer that is no success means: another call will do, or this one is wrong. */
export function failureOf(status: number, body: unknown): FareboxUnavailable | FareboxError {
  if (status >= 500 || status === 429 || status < 400 || !isFields(body))
    return new FareboxUnavailable(`Farebox answered with status ${status}.`);
  const { code, detail, param } = body;
  const told = typeof detail === 'string' ? detail : `Farebox refused the call with status ${status}.`;
  return new FareboxError(told, {
    status,
    code: typeof code === 'string' ? code : 'unknown',
    param: typeof param === 'string' ? param : null,
  });
}

/** The body is read whole, whatever the status: only then is the connection free for the next call. */
export async function send(
  { timeout_ms }: Pick<Connection, 'timeout_ms'>,
  url: string,
  init: RequestInit,
  signal?: AbortSignal,
): Promise<{ response: Response; text: string }> {
  const late = AbortSignal.timeout(timeout_ms);
  try {
    const until = signal === undefined ? late : AbortSignal.any([signal, late]);
    const response = await fetch(url, { ...init, redirect: 'manual', signal: until });
    return { response, text: await response.text() };
  } catch (error) {
    const reason = late.aborted ? `did not answer within ${timeout_ms} ms` : 'could not be reached';
    throw new FareboxUnavailable(`Farebox ${reason} at ${new URL(url).origin}.`, { cause: error });
  }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's page, or half an answer: the status says what to make of it
  }
}

export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An id that would make another path of it is none. */
function pathOf(template: string, given: object): string {
  const values = new Map<string, unknown>(Object.entries(given));
  return template.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const value = values.get(name);
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..')
      throw new TypeError(`${name} must be an id; it is ${JSON.stringify(value)}.`);
    return encodeURIComponent(value);
  });
}

function queryOf(values: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries<unknown>({ ...values }))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null) query.append(name, String(one));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
