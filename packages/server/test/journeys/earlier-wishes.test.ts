import { expect, test } from 'vitest';
import { buyerOf } from '../buyer.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, sandbox, seller, stripe } = farebox;

/** Runs something while no request of a route reaches Stripe, or none of its answers comes back. */
async function cut<T>(route: string, when: 'before' | 'after', work: () => Promise<T>): Promise<T> {
  const fault = sandbox.faults.add({ type: 'disconnect', when, route, times: null });
  try {
    return await work();
  } finally {
    sandbox.faults.clear(fault.id);
  }
}

async function settled(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.settle();
}

test.each(['before', 'after'] as const)(
  'a subscription of which nobody heard whether it began (cut %s its effect) is no second one when it is wished again',
  async (when) => {
    const visitor = await farebox.signUp();
    const { customer } = await visitor.get('/v1/me');
    const wish = { plan_id: 'pro', customer_id: customer.id, collection: 'invoice' };
    await cut('POST /v1/subscriptions', when, async () => {
      const first = await seller.answer('POST', '/v1/subscriptions', wish);
      expect([first.status, first.json['code']]).toEqual([503, 'stripe_unavailable']);
      // What had its effect is found by a reading.
      const then = when === 'before' ? [503, 'stripe_unavailable'] : [409, 'already_subscribed'];
      const second = await seller.answer('POST', '/v1/subscriptions', wish);
      expect([second.status, second.json['code']]).toEqual(then);
      const checkout = await visitor.answer('POST', '/v1/checkout_sessions', { plan_id: 'pro' });
      expect([checkout.status, checkout.json['code']]).toEqual(then);
    });
    const again = await seller.answer('POST', '/v1/subscriptions', wish);
    expect([again.status, again.json['code']]).toEqual([409, 'already_subscribed']);
    await settled();
    const { stripe_customer_id } = await app.customers.get(customer.id);
    const ofCustomer = { customer: stripe_customer_id ?? '' };
    expect((await stripe.subscriptions.list({ ...ofCustomer, status: 'all' })).data).toHaveLength(1);
    expect((await stripe.invoices.list(ofCustomer)).data).toHaveLength(1);
  },
);

test('a cancellation that was on its way does not come after its undoing', async () => {
  const { visitor, customer_id } = await buyerOf(farebox);
  const [{ id }] = (await visitor.get('/v1/subscriptions')).data;
  const { stripe_customer_id } = await app.customers.get(customer_id);
  const path = `/v1/subscriptions/${id}`;
  const lost = await cut('POST /v1/subscriptions/{id}', 'before', () => visitor.answer('POST', `${path}/cancel`));
  expect([lost.status, lost.json['code']]).toEqual([503, 'stripe_unavailable']);
  await visitor.post(`${path}/resume`);
  await settled();
  expect((await visitor.get(path)).cancel_at).toBeNull();
  const [there] = (await stripe.subscriptions.list({ customer: stripe_customer_id ?? '' })).data;
  expect(there).toMatchObject({ cancel_at: null, cancel_at_period_end: false });
});
