import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { proxyWorld } from '../../test/proxy-world.ts';
import { sendRaw, statusesOf } from '../../test/raw-upstream.ts';

const world = await proxyWorld();
const { secret } = await world.keyOn();
/** A key and a certificate of `localhost`, made for this test: nothing else trusts it. */
const pem = readFileSync(join(import.meta.dirname, '../../test/fixtures/localhost.pem'), 'utf8');
const known = getCACertificates();
afterAll(() => setDefaultCACertificates(known));

/** An API behind TLS: the path is answered with its length, the body of a POST in chunks. */
const api = createServer({ key: pem, cert: pem }, (request, response) => {
  if (request.method === 'POST') return request.pipe(response);
  const said = `${request.url} ${'x'.repeat(200_000)}`;
  return response.setHeader('content-length', said.length).end(said);
}).listen(0, '127.0.0.1');
await once(api, 'listening');
const { port: apiPort } = api.address() as AddressInfo;
let connections = 0;
api.on('secureConnection', () => (connections += 1));
afterAll(() => {
  api.close();
  api.closeAllConnections();
});

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\n\r\n`;

test('an API behind TLS is asked when its certificate is trusted and names it, and otherwise not at all', async () => {
  setDefaultCACertificates([...known, pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))]);
  const trusted = await world.proxyTo(`https://localhost:${apiPort}`);
  const post = `POST /v1/c HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${secret}\r\nContent-Length: 2\r\n\r\nhi`;
  const said = await sendRaw(trusted.port, get('/v1/a') + post + get('/v1/b'), 3);
  expect(statusesOf(said)).toEqual([200, 200, 200]);
  expect([...said.matchAll(/\/v1\/[ab] x+/g)].map(([text]) => text.length)).toEqual([200_006, 200_006]);
  expect(said).toContain('\r\nhi\r\n');
  expect(connections).toBe(1);

  const otherName = await world.proxyTo(`https://127.0.0.1:${apiPort}`);
  expect(statusesOf(await sendRaw(otherName.port, get('/v1/a')))).toEqual([502]);

  setDefaultCACertificates(known);
  const untrusted = await world.proxyTo(`https://localhost:${apiPort}`);
  expect(statusesOf(await sendRaw(untrusted.port, get('/v1/a')))).toEqual([502]);
});
