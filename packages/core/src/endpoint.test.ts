import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalPath, createEndpointMatch, readEndpoints } from './endpoint.ts';

const document = {
  servers: [{ url: 'https://api.example.com/v1/' }],
  paths: {
    '/forecast': { get: { 'x-farebox-cost': 1 }, 'x-farebox-scope': 'read' },
    '/reports': {
      post: {
        'x-farebox-cost': 25,
        'x-farebox-scope': 'reports:write',
        'x-farebox-limits': [{ limit: 2, window: '1m' }],
      },
      parameters: [],
    },
    '/reports/{id}': { get: {}, delete: { 'x-farebox-cost': 0 } },
    '/reports/latest': { get: { 'x-farebox-cost': 3 } },
    '/{any}/latest': { get: { 'x-farebox-cost': 7 } },
  },
};

describe('an OpenAPI document', () => {
  test('says what each operation costs and needs', () => {
    const { endpoints, faults } = readEndpoints(document);
    expect(faults).toEqual([]);
    const match = createEndpointMatch(endpoints);
    expect(match('GET', '/v1/forecast')).toMatchObject({
      name: 'GET /v1/forecast',
      cost: 1,
      scope: 'read',
      limits: [],
    });
    expect(match('HEAD', '/v1/forecast')?.name).toBe('GET /v1/forecast');
    expect(match('POST', '/v1/reports')).toMatchObject({
      cost: 25,
      scope: 'reports:write',
      limits: [{ name: '1m', limit: 2, window_ms: 60_000 }],
    });
    expect(match('GET', '/v1/reports/7')).toMatchObject({ name: 'GET /v1/reports/{id}', cost: null });
    expect(match('GET', '/v1/reports/latest')?.cost).toBe(3);
    expect(match('GET', '/v1/other/latest')?.cost).toBe(7);
    expect(match('DELETE', '/v1/reports/latest')?.cost).toBe(0); // the exact path has no DELETE, the pattern has
    for (const [method, path] of [
      ['PUT', '/v1/forecast'],
      ['GET', '/forecast'],
      ['GET', '/v1/forecast/'],
      ['GET', '/v1/reports/'],
      ['GET', '/v1/reports/7/8'],
      ['GET', '/v1'],
    ] as const)
      expect(match(method, path), path).toBeNull();
  });

  test('tells every fault with its place', () => {
    const faulty = {
      paths: {
        '/a': { get: { 'x-farebox-cost': -1, 'x-farebox-scope': 'Read All' } },
        '/b': {
          get: {
            'x-farebox-limits': [
              { limit: 0, window: '1s' },
              { limit: 1, window: 'soon' },
            ],
          },
        },
        '/c/../d': { get: {} },
        e: { get: {} },
      },
    };
    expect(readEndpoints(faulty).faults.map(({ path }) => path)).toEqual([
      'paths./a.get.x-farebox-cost',
      'paths./a.get.x-farebox-scope',
      'paths./b.get.x-farebox-limits',
      'paths./b.get.x-farebox-limits',
      'paths./c/../d',
      'paths.e',
    ]);
    for (const none of [null, [], 'x', {}, { paths: [] }]) expect(readEndpoints(none).faults).toHaveLength(1);
  });
});

describe('the canonical form of a path', () => {
  test.each([
    ['/', '/'],
    ['/v1/forecast?city=Oslo', '/v1/forecast'],
    ['/v1/forecast#top', '/v1/forecast'],
    ['/a%2Db/%7Ec/%41', '/a-b/~c/A'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a/', '/a/'],
    ['/a%20b', '/a%20b'],
  ])('%s is %s', (path, canonical) => expect(canonicalPath(path)).toBe(canonical));

  test.each([
    '',
    'v1',
    '*',
    'http://other/v1',
    '//v1',
    '/a//b',
    '/a//',
    '/./a',
    '/a/..',
    '/a/../b',
    '/a/%2e%2e/b',
    '/a/.%2E/b',
    '/%2e/a',
    '/a%2fb',
    '/a%5Cb',
    '/a\\b',
    '/a%00',
    '/a%0d%0ab',
    '/a%25%32%65',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a;b=c/d',
    '/a%3Bb',
    '/a%3f',
    '/a%23',
    '/a b',
    '/é',
    '/a\tb',
  ])('%j has none', (path) => expect(canonicalPath(path)).toBeNull());

  test('has a canonical form of its own, itself, and names no segment that climbs', () => {
    const piece = fc.constantFrom('a', '.', '..', '/', '%2e', '%2F', '%41', '%', ';', '\\', '?', '//', '%c3', '~');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const canonical = canonicalPath(`/${pieces.join('')}`);
        if (canonical === null) return;
        expect(canonicalPath(canonical)).toBe(canonical);
        const url = new URL(canonical, 'http://host');
        expect(url.pathname).toBe(canonical);
      }),
      { numRuns: 2000 },
    );
  });
});
