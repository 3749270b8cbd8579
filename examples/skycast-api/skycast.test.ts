import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { startSkycast } from './server.ts';
import { forecastOf, historyOf } from './weather.ts';

/** Keys as Farebox makes them: the last six characters are a checksum. */
const starter = 'sky_test_ssssssssssssssssssssssssssssss2Y7MIu';
const pro = 'sky_test_pppppppppppppppppppppppppppppp422sAd';
const scopes: unknown[] = [];

/** Stands where Farebox stands: every key may pass, and the key `pro` has the feature. */
const farebox = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += String(chunk)));
  request.on('end', () => {
    const { key, scope }: { key: string; scope: string } = JSON.parse(text);
    scopes.push(scope);
    response.writeHead(200, { 'Content-Type': 'application/json', RateLimit: '"1s";r=9;t=1' });
    response.end(
      JSON.stringify({
        valid: true,
        code: 'VALID',
        detail: 'The request may pass.',
        request_id: 'req_1',
        key_id: 'key_1',
        customer_id: 'cust_1',
        plan_id: key === pro ? 'pro' : 'starter',
        features: { history: key === pro },
        limits: [],
        quota: null,
        cost_decimal: '0',
        currency: 'usd',
        retry_after_s: null,
      }),
    );
  });
});
await new Promise<void>((resolve) => farebox.listen(0, '127.0.0.1', resolve));
const { port } = farebox.address() as AddressInfo;
const skycast = await startSkycast({ port: 0, farebox_url: `http://127.0.0.1:${port}`, secret_key: 'fbx_sk_test_1' });
afterAll(async () => {
  await skycast.close();
  farebox.closeAllConnections();
  farebox.close();
});

const get = (path: string, key: string | null = pro) =>
  fetch(`http://127.0.0.1:${skycast.port}${path}`, key === null ? {} : { headers: { 'x-api-key': key } });

describe('Skycast', () => {
  test('forecasts any city, always the same, with the limit headers', async () => {
    const response = await get('/v1/forecast?city=Lisbon', starter);
    expect([response.status, response.headers.get('ratelimit')]).toEqual([200, '"1s";r=9;t=1']);
    expect(await response.json()).toEqual(forecastOf('Lisbon'));
    expect(scopes.at(-1)).toBe('forecast');
  });

  test('sells history with the plans that have it', async () => {
    const sold = await get('/v1/history?city=Lisbon&day=2019-07-04');
    expect([sold.status, await sold.json()]).toEqual([200, historyOf('Lisbon', '2019-07-04')]);
    expect(scopes.at(-1)).toBe('history');
    const refused = await get('/v1/history?city=Lisbon', starter);
    expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'plan_without_history' }]);
  });

  test('answers 401, 400, 404 and 405 with a problem', async () => {
    const cases: [Promise<Response>, number][] = [
      [get('/v1/forecast?city=Lisbon', null), 401],
      [get('/v1/forecast'), 400],
      [get('/v1/history?city=Lisbon&day=yesterday'), 400],
      [get('/v1/weather'), 404],
      [fetch(`http://127.0.0.1:${skycast.port}/v1/forecast`, { method: 'POST' }), 405],
    ];
    for (const [asked, status] of cases) {
      const response = await asked;
      expect([response.status, response.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    }
  });

  test('says everything that is missing from its environment', () => {
    expect(() => readConfig({ PORT: 'x' })).toThrow(/PORT[^]*FAREBOX_URL[^]*FAREBOX_SECRET_KEY/);
    expect(readConfig({ FAREBOX_URL: 'http://localhost:4000', FAREBOX_SECRET_KEY: 'fbx_sk_test_1' }).port).toBe(4010);
  });
});

describe('the weather', () => {
  test('is plausible wherever one asks', () => {
    for (let number = 0; number < 500; number += 1) {
      const { current, days } = forecastOf(`City ${number}`);
      expect(days).toHaveLength(10);
      for (const day of days) {
        expect(day.low_c).toBeLessThan(day.high_c);
        expect(day.high_c).toBeLessThan(45);
        expect(day.low_c).toBeGreaterThan(-20);
      }
      expect(current.humidity_percent).toBeLessThanOrEqual(100);
      expect(historyOf(`City ${number}`, '2020-01-15').hours).toHaveLength(24);
    }
  });
});
