import { type RemoteInfo, type Socket, createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../../test/free-port.ts';
import { createSender, urlFault } from './send.ts';

const closing: (() => void)[] = [];
afterAll(() => closing.forEach((close) => close()));

/** What stands in the address itself and never leaves: internal hosts in every notation that a parser takes. */
const refused = `
http://example.com/ ftp://example.com/ file:///etc/passwd gopher://example.com/ javascript:alert(1) data:text/plain,x nowhere
//example.com/hooks https:// https://user@example.com/ https://user:password@example.com/ https://example.com/#secret
https://10.0.0.1/ https://10.255.255.255/ https://172.16.0.1/ https://172.31.255.254/ https://192.168.1.1/ https://100.64.0.1/
https://169.254.169.254/latest/meta-data/ https://169.254.170.2/v2/credentials https://100.100.100.200/ https://168.63.129.16/
https://192.0.0.192/ https://0.0.0.0/ https://0/ https://198.18.0.1/ https://203.0.113.5/ https://192.0.2.1/ https://224.0.0.1/
https://240.0.0.1/ https://255.255.255.255/ https://192.88.99.1/
https://0x0a000001/ https://167772161/ https://012.0.0.1/ https://0xa.0.0.1/ https://10.1/ https://172.1048577/
https://2852039166/ https://0xa9fea9fe/ https://0251.0376.0251.0376/ https://169.254.43518/ https://%31%30.0.0.1/
https://１０.０.０.１/ https://①⑥⑨.②⑤④.①⑥⑨.②⑤④/ https://10.0.0.1./
https://[::]/ https://[fc00::1]/ https://[fd00:ec2::254]/ https://[fe80::1]/ https://[fec0::1]/ https://[ff02::1]/
https://[::ffff:10.0.0.1]/ https://[::ffff:a9fe:a9fe]/ https://[::ffff:0:10.0.0.1]/ https://[::10.0.0.1]/
https://[64:ff9b::10.0.0.1]/ https://[64:ff9b::a9fe:a9fe]/ https://[64:ff9b:1::10.0.0.1]/ https://[2002:a00:1::]/
https://[2002:a9fe:a9fe::]/ https://[2001::1]/ https://[2001:db8::1]/ https://[100::1]/ https://[3fff::1]/
https://metadata.google.internal/ https://router.local/ https://printer.lan/ https://intranet/ https://db/
https://kubernetes.default.svc.cluster.local/ https://vault.corp/ https://nas.home.arpa/ https://something.test/
https://hidden.onion/ https://metadata.google.internal./`
  .trim()
  .split(/\s+/);

/** This machine itself: for development alone. */
const own = `
https://127.0.0.1/ https://127.255.255.255/ https://2130706433/ https://0x7f000001/ https://017700000001/ https://127.1/
https://[::1]/ https://[::ffff:127.0.0.1]/ https://localhost/ https://localhost./ https://LOCALHOST/`
  .trim()
  .split(/\s+/);

test('the table has at least sixty addresses', () => {
  expect(refused.length + own.length).toBeGreaterThanOrEqual(60);
});

test.each(refused)('%s is refused, in development too, and nothing is sent', async (url) => {
  for (const allows_loopback of [true, false]) {
    expect(urlFault(url, { allows_loopback })).not.toBeNull();
    const send = createSender({ allows_loopback, resolve: () => Promise.reject(new Error('was resolved')) });
    expect(await send(url, {}, '{}')).toMatchObject({ status: null, failure: urlFault(url, { allows_loopback }) });
  }
});

test.each(own)('%s is this machine: for development alone', (url) => {
  expect(urlFault(url, { allows_loopback: false })).not.toBeNull();
  expect(urlFault(url, { allows_loopback: true })).toBeNull();
});

test.each([
  'https://example.com/hooks?a=1',
  'https://1.1.1.1/',
  'https://[2606:4700::1]:8443/x',
  'https://bücher.example/',
])('%s may be an endpoint', (url) => {
  expect(urlFault(url, { allows_loopback: false })).toBeNull();
});

/** A DNS server that answers what `answers` says, one after the other, the last for ever. */
async function dnsServer(
  answers: readonly string[],
): Promise<{ resolve(host: string): Promise<string[]>; asked(): number }> {
  const socket: Socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const address = answers[Math.min(asked, answers.length - 1)] ?? '';
    asked += 1;
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    // RFC 1035: the id of the query, an answer without fault, one question, one record that points at its name.
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]);
    socket.send(Buffer.concat([head, question, record]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closing.push(() => socket.close());
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return { resolve: (host) => resolver.resolve4(host), asked: () => asked };
}

async function listening(answer: Parameters<typeof createServer>[1]): Promise<{ port: number; server: Server }> {
  const server = createServer(answer);
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port, server };
}

