import { beforeEach, expect, test, vi } from 'vitest';
import { testApp } from '../harness.ts';
import { buy, buyerOfBoth, twoGroups } from '../two-groups.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });
const farebox = await testApp({ list: twoGroups });
const { app, db, sandbox, stripe, seller } = farebox;
const operator = await farebox.operator();

beforeEach(() => {
  sandbox.webhooks.policy = 'deliver';
});

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.queue.idle();
}

async function atStripe(customerId: string): Promise<string> {
  const { stripe_customer_id } = await app.customers.get(customerId);
  return stripe_customer_id ?? '';
}

async function priceOf(plan_id: string): Promise<string> {
  const version = (await db.kysely.selectFrom('plan_version').selectAll().where('plan_id', '=', plan_id).execute())[0];
  const price = await db.kysely
    .selectFrom('plan_price')
    .select('stripe_price_id')
    .where('plan_version_id', '=', version?.id ?? '')
    .executeTakeFirstOrThrow();
  return price.stripe_price_id ?? '';
}

/** A subscription that somebody makes at Stripe under this installation's name, with the card of the first one there. */
async function makeAtStripe(customerId: string, price: string): Promise<string> {
  const customer = await atStripe(customerId);
  const [first] = (await stripe.subscriptions.list({ customer })).data;
  const [card] = (await stripe.customers.listPaymentMethods(customer)).data;
  const made = await stripe.subscriptions.create({
    customer,
    items: [{ price }],
    default_payment_method: card?.id ?? '',
    metadata: first?.metadata ?? {},
  });
  return made.id;
}

async function standing(customerId: string): Promise<string[]> {
  const all = await stripe.subscriptions.list({ customer: await atStripe(customerId), status: 'all' });
  return all.data.map(({ id, status }) => `${id} ${status}`).toSorted();
}

test('further subscriptions of a group are found and undone, of the same second too; plans of two groups are no second sale', async () => {
  const { visitor, id } = await buyerOfBoth(farebox);
  expect((await operator.get('/v1/admin/reconciliation')).found).toEqual([]);
  sandbox.webhooks.policy = 'drop';
  const price = await priceOf('mail_pro');
  const further = [await makeAtStripe(id, price), await makeAtStripe(id, price), await makeAtStripe(id, price)];
  const { found } = await operator.get('/v1/admin/reconciliation');
  const second = found.filter(({ kind }: { kind: string }) => kind === 'duplicate_subscription');
  expect(second.map(({ object_id }: { object_id: string }) => object_id).toSorted()).toEqual(further.toSorted());
  for (const each of second) expect(each).toMatchObject({ customer_id: id, repair: 'sync' });
  await operator.post('/v1/admin/reconciliation/run');
  await app.queue.idle();
  const kept = (await standing(id)).filter((each) => each.endsWith(' active'));
  expect(kept).toHaveLength(2);
  expect(await standing(id)).toEqual(expect.arrayContaining(further.map((each) => `${each} canceled`)));
  const { data: charges } = await stripe.charges.list({ customer: await atStripe(id) });
  expect(charges.map(({ amount, amount_refunded: back }) => `${amount} ${back}`).toSorted()).toEqual([
    '1000 0',
    '2000 0',
    ...further.map(() => '3000 3000'),
  ]);
  const { data } = await visitor.get('/v1/subscriptions');
  expect(data.filter((each: { status: string }) => each.status === 'active')).toHaveLength(2);
  sandbox.webhooks.policy = 'deliver';
  await operator.post('/v1/admin/reconciliation/run');
  expect((await operator.get('/v1/admin/reconciliation')).found).toEqual([]);
});

