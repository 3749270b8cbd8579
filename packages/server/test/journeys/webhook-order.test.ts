import { describe, expect, test } from 'vitest';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp({ list: smallList(2) });

/** How Stripe's events reach us, or do not. */
const deliveries = ['first', 'last', 'twice', 'never'] as const;

test('an event that tells nothing new has the customer read, and nothing is written but that', async () => {
  const { sandbox, stripe, app } = farebox;
  sandbox.webhooks.policy = 'deliver';
  const arrived = async () => {
    await sandbox.webhooks.settled();
    await app.queue.idle();
  };
  const visitor = await farebox.signUp('quiet@example.com');
  const { customer } = await visitor.get('/v1/me');
  expect((await payOnPage((await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' })).url)).status).toBe(303);
  await arrived();
  const { stripe_customer_id, stripe_synced_seq } = await app.customers.get(customer.id);
  const before = await written(customer.id);
  await stripe.customers.update(stripe_customer_id ?? '', { description: 'What nobody here keeps.' });
  await arrived();
  expect((await app.customers.get(customer.id)).stripe_synced_seq).toBeGreaterThan(stripe_synced_seq);
  expect(await written(customer.id)).toEqual(before);
  await stripe.subscriptions.update(
    (await stripe.subscriptions.list({ customer: stripe_customer_id ?? '' })).data[0]?.id ?? '',
    {
      cancel_at_period_end: true,
    },
  );
  await arrived();
  const after = await written(customer.id);
  expect(after.filter((each, index) => each !== before[index]).map((each) => each.split(' ')[0])).toEqual([
    'gate_version',
    'subscription',
  ]);
});

/** By which transaction each row of the customer was written last, and where the gate's version stands. */
async function written(customerId: string): Promise<string[]> {
  const { rows } = await farebox.db.pool.query<{ row: string }>(
    `select 'gate_version ' || version as row from gate_version
     union all select 'subscription ' || xmin from subscription where customer_id = $1
     union all select 'invoice ' || xmin from invoice where customer_id = $1
     union all select 'line ' || l.xmin from invoice_line l join invoice i on i.id = l.invoice_id where i.customer_id = $1
     union all select 'charge ' || xmin from stripe_charge where customer_id = $1`,
    [customerId],
  );
  return rows.map(({ row }) => row);
}

describe('the same purchase and month, whichever way events come', () => {
  for (const delivery of deliveries) {
    test(`events ${delivery}: one subscription, one key, one payment per period, the same invoice`, async () => {
      const { sandbox, app } = farebox;
      sandbox.webhooks.policy =
        delivery === 'twice' ? 'twice' : delivery === 'never' ? 'drop' : delivery === 'last' ? 'hold' : 'deliver';
      const visitor = await farebox.signUp(`${delivery}@example.com`);
      const { customer } = await visitor.get('/v1/me');
      const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'pro' });
      expect((await payOnPage(checkout.url)).status).toBe(303);
      if (delivery === 'first' || delivery === 'twice') {
        await sandbox.webhooks.settled();
        await app.queue.idle();
        expect(await statuses(customer.id)).toEqual(['active']);
      }
      const returned = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
      expect(returned).toMatchObject({ state: 'complete', subscription: { plan_id: 'pro' } });
      await release(delivery);

      const { secret } = await visitor.post('/v1/keys/first');
      for (let call = 0; call < 4; call += 1) await verify(secret);
      // The clock runs on: without a stop in its last week, the month could end before its invoice is told of.
      await sandbox.clock.advance(24 * dayMs);
      await app.settle();
      await sandbox.clock.advance(7 * dayMs + 2 * 3_600_000);
      await release(delivery);
      await app.settle();

      expect(await statuses(customer.id)).toEqual(['active']);
      const { data: invoices } = await visitor.get('/v1/invoices');
      expect(invoices.map((invoice: { status: string }) => invoice.status)).toEqual(['paid', 'paid']);
      expect(invoices[0].lines.map((line: { kind: string }) => line.kind).toSorted()).toEqual(['base', 'overage']);
      const { data: keys } = await visitor.get('/v1/keys');
      expect(keys).toHaveLength(1);
      expect(await atStripe(customer.id)).toEqual({
        subscriptions: 1,
        paid: invoices.reduce((sum: number, invoice: { total_minor: number }) => sum + invoice.total_minor, 0),
      });
      const notices = await farebox.db.kysely
        .selectFrom('notice')
        .select('kind')
        .where('customer_id', '=', customer.id)
        .execute();
      expect(
        notices
          .map((notice) => notice.kind)
          .filter((kind) => kind !== 'verify_address' && kind !== 'usage_alert')
          .toSorted(),
      ).toEqual(['receipt', 'receipt', 'upcoming_invoice', 'welcome']);
    });
  }
});

test('nobody comes back and no event arrives: the sweep finds the purchase', async () => {
  const { sandbox, app } = farebox;
  sandbox.webhooks.policy = 'drop';
  const visitor = await farebox.signUp('absent@example.com');
  const { customer } = await visitor.get('/v1/me');
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  await payOnPage(checkout.url);
  expect(await statuses(customer.id)).toEqual([]);
  await sandbox.clock.advance(2 * 60_000);
  await app.settle();
  expect(await statuses(customer.id)).toEqual(['active']);
});

async function release(delivery: string): Promise<void> {
  if (delivery === 'last') await farebox.sandbox.webhooks.release();
  await farebox.sandbox.webhooks.settled();
  await farebox.app.queue.idle();
}

async function statuses(customerId: string): Promise<string[]> {
  const rows = await farebox.db.kysely
    .selectFrom('subscription')
    .select('status')
    .where('customer_id', '=', customerId)
    .execute();
  return rows.map((row) => row.status);
}

/** What really happened to the money. */
async function atStripe(customerId: string): Promise<{ subscriptions: number; paid: number }> {
  const row = await farebox.db.kysely
    .selectFrom('customer')
    .select('stripe_customer_id')
    .where('id', '=', customerId)
    .executeTakeFirstOrThrow();
  const customer = row.stripe_customer_id ?? '';
  const subscriptions = await farebox.stripe.subscriptions.list({ customer, status: 'all' });
  const charges = await farebox.stripe.charges.list({ customer, limit: 100 });
  return {
    subscriptions: subscriptions.data.length,
    paid: charges.data
      .filter((charge) => charge.paid)
      .reduce((sum, charge) => sum + charge.amount - charge.amount_refunded, 0),
  };
}

async function verify(key: string): Promise<void> {
  const response = await fetch(`${farebox.url}/v1/keys/verify`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  expect(await response.json()).toMatchObject({ valid: true });
}
