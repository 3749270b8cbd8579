import { expect, test } from 'vitest';
import { buyerOf } from '../buyer.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, sandbox, seller, stripe } = farebox;

test('what is wished again at the same instant is done again', async () => {
  const { visitor } = await buyerOf(farebox);
  const read = async () => (await visitor.get('/v1/subscriptions')).data[0];
  const { id } = await read();
  await visitor.post(`/v1/subscriptions/${id}/cancel`);
  await visitor.post(`/v1/subscriptions/${id}/resume`);
  expect((await read()).cancel_at).toBeNull();
  await visitor.post(`/v1/subscriptions/${id}/cancel`);
  expect((await read()).cancel_at).not.toBeNull();
  await visitor.post(`/v1/subscriptions/${id}/resume`);
  expect((await read()).cancel_at).toBeNull();
});

test('who was deleted at Stripe subscribes again at the same instant, to a subscription of its own', async () => {
  const { customer } = await (await farebox.signUp()).get('/v1/me');
  const wish = { plan_id: 'pro', customer_id: customer.id, collection: 'invoice' };
  const { subscription: first } = await seller.post('/v1/subscriptions', wish);
  await stripe.customers.del((await app.customers.get(customer.id)).stripe_customer_id ?? '');
  await sandbox.webhooks.settled();
  await app.settle();
  const { subscription: second } = await seller.post('/v1/subscriptions', wish);
  expect(second).toMatchObject({ plan_id: 'pro', status: 'active' });
  expect(second.id).not.toBe(first.id);
});
