import type Stripe from 'stripe';
import { expect, onTestFinished, test } from 'vitest';
import { type Bench, bench, DAY, monthlyPrice, refusal, standing } from './harness.ts';

async function monthly(upcoming_days?: number): Promise<{ b: Bench; subscription: Stripe.Subscription }> {
  const now = standing('2026-11-01T00:00:00Z');
  const b = await bench({ now, frozen: true, ...(upcoming_days === undefined ? {} : { upcoming_days }) });
  onTestFinished(() => b.close());
  const price = await monthlyPrice(b.stripe);
  const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
  const { id: default_payment_method } = await b.stripe.paymentMethods.attach('pm_card_visa', {
    customer: customer.id,
  });
  const items = [{ price: price.id }];
  return {
    b,
    subscription: await b.stripe.subscriptions.create({ customer: customer.id, items, default_payment_method }),
  };
}

async function told({ stripe }: Bench): Promise<Stripe.Event[]> {
  return (await stripe.events.list({ type: 'invoice.upcoming' })).data;
}

test('the next invoice is told of ahead where that is set, once for each period, as its preview', async () => {
  const { b, subscription } = await monthly(7);
  await b.sandbox.clock.advance(22 * DAY);
  expect(await told(b)).toEqual([]);
  await b.sandbox.clock.advance(2 * DAY);
  const [event, ...more] = await told(b);
  expect(more).toEqual([]);
  const preview = await b.stripe.invoices.createPreview({ subscription: subscription.id });
  expect(event?.data.object).toMatchObject({
    id: expect.stringMatching(/^upcoming_in_/),
    object: 'invoice',
    billing_reason: 'upcoming',
    total: preview.total,
    parent: { subscription_details: { subscription: subscription.id } },
  });
  await b.sandbox.clock.advance(30 * DAY);
  expect(await told(b)).toHaveLength(2);
});

test('it is not told of a subscription that ends, of one that goes on again it is, and never unless set', async () => {
  const { b, subscription } = await monthly(7);
  await b.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  await b.sandbox.clock.advance(24 * DAY);
  expect(await told(b)).toEqual([]);
  await b.sandbox.clock.advance(10 * DAY);
  expect(await refusal(b.stripe.invoices.createPreview({ subscription: subscription.id }))).toMatchObject({
    code: 'invoice_upcoming_none',
  });

  const again = await monthly(7);
  await again.b.stripe.subscriptions.update(again.subscription.id, { cancel_at_period_end: true });
  await again.b.stripe.subscriptions.update(again.subscription.id, { cancel_at_period_end: false });
  await again.b.sandbox.clock.advance(24 * DAY);
  expect(await told(again.b)).toHaveLength(1);

  const quiet = await monthly();
  await quiet.b.sandbox.clock.advance(45 * DAY);
  expect(await told(quiet.b)).toEqual([]);
});
