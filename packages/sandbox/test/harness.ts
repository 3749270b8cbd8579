import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { testNow } from '../../../test/test-start.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { faultsOf, holdToContract } from './conform.ts';
import { watch } from './invariants/watch.ts';
import { takeIgnored } from './reads.ts';

/** A sandbox on a port with the official SDK pointed at it. */
export interface Bench {
  sandbox: Sandbox;
  stripe: Stripe;
  url: string;
  close(): Promise<void>;
}

/** An official client of a sandbox on a port. */
export function clientOf(port: number, config: Stripe.StripeConfig = {}, key = 'sk_test_bench'): Stripe {
  return new Stripe(key, { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0, ...config });
}

/** An official client of a sandbox in this process, without a port. */
export function insideClient(sandbox: Sandbox, key = 'sk_test_inside'): Stripe {
  const send = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    sandbox.fetch(new Request(input, init));
  return new Stripe(key, { httpClient: Stripe.createFetchHttpClient(send), maxNetworkRetries: 0 });
}

/**
 * What every sandbox of a test is made with: each answer and each webhook body is held against the SDK's own declarations.
 * What is wrong is thrown where it happens and kept in `faults`.
 */
export function checks(): Pick<Required<SandboxOptions>, 'onAnswer' | 'send'> & { faults: string[] } {
  const faults: string[] = [];
  const note = (cause: unknown): never => {
    faults.push(cause instanceof Error ? cause.message : String(cause));
    throw cause;
  };
  return {
    faults,
    async onAnswer(request, answer) {
      const ignored = takeIgnored();
      if (answer.ok && ignored.length > 0) note(new Error(ignored.join('\n')));
      await holdToContract(request, answer).catch(note);
    },
    async send(url, init) {
      const wrong = faultsOf(JSON.parse(typeof init.body === 'string' ? init.body : 'null'));
      if (wrong.length > 0) note(new Error(`A webhook has\n${wrong.join('\n')}`));
      return await fetch(url, init);
    },
  };
}

/** Every commit is held against the invariants; a broken one is said at the latest when the bench closes. */
export async function bench(options: SandboxOptions = {}): Promise<Bench> {
  const { faults, onCommit } = watch();
  const { faults: wrong, ...checked } = checks();
  const own = { seed: 'bench', account_name: 'Skycast', now: testNow, onCommit };
  const sandbox = await createSandbox({ ...own, ...checked, ...options });
  const { port, url } = await sandbox.listen({ port: 0 });
  return {
    sandbox,
    stripe: clientOf(port),
    url,
    async close() {
      await sandbox.close();
      const all = [...faults, ...wrong];
      if (all.length > 0) throw new Error(all.join('\n'));
    },
  };
}

/** Reads a webhook as the official SDK does that received it at the time of tests. */
export function readWebhook(
  stripe: Stripe,
  got: { body: string; signature: string } | undefined,
  secret: string,
): Stripe.Event {
  const tolerance_s = 300;
  return stripe.webhooks.constructEvent(
    got?.body ?? '',
    got?.signature ?? '',
    secret,
    tolerance_s,
    undefined,
    testNow(),
  );
}

/** A machine clock that stands where it is put. */
export function standing(iso: string): () => number {
  const at = Date.parse(iso);
  return () => at;
}

/** A monthly price of a product. */
export async function monthlyPrice(stripe: Stripe, unit_amount = 49_900, name = 'Pro'): Promise<Stripe.Price> {
  return await stripe.prices.create({
    currency: 'usd',
    unit_amount,
    recurring: { interval: 'month' },
    product_data: { name },
  });
}

/** A customer with a card and an active subscription. */
export async function subscriber(
  stripe: Stripe,
  options: { card?: string; price?: string; metadata?: Record<string, string> } = {},
): Promise<{ customer: Stripe.Customer; subscription: Stripe.Subscription; price: string }> {
  const price = options.price ?? (await monthlyPrice(stripe)).id;
  const customer = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' });
  const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price }],
    default_payment_method: method.id,
    metadata: options.metadata ?? {},
  });
  if (options.card !== undefined) {
    const other = await stripe.paymentMethods.attach(options.card, { customer: customer.id });
    await stripe.subscriptions.update(subscription.id, { default_payment_method: other.id });
  }
  return { customer, subscription, price };
}

/** Fills in the hosted page as a browser without script does. */
export async function submit(url: string, fields: Record<string, string>): Promise<Response> {
  return await fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
}

export const goodCard = {
  email: 'ada@example.com',
  number: '4242 4242 4242 4242',
  exp: '12 / 40',
  cvc: '123',
  name: 'Ada',
  action: 'pay',
};

/** A webhook consumer that keeps what it got. */
export interface Receiver {
  url: string;
  received: { body: string; signature: string; event: Stripe.Event }[];
  types(): string[];
  close(): Promise<void>;
}

/** Listens for webhooks; `react` runs before the answer, and its result is the status. */
export async function receiver(
  react: (event: Stripe.Event) => Promise<number> | number = () => 200,
): Promise<Receiver> {
  const received: Receiver['received'] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      let body = '';
      for await (const chunk of incoming as AsyncIterable<Buffer>) body += chunk.toString('utf8');
      const event = JSON.parse(body) as Stripe.Event;
      received.push({ body, signature: String(incoming.headers['stripe-signature']), event });
      outgoing.statusCode = await react(event);
      outgoing.end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    types: () => received.map((each) => each.event.type),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The id in a field that may be expanded. */
export function idOf(field: string | { id: string } | null | undefined): string {
  if (field === null || field === undefined) throw new Error('There is no id.');
  return typeof field === 'string' ? field : field.id;
}

/** The error a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await promise;
  } catch (cause) {
    if (cause instanceof Stripe.errors.StripeError) return cause;
    throw cause;
  }
  throw new Error('It was not refused.');
}

export const DAY = 86_400_000;
export const HOUR = 3_600_000;
