import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentFile, promisedAnswers, staleDocument, takeFaults, watched } from './contract.ts';
import { testApp } from './harness.ts';

const farebox = await testApp();

/** Pages and their files, which are for people; everything else is in the document. */
const pages =
  /^\/($|assets\/|_inbox|docs\/|sign-|verify$|forgot-|reset-|portal$|checkout\/return$|dashboard|admin|[\w.-]+\.(svg|webmanifest|ico)$)/;

test('the file says what the program says', async () => {
  const said: { servers: unknown } = await farebox.visitor().get('/openapi.json');
  const kept: { servers: unknown } = JSON.parse(readFileSync(documentFile, 'utf8'));
  expect(JSON.stringify({ ...said, servers: kept.servers }, null, 2), staleDocument).toBe(
    JSON.stringify(kept, null, 2),
  );
});

test('every route is in the document, and everything in the document is a route', () => {
  const mounted = farebox.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !pages.test(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  const documented = promisedAnswers().map(({ operation }) => operation);
  expect([...new Set(mounted)].toSorted()).toEqual(documented.toSorted());
  expect(documented.length).toBeGreaterThan(70);
});

const plan = { object: 'balance', customer_id: 'cust_1', currency: 'usd', credit_minor: 0 };
const balance = '/v1/customers/cust_1/balance';

test.each([
  ['what is promised', balance, 200, plan, null],
  ['a status that is not promised', balance, 418, plan, 'a status it does not promise'],
  ['a field too many', balance, 200, { ...plan, secret: 'sk' }, 'Unrecognized key: "secret"'],
  ['a field too few', balance, 200, { ...plan, credit_minor: undefined }, 'credit_minor'],
  ['another type', balance, 200, { ...plan, credit_minor: '0' }, 'credit_minor'],
  ['a part of a unit', balance, 200, { ...plan, credit_minor: 0.5 }, 'credit_minor'],
  ['a page in place of data', balance, 200, '<p>', 'a content type it does not promise'],
  ['data at an address that is not documented', '/v1/hidden', 200, {}, 'not in the document'],
])('an answer is held against the document: %s', async (_name, path, status, body, fault) => {
  const isPage = typeof body === 'string';
  const answer = watched(
    (_request: Request) => new Response(isPage ? body : JSON.stringify(body), { status, headers: typeOf(isPage) }),
  );
  await answer(new Request(`http://farebox.test${path}`));
  const faults = takeFaults();
  expect(faults).toEqual(fault === null ? [] : [expect.stringContaining(fault)]);
});

test('a refusal is held against the codes that its route promises', async () => {
  const problem = { type: '/docs/errors#x', title: 'No', status: 404, detail: 'No.', request_id: 'req_1' };
  const answerWith = (code: string) =>
    watched(
      (_request: Request) => new Response(JSON.stringify({ ...problem, code }), { status: 404, headers: problemType }),
    );
  const request = new Request('http://farebox.test/v1/plans/none');
  await answerWith('plan_not_found')(request);
  expect(takeFaults()).toEqual([]);
  await answerWith('price_not_found')(request);
  expect(takeFaults()).toEqual([expect.stringContaining('plan_not_found')]);
});

const problemType = { 'content-type': 'application/problem+json' };

function typeOf(isPage: boolean): Record<string, string> {
  return { 'content-type': isPage ? 'text/html' : 'application/json' };
}
