import type Stripe from 'stripe';
import { monthlyPrice, subscriber } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

async function sessionOf(stripe: Stripe): Promise<Stripe.Checkout.Session> {
  return await stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: (await monthlyPrice(stripe)).id, quantity: 2 }],
    success_url: 'http://shop.test/done',
  });
}

async function configurationOf(stripe: Stripe): Promise<Stripe.BillingPortal.Configuration> {
  return await stripe.billingPortal.configurations.create({ features: { invoice_history: { enabled: true } } });
}

/** Checkout and the customer portal. */
export const hostedProbes: Probes = {
  'POST /v1/checkout/sessions': async ({ stripe, sandbox }) => {
    const session = await sessionOf(stripe);
    has(session, { object: 'checkout.session', status: 'open', ui_mode: 'hosted_page', amount_total: 99_800 });
    const page = await sandbox.fetch(new Request(session.url ?? ''));
    if (!(await page.text()).includes('Pro')) throw new Error('The hosted page does not show what is bought.');
  },
  'GET /v1/checkout/sessions/{id}': async ({ stripe }) => {
    const { id } = await sessionOf(stripe);
    const found = await stripe.checkout.sessions.retrieve(id, { expand: ['line_items'] });
    has(found, { id, line_items: { data: [{ object: 'item', quantity: 2, amount_total: 99_800 }] } });
  },
  'POST /v1/checkout/sessions/{id}': async ({ stripe }) => {
    const { id } = await sessionOf(stripe);
    has(await stripe.checkout.sessions.update(id, { metadata: { cart: '7' } }), { id, metadata: { cart: '7' } });
  },
  'GET /v1/checkout/sessions': async ({ stripe }) => {
    const { id } = await sessionOf(stripe);
    lists(await stripe.checkout.sessions.list({ status: 'open' }), id);
  },
  'GET /v1/checkout/sessions/{id}/line_items': async ({ stripe }) => {
    const { id } = await sessionOf(stripe);
    has(await stripe.checkout.sessions.listLineItems(id), { data: [{ object: 'item', quantity: 2 }] });
  },
  'POST /v1/checkout/sessions/{id}/expire': async ({ stripe }) => {
    const { id } = await sessionOf(stripe);
    has(await stripe.checkout.sessions.expire(id), { id, status: 'expired', url: null });
  },
  'POST /v1/billing_portal/configurations': async ({ stripe }) => {
    has(await configurationOf(stripe), {
      object: 'billing_portal.configuration',
      active: true,
      features: { invoice_history: { enabled: true } },
    });
  },
  'GET /v1/billing_portal/configurations/{id}': async ({ stripe }) => {
    const { id } = await configurationOf(stripe);
    has(await stripe.billingPortal.configurations.retrieve(id), { id, active: true });
  },
  'POST /v1/billing_portal/configurations/{id}': async ({ stripe }) => {
    const { id } = await configurationOf(stripe);
    const changed = await stripe.billingPortal.configurations.update(id, { default_return_url: 'http://shop.test' });
    has(changed, { id, default_return_url: 'http://shop.test' });
  },
  'GET /v1/billing_portal/configurations': async ({ stripe }) => {
    const { id } = await configurationOf(stripe);
    lists(await stripe.billingPortal.configurations.list({ active: true }), id);
  },
  'POST /v1/billing_portal/sessions': async ({ stripe, sandbox }) => {
    const customer = (await subscriber(stripe)).customer.id;
    const session = await stripe.billingPortal.sessions.create({ customer, return_url: 'http://shop.test/' });
    has(session, { object: 'billing_portal.session', customer, return_url: 'http://shop.test/' });
    const page = await sandbox.fetch(new Request(session.url));
    if (!(await page.text()).includes('Pro')) throw new Error('The portal does not show the plan.');
  },
};
