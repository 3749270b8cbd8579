import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldsOf, innerKind, type Kind, paramsOf, unbuiltRoutes } from '../src/contract/contract.ts';
import { builtRoutes } from '../src/http/routes.ts';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { checks } from './harness.ts';

/** Bad requests per route; a long run takes more: FUZZ_RUNS=2000 npx vitest run packages/sandbox/test/fuzz.test.ts */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? '25');

let sandbox: Sandbox;
const faults: unknown[] = [];
beforeAll(async () => {
  sandbox = await createSandbox({ seed: 'fuzz', frozen: true, ...checks(), onFault: (cause) => faults.push(cause) });
});
afterAll(() => sandbox.close());

async function send(method: string, path: string, body: string | Uint8Array | null, type = 'form'): Promise<Response> {
  const content_type = type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json';
  return await sandbox.fetch(
    new Request(`http://stripe.test${path}`, {
      method,
      headers: { authorization: 'Bearer sk_test_fuzz', 'content-type': content_type },
      ...(body === null ? {} : { body }),
    }),
  );
}

/** What was sent, by how it was answered; said at the end. */
const counts = { answered: 0, refused: 0 };
afterAll(() => {
  const { answered, refused } = counts;
  const sum = answered + refused;
  process.stdout.write(
    `fuzz: ${sum} bad requests to ${builtRoutes.length} routes: ${refused} refused, ${answered} answered, 0 faults\n`,
  );
});

/** A refusal is told in the envelope, and nothing is the sandbox's own fault. */
async function judge(response: Response): Promise<void> {
  const text = await response.text();
  counts[response.ok ? 'answered' : 'refused'] += 1;
  expect(faults.splice(0)).toEqual([]);
  expect(response.status, text).toBeLessThan(500);
  expect(response.headers.get('request-id')).toMatch(/^req_/);
  if (response.status < 400) return;
  const { error } = JSON.parse(text) as { error: { type: string; message: string } };
  expect(error.type).toMatch(/_error$|^temporary_session_expired$/);
  expect(error.message.length).toBeGreaterThan(0);
}

const junk = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e309',
    '9'.repeat(400),
    '99999999999999',
    'NaN',
    'null',
    'true',
    'now',
    '\0',
    'cus_\0',
    '__proto__',
    'constructor',
    '2038-01-19T03:14:08Z',
    'usd',
    'x'.repeat(6_000),
  ),
);

/** Values near what the contract takes: mostly right in kind, so that they get past it and reach the route. */
function valueOf(kind: Kind): fc.Arbitrary<unknown> {
  if (Array.isArray(kind)) return fc.array(valueOf(innerKind(kind, 0) ?? 'string'), { maxLength: 3 });
  if (typeof kind === 'object') {
    const free = innerKind(kind, '{}');
    if (free !== undefined) return fc.dictionary(fc.constantFrom('usd', 'eur', '0', 'a b', '__proto__'), valueOf(free));
    return hashOf(kind);
  }
  const fitting = kind.split('|').map((each) => {
    if (each.startsWith("'")) return fc.constant(each.slice(1, -1));
    if (each === 'integer') return fc.constantFrom('0', '1', '-1', '100', '1800000000', '999999999999999');
    if (each === 'number' || each === 'decimal') return fc.constantFrom('0', '0.5', '-3', '99.999999999999', '1');
    if (each === 'boolean') return fc.constantFrom('true', 'false');
    if (each === 'metadata') return fc.dictionary(fc.string({ maxLength: 50 }), fc.string());
    return fc.constantFrom('usd', 'a@b.test', 'https://a.test', 'cus_x', 'pm_card_visa', 'Ada', '4242424242424242');
  });
  return fc.oneof({ weight: 8, arbitrary: fc.oneof(...fitting) }, { weight: 1, arbitrary: junk });
}

