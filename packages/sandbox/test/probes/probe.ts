import { partialDeepStrictEqual, strictEqual } from 'node:assert';
import Stripe from 'stripe';
import { createSandbox, type Sandbox } from '../../src/index.ts';
import { builtRoutes } from '../../src/http/routes.ts';
import { checks } from '../harness.ts';

/** What a probe gets: a sandbox of its own, and the official SDK pointed at it. */
export interface World {
  stripe: Stripe;
  sandbox: Sandbox;
  /** Another client of the same sandbox. */
  client(key: string, config?: Stripe.StripeConfig): Stripe;
}

/** Probes by the contract key of the route they are for: `POST /v1/customers`. */
export type Probes = Record<string, (world: World) => Promise<void>>;

/** Asserts that an answer has these fields with these values, whatever else it has. */
export function has(answer: object, expected: object): void {
  // Through JSON: the SDK's decimals and page objects carry methods that no expectation names.
  partialDeepStrictEqual(JSON.parse(JSON.stringify(answer)), expected);
}

/** Asserts that an answer is a page with one object of this id. */
export function lists(page: { data: { id: string }[] }, id: string): void {
  strictEqual(
    page.data.filter((each) => each.id === id).length,
    1,
    `${id} is not in ${page.data.map((each) => each.id).join(', ')}`,
  );
}

/**
 * Routes that only refuse here: there are no early fraud warnings; no parameter of this API version gives a customer a discount of their own, and no refund of a
 * card waits for somebody to act.
 */
const always_refused: ReadonlySet<string> = new Set([
  'GET /v1/radar/early_fraud_warnings/{id}',
  'DELETE /v1/customers/{id}/discount',
  'POST /v1/refunds/{id}/cancel',
]);

const patterns = builtRoutes.map((route) => {
  const [method = '', path = ''] = route.split(' ');
  return { route, method, pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('{id}', '[^/]+')}$`) };
});

/** The built route that a request goes to: literal segments win over ids, as `/invoices/search` does. */
function routeOf(method: string, path: string): string | undefined {
  return patterns
    .filter((each) => each.method === method && each.pattern.test(path))
    .map((each) => each.route)
    .toSorted((a, b) => a.split('{id}').length - b.split('{id}').length)[0];
}

/** Runs one probe; it fails unless the SDK reached its route and was answered as the contract says. */
export async function runProbe(
  name: string,
  run: (world: World) => Promise<void>,
  after: (world: World) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { faults, ...checked } = checks();
  const sandbox = await createSandbox({ seed: name, account_name: 'Skycast', ...checked });
  const answered = new Set<string | undefined>();
  const send = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const response = await sandbox.fetch(request);
    const route = routeOf(request.method, new URL(request.url).pathname);
    if (response.ok || always_refused.has(route ?? '')) answered.add(route);
    return response;
  };
  const client = (key: string, config: Stripe.StripeConfig = {}): Stripe =>
    new Stripe(key, { maxNetworkRetries: 0, httpClient: Stripe.createFetchHttpClient(send), ...config });
  try {
    const world = { sandbox, client, stripe: client('sk_test_probe') };
    await run(world);
    await after(world);
  } finally {
    await sandbox.close();
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  if (name.includes(' /') && !answered.has(name)) throw new Error(`The probe never got a 2xx from ${name}.`);
}
