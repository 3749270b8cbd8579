import { describe, expect, test } from 'vitest';
import { apiKey, decide, fareboxServer, refuse, secretKey, serve } from '../test/farebox-server.ts';
import { FareboxError, FareboxUnavailable, createFarebox } from './index.ts';

describe('verify', () => {
  test('asks with the secret key and answers the decision, instants as milliseconds', async () => {
    const server = await fareboxServer((_, response) => decide(response, 'VALID'));
    const farebox = createFarebox({ url: `${server.url}/`, secret_key: secretKey });
    const verification = await farebox.verify({
      key: apiKey,
      cost: 2,
      scope: 'history',
      ip: '203.0.113.7',
      endpoint: '/v1/history',
      meter: 'requests',
    });
    expect(verification).toMatchObject({ valid: true, customer_id: 'cust_1', features: { history: true } });
    expect(verification.limits[0]?.reset_at).toBe(Date.UTC(2026, 2, 10, 12, 0, 0, 100));
    expect(verification.quota?.reset_at).toBe(Date.UTC(2026, 3, 10, 12));
    expect(server.seen).toEqual([
      {
        method: 'POST',
        url: '/v1/keys/verify',
        authorization: `Bearer ${secretKey}`,
        body: { key: apiKey, cost: 2, scope: 'history', ip: '203.0.113.7', endpoint: '/v1/history', meter: 'requests' },
      },
    ]);
  });

  test('a refusal is an answer, not an error', async () => {
    const server = await fareboxServer((_, response) => decide(response, 'RATE_LIMITED'));
    const farebox = createFarebox({ url: server.url, secret_key: secretKey });
    expect(await farebox.verify({ key: apiKey })).toMatchObject({
      valid: false,
      code: 'RATE_LIMITED',
      retry_after_s: 2,
    });
  });

  test('calls one after the other share a connection, whatever they are answered', async () => {
    let count = 0;
    const server = await fareboxServer((_, response) => {
      count += 1;
      if (count % 5 === 0) refuse(response, 503, 'gate_unavailable');
      else if (count % 7 === 0) refuse(response, 400, 'invalid_request');
      else decide(response, 'VALID');
    });
    const farebox = createFarebox({ url: server.url, secret_key: secretKey });
    for (let call = 0; call < 50; call += 1) await farebox.verify({ key: apiKey }).catch(() => null);
    expect(server.seen).toHaveLength(50);
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test('a path in the address is kept', async () => {
    const server = await fareboxServer((_, response) => decide(response, 'VALID'));
    await createFarebox({ url: `${server.url}/billing`, secret_key: secretKey }).verify({ key: apiKey });
    expect(server.seen[0]?.url).toBe('/billing/v1/keys/verify');
  });
});

describe('while Farebox is away', () => {
  const silent = () => undefined;

  test('a server that never answers is away after the timeout, and not before', async () => {
    const { url } = await serve(silent);
    const farebox = createFarebox({ url, secret_key: secretKey, timeout_ms: 80 });
    const begin = performance.now();
    const failed = await farebox.verify({ key: apiKey }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(FareboxUnavailable);
    expect(String(failed)).toContain('did not answer within 80 ms');
    expect(performance.now() - begin).toBeGreaterThanOrEqual(75);
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test('one that is not there, breaks off, answers 5xx or is no Farebox is away too', async () => {
    const gone = await serve(silent);
    gone.server.close();
    const { url: broken } = await serve((request) => request.socket.destroy());
    const { url: half } = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('{"valid":');
      setImmediate(() => response.destroy());
    });
    const { url: failing } = await serve((_, response) => refuse(response, 503, 'gate_unavailable'));
    const { url: busy } = await serve((_, response) => refuse(response, 429, 'too_many_requests'));
    const { url: page } = await serve((_, response) => response.end('<html>'));
    const { url: other } = await serve((_, response) => response.end('{"valid":true,"code":"NOT_FOUND"}'));
    const { url: moved } = await serve((_, response) => response.writeHead(302, { Location: page }).end());
    for (const url of [gone.url, broken, half, failing, busy, page, other, moved]) {
      const farebox = createFarebox({ url, secret_key: secretKey });
      await expect(farebox.verify({ key: apiKey })).rejects.toBeInstanceOf(FareboxUnavailable);
      const open = createFarebox({ url, secret_key: secretKey, on_unavailable: 'allow' });
      expect(await open.verify({ key: apiKey })).toMatchObject({
        valid: true,
        customer_id: null,
        features: {},
        request_id: '',
      });
    }
  });

  test('a call is made once: what may have been counted is not asked again', async () => {
    const server = await fareboxServer((_, response) => response.destroy());
    const farebox = createFarebox({ url: server.url, secret_key: secretKey });
    await expect(farebox.verify({ key: apiKey })).rejects.toBeInstanceOf(FareboxUnavailable);
    expect(server.seen).toHaveLength(1);
  });

  test('no error tells the secret key or the API key', async () => {
    const { url } = await serve((request) => request.socket.destroy());
    const failed = await createFarebox({ url, secret_key: secretKey })
      .verify({ key: apiKey })
      .catch((error: unknown) => error);
    const told = failed instanceof Error ? `${failed.stack} ${JSON.stringify(failed)} ${String(failed.cause)}` : '';
    expect(told).toContain('could not be reached');
    expect(told).not.toContain(secretKey);
    expect(told).not.toContain(apiKey);
  });
});

describe('a call that is itself wrong', () => {
  test('rejects with what Farebox said, and never lets a request through', async () => {
    for (const [status, code] of [
      [401, 'unauthenticated'],
      [403, 'forbidden'],
      [400, 'invalid_request'],
    ] as const) {
      const server = await fareboxServer((_, response) => refuse(response, status, code));
      const farebox = createFarebox({ url: server.url, secret_key: secretKey, on_unavailable: 'allow' });
      const failed = await farebox.verify({ key: apiKey, cost: -1 }).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(FareboxError);
      expect(failed).toMatchObject({ status, code, param: 'cost', message: `Refused: ${code}.` });
    }
  });

  test('a wrong address, a customer’s key in place of the secret key and a timeout of 0 are refused at the start', () => {
    const url = 'http://localhost:4000';
    expect(() => createFarebox({ url: 'localhost:4000', secret_key: secretKey })).toThrow('url must be');
    expect(() => createFarebox({ url, secret_key: apiKey })).toThrow('secret_key must be');
    expect(() => createFarebox({ url, secret_key: '' })).toThrow('secret_key must be');
    expect(() => createFarebox({ url, secret_key: secretKey, timeout_ms: 0 })).toThrow('timeout_ms');
  });
});