test.each(['10.0.0.1', '169.254.169.254', '192.168.0.1', '0.0.0.0'])(
  'a name that is at %s is not connected to',
  async (ip) => {
    const { resolve } = await dnsServer([ip]);
    const send = createSender({ allows_loopback: true, resolve });
    const { status, failure } = await send('https://hooks.example.com/', {}, '{}');
    expect([status, failure]).toEqual([null, `hooks.example.com is at ${ip}, which is not on the public internet.`]);
  },
);

test('in production a name that is at this machine is not connected to', async () => {
  let connections = 0;
  const server = createTcpServer(() => void (connections += 1));
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const { resolve } = await dnsServer(['127.0.0.1']);
  const send = createSender({ allows_loopback: false, resolve });
  const sent = await send(`https://hooks.example.com:${port}/`, {}, '{}');
  expect(sent.failure).toBe('hooks.example.com is at 127.0.0.1, which is not on the public internet.');
  expect(connections).toBe(0);
});

test('a name that is elsewhere a moment later is asked once: the connection goes where was looked', async () => {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  // The first answer may be connected to, every later one may not be.
  const { resolve, asked } = await dnsServer(['127.0.0.1', '10.0.0.1']);
  const send = createSender({ allows_loopback: true, resolve });
  const first = await send(`https://hooks.example.com:${port}/`, {}, '{}');
  expect([asked(), connections, first.status]).toEqual([1, 1, null]);
  const second = await send(`https://hooks.example.com:${port}/`, {}, '{}');
  expect([asked(), connections]).toEqual([2, 1]);
  expect(second.failure).toContain('10.0.0.1');
});

test('of several addresses one that is internal refuses them all', async () => {
  const resolve = () => Promise.resolve(['1.1.1.1', '::ffff:10.0.0.1']);
  const sent = await createSender({ allows_loopback: false, resolve })('https://hooks.example.com/', {}, '{}');
  expect(sent.failure).toContain('::ffff:10.0.0.1');
});

test('a name without an address is a failure in words', async () => {
  const resolve = () => Promise.resolve<string[]>([]);
  const sent = await createSender({ allows_loopback: false, resolve })('https://hooks.example.com/', {}, '{}');
  expect(sent).toMatchObject({ status: null, failure: 'hooks.example.com has no address.' });
});

test('the message is posted whole, with its headers, and little of the answer is read', async () => {
  const seen: { method?: string | undefined; headers: unknown; body: string }[] = [];
  const { port } = await listening((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      seen.push({ method: request.method, headers: request.headers, body });
      response.writeHead(202);
      // Without an end: whoever reads it all waits for ever.
      const write = () => {
        while (!response.destroyed && response.write(`a\u0000b${'x'.repeat(10_000)}`));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
  });
  const send = createSender({ allows_loopback: true });
  const sent = await send(`http://127.0.0.1:${port}/hooks`, { 'webhook-id': 'evnt_1' }, '{"ü":1}');
  expect(sent).toMatchObject({ status: 202, failure: null });
  expect(sent.answer.length).toBeLessThanOrEqual(2048);
  expect(sent.answer).toMatch(/^abx+/);
  expect(seen).toMatchObject([{ method: 'POST', headers: { 'webhook-id': 'evnt_1' }, body: '{"ü":1}' }]);
});

test('who does not answer is left after the timeout, and a body that never ends takes no status away', async () => {
  const silent = await listening(() => undefined);
  const send = createSender({ allows_loopback: true, timeout_ms: 300 });
  expect(await send(`http://127.0.0.1:${silent.port}/`, {}, '{}')).toMatchObject({
    status: null,
    failure: 'No answer within 0.3 s.',
  });
  const slow = await listening((_, response) => {
    response.writeHead(200);
    response.write('begun');
  });
  expect(await send(`http://127.0.0.1:${slow.port}/`, {}, '{}')).toMatchObject({ status: 200, failure: null });
  const never = () => new Promise<string[]>(() => undefined);
  const unresolved = createSender({ allows_loopback: true, timeout_ms: 300, resolve: never });
  expect((await unresolved('https://hooks.example.com/', {}, '{}')).failure).toBe('No answer within 0.3 s.');
});

test('where nobody listens it says so', async () => {
  const send = createSender({ allows_loopback: true });
  expect(await send(`http://127.0.0.1:${await freePort()}/`, {}, '{}')).toMatchObject({
    status: null,
    failure: 'Nothing listens there.',
  });
});
