import { once } from 'node:events';
import { type IncomingMessage, request as sendRequest } from 'node:http';
import { type Socket, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { conversations } from '../../test/conversations.ts';
import { api, proxyWorld } from '../../test/proxy-world.ts';
import { type RawRequest, sendRaw, startRawUpstream, statusesOf } from '../../test/raw-upstream.ts';

const world = await proxyWorld();
const { secret, customer_id } = await world.keyOn();
const get = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n${more}\r\n`;

async function before(answer: (request: RawRequest, socket: Socket) => string | null) {
  const upstream = await startRawUpstream(answer);
  afterAll(() => upstream.close());
  const proxy = await world.proxyTo(upstream.url, { timeouts: { idle_ms: 20_000 } });
  return { upstream, ...proxy };
}

async function proxied(listener: Parameters<typeof api>[0]) {
  return await world.proxyTo((await api(listener)).url);
}

const pathOf = ({ head }: RawRequest): string => head.split(' ')[1] ?? '';
const plain = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('requests on one connection', () => {
  test('are forwarded and answered one after the other, however long each takes', async () => {
    const waiting: (() => void)[] = [];
    let most = 0;
    const { port } = await proxied((request, response) => {
      waiting.push(() => response.end(request.url));
      most = Math.max(most, waiting.length);
      setImmediate(() => waiting.shift()?.());
    });
    const paths = Array.from({ length: 60 }, (_, index) => `/v1/${index}`);
    const said = await sendRaw(port, paths.map((path) => get(path)).join(''), paths.length);
    expect([...said.matchAll(/\r\n\r\n(?:[0-9a-f]+\r\n)?(\/v1\/\d+)/g)].map(([, path]) => path)).toEqual(paths);
    expect(most).toBe(1);
  });

  test('may be of every shape: what is not plain is read by the other parser, and so is what follows', async () => {
    const { port, upstream, careful } = await before((request) => plain(pathOf(request)));
    const chunked = `POST /v1/b HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`;
    const length = `POST /v1/c HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\nContent-Length: 2\r\n\r\nho`;
    const said = await sendRaw(port, get('/v1/a') + length + chunked + length + get('/v1/d'), 5);
    expect(statusesOf(said)).toEqual([200, 200, 200, 200, 200]);
    expect(upstream.requests.map((request) => pathOf(request) + request.body).toSorted()).toEqual(
      ['/v1/a', '/v1/cho', '/v1/bhi', '/v1/cho', '/v1/d'].toSorted(),
    );
    expect(careful()).toBe(3);
  });

  test('a body that comes later than its head is waited for, and one of 200 kB streams through', async () => {
    const { port, upstream } = await before(() => plain('ok'));
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /v1/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\nContent-Length: 5\r\n\r\n`, () =>
      setImmediate(() => socket.write('hello')),
    );
    await once(socket, 'data');
    socket.destroy();
    const body = 'x'.repeat(200_000);
    await sendRaw(
      port,
      `POST /v1/a HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(upstream.requests.map((request) => request.body.length)).toEqual([5, 200_000]);
    expect(upstream.faults).toEqual([]);
  });
});

describe('answers of every shape', () => {
  test.each([
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: 1\r\n\r\n',
      1,
    ],
    ['behind another that only informs', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${plain('hello')}`, 1],
    ['with a header beyond ASCII', 'HTTP/1.1 200 OK\r\nX-A: gr\xfc\xdfe\r\nContent-Length: 5\r\n\r\nhello', 1],
    ['with a folded header', 'HTTP/1.1 200 OK\r\nX-A: a\r\nContent-Length: 5\r\nConnection: x-a\r\n\r\nhello', 1],
    ['that ends its connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello', 2],
    [
      'of which the API keeps the connection for a second',
      'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 5\r\n\r\nhello',
      2,
    ],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', 2],
  ])(
    '%s: each reaches its caller, and its connection is used again if it may be',
    async (_name, answer, connections) => {
      const { url, upstream, careful } = await before(() => answer);
      for (let count = 0; count < 2; count += 1) {
        const response = await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } });
        expect([response.status, await response.text()]).toEqual([200, 'hello']);
        expect(response.headers.get('farebox-code')).toBe('VALID');
        expect(response.headers.get('x-a') ?? 'none').toMatch(/^(?:none|gr\xfc\xdfe)$/);
      }
      expect([upstream.connections(), careful()]).toEqual([connections, 0]);
    },
  );

  test('one without a length ends with its connection', async () => {
    const { url } = await before((_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\n\r\nhello');
      return null;
    });
    expect(await (await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } })).text()).toBe('hello');
  });

  test.each([
    ['behind the answer', plain('ok') + plain('evil')],
    ['later, while nobody waits', plain('ok')],
    [
      'behind an answer in chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${plain('evil')}`,
    ],
    ['behind one without a body', `HTTP/1.1 204 No Content\r\n\r\n${plain('evil')}`],
  ])('bytes that nobody asked for (%s) answer nobody', async (name, answer) => {
    const cut = Promise.withResolvers<void>();
    const { url } = await before((_, socket) => {
      socket.once('close', () => cut.resolve());
      if (name.startsWith('later')) setImmediate(() => setImmediate(() => socket.write(plain('evil'))));
      return answer;
    });
    const ask = async () => await (await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } })).text();
    expect(await ask()).not.toContain('evil');
    await cut.promise;
    expect(await ask()).not.toContain('evil');
  });

  test('one with two lengths, or one that is none, is no answer', async () => {
    for (const lengths of ['Content-Length: 2\r\nContent-Length: 3', 'Content-Length: +2', 'Content-Length: 2, 2']) {
      const { url } = await before(() => `HTTP/1.1 200 OK\r\n${lengths}\r\n\r\nokk`);
      const { status } = await fetch(`${url}/v1/a`, { headers: { 'x-api-key': secret } });
      expect([lengths, status]).toEqual([lengths, 502]);
    }
  });

  test('a caller that reads slowly holds the API back, and gets all of it', async () => {
    const length = 32 * 1024 * 1024;
    const full = Promise.withResolvers<number>();
    const { port } = await proxied((_, response) => {
      response.writeHead(200, { 'content-length': length });
      let sent = 0;
      const more = (): void => {
        while (sent < length) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 120))) break;
        }
        if (sent < length) {
          // Nothing is taken for a while: it is held back.
          const waits = setTimeout(() => full.resolve(sent), 300);
          response.once('drain', () => {
            clearTimeout(waits);
            more();
          });
        } else response.end();
      };
      more();
    });
    const asked = sendRequest({ port, path: '/v1/a', headers: { 'x-api-key': secret } });
    asked.end();
    const [response]: IncomingMessage[] = await once(asked, 'response');
    expect(await full.promise).toBeLessThan(length);
    expect(response === undefined ? 0 : (await text(response)).length).toBe(length);
  });
});

