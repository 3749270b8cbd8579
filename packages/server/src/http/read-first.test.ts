import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { readFirst } from './read-first.ts';

test('a connection that is handed on has no longer for its head than any other', async () => {
  const server = createServer({ headersTimeout: 200, requestTimeout: 0, connectionsCheckingInterval: 50 });
  const handOver = readFirst(server, (socket) => handOver(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
  expect(await text(socket)).toContain('HTTP/1.1 408 ');
});
