import { expect, test, vi } from 'vitest';
import list from '../fixtures/import.config.ts';
import { buyerOf } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';

vi.setConfig({ testTimeout: 240_000 });

const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer(email: string) {
  const { visitor, customer_id } = await buyerOf(farebox, 'starter', email);
  const [{ id }] = (await visitor.get('/v1/subscriptions')).data;
  return { visitor, customer_id, path: `/v1/subscriptions/${id}` };
}

/** What was mailed to the seller under names that begin so, the oldest first. */
async function mails(name: string): Promise<Record<string, unknown>[]> {
  for (let again = 0; again < 3; again += 1) await app.settle();
  const { rows } = await farebox.db.pool.query<{ data: Record<string, unknown>; recipient: string; state: string }>(
    `select data, recipient, state from notice where kind = 'operator_notice' and dedupe_key like $1 order by created_at`,
    [`operator:${name}%`],
  );
  expect(rows.every(({ recipient, state }) => recipient === list.seller.support_email && state === 'sent')).toBe(true);
  return rows.map(({ data }) => data);
}

test('who leaves is told to the seller once, with the reason and what was written, on one line', async () => {
  const customer = await buyer('leaving@example.com');
  const comment = 'Too slow.\nBcc: everybody@example.com';
  await customer.visitor.post(`${customer.path}/cancel`, { reason: 'too_expensive', comment });
  const page_url = `${farebox.url}/admin/customers/${customer.customer_id}`;
  expect(await mails('subscription.cancel_scheduled')).toMatchObject([
    {
      title: 'Grace Hopper leaves Starter',
      sentence: expect.stringMatching(/^The subscription of Starter ends on \d{4}-\d\d-\d\d\.$/),
      rows: [
        { description: 'Reason', amount: 'too expensive' },
        { description: 'Comment', amount: 'Too slow. Bcc: everybody@example.com' },
      ],
      page_url,
    },
  ]);
  await sandbox.clock.advance(32 * dayMs);
  expect(await mails('subscription.canceled')).toEqual([]);
  const another = await buyer('sudden@example.com');
  await seller.post(`${another.path}/cancel`, { at: 'now' });
  expect(await mails('subscription.canceled')).toMatchObject([{ sentence: 'The subscription of Starter has ended.' }]);
});

test('a dispute is told with its amount, once', async () => {
  const customer = await buyer('disputes@example.com');
  const { stripe_customer_id } = await app.customers.get(customer.customer_id);
  const { data } = await farebox.stripe.paymentMethods.list({ customer: stripe_customer_id ?? '' });
  const disputed = await farebox.stripe.paymentMethods.attach('pm_card_createDispute', {
    customer: stripe_customer_id ?? '',
  });
  expect(data).toHaveLength(1);
  await farebox.stripe.paymentIntents.create({
    amount: 4200,
    currency: 'usd',
    customer: stripe_customer_id ?? '',
    payment_method: disputed.id,
    confirm: true,
    off_session: true,
  });
  await sandbox.webhooks.settled();
  expect(await mails('dispute.opened')).toMatchObject([
    {
      title: 'Grace Hopper disputes a payment',
      sentence: expect.stringContaining('$42.00'),
      page_url: `${farebox.url}/admin/customers/${customer.customer_id}`,
    },
  ]);
});

test('what a reconciliation found different is told by the run that puts it right, and by none after it', async () => {
  const customer = await buyer('differs@example.com');
  await app.settle();
  await farebox.db.pool.query("update invoice set status = 'open', amount_paid_minor = 0 where customer_id = $1", [
    customer.customer_id,
  ]);
  await app.stripe.reconcile({ repair: true });
  expect(await mails('drift:')).toMatchObject([
    { title: 'One difference from Stripe', page_url: `${farebox.url}/admin/reconciliation` },
  ]);
  await app.stripe.reconcile({ repair: true });
  expect(await mails('drift:')).toHaveLength(1);
});

test('in the morning the day before is told once by several workers, and a day without anything by nothing', async () => {
  await sandbox.clock.advance(3 * dayMs);
  await Promise.all(Array.from({ length: 3 }, () => app.digests.day()));
  const before = await mails('day:');
  const customer = await buyer('moves@example.com');
  await customer.visitor.post(`${customer.path}/change`, { plan_id: 'pro' });
  await app.settle();
  await sandbox.clock.advance(dayMs);
  await Promise.all(Array.from({ length: 3 }, () => app.digests.day()));
  const [told, ...more] = (await mails('day:')).slice(before.length);
  expect(more).toEqual([]);
  expect(told).toMatchObject({
    title: 'Yesterday: 1 new, 1 changed, 0 failed to pay',
    rows: [
      { description: 'New: Grace Hopper', amount: 'Starter' },
      { description: 'Changed: Grace Hopper', amount: 'Starter → Pro' },
    ],
  });
  await sandbox.clock.advance(dayMs);
  await app.digests.day();
  expect((await mails('day:')).length).toBe(before.length + 1);
});

test('a week comes to its numbers, once', async () => {
  await buyer('weekly@example.com');
  await sandbox.clock.advance(dayMs);
  await Promise.all(Array.from({ length: 3 }, () => app.digests.week()));
  const { currencies } = await seller.get('/v1/analytics/revenue');
  const [told, ...more] = await mails('week:');
  expect(more).toEqual([]);
  const rows = Object.fromEntries(
    JSON.parse(JSON.stringify(told?.['rows'])).map(({ description, amount }: Record<string, string>) => [
      description,
      amount,
    ]),
  );
  expect(rows).toMatchObject({ 'Subscriptions now': String(currencies[0].subscriptions), Disputes: '1' });
  expect(Number(rows['Monthly recurring revenue now'].replace(/[$,]/g, '')) * 100).toBe(currencies[0].mrr_minor);
  expect(Number(rows['New subscriptions'])).toBeGreaterThanOrEqual(2);
});
