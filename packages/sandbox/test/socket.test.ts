import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench();
});
afterEach(() => b.close());

/** Sends bytes as they are and answers everything that comes back until the server closes, or `enough` is there. */
async function exchange(parts: (string | Buffer)[], options: { end?: boolean; enough?: RegExp } = {}): Promise<string> {
  const socket = connect(Number(new URL(b.url).port), '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  const closed = once(socket, 'close');
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
      if (options.enough?.test(received) === true) resolve();
    });
    void closed.then(() => resolve());
  });
  for (const part of parts) socket.write(part);
  if (options.end === true) socket.end();
  await done;
  socket.destroy();
  return received;
}

const head = (method: string, path: string, ...lines: string[]): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: stripe.test', 'Authorization: Bearer sk_test_x', ...lines, '', ''].join('\r\n');
const FORM = 'Content-Type: application/x-www-form-urlencoded';
const CLOSE = 'Connection: close';

function bodyOf(answer: string): { error?: { type: string; message: string }; name?: string } {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as ReturnType<typeof bodyOf>;
}

async function customers(): Promise<number> {
  return (await b.stripe.customers.list()).data.length;
}

test('a chunked body is read whole, also when a character is cut in two', async () => {
  const bytes = Buffer.from('name=Zoë');
  const chunk = (part: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
  const answer = await exchange([
    head('POST', '/v1/customers', FORM, CLOSE, 'Transfer-Encoding: chunked'),
    chunk(bytes.subarray(0, 8)),
    chunk(bytes.subarray(8)),
    '0\r\n\r\n',
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 200/);
  expect((await b.stripe.customers.list()).data[0]?.name).toBe('Zoë');
});

test('a body that ends before its length runs nothing', async () => {
  await exchange([head('POST', '/v1/customers', FORM, 'Content-Length: 400'), 'name=Ada'], { end: true });
  expect(await customers()).toBe(0);
});

test('pipelined requests are answered each, in order', async () => {
  const create = (name: string): string => `${head('POST', '/v1/customers', FORM, 'Content-Length: 6')}name=${name}`;
  const list = head('GET', '/v1/customers?limit=1', CLOSE);
  const answer = await exchange([create('A') + create('B') + list]);
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]);
  expect(statuses).toEqual(['200', '200', '200']);
  expect(answer.indexOf('"name": "A"')).toBeLessThan(answer.indexOf('"name": "B"'));
  expect(await customers()).toBe(2);
});

test.each([
  ['a header without a name', 'GET /v1/customers HTTP/1.1\r\nHost: x\r\n: nothing\r\n\r\n'],
  ['a line that is no HTTP', 'hello\r\n\r\n'],
  ['a method nobody knows', 'FROB /v1/customers HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['two lengths', `${head('POST', '/v1/customers', 'Content-Length: 1', 'Content-Length: 2')}a`],
  ['a length that is no number', head('POST', '/v1/customers', 'Content-Length: many')],
  ['a chunk whose size is no number', `${head('POST', '/v1/customers', FORM, 'Transfer-Encoding: chunked')}zz\r\n`],
  ['a host that makes no address', 'GET /v1/customers HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
  ['a NUL in a header', 'GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk\0\r\n\r\n'],
])('%s is refused with the envelope', async (_what, bytes) => {
  const answer = await exchange([bytes]);
  expect(answer).toMatch(/^HTTP\/1\.1 400/);
  expect(bodyOf(answer).error).toMatchObject({ type: 'invalid_request_error' });
});

test('headers without end are refused with the envelope, and an address without end is 414', async () => {
  const large = await exchange([head('GET', '/v1/customers', `X-Much: ${'a'.repeat(70_000)}`)]);
  expect(large).toMatch(/^HTTP\/1\.1 431/);
  expect(bodyOf(large).error).toMatchObject({ type: 'invalid_request_error' });
  const long = await exchange([head('GET', `/v1/customers?email=${'a'.repeat(17_000)}`, CLOSE)]);
  expect(long).toMatch(/^HTTP\/1\.1 414/);
  expect(bodyOf(long).error?.message).toBe('Request-URI Too Large');
});

test('a body over a megabyte is refused before it is read to its end', async () => {
  const answer = await exchange(
    [head('POST', '/v1/customers', FORM, 'Content-Length: 50000000'), `name=${'a'.repeat(1_100_000)}`],
    { enough: /\}\s*$/ },
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413/);
  expect(await customers()).toBe(0);
});

test('bytes that are no UTF-8 are refused, escaped or not', async () => {
  const raw = Buffer.from([...Buffer.from('name='), 0xff, 0xfe]);
  const answer = await exchange([head('POST', '/v1/customers', FORM, CLOSE, `Content-Length: ${raw.length}`), raw]);
  expect(answer).toMatch(/^HTTP\/1\.1 400/);
  expect(bodyOf(answer).error?.message).toContain('UTF-8');
  const escaped = await exchange([`${head('POST', '/v1/customers', FORM, CLOSE, 'Content-Length: 11')}name=%ff%fe`]);
  expect(escaped).toMatch(/^HTTP\/1\.1 400/);
  expect(await customers()).toBe(0);
});