function hashOf(kind: Exclude<Kind, string | Kind[]>, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const entries = [...fieldsOf(kind).values()].map(({ name, kind: inner, is_required }) => {
    const value =
      depth > 3
        ? junk
        : typeof inner === 'object' && !Array.isArray(inner) && innerKind(inner, '{}') === undefined
          ? hashOf(inner, depth + 1)
          : valueOf(inner);
    const asked = is_required ? value : fc.option(value, { nil: undefined, freq: 2 });
    return [name, asked] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

function pairsOf(value: unknown, path: string): [string, string][] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) throw new Error(`${path} is no form.`);
  return Object.entries(value).flatMap(([key, each]) => pairsOf(each, path === '' ? key : `${path}[${key}]`));
}

function formOf(pairs: [string, string][]): string {
  return pairs
    .map(([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`)
    .join('&');
}

const ids = fc.constantFrom(
  'x',
  'cus_x',
  'pm_card_visa',
  '%00',
  '%2F',
  '..%2f..',
  '%F0%9F%92%A9',
  '__proto__',
  '-1',
  'a%20b',
);

test.each(builtRoutes.map((route) => [route]))('%s answers whatever it is sent', async (route) => {
  const [method = '', path = ''] = route.split(' ');
  const is_v2 = path.startsWith('/v2/');
  await fc.assert(
    fc.asyncProperty(ids, hashOf(paramsOf(route)), async (id, params) => {
      const address = path.replaceAll('{id}', id);
      const form = formOf(pairsOf(params, ''));
      if (method === 'POST') {
        await judge(await send(method, address, is_v2 ? JSON.stringify(params) : form, is_v2 ? 'json' : 'form'));
      } else {
        await judge(await send(method, `${address}?${form}`.slice(0, 15_000), null));
      }
    }),
    { numRuns: RUNS },
  );
});

test('forms that are none, in every place a form can be', async () => {
  const wrong = [
    'a[b=1',
    'a]b=1',
    '[a]=1',
    '[]=1',
    'a[]b=1',
    'name=Ada&name[first]=Ada',
    'name[first]=Ada&name=Ada',
    `metadata${'[a]'.repeat(20)}=1`,
    `${'a[0]'.repeat(20)}=1`,
    'name=%',
    'name=%E0%A4%A',
    '%ff=1',
    'name=\0',
    '&&&=&=',
    '=',
    'expand=x',
    'expand[a]=x',
    'expand[]=',
    'expand[]=__proto__',
    `expand[]=${'data.'.repeat(30)}x`,
    Array.from({ length: 5_000 }, (_, i) => `metadata[k${i}]=v`).join('&'),
    `items[99999999999999999999][price]=x`,
    'items[-1][price]=x',
    'metadata[__proto__]=x',
    '__proto__[x]=1',
    `metadata[a${'[b]'.repeat(20)}]=1`,
    `${'a['.repeat(20)}${']'.repeat(20)}=1`,
    'name=Ada&name=Eve&name=Joe',
    'limit=1&limit=2',
    'metadata[a]=1&metadata[a]=2&metadata=',
    'items[0][price]=x&items[0]=y',
    'unit_amount=1e400&currency=usd',
    `unit_amount=${'9'.repeat(300)}&currency=usd`,
    `unit_amount_decimal=0.${'1'.repeat(300)}&currency=usd`,
    'unit_amount=-0&currency=usd',
    'unit_amount=0x10&currency=usd',
    'unit_amount=١&currency=usd',
    'unit_amount=Infinity&currency=usd',
    'limit=18446744073709551616',
    'created[gte]=99999999999999999999',
    'name=%C0%AF',
    'name=%ED%A0%80',
    'name=%F4%90%80%80',
    `name=${'a'.repeat(999_000)}`,
    `name=${'a'.repeat(1_000_001)}`,
  ];
  for (const form of wrong) {
    for (const path of ['/v1/customers', '/v1/subscriptions', '/v1/prices']) {
      await judge(await send('POST', path, form));
      await judge(await send('GET', `${path}?${form.slice(0, 15_000)}`, null));
    }
  }
  for (const bytes of [[0xff, 0xfe, 0x00], [0xed, 0xa0, 0x80], [0xc3], [0xf5, 0x80]]) {
    await judge(await send('POST', '/v1/customers', Uint8Array.from([...Buffer.from('name='), ...bytes])));
  }
});

test('JSON that is none, nested without end or of another kind', async () => {
  const wrong = [
    '{',
    'null',
    '[]',
    '1',
    '"x"',
    `${'{"a":'.repeat(50)}1${'}'.repeat(50)}`,
    '{"event_name":1e999}',
    '\0',
  ];
  for (const body of wrong) {
    await judge(await send('POST', '/v2/billing/meter_events', body, 'json'));
    await judge(await send('POST', '/v2/core/event_destinations', body, 'json'));
  }
});

test('of a name that is given twice the last counts, and a metadata key keeps its last value', async () => {
  const answer = await send('POST', '/v1/customers', 'name=Ada&name=Eve&metadata[a]=1&metadata[a]=2');
  expect(await answer.json()).toMatchObject({ name: 'Eve', metadata: { a: '2' } });
});

test('a megabyte is read and a byte more is not, in every place a body can be', async () => {
  const body = (size: number): string => `description=${'a'.repeat(size - 12)}`;
  const fitting = await send('POST', '/v1/customers', body(1_000_000));
  expect([fitting.status, ((await fitting.json()) as { error: { param: string } }).error.param]).toEqual([
    400,
    'description',
  ]);
  for (const [path, type] of [
    ['/v1/customers', 'form'],
    ['/v2/billing/meter_events', 'json'],
  ] as const) {
    const over = await send('POST', path, body(1_000_001), type);
    expect([over.status, ((await over.json()) as { error: { message: string } }).error.message]).toEqual([
      413,
      'The request body is too large.',
    ]);
  }
});

test('a wrong method on a built address, and every address that Stripe has and we have not, say which it is', async () => {
  const unknown = await send('PATCH', '/v1/customers', 'name=a');
  expect([unknown.status, await unknown.text()]).toMatchObject([
    404,
    expect.stringContaining('Unrecognized request URL (PATCH: /v1/customers)') as string,
  ]);
  for (const route of unbuiltRoutes) {
    const [method = '', path = ''] = route.split(' ');
    const answer = await send(
      method,
      path.replaceAll('{id}', 'x'),
      method === 'POST' ? '' : null,
      path.startsWith('/v2/') ? 'json' : 'form',
    );
    const { error } = (await answer.clone().json()) as { error: { code?: string } };
    expect([answer.status, error.code], route).toEqual([400, 'unsupported']);
    await judge(answer);
  }
});

test('methods and addresses nobody has', async () => {
  const methods = ['PUT', 'PATCH', 'DELETE', 'POST', 'GET', 'HEAD'];
  const paths = [
    '/v1',
    '/v1/',
    '/v1/customers/',
    '/v1//customers',
    '/v3/customers',
    '/v1/customers/a/b/c/d',
    '/%',
    '/v1/%zz',
  ];
  for (const method of methods) for (const path of paths) await judge(await send(method, path, null));
  await judge(await send('PATCH', '/v1/customers/cus_x', 'name=a'));
  await judge(await send('PUT', '/v1/customers', 'name=a'));
});
