import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { testApp } from '../../test/harness.ts';
import { payOnPage } from '../../test/visitor.ts';

// Time stands still, so that the same question has the same answer.
const farebox = await testApp({ sandbox: { frozen: true, now: () => Date.UTC(2026, 2, 10, 12, 0, 0, 50) } });
const visitor = await farebox.signUp();
await payOnPage((await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' })).url);
await farebox.sandbox.webhooks.settled();
await farebox.app.settle();
const { secret: good } = await visitor.post('/v1/keys', { name: 'Production' });
const { secret: revoked, id: revokedId } = await visitor.post('/v1/keys', { name: 'Old' });
await visitor.post(`/v1/keys/${revokedId}/revoke`, {});

interface Answer {
  status: string;
  headers: Record<string, string>;
  body: string;
  /** Written by the plain server, which spells names as the documentation does. */
  plain: boolean;
}

/** Sends the bytes on a connection of their own and reads one answer. */
async function ask(head: string, body = ''): Promise<Answer> {
  const { port } = new URL(farebox.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  socket.write(`${head}\r\n\r\n${body}`);
  let said = '';
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    said += chunk.toString();
    const [top = '', rest] = said.split(/\r\n\r\n(.*)/s);
    const length = Number(/content-length: (\d+)/i.exec(top)?.[1] ?? Number.NaN);
    if (rest === undefined || Buffer.byteLength(rest) < length) continue;
    socket.destroy();
    const [status = '', ...fields] = top.split('\r\n');
    const headers = fields
      .map((field) => field.split(/: (.*)/s))
      .map(([name = '', value = '']) => [name.toLowerCase(), value]);
    return { status, headers: Object.fromEntries(headers), body: rest, plain: top.includes('Farebox-Request-Id:') };
  }
}

/** Without what is of one request or one instant: its name, the second. */
function lasting({ status, headers, body }: Answer) {
  const { date, 'farebox-request-id': request_id, ...others } = headers;
  expect(date).toMatch(/ GMT$/);
  expect(request_id).toMatch(/^req_/);
  return { status, headers: others, body: body.replaceAll(request_id ?? '', 'req') };
}

const json = `Host: localhost\r\nAuthorization: Bearer ${farebox.secret_key}\r\nContent-Type: application/json`;
const verify = (body: object): [string, string] => {
  const text = JSON.stringify(body);
  return [`POST /v1/keys/verify HTTP/1.1\r\n${json}\r\nContent-Length: ${Buffer.byteLength(text)}`, text];
};
const forwardAuth = (query: string, ...fields: string[]): [string, string] => [
  [`GET /v1/gate/forward-auth${query} HTTP/1.1`, 'Host: localhost', ...fields].join('\r\n'),
  '',
];

const questions: [name: string, asked: [head: string, body: string]][] = [
  ['a good key', verify({ key: good, cost: 0 })],
  ['a key that is revoked', verify({ key: revoked, cost: 0 })],
  ['a key that is none', verify({ key: 'sky_test_nothing' })],
  ['a scope the key has not', verify({ key: good, cost: 0, scope: 'admin' })],
  ['more than the limit ever gives', verify({ key: good, cost: 1_000_000 })],
  ['a cost that is no number', verify({ key: good, cost: 'one' })],
  ['a field nobody knows', verify({ key: good, limit: 5 })],
  ['characters of other alphabets', verify({ key: 'schlüssel' })],
  [
    'a seller nobody knows',
    [
      'POST /v1/keys/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer fbx_sk_test_none\r\nContent-Type: application/json\r\nContent-Length: 2',
      '{}',
    ],
  ],
  ['a body that is no JSON', [`POST /v1/keys/verify HTTP/1.1\r\n${json}\r\nContent-Length: 1`, '{']],
  ['a proxy with a good key', forwardAuth('?cost=0', `Authorization: Bearer ${good}`)],
  ['a proxy with the other header', forwardAuth('?cost=0&endpoint=/v1/forecast', `X-Api-Key: ${good}`)],
  ['a proxy with two keys', forwardAuth('?cost=0', `Authorization: Bearer ${good}`, `X-Api-Key: ${revoked}`)],
  ['a proxy without a key', forwardAuth('')],
  ['a proxy with a revoked key', forwardAuth('', `X-Api-Key: ${revoked}`)],
  ['a proxy that says a thing twice', forwardAuth('?cost=0&cost=1', `X-Api-Key: ${good}`)],
  ['a proxy with the key of a seller', forwardAuth('', `Authorization: Bearer ${farebox.secret_key}`)],
  ['a proxy that costs too much', forwardAuth('?cost=1000000', `X-Api-Key: ${good}`)],
];

test.each(questions)(
  '%s: the raw socket answers what the routes answer, header for header',
  async (name, [head, body]) => {
    // A header of which the plain shape has none leaves the request to the routes.
    const [plain, complete] = [await ask(head, body), await ask(`${head}\r\nTE: trailers`, body)];
    expect(lasting(plain)).toEqual(lasting(complete));
    expect(complete.plain).toBe(false);
    // What is wrong with a request is the routes' to say, and what a seller's own key is to a gate.
    expect(plain.plain).toBe('farebox-code' in plain.headers && !name.includes('of a seller'));
  },
);

test('what the raw socket admits is counted like the rest', async () => {
  const before = await farebox.verify(good, 0);
  await ask(...verify({ key: good, cost: 3 }));
  await ask(...forwardAuth('?cost=4', `X-Api-Key: ${good}`));
  const after = await farebox.verify(good, 0);
  expect((after.quota?.used ?? 0) - (before.quota?.used ?? 0)).toBe(7);
});
