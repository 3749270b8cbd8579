import { beforeAll, expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

const farebox = await testApp({ list: smallList(2) });
const { app, db, sandbox, stripe } = farebox;
const operator = await farebox.operator();

interface Buyer {
  visitor: Visitor;
  id: string;
  stripe_customer_id: string;
  stripe_subscription_id: string;
}

async function buyer(): Promise<Buyer> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { customer } = await visitor.get('/v1/me');
  const { stripe_customer_id } = await app.customers.get(customer.id);
  const of = stripe_customer_id ?? '';
  const [subscription] = (await stripe.subscriptions.list({ customer: of })).data;
  return { visitor, id: customer.id, stripe_customer_id: of, stripe_subscription_id: subscription?.id ?? '' };
}

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.queue.idle();
}

type Found = { kind: string; object_id: string; detail: string; repair: string | null; repaired: boolean }[];
async function look(): Promise<Found> {
  return (await operator.get('/v1/admin/reconciliation')).found;
}
async function repair(): Promise<Found> {
  const { found } = await operator.post('/v1/admin/reconciliation/run');
  await app.queue.idle();
  return found;
}

const buyers: Buyer[] = [];
beforeAll(async () => {
  for (let made = 0; made < 9; made += 1) buyers.push(await buyer());
  const { secret } = await at(8).visitor.post('/v1/keys/first');
  for (let call = 0; call < 5; call += 1)
    await fetch(`${farebox.url}/v1/keys/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key: secret }),
    });
  await sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await app.settle();
  await arrived();
});

function at(index: number): Buyer {
  const found = buyers[index];
  if (found === undefined) throw new Error(`There is no buyer ${index}.`);
  return found;
}

test('where nothing differs nothing is found, a month with usage on the bill included', async () => {
  expect(await look()).toEqual([]);
});

test('every kind of difference is found and said in words; what has one right answer is put right, once', async () => {
  sandbox.webhooks.policy = 'drop';
  const { kysely } = db;
  const of = (index: number) => at(index).stripe_subscription_id;
  // Here, behind Stripe's back.
  await kysely.updateTable('customer').set({ stripe_customer_id: null }).where('id', '=', at(0).id).execute();
  const sub = (index: number) => kysely.updateTable('subscription').where('stripe_subscription_id', '=', of(index));
  await sub(1).set({ status: 'past_due' }).execute();
  await sub(2).set({ quantity: 7 }).execute();
  await kysely.deleteFrom('invoice').where('customer_id', '=', at(3).id).execute();
  await kysely.updateTable('invoice').set({ amount_paid_minor: 1 }).where('customer_id', '=', at(4).id).execute();
  const [report] = await kysely.selectFrom('usage_report').selectAll().where('customer_id', '=', at(8).id).execute();
  expect(report).toMatchObject({ state: 'sent', quantity: 5, amount_minor: 60 });
  await kysely.deleteFrom('usage_report').where('customer_id', '=', at(7).id).execute();
  const { lines, ...copy } = report ?? { lines: null };
  await kysely
    .insertInto('usage_report')
    .values({
      ...(copy as NonNullable<typeof report>),
      lines: JSON.stringify(lines),
      id: 'urep_never_billed',
      customer_id: at(7).id,
      subscription_id: (await at(7).visitor.get('/v1/subscriptions')).data[0].id,
    })
    .execute();
  // At Stripe, without our hearing of it.
  const own = await stripe.customers.retrieve(at(5).stripe_customer_id);
  const second = await stripe.customers.create({ metadata: own.deleted === true ? {} : own.metadata });
  await stripe.customers.del(at(5).stripe_customer_id);
  await stripe.subscriptions.cancel(of(6));
  const another = await stripe.subscriptions.retrieve(of(2));
  const [card] = (await stripe.customers.listPaymentMethods(at(6).stripe_customer_id)).data;
  const made = await stripe.subscriptions.create({
    customer: at(6).stripe_customer_id,
    items: [{ price: another.items.data[0]?.price.id ?? '' }],
    default_payment_method: card?.id ?? '',
    metadata: another.metadata,
  });
  const [price] = await kysely
    .selectFrom('plan_price')
    .select('stripe_price_id')
    .where('amount_minor', '=', 9900)
    .execute();
  await stripe.prices.update(price?.stripe_price_id ?? '', { active: false });
  const [endpoint] = (await stripe.webhookEndpoints.list()).data;
  await stripe.webhookEndpoints.update(endpoint?.id ?? '', { disabled: true });

  const expected = [
    ['archived_price', price?.stripe_price_id],
    ['extra_entitlement', of(5)],
    ['extra_entitlement', of(6)],
    ['missing_customer', at(0).stripe_customer_id],
    ['orphan_subscription', made.id],
    ['stale_status', of(1)],
    ['usage_not_billed', 'urep_never_billed'],
    ['vanished_customer', at(5).stripe_customer_id],
    ['webhook_disabled', endpoint?.id],
    ['wrong_quantity', of(2)],
  ];
  const found = await look();
  const pairs = found.map(({ kind, object_id }) => [kind, object_id]);
  for (const pair of expected) expect(pairs).toContainEqual(pair);
  expect(pairs).toContainEqual(['duplicate_customer', second.id]);
  const kinds = new Set(found.map(({ kind }) => kind));
  for (const kind of ['missing_invoice', 'stale_invoice']) expect(kinds).toContain(kind);
  expect(found.every(({ detail }) => detail.length > 20)).toBe(true);

  const repaired = await repair();
  expect(repaired.filter((each) => !each.repaired).map(({ kind }) => kind)).toEqual(['duplicate_customer']);
  // Of what was repaired a second run finds nothing, and has nothing to do.
  const left = await repair();
  expect(left.filter((each) => each.repair !== null)).toEqual([]);
  expect(await at(0).visitor.get('/v1/subscriptions')).toMatchObject({ data: [{ status: 'active' }] });
  expect(await at(5).visitor.get('/v1/subscriptions')).toMatchObject({ data: [{ status: 'canceled' }] });
  const items = await stripe.invoiceItems.list({ customer: at(7).stripe_customer_id });
  const billed = items.data.filter((item) => item.metadata?.['farebox_usage_report'] === 'urep_never_billed');
  expect(billed.reduce((sum, item) => sum + item.amount, 0)).toBe(60);
});
