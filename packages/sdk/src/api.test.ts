import { describe, expect, expectTypeOf, test } from 'vitest';
import { operationsFile, operationsText } from '../scripts/generate-operations.ts';
import { refuse, secretKey, serve } from '../test/farebox-server.ts';
import { readFileSync } from 'node:fs';
import { FareboxError, FareboxUnavailable, type Schemas, createFarebox } from './index.ts';

test('the client is that of the API’s document', () => {
  expect(readFileSync(operationsFile, 'utf8')).toBe(operationsText());
});

/** A Farebox that answers as it is told, and what it was asked. */
async function answering(...answers: { status?: number; body?: unknown; headers?: Record<string, string> }[]) {
  const seen: { line: string; key: string | undefined; body: string }[] = [];
  const { url } = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const key = request.headers['idempotency-key'];
      seen.push({ line: `${request.method} ${request.url}`, key: typeof key === 'string' ? key : undefined, body });
      const { status = 200, body: answer, headers = {} } = answers[Math.min(seen.length, answers.length) - 1] ?? {};
      if (status >= 400) return refuse(response, status, status === 404 ? 'not_found' : 'internal_error');
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? {}));
    });
  });
  return { seen, farebox: createFarebox({ url, secret_key: secretKey }) };
}

describe('an operation', () => {
  test('is a method, a path, a query and a body, with the types of the document', async () => {
    const { farebox, seen } = await answering({ body: { id: 'cust_1', name: 'Ada' } });
    const customer = await farebox.api('GET /v1/customers/{id}', { path: { id: 'cust_1' } });
    expectTypeOf(customer).toEqualTypeOf<Schemas['Customer']>();
    expect(customer.name).toBe('Ada');
    await farebox.api('POST /v1/customers', { body: { external_id: 'a/b', name: 'Ada', email: 'ada@example.com' } });
    await farebox.api('GET /v1/subscriptions', { query: { limit: 5, 'expand[]': ['customer', 'plan'] } });
    await farebox.api('GET /v1/plans/{id}', { path: { id: 'a/b?c' } });
    await farebox.api('GET /v1/features');
    expect(seen.map(({ line }) => line)).toEqual([
      'GET /v1/customers/cust_1',
      'POST /v1/customers',
      'GET /v1/subscriptions?limit=5&expand%5B%5D=customer&expand%5B%5D=plan',
      'GET /v1/plans/a%2Fb%3Fc',
      'GET /v1/features',
    ]);
    expect(JSON.parse(seen[1]?.body ?? '')).toEqual({ external_id: 'a/b', name: 'Ada', email: 'ada@example.com' });
    for (const id of ['', '.', '..'])
      await expect(farebox.api('GET /v1/plans/{id}', { path: { id } })).rejects.toThrow(TypeError);
  });

  test('that is refused is a FareboxError, and is not tried again', async () => {
    const { farebox, seen } = await answering({ status: 404 });
    const failed = await farebox.api('GET /v1/keys/{id}', { path: { id: 'key_1' } }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(FareboxError);
    expect(failed).toMatchObject({ status: 404, code: 'not_found', param: 'cost' });
    expect(seen).toHaveLength(1);
  });

  test('is tried again while Farebox is away: a write under the same key, and nothing that could be done twice', async () => {
    const { farebox, seen } = await answering({ status: 503 }, { status: 500 }, { body: { id: 'key_1' } });
    await farebox.api('POST /v1/keys/{id}/revoke', { path: { id: 'key_1' } });
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
    const named = await answering({});
    await named.farebox.api('POST /v1/keys/{id}/revoke', { path: { id: 'key_1' } }, { idempotency_key: 'mine' });
    expect(named.seen[0]?.key).toBe('mine');
    const once = await answering({ status: 503 });
    const verify = once.farebox.api('POST /v1/keys/verify', { body: { key: 'k' } });
    await expect(verify).rejects.toBeInstanceOf(FareboxUnavailable);
    expect(once.seen).toHaveLength(1);
  });

  test('answers what is no JSON as it is: a text, or where to look', async () => {
    const csv = await answering({ body: 'a,b\n', headers: { 'content-type': 'text/csv' } });
    expect(
      await csv.farebox.api('GET /v1/usage/export', {
        query: { from: '2026-03-01T00:00:00Z', to: '2026-04-01T00:00:00Z' },
      }),
    ).toBe('a,b\n');
    const pdf = await answering({ status: 302, headers: { location: 'https://stripe.example/pdf' } });
    expect(await pdf.farebox.api('GET /v1/invoices/{id}/pdf', { path: { id: 'invc_1' } })).toEqual({
      location: 'https://stripe.example/pdf',
    });
  });
});

test('a list is read to its end, page by page', async () => {
  const { farebox, seen } = await answering(
    { body: { data: [{ id: 'a' }, { id: 'b' }], next_cursor: 'b', has_more: true } },
    { body: { data: [{ id: 'c' }], next_cursor: null, has_more: false } },
  );
  const ids: string[] = [];
  for await (const customer of farebox.list('GET /v1/customers', { query: { limit: 2 } })) ids.push(customer.id);
  expect(ids).toEqual(['a', 'b', 'c']);
  expect(seen.map(({ line }) => line)).toEqual([
    'GET /v1/customers?limit=2',
    'GET /v1/customers?limit=2&starting_after=b',
  ]);
});
