import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { conversations, say } from '../../test/conversations.ts';
import { type PlainCall, createPlainServer } from './plain-server.ts';

/** What a server understood of a request, said back to who sent it. */
interface Understood {
  method: string;
  url: string;
  authorization: string | undefined;
  x_api_key: string | undefined;
  x_forwarded_for: string | undefined;
  content_type: string | undefined;
  /** Null while it is not whole. */
  body: string | null;
}

const paths = ['/v1/keys/verify', '/v1/gate/forward-auth'] as const;

/** What each server understood since the last conversation: node:http alone, and ours with node:http behind it. */
const understood = { nodes: [] as Understood[], ours: [] as Understood[] };
const handed = new WeakSet<Socket>();

async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers, socket } = request;
  const heard: Understood = {
    method,
    url,
    authorization: headers.authorization,
    x_api_key: headers['x-api-key']?.toString(),
    x_forwarded_for: headers['x-forwarded-for']?.toString(),
    content_type: headers['content-type'],
    body: null,
  };
  understood[handed.has(socket) ? 'ours' : 'nodes'].push(heard);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  heard.body = Buffer.concat(chunks).toString();
  response.end(JSON.stringify(heard));
}

/** Says the same by the bytes themselves; every third answer takes a turn of the loop, every seventh is left to the other server. */
function plainly(count: { plain: number }): PlainCall {
  return (request) => {
    count.plain += 1;
    const { end: _, path, query, ...rest } = request;
    const { method, ...read } = rest;
    const heard: Understood = { method, url: query === '' ? path : `${path}?${query}`, ...read };
    const answer = { status: 200 as const, headers: {}, body: JSON.stringify(heard) };
    if (count.plain % 7 === 0) return count.plain % 2 === 0 ? null : Promise.reject(new Error('cannot be known'));
    understood.ours.push(heard);
    return count.plain % 3 === 0 ? new Promise((resolve) => setImmediate(() => resolve(answer))) : answer;
  };
}

const counted = { plain: 0, handed: 0 };
const node = createHttpServer((request, response) => {
  // A body that breaks off is no request; the connection says so to its other end.
  complete(request, response).catch(() => request.socket.destroy());
});
// Otherwise it forgets the answers it owes when the other side says that nothing follows.
Object.assign(node, { httpAllowHalfOpen: true });
node.on('clientError', (_, socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
const plain = createPlainServer({
  calls: new Map([
    [`POST ${paths[0]}`, plainly(counted)],
    [`GET ${paths[1]}`, plainly(counted)],
  ]),
  headers: { 'x-content-type-options': 'nosniff' },
  now: () => 0,
  handOver: (socket) => {
    counted.handed += 1;
    handed.add(socket);
    node.emit('connection', socket);
  },
  keep_alive_ms: 5000,
});
const door = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => plain.accept(socket));

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const [plainPort, nodePort] = [await portOf(door), await portOf(node)];
afterAll(async () => {
  plain.close();
  for (const server of [door, node]) server.close();
  node.closeAllConnections();
  plain.destroy();
});

/** Status and body of every answer, in order. */
function answersOf(said: string): string[] {
  return said
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((part) => part !== '')
    .map((part) => `${part.slice(9, 12)} ${part.split('\r\n\r\n').slice(1).join('\r\n\r\n')}`);
}

const good = fc.constantFrom(
  'Host: localhost\r\nAuthorization: Bearer sky_test_abc\r\nAccept: */*\r\n',
  'host: 127.0.0.1:4000\r\nx-api-key: sky_live_1\r\nconnection: keep-alive\r\nx-forwarded-for: 10.0.0.1\r\n',
);
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      `GET ${paths[1]} HTTP/1.1`,
      `POST ${paths[0]} HTTP/1.1`,
      `GET ${paths[1]}?cost=2&scope=read HTTP/1.1`,
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `GET ${paths[1]}?a=%20 HTTP/1.1`,
      `GET  ${paths[1]} HTTP/1.1`,
      `GET ${paths[1]} HTTP/1.0`,
      `get ${paths[1]} HTTP/1.1`,
      `GET http://localhost${paths[1]} HTTP/1.1`,
      `HEAD ${paths[1]} HTTP/1.1`,
      `DELETE ${paths[0]} HTTP/1.1`,
      'OPTIONS * HTTP/1.1',
      '',
      'PRI * HTTP/2.0',
    ),
  },
);

const conversation = conversations(line, good, (start) => start.startsWith('POST'));

test('a request has one meaning: whatever the bytes are, it is understood as node:http alone understands it', async () => {
  const runs = Number(process.env['FUZZ_RUNS'] ?? '1500');
  await fc.assert(
    fc.asyncProperty(conversation, async (pieces) => {
      understood.ours = [];
      understood.nodes = [];
      const [ours, nodes] = await Promise.all([say(plainPort, pieces), say(nodePort, pieces)]);
      expect(understood.ours).toEqual(understood.nodes);
      // What is bad ends the conversation; node:http then forgets answers that it has not written.
      const answers = [answersOf(ours), answersOf(nodes)];
      if (!answers.some((given) => given.at(-1)?.startsWith('400'))) expect(answers[0]).toEqual(answers[1]);
    }),
    { numRuns: runs },
  );
  // Were everything handed over, or nothing, this would show nothing.
  expect(counted.plain).toBeGreaterThan(runs / 8);
  expect(counted.handed).toBeGreaterThan(runs / 4);
}, 120_000);

test('many requests at once are answered in their order, and an answer that takes long holds back those behind it', async () => {
  const requests = Array.from(
    { length: 200 },
    (_, index) => `GET ${paths[1]}?cost=${index} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  const answers = answersOf(await say(plainPort, [Buffer.from(requests.join(''))]));
  expect(answers.map((answer) => /cost=(\d+)/.exec(answer)?.[1])).toEqual(requests.map((_, index) => String(index)));
});

test('half a request is left to the complete server, which has limits of its own for how long one may take', async () => {
  const before = counted.handed;
  const socket = connect({ port: plainPort, host: '127.0.0.1' });
  socket.write(`GET ${paths[1]} HTTP/1.1\r\nHost: localhost\r\n`);
  await expect.poll(() => counted.handed, { timeout: 10_000 }).toBe(before + 1);
  socket.write('\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toContain('HTTP/1.1 200 OK');
  socket.destroy();
});
