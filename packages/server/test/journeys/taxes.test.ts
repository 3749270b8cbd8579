import { expect, test } from 'vitest';
import exampleList from '../../../../farebox.config.ts';
import { dayMs, testApp } from '../harness.ts';
import { payOnPage } from '../visitor.ts';

const farebox = await testApp({ list: { ...exampleList, taxes: { automatic: true, tax_ids: true } } });

const business = {
  billing_line1: '1 Main St',
  billing_city: 'London',
  billing_postal_code: 'N1 9GU',
  billing_country: 'GB',
  business_name: 'Hopper Ltd',
  tax_id_type: 'gb_vat',
  tax_id_value: 'GB123456789',
};

test('who buys says where they are and who they are for taxes; every later invoice knows it', async () => {
  const visitor = await farebox.signUp();
  const { url } = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  const nowhere = await payOnPage(url);
  expect(await nowhere.text()).toContain('Billing address');
  expect((await visitor.get('/v1/subscriptions')).data).toEqual([]);

  await payOnPage(url, undefined, business);
  await farebox.sandbox.webhooks.settled();
  await farebox.app.settle();
  const [bought] = (await visitor.get('/v1/subscriptions')).data;
  expect(bought.status).toBe('active');
  const [subscription] = (await farebox.stripe.subscriptions.list({ expand: ['data.customer'] })).data;
  expect(subscription).toMatchObject({
    automatic_tax: { enabled: true },
    customer: { address: { country: 'GB', postal_code: 'N1 9GU' } },
  });

  await farebox.sandbox.clock.advance(33 * dayMs);
  await farebox.sandbox.webhooks.settled();
  await farebox.app.settle();
  const [renewal] = (await farebox.stripe.invoices.list({ limit: 1 })).data;
  expect(renewal).toMatchObject({
    automatic_tax: { enabled: true, status: 'complete' },
    customer_tax_ids: [{ type: 'gb_vat', value: 'GB123456789' }],
  });
  const [shown] = (await visitor.get('/v1/invoices')).data;
  expect(shown).toMatchObject({ total_minor: renewal?.total, tax_minor: 0 });
});

test('without a checkout there is nobody to ask for an address, and what Stripe says of it is passed on', async () => {
  const visitor = await farebox.signUp();
  const { id } = await visitor.get('/v1/me').then(({ customer }) => customer);
  const response = await fetch(`${farebox.url}/v1/subscriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${farebox.secret_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ customer_id: id, plan_id: 'starter', collection: 'invoice' }),
  });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({
    code: 'stripe_refused',
    detail: expect.stringContaining("The customer's location isn't recognized"),
  });
  expect((await visitor.get('/v1/subscriptions')).data).toEqual([]);
});
