import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { conversations, say } from '../../test/conversations.ts';
import { readPlainRequest } from './plain-request.ts';

interface Understood {
  method: string;
  url: string;
  rawHeaders: readonly string[];
  body: string;
}

/** What node:http understood since the last conversation. */
let nodes: Understood[] = [];
const node = createServer({ requireHostHeader: false }, (request, response) => {
  const { method = '', url = '', rawHeaders } = request;
  const understood = { method, url, rawHeaders, body: 'not whole' };
  nodes.push(understood);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    understood.body = Buffer.concat(chunks).toString('latin1');
    response.end();
  });
});
Object.assign(node, { httpAllowHalfOpen: true });
node.on('clientError', (_, socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
node.listen(0, '127.0.0.1');
await once(node, 'listening');
const { port } = node.address() as AddressInfo;
afterAll(() => {
  node.closeAllConnections();
  node.close();
});

const usual = ['GET /v1/a', 'POST /v1/a?b=c', 'PUT /v1/files/x', 'DELETE /v1/a', 'HEAD /', 'OPTIONS /v1/a'];
const odd = [
  'GET  /a HTTP/1.1',
  'GET /a HTTP/1.0',
  'get /a HTTP/1.1',
  'GET http://a/b HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  '',
];
const lines = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...usual.map((line) => `${line} HTTP/1.1`)) },
  { weight: 1, arbitrary: fc.constantFrom(...odd, 'GET /\x7f HTTP/1.1', 'TRACE / HTTP/1.1', 'CONNECT a:80 HTTP/1.1') },
);
const good = fc.constantFrom(
  'Host: localhost\r\nAuthorization: Bearer sky_test_abc\r\nAccept: */*\r\n',
  'host: 127.0.0.1:4000\r\nx-api-key: sky_live_1\r\nconnection: keep-alive\r\nX-Empty:\r\nx-forwarded-for:10.0.0.1  \r\n',
);

/** The requests at the head of the bytes that the plain reader takes. */
function takenOf(bytes: Buffer): Understood[] {
  const taken: Understood[] = [];
  for (let at = 0; at < bytes.length;) {
    const read = readPlainRequest(bytes, at);
    if (typeof read === 'string') break;
    const { method, url, rawHeaders, body, end } = read;
    taken.push({ method, url, rawHeaders, body: body?.toString('latin1') ?? '' });
    at = end;
  }
  return taken;
}

test('what is read as plain, node:http reads as the same: method, target, every header and the body', async () => {
  const runs = Number(process.env['FUZZ_RUNS'] ?? '1500');
  let count = 0;
  const hasBody = (line: string) => /^(?:POST|PUT) /.test(line);
  await fc.assert(
    fc.asyncProperty(conversations(lines, good, hasBody), async (pieces) => {
      nodes = [];
      const taken = takenOf(Buffer.concat(pieces));
      await say(port, pieces);
      expect(nodes.slice(0, taken.length)).toEqual(taken);
      count += taken.length;
    }),
    { numRuns: runs },
  );
  // Were nothing taken, this would show nothing.
  expect(count).toBeGreaterThan(runs / 4);
}, 120_000);

test.each([
  ['a transfer coding', 'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two lengths', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
  ['a length with zeros before it', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\nx'],
  ['a body that is to be streamed', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n'],
  ['what has to be continued', 'POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n'],
  ['an upgrade', 'GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n'],
  ['a connection that is to be closed', 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['headers for a neighbour', 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-a\r\n\r\n'],
  ['a folded line', 'GET /a HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'],
  ['a tab', 'GET /a HTTP/1.1\r\nHost:\ta\r\n\r\n'],
  ['a line that ends with LF', 'GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n'],
  ['a head without an end', `GET /a HTTP/1.1\r\nX: ${'a'.repeat(9000)}`],
])('%s is left to the complete parser', (_name, bytes) => {
  expect(readPlainRequest(Buffer.from(bytes), 0)).toBe('other');
});

test('what is not whole is waited for', () => {
  const bytes = Buffer.from('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  for (let length = 1; length < bytes.length; length += 1)
    expect(readPlainRequest(bytes.subarray(0, length), 0)).toBe('partial');
  expect(readPlainRequest(bytes, 0)).toMatchObject({ url: '/a', body: Buffer.from('hello'), end: bytes.length });
});