test('what is begun at Stripe in a group without a plan is the customer’s, beside the other', async () => {
  const visitor = await farebox.signUp();
  await buy(visitor, 'mail');
  const { customer } = await visitor.get('/v1/me');
  const made = await makeAtStripe(customer.id, await priceOf('maps_pro'));
  await arrived();
  const { data } = await visitor.get('/v1/subscriptions');
  expect(data.map(({ group, status }: { group: string; status: string }) => [group, status]).toSorted()).toEqual([
    ['mail', 'active'],
    ['maps', 'active'],
  ]);
  expect(await standing(customer.id)).toContain(`${made} active`);
});

test('one whose plan nobody sells here is parked, and what is known stays as it is', async () => {
  const { visitor, id, secret } = await buyerOfBoth(farebox);
  const product = await stripe.products.create({ name: 'Fax' });
  const price = await stripe.prices.create({
    product: product.id,
    currency: 'usd',
    unit_amount: 700,
    recurring: { interval: 'month' },
  });
  const made = await makeAtStripe(id, price.id);
  await arrived();
  const { data } = await operator.get('/v1/admin/stripe_events?state=parked&type=customer.subscription.created');
  expect(data).toMatchObject([{ object_id: made, reason: expect.stringContaining(price.id) }]);
  expect(await standing(id)).toContain(`${made} active`);
  for (const meter of ['tiles', 'mails'])
    expect(await seller.post('/v1/keys/verify', { key: secret, meter })).toMatchObject({ valid: true });
  expect((await visitor.get('/v1/subscriptions')).data).toHaveLength(2);
});

test('begun without a checkout, both at once, each is begun once', async () => {
  const visitor = await farebox.signUp();
  await visitor.post('/v1/payment_methods/setup');
  const { customer } = await visitor.get('/v1/me');
  const method = await stripe.paymentMethods.create({
    type: 'card',
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await stripe.paymentMethods.attach(method.id, { customer: await atStripe(customer.id) });
  const answers = await Promise.all(
    ['maps', 'mail', 'maps', 'mail'].map((plan_id) => visitor.answer('POST', '/v1/subscriptions', { plan_id })),
  );
  const begun = answers.map(({ status, json }) => `${status} ${json['subscription']?.group ?? json['code']}`);
  expect(begun.toSorted()).toEqual(['201 mail', '201 maps', '409 already_subscribed', '409 already_subscribed']);
  expect((await standing(customer.id)).filter((each) => each.endsWith(' active'))).toHaveLength(2);
});

test('an account taken over from Stripe keeps one subscription of each group', async () => {
  const metadata = {};
  const customer = await stripe.customers.create({ email: 'moved@example.com', name: 'Moved', metadata });
  const card = await stripe.paymentMethods.create({
    type: 'card',
    card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, cvc: '123' },
  });
  await stripe.paymentMethods.attach(card.id, { customer: customer.id });
  const old: string[] = [];
  for (const [name, unit_amount] of [
    ['Maps', 2000],
    ['Mail', 1000],
    ['Maps Pro', 5000],
  ] as const) {
    const product = await stripe.products.create({ name: `${name}` });
    const price = await stripe.prices.create({
      product: product.id,
      currency: 'usd',
      unit_amount,
      recurring: { interval: 'month' },
    });
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      default_payment_method: card.id,
    });
    old.push(made.id);
    await sandbox.clock.advance(1000);
  }
  const started = await operator.post('/v1/admin/stripe_imports', { dry_run: false });
  await vi.waitFor(
    async () => expect((await operator.get(`/v1/admin/stripe_imports/${started.id}`)).state).toBe('done'),
    { timeout: 60_000 },
  );
  const mine = (await seller.get('/v1/customers?query=moved@example.com')).data[0];
  expect(mine.subscriptions.map(({ plan_id }: { plan_id: string }) => plan_id).toSorted()).toEqual(['mail', 'maps']);
  const { data } = await operator.get(`/v1/admin/stripe_imports/${started.id}/items?outcome=skipped&limit=100`);
  const skipped = data.find((item: { object_id: string }) => item.object_id === old[2]);
  expect(skipped.reason).toContain('one subscription of the group "maps"');
});
