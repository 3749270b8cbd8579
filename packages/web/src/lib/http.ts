import type { ProblemBody } from '@farebox/core';

/** An answer that is not 2xx, or no answer at all (`status` 0, code `network`). */
export class HttpFault extends Error {
  override name = 'HttpFault';
  readonly status: number;
  readonly code: string;
  readonly param: string | undefined;
  readonly request_id: string | undefined;

  constructor(status: number, body: Partial<ProblemBody> & { message?: string }) {
    super(body.detail ?? body.message ?? body.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = (body.code ?? 'unknown').toLowerCase();
    this.param = body.param;
    this.request_id = body.request_id;
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * One call of the server's API, with the session cookie. The type of the answer is the caller's knowledge of the route.
 *
 * @throws HttpFault
 */
async function request<T>(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  if (!response.ok) throw new HttpFault(response.status, await problemOf(response));
  return (await response.json()) as T;
}

/** A refusal of ours is JSON; what a proxy on the way answers need not be, and then its status has to say enough. */
async function problemOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const answer: unknown = await response.json();
    return isRecord(answer) ? answer : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

async function send(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method, headers: { accept: 'application/json' }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { accept: 'application/json', 'content-type': 'application/json' };
  }
  if (signal) init.signal = signal;
  try {
    return await fetch(path, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new HttpFault(0, { code: 'network', detail: 'The server could not be reached. Check your connection.' });
  }
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', path, undefined, signal);
}

export function post<T>(path: string, body: object = {}, signal?: AbortSignal): Promise<T> {
  return request<T>('POST', path, body, signal);
}

export function put<T>(path: string, body: object): Promise<T> {
  return request<T>('PUT', path, body);
}

export function patch<T>(path: string, body: object): Promise<T> {
  return request<T>('PATCH', path, body);
}

export function remove<T>(path: string): Promise<T> {
  return request<T>('DELETE', path);
}

/** `/v1/keys` with `{ limit: 20, query: undefined }` → `/v1/keys?limit=20` */
export function withQuery(path: string, query: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

export function isFault(error: unknown, code: string): boolean {
  return error instanceof HttpFault && error.code === code;
}

/** The sentence to show for any failure. */
export function faultText(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null;
}
