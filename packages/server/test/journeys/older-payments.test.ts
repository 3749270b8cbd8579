import { expect, test } from 'vitest';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const { app, db, sandbox, stripe, signUp, operator: signIn } = await testApp({ list: smallList(2) });
const hourMs = 3_600_000;

test('what is given back of a payment that a hundred others followed is known here, told of or not', async () => {
  const visitor = await signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { customer: own } = await visitor.get('/v1/me');
  const customer = (await app.customers.get(own.id)).stripe_customer_id ?? '';
  const [card] = (await stripe.customers.listPaymentMethods(customer)).data;
  const [bought] = (await stripe.charges.list({ customer })).data;
  const [invoice] = (await stripe.invoices.list({ customer })).data;
  const payment = { amount: 100, currency: 'usd', payment_method: card?.id ?? '', confirm: true, off_session: true };
  await stripe.paymentIntents.create({ customer, ...payment });
  const [other] = (await stripe.charges.list({ customer })).data;
  await sandbox.clock.advance(hourMs);
  for (let made = 0; made < 100; made += 1) {
    await stripe.paymentIntents.create({ customer, ...payment });
    await stripe.invoices.create({ customer });
  }
  await arrived();
  const [first = '', second = ''] = [bought?.id, other?.id];

  await stripe.refunds.create({ charge: first, amount: 700 });
  await stripe.creditNotes.create({ invoice: invoice?.id ?? '', amount: 300, credit_amount: 300 });
  await arrived();
  expect(await givenBack(first)).toBe(700);
  const [shown] = (await visitor.get('/v1/invoices')).data;
  expect(shown.credited_minor).toBe(300);

  sandbox.webhooks.policy = 'drop';
  await stripe.refunds.create({ charge: second, amount: 30 });
  await arrived();
  expect(await givenBack(second)).toBe(0);
  const operator = await signIn();
  const { found } = await operator.post('/v1/admin/reconciliation/run');
  expect(found).toContainEqual(expect.objectContaining({ kind: 'stale_charge', object_id: second, repaired: true }));
  await app.queue.idle();
  expect(await givenBack(second)).toBe(30);
  expect((await operator.get('/v1/admin/reconciliation')).found).toEqual([]);
});

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.queue.idle();
}

/** Of a charge, in minor units. */
async function givenBack(charge: string): Promise<number> {
  const row = await db.kysely
    .selectFrom('stripe_charge')
    .select('amount_refunded_minor')
    .where('id', '=', charge)
    .executeTakeFirstOrThrow();
  return row.amount_refunded_minor;
}
