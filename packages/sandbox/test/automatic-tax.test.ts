import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, goodCard, monthlyPrice, refusal, standing, submit, subscriber } from './harness.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
});
afterEach(async () => {
  await b.close();
});

const london = { line1: '1 Main St', city: 'London', postal_code: 'N1 9GU', country: 'GB' };
const on = { enabled: true };

test('a subscription wants to know where its customer is, and then collects what an account without registrations collects', async () => {
  const { customer, subscription } = await subscriber(b.stripe);
  const nowhere = await refusal(b.stripe.subscriptions.update(subscription.id, { automatic_tax: on }));
  expect(nowhere).toMatchObject({ statusCode: 400, code: 'customer_tax_location_invalid' });
  await b.stripe.customers.update(customer.id, { address: { country: 'US' } });
  const vague = await refusal(b.stripe.subscriptions.update(subscription.id, { automatic_tax: on }));
  expect(vague.code).toBe('customer_tax_location_invalid');
  await b.stripe.customers.update(customer.id, { address: london });

  const taxed = await b.stripe.subscriptions.update(subscription.id, { automatic_tax: on });
  expect(taxed.automatic_tax).toEqual({ disabled_reason: null, enabled: true, liability: { type: 'self' } });
  const listed = async (enabled: boolean) =>
    (await b.stripe.subscriptions.list({ automatic_tax: { enabled } })).data.map(({ id }) => id);
  expect([await listed(true), await listed(false)]).toEqual([[subscription.id], []]);
  await b.sandbox.clock.advance(33 * DAY);
  const [renewal] = (await b.stripe.invoices.list({ customer: customer.id })).data;
  expect(renewal?.automatic_tax).toMatchObject({ enabled: true, status: 'complete', provider: 'stripe' });
  expect(renewal).toMatchObject({ status: 'paid', total: 49_900, total_taxes: [] });
});

test('where the customer has become nowhere, invoices go on without the tax, and say why', async () => {
  const { customer, subscription } = await subscriber(b.stripe);
  await b.stripe.customers.update(customer.id, { address: london });
  await b.stripe.subscriptions.update(subscription.id, { automatic_tax: on });
  await b.stripe.customers.update(customer.id, { address: '' });
  await b.sandbox.clock.advance(31 * DAY + 60_000);
  const [draft] = (await b.stripe.invoices.list({ customer: customer.id })).data;
  expect(draft).toMatchObject({
    status: 'draft',
    automatic_tax: { enabled: true, status: 'requires_location_inputs' },
  });
  await b.sandbox.clock.advance(2 * DAY);
  const final = await b.stripe.invoices.retrieve(draft?.id ?? '');
  expect(final).toMatchObject({
    status: 'paid',
    automatic_tax: { enabled: false, disabled_reason: 'finalization_requires_location_inputs', status: null },
  });
  const after = await b.stripe.subscriptions.retrieve(subscription.id);
  expect(after.automatic_tax).toEqual({
    disabled_reason: 'requires_location_inputs',
    enabled: false,
    liability: null,
  });
});

test('checkout asks for the address that taxes follow from, and keeps it', async () => {
  const price = await monthlyPrice(b.stripe);
  const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
  const params = {
    mode: 'subscription' as const,
    line_items: [{ price: price.id, quantity: 1 }],
    success_url: 'http://localhost/ok',
    customer: customer.id,
    automatic_tax: on,
  };
  const refused = await refusal(b.stripe.checkout.sessions.create(params));
  expect(refused).toMatchObject({ statusCode: 400, code: 'customer_tax_location_invalid' });
  expect(refused.message).toContain("`customer_update[address]` to 'auto'");

  const session = await b.stripe.checkout.sessions.create({ ...params, customer_update: { address: 'auto' } });
  expect(session.automatic_tax).toMatchObject({ enabled: true, status: 'requires_location_inputs' });
  const without = await submit(session.url ?? '', goodCard);
  expect(await without.text()).toContain('Billing address');
  const address = {
    billing_line1: '1 Main St',
    billing_city: 'London',
    billing_postal_code: 'N1 9GU',
    billing_country: 'GB',
  };
  await submit(session.url ?? '', { ...goodCard, ...address });
  const done = await b.stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'customer'] });
  expect(done).toMatchObject({
    status: 'complete',
    automatic_tax: { enabled: true, status: 'complete' },
    subscription: { status: 'active', automatic_tax: { enabled: true } },
    customer: { address: { country: 'GB', postal_code: 'N1 9GU' } },
  });
});

test('an invoice made by hand is refused the tax of somebody who is nowhere', async () => {
  const customer = await b.stripe.customers.create({ email: 'ada@example.com' });
  const refused = await refusal(b.stripe.invoices.create({ customer: customer.id, automatic_tax: on }));
  expect(refused.code).toBe('customer_tax_location_invalid');
  expect((await b.stripe.invoices.list({ customer: customer.id })).data).toEqual([]);
  await b.stripe.customers.update(customer.id, { address: london });
  const draft = await b.stripe.invoices.create({ customer: customer.id, automatic_tax: on });
  expect(draft.automatic_tax).toMatchObject({ enabled: true, status: 'complete' });
  const changed = await b.stripe.invoices.update(draft.id, { automatic_tax: { enabled: false } });
  expect(changed.automatic_tax).toMatchObject({ enabled: false, status: null, liability: null });
});
