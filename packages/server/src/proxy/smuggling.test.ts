import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { proxyWorld } from '../../test/proxy-world.ts';
import { sendRaw, startRawUpstream, statusesOf } from '../../test/raw-upstream.ts';

const world = await proxyWorld();
const upstream = await startRawUpstream();
afterAll(() => upstream.close());
const { port } = await world.proxyTo(upstream.url);
const { secret } = await world.keyOn();
beforeEach(() => upstream.forget());

const host = 'Host: api.example\r\n';
const key = `X-Api-Key: ${secret}\r\n`;
const another = `${secret.slice(0, -1)}${secret.endsWith('x') ? 'y' : 'x'}`;
/** Headers of a request that passes. */
const good = host + key;
const hidden = `GET /smuggled HTTP/1.1\r\n${good}\r\n`;
const post = `POST /v1/a HTTP/1.1\r\n${good}`;
const get = `GET /v1/a HTTP/1.1\r\n${good}`;

/** Bytes, and what the API may see of them: nothing, or these requests with these bodies. */
type Case = [name: string, bytes: string, seen: 'refused' | [line: string, body: string][]];

const two: Case[] = [
  [
    'both framings, length first',
    `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  [
    'both framings, coding first',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  [
    'both framings, length over all',
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  [
    'both framings, length 0',
    `${post}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  [
    'both framings on GET',
    `${get}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  ['two lengths that differ', `${post}Content-Length: 5\r\nContent-Length: 0\r\n\r\n${hidden}`, 'refused'],
  ['two lengths that agree', `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi${hidden}`, 'refused'],
  ['two lengths in one line', `${post}Content-Length: 2, 2\r\n\r\nhi${hidden}`, 'refused'],
  [
    'two codings in two lines',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  [
    'the coding twice',
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
];

const lengths: Case[] = [
  '+5',
  '-5',
  '0x5',
  '5 5',
  '1e1',
  '5.0',
  '',
  'five',
  '5;',
  '99999999999999999999',
  '\x0b5',
  '٥',
].map((value): Case => [
  `length ${JSON.stringify(value)}`,
  `${post}Content-Length: ${value}\r\n\r\nhello${hidden}`,
  'refused',
]);

const codings: Case[] = [
  'xchunked',
  'identity',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, identity',
  'chunked, chunked',
  '"chunked"',
  'chunked;q=1',
  'chunked\x00',
  '\x0bchunked',
  'chunke\td',
  'chunked,',
  'ch\xc3\xbcnked',
  '',
].map((value): Case => [
  `coding ${JSON.stringify(value)}`,
  `${post}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n${hidden}`,
  'refused',
]);

const disguised: Case[] = [
  ['a space before the colon', `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`, 'refused'],
  ['a tab before the colon', `${post}Content-Length\t: 5\r\n\r\nhello${hidden}`, 'refused'],
  ['a folded coding', `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${hidden}`, 'refused'],
  ['a folded header before the length', `${post}X-A: b\r\n Content-Length: 5\r\n\r\nhello`, 'refused'],
  ['a fold by a tab', `${post}X-A: b\r\n\tc\r\n\r\n`, 'refused'],
  ['a first header that begins with a space', `GET /v1/a HTTP/1.1\r\n ${host}${key}\r\n`, 'refused'],
  ['a name with a space', `${get}Content Length: 5\r\n\r\n`, 'refused'],
  ['a header without a colon', `${get}Content-Length\r\n\r\n`, 'refused'],
  ['a header without a name', `${get}: 5\r\n\r\n`, 'refused'],
  ['a name beyond ASCII', `${get}Trans\xc3\xa9: chunked\r\n\r\n`, 'refused'],
  ['a name with a control character', `${get}Transfer\x01Encoding: chunked\r\n\r\n`, 'refused'],
  ['a zero in a value', `${get}X-A: b\x00c\r\n\r\n`, 'refused'],
  ['a line that ends with LF', `${get}X-A: b\nTransfer-Encoding: chunked\r\n\r\n`, 'refused'],
  ['a head that ends with LF alone', `${get}X-A: b\r\n\n${hidden}`, 'refused'],
  ['a request line that ends with LF', `GET /v1/a HTTP/1.1\n${good}\r\n`, 'refused'],
  ['a CR alone in a value', `${get}X-A: b\rTransfer-Encoding: chunked\r\n\r\n`, 'refused'],
  ['a CR alone as the end of a line', `${get}X-A: b\r\r\nX-C: d\r\n\r\n`, 'refused'],
  [
    'the coding with an underscore beside a length',
    `${post}Content-Length: 2\r\nTransfer_Encoding: chunked\r\n\r\nhi`,
    [['POST /v1/a', 'hi']],
  ],
  ['the length with an underscore', `${post}Content_Length: 400\r\n\r\n`, [['POST /v1/a', '']]],
];

const chunks: Case[] = [
  ['a size beyond every number', `fffffffffffffffff\r\nhi\r\n0\r\n\r\n`],
  ['a negative size', `-1\r\nhi\r\n0\r\n\r\n`],
  ['a size with 0x', `0x2\r\nhi\r\n0\r\n\r\n`],
  ['a size with a plus', `+2\r\nhi\r\n0\r\n\r\n`],
  ['a size that is none', `g\r\nhi\r\n0\r\n\r\n`],
  ['a size after a space', ` 2\r\nhi\r\n0\r\n\r\n`],
  ['a size line that ends with LF', `2\nhi\r\n0\r\n\r\n`],
  ['data that ends with LF', `2\r\nhi\n0\r\n\r\n`],
  ['data longer than its size', `2\r\nhello\r\n0\r\n\r\n`],
  ['an extension with a bare LF', `2;a\nb\r\nhi\r\n0\r\n\r\n`],
  ['an extension with a bare CR', `2;a\rb\r\nhi\r\n0\r\n\r\n`],
  ['no size', `\r\nhi\r\n0\r\n\r\n`],
].map(([name, body]): Case => [
  `chunked: ${name}`,
  `${post}Transfer-Encoding: chunked\r\n\r\n${body}${hidden}`,
  'refused',
]);

const lines: Case[] = [
  ['HTTP/0.9', 'GET /v1/a\r\n\r\n', 'refused'],
  ['HTTP/1.2', `GET /v1/a HTTP/1.2\r\n${good}\r\n`, 'refused'],
  ['HTTP/2.0', `GET /v1/a HTTP/2.0\r\n${good}\r\n`, 'refused'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'refused'],
  ['a version in small letters', `GET /v1/a http/1.1\r\n${good}\r\n`, 'refused'],
  ['a tab for a space', `GET\t/v1/a HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['a space in the target', `GET /v1/a b HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['a space before the method', ` GET /v1/a HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['a method in small letters', `get /v1/a HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['a method nobody knows', `SMUGGLE /v1/a HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['TRACE', `TRACE /v1/a HTTP/1.1\r\n${good}\r\n`, 'refused'],
  ['CONNECT', `CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\n${good}\r\n${hidden}`, 'refused'],
  [
    'HTTP/1.0 with a coding',
    `POST /v1/a HTTP/1.0\r\n${good}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'refused',
  ],
  ['no host', `GET /v1/a HTTP/1.1\r\n${key}\r\n`, 'refused'],
  ['two hosts', `GET /v1/a HTTP/1.1\r\n${good}Host: other.example\r\n\r\n`, 'refused'],
  ['the host twice', `GET /v1/a HTTP/1.1\r\n${good}${host}\r\n`, 'refused'],
  ...['', 'a/b', 'a@b', 'a, b', 'a b', 'a:80:80', 'a:x', '[::1', 'a#b', 'a?b', 'http://a'].map((value): Case => [
    `host ${JSON.stringify(value)}`,
    `GET /v1/a HTTP/1.1\r\nHost: ${value}\r\n${key}\r\n`,
    'refused',
  ]),
  ['two keys in two headers', `${get}Authorization: Bearer ${another}\r\n\r\n`, 'refused'],
  ['two keys of one name', `${get}X-Api-Key: other\r\n\r\n`, 'refused'],
  [
    'two credentials of one name',
    `GET /v1/a HTTP/1.1\r\n${host}Authorization: Bearer ${secret}\r\nAuthorization: Basic eDp5\r\n\r\n`,
    'refused',
  ],
  [
    'two kinds of body',
    `${post}Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
    'refused',
  ],
];

const upgrades: Case[] = [
  [
    'a WebSocket of another version',
    `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    'refused',
  ],
  [
    'a WebSocket without a key',
    `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    'refused',
  ],
  [
    'a WebSocket by POST',
    `${post}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nContent-Length: 0\r\n\r\n`,
    'refused',
  ],
  [
    'a WebSocket with a request behind it',
    `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n${hidden}`,
    'refused',
  ],
  ['two protocols in two lines', `${get}Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n`, 'refused'],
  [
    'HTTP/2 in the clear',
    `${get}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
    [['GET /v1/a', '']],
  ],
  ['a protocol of its own', `${get}Connection: Upgrade\r\nUpgrade: foo/2\r\n\r\n`, [['GET /v1/a', '']]],
];

const forwarded: Case[] = [
  ['a length', `${post}Content-Length: 5\r\n\r\nhello`, [['POST /v1/a', 'hello']]],
  ['a length with zeros before it', `${post}Content-Length: 005\r\n\r\nhello`, [['POST /v1/a', 'hello']]],
  ['chunks', `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`, [['POST /v1/a', 'hello']]],
  [
    'a coding in capitals, after a tab',
    `${post}Transfer-Encoding:\tCHUNKED\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    [['POST /v1/a', 'hi']],
  ],
  [
    'chunks with extensions',
    `${post}Transfer-Encoding: chunked\r\n\r\n2;a=b;c="d e"\r\nhi\r\n0;z\r\n\r\n`,
    [['POST /v1/a', 'hi']],
  ],
  [
    'chunks with trailers',
    `${post}Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n`,
    [['POST /v1/a', 'hi']],
  ],
  [
    'framing in a trailer',
    `${post}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n`,
    [['POST /v1/a', 'hi']],
  ],
  ['a body that is a request', `${post}Content-Length: ${hidden.length}\r\n\r\n${hidden}`, [['POST /v1/a', hidden]]],
  [
    'a body of GET that is a request',
    `${get}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    [['GET /v1/a', hidden]],
  ],
  [
    'two requests in a row',
    `${post}Content-Length: 2\r\n\r\nhi${get}\r\n`,
    [
      ['POST /v1/a', 'hi'],
      ['GET /v1/a', ''],
    ],
  ],
  ['an empty line before a request', `\r\n${get}\r\n`, [['GET /v1/a', '']]],
  // The parser lets this pass (RFC 9112, 3): what it read is written anew, and nothing else.
  ['two spaces before the target', `GET  /v1/a HTTP/1.1\r\n${good}\r\n`, [['GET /v1/a', '']]],
  ['HTTP/1.0', `GET /v1/a HTTP/1.0\r\n${key}\r\n`, [['GET /v1/a', '']]],
  [
    'HTTP/1.0 with a length',
    `POST /v1/a HTTP/1.0\r\n${good}Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi`,
    [['POST /v1/a', 'hi']],
  ],
  [
    'a neighbour’s header that names the length',
    `${post}Connection: Content-Length\r\nContent-Length: 2\r\n\r\nhi`,
    [['POST /v1/a', 'hi']],
  ],
  ['a neighbour’s header that names the host', `${get}Connection: Host, X-Api-Key\r\n\r\n`, [['GET /v1/a', '']]],
  [
    'a neighbour’s header that names who calls',
    `${get}Connection: Farebox-Customer, X-Forwarded-For\r\n\r\n`,
    [['GET /v1/a', '']],
  ],
  ['a value beyond ASCII', `${get}X-A: gr\xc3\xbc\xc3\x9fe\r\n\r\n`, [['GET /v1/a', '']]],
];

const corpus = [...two, ...lengths, ...codings, ...disguised, ...chunks, ...lines, ...upgrades, ...forwarded];

describe(`of ${corpus.length} requests that two readers could read in two ways`, () => {
  test('there are enough of them, and none twice', () => {
    expect(corpus.filter(([, , seen]) => seen === 'refused').length).toBeGreaterThanOrEqual(60);
    expect(new Set(corpus.map(([, bytes]) => bytes)).size).toBe(corpus.length);
  });

  test.each(corpus)('%s', { timeout: 3000 }, async (_name, bytes, seen) => {
    const statuses = statusesOf(await sendRaw(port, bytes, seen === 'refused' ? 1 : seen.length));
    expect(upstream.faults).toEqual([]);
    const got = upstream.requests.map(({ head, body }) => [head.split(' HTTP/')[0], body]);
    if (seen !== 'refused') {
      expect([got, statuses]).toEqual([seen, seen.map(() => 200)]);
      return;
    }
    // What stands before a fault may have been a whole request: it is refused, or a whole request and nothing else.
    expect(got.filter(([line]) => line !== 'POST /v1/a' && line !== 'GET /v1/a')).toEqual([]);
    expect(got.length).toBe(0);
    expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([]);
    expect(statuses.length).toBeLessThanOrEqual(1);
  });
});
