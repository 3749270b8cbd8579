import { deepStrictEqual, rejects, strictEqual, throws } from 'node:assert';
import Stripe from 'stripe';
import { createSandbox } from '../../src/index.ts';
import type { Probes } from './probe.ts';

type Sent = { body: string; signature: string };

/** What a sandbox sends to a webhook endpoint when a customer is made. */
async function delivered(event_payload: 'snapshot' | 'thin'): Promise<Sent & { stripe: Stripe; secret: string }> {
  const sent: Sent[] = [];
  const sandbox = await createSandbox({
    seed: event_payload,
    send: (_url, init) => {
      sent.push({
        body: typeof init.body === 'string' ? init.body : '',
        signature: new Headers(init.headers).get('stripe-signature') ?? '',
      });
      return Promise.resolve(new Response('ok'));
    },
  });
  const httpClient = Stripe.createFetchHttpClient((url, init) => sandbox.fetch(new Request(url as string, init)));
  const stripe = new Stripe('sk_test_probe', { httpClient });
  const made = await stripe.v2.core.eventDestinations.create({
    name: 'Here',
    type: 'webhook_endpoint',
    event_payload,
    enabled_events: [event_payload === 'thin' ? 'v1.customer.created' : 'customer.created'],
    webhook_endpoint: { url: 'https://shop.test/hook' },
    include: ['webhook_endpoint.signing_secret'],
  });
  await stripe.customers.create();
  await sandbox.webhooks.settled();
  await sandbox.close();
  const [first] = sent;
  if (first === undefined) throw new Error('Nothing was delivered.');
  return { ...first, stripe, secret: made.webhook_endpoint?.signing_secret ?? '' };
}

/** What the official SDK does by itself. */
export const sdkProbes: Probes = {
  'the SDK tries again after a 409, a cut connection and an allowed 500, and makes one object': async ({
    client,
    sandbox,
  }) => {
    const stripe = client('sk_test_probe', { maxNetworkRetries: 3 });
    sandbox.faults.add({ type: 'lock_timeout' });
    sandbox.faults.add({ type: 'disconnect', when: 'after' });
    await stripe.customers.create();
    sandbox.faults.add({ type: 'server_error', should_retry: true });
    strictEqual((await stripe.customers.list()).data.length, 1);
  },
  'a 500 and a 429 that do not ask for it are not tried again': async ({ client, sandbox }) => {
    const stripe = client('sk_test_probe', { maxNetworkRetries: 2 });
    sandbox.faults.add({ type: 'server_error', times: null });
    await rejects(stripe.customers.list(), Stripe.errors.StripeAPIError);
    sandbox.faults.clear();
    sandbox.faults.add({ type: 'rate_limit', times: null });
    await rejects(stripe.customers.list(), Stripe.errors.StripeRateLimitError);
    strictEqual(sandbox.faults.list()[0]?.struck, 1);
  },
  'auto-pagination sees every object once, forwards and backwards': async ({ stripe }) => {
    const made: string[] = [];
    for (let i = 0; i < 7; i += 1) made.unshift((await stripe.customers.create()).id);
    const seen = await stripe.customers.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
    deepStrictEqual(
      seen.map((each) => each.id),
      made,
    );
    const back: string[] = [];
    for await (const each of stripe.customers.list({ limit: 2, ending_before: made.at(-1) ?? '' })) back.push(each.id);
    deepStrictEqual(back.toSorted(), made.slice(0, -1).toSorted());
  },
  'constructEvent takes what was signed and refuses anything else': async () => {
    const { stripe, body, signature, secret } = await delivered('snapshot');
    strictEqual(stripe.webhooks.constructEvent(body, signature, secret).type, 'customer.created');
    throws(
      () => stripe.webhooks.constructEvent(`${body} `, signature, secret),
      Stripe.errors.StripeSignatureVerificationError,
    );
    throws(
      () => stripe.webhooks.constructEvent(body, signature, `${secret}x`),
      Stripe.errors.StripeSignatureVerificationError,
    );
  },
  'parseEventNotification reads a thin event, and each parser refuses the other kind': async () => {
    const thin = await delivered('thin');
    const read = thin.stripe.parseEventNotification(thin.body, thin.signature, thin.secret);
    strictEqual(read.type, 'v1.customer.created');
    throws(() => thin.stripe.webhooks.constructEvent(thin.body, thin.signature, thin.secret));
    const full = await delivered('snapshot');
    throws(() => full.stripe.parseEventNotification(full.body, full.signature, full.secret));
  },
  'each error class is raised by what raises it at Stripe': async ({ stripe, client, sandbox }) => {
    await rejects(stripe.customers.retrieve('cus_x'), Stripe.errors.StripeInvalidRequestError);
    await rejects(client('pk_test_x').customers.list(), Stripe.errors.StripeAuthenticationError);
    await stripe.customers.create({ name: 'a' }, { idempotencyKey: 'k' });
    await rejects(
      stripe.customers.create({ name: 'b' }, { idempotencyKey: 'k' }),
      Stripe.errors.StripeIdempotencyError,
    );
    const declined = stripe.paymentIntents.create({
      amount: 100,
      currency: 'usd',
      payment_method: 'pm_card_chargeDeclined',
      confirm: true,
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    });
    await rejects(declined, (error) => {
      if (!(error instanceof Stripe.errors.StripeCardError)) return false;
      return error.decline_code === 'generic_decline' && error.payment_intent?.object === 'payment_intent';
    });
    sandbox.faults.add({ type: 'disconnect' });
    sandbox.faults.add({ type: 'disconnect' });
    await rejects(stripe.customers.list(), Stripe.errors.StripeConnectionError);
  },
  'lastResponse tells the request, the status, the version and the key': async ({ stripe }) => {
    const { lastResponse } = await stripe.customers.create({}, { idempotencyKey: 'k' });
    strictEqual(lastResponse.statusCode, 200);
    strictEqual(lastResponse.requestId.startsWith('req_'), true);
    strictEqual(lastResponse.apiVersion, '2026-10-28.endive');
    strictEqual(lastResponse.idempotencyKey, 'k');
  },
};
