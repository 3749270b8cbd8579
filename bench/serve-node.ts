import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reportTo } from './served.ts';

/** The floor: `node:http` that reads what the gate is sent, and decides nothing. */
const answer = '{"valid":true,"code":"VALID","limits":[],"quota":null}';
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-length': '0', 'ratelimit-limit': request.headers.authorization?.length ?? 0 });
    response.end();
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const asked: unknown = JSON.parse(body);
    response.writeHead(typeof asked === 'object' ? 200 : 400, {
      'content-type': 'application/json',
      'content-length': answer.length,
    });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => reportTo({ port: (server.address() as AddressInfo).port, secret_key: '' }));