describe('a caller that leaves', () => {
  test('before the API has answered: nobody works for it, and it is written down', async () => {
    const [came, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { port } = await proxied((request) => {
      request.once('close', () => left.resolve());
      came.resolve();
    });
    const socket = connect(port, '127.0.0.1');
    socket.write(get('/v1/gone'));
    await came.promise;
    socket.destroy();
    await left.promise;
    const hour = world.clock.now();
    await expect
      .poll(async () => {
        await world.answers.flush();
        const rows = await world.answers.summary({ from: hour - 3_600_000, to: hour + 3_600_000, customer_id });
        return rows.map(({ status }) => status);
      })
      .toContain(499);
  });
});

const lines = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...['GET', 'POST', 'DELETE'].map((method) => `${method} /v1/a?b HTTP/1.1`)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('GET /a//b HTTP/1.1', 'GET /a HTTP/1.0', 'get /a HTTP/1.1', 'TRACE / HTTP/1.1'),
  },
);
const good = fc.constantFrom(
  `Host: localhost\r\nAuthorization: Bearer ${secret}\r\nAccept: */*\r\n`,
  `host: 127.0.0.1:4000\r\nx-api-key: ${secret}\r\nconnection: keep-alive\r\nx-forwarded-for: 10.0.0.1\r\n`,
);

test('whichever parser reads them, the same bytes are the same requests to the API and get the same answers', async () => {
  const { port, upstream, careful } = await before(() => plain('ok'));
  // Not plain, so that all that follows on this connection is read by node:http.
  const first = get('/v1/first', 'X-First: \xff\r\n');
  const last = get('/v1/last', 'Connection: close\r\n');
  let conversation = 0;
  /** What became of these bytes. What is still on its way from an earlier conversation has another name. */
  const said = async (bytes: string) => {
    conversation += 1;
    const mine = `/v${conversation}/`;
    const statuses = statusesOf(await sendRaw(port, (bytes + last).replaceAll('/v1/', mine), Infinity));
    expect(upstream.faults).toEqual([]);
    const seen = upstream.requests.filter((request) => pathOf(request).startsWith(mine));
    const requests = seen.map(({ head, body }) => `${head}${body}`.replaceAll(mine, '/v1/').replace(/req_\w+/, 'req_'));
    upstream.forget();
    return { statuses, requests: requests.filter((request) => !request.startsWith('GET /v1/first')).toSorted() };
  };
  const runs = Number(process.env['FUZZ_RUNS'] ?? '300');
  const before_all = careful();
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(
      conversations(lines, good, (line) => line.startsWith('POST')),
      async (pieces) => {
        const bytes = Buffer.concat(pieces).toString('latin1');
        const ours = await said(bytes);
        const nodes = await said(first + bytes);
        // What is bad ends the conversation, and node:http then gives up what is under way: nothing to be compared with.
        if (!nodes.requests.some((request) => request.startsWith('GET /v1/last'))) return;
        whole += 1;
        expect([ours.requests, [200, ...ours.statuses]]).toEqual([nodes.requests, nodes.statuses]);
      },
    ),
    { numRuns: runs },
  );
  // Were all of them read by node:http, or none, this would show nothing.
  expect(whole).toBeGreaterThan(runs / 30);
  expect(careful() - before_all).toBeGreaterThan(runs);
}, 120_000);
