import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type GateCode, formatKey } from '@farebox/core';
import { afterAll } from 'vitest';

export const secretKey = 'fbx_sk_test_0123456789';
/** A key as customers have them: right brand, right checksum. */
export const apiKey = formatKey('sky', 'test', 'k'.repeat(30));

/** A server on a port of its own, gone after the file's tests. */
export async function serve(
  listener: RequestListener,
): Promise<{ url: string; server: Server; connections: () => number }> {
  let connections = 0;
  const server = createServer(listener);
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${address.port}`, server, connections: () => connections };
}

/** What Farebox answers: the decision with this code, in the form the wire has it. */
export function verificationOf(code: GateCode, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    valid: code === 'VALID',
    code,
    detail: code === 'VALID' ? 'The request may pass.' : `Refused: ${code}.`,
    request_id: 'req_1',
    key_id: 'key_1',
    customer_id: 'cust_1',
    plan_id: 'pro',
    scopes: ['read'],
    features: { history: true, seats: 5, region: 'eu' },
    limits: [{ name: '1s', limit: 10, remaining: 9, window_ms: 1000, reset_at: '2026-03-10T12:00:00.100Z' }],
    quota: {
      meter_id: 'requests',
      kind: 'soft',
      included: 1000,
      used: 1,
      remaining: 999,
      reset_at: '2026-04-10T12:00:00.000Z',
    },
    cost_decimal: '0',
    currency: 'usd',
    retry_after_s: code === 'RATE_LIMITED' ? 2 : null,
    ...(code === 'RATE_LIMITED'
      ? {
          denied_by: { kind: 'window', name: '1s', limit: 10, window_ms: 1000, reset_at: '2026-03-10T12:00:01.000Z' },
          upgrade_url: 'https://billing.example.com/dashboard',
        }
      : {}),
    ...more,
  };
}

export interface Seen {
  method: string;
  url: string;
  authorization: string;
  body: Record<string, unknown>;
}

/** A Farebox that answers what `answer` says and remembers what it was asked. */
export async function fareboxServer(answer: (seen: Seen, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const served = await serve((request, response) => {
    void readBody(request).then((text) => {
      const { method = '', url = '', headers } = request;
      const body: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
      const one = { method, url, authorization: headers.authorization ?? '', body };
      seen.push(one);
      answer(one, response);
    });
  });
  return { ...served, seen };
}

/** Answers with a decision and its headers, as Farebox does. */
export function decide(response: ServerResponse, code: GateCode, more: Record<string, unknown> = {}): void {
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'RateLimit-Policy': '"1s";q=10;w=1',
    RateLimit: '"1s";r=9;t=1',
    'Farebox-Request-Id': 'req_1',
    'Farebox-Code': code,
    'Set-Cookie': 'not=passed-on',
    ...(code === 'RATE_LIMITED' ? { 'Retry-After': '2' } : {}),
  });
  response.end(JSON.stringify(verificationOf(code, more)));
}

/** Answers with a problem, as Farebox does. */
export function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(
    JSON.stringify({
      type: '/docs',
      title: 'x',
      status,
      code,
      detail: `Refused: ${code}.`,
      param: 'cost',
      request_id: 'req_1',
    }),
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
