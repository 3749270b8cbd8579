import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10. Credit is sold from $5 to $1,000 and ends after a year.
const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, sandbox, seller, stripe } = farebox;
const card = '4242424242424242';

interface Entry {
  kind: string;
  amount_minor: number;
}

async function buyer() {
  const { visitor, customer_id: id } = await buyerOf(farebox);
  const { secret } = await visitor.post('/v1/keys/first');
  const path = `/v1/customers/${id}/top_ups`;
  return {
    id,
    visitor,
    path,
    use: async (cost: number) => expect((await farebox.verify(secret, cost)).valid).toBe(true),
    open: async (amount_minor: number) => await visitor.post(path, { amount_minor }),
    read: async (topUp: string) => await visitor.get(`${path}/${topUp}`),
    buy: async (amount_minor: number, number = card) => {
      const opened = await visitor.post(path, { amount_minor });
      await payOnPage(opened.url, number);
      return await visitor.get(`${path}/${opened.id}`);
    },
    credits: async () => await visitor.get(`/v1/customers/${id}/credits`),
    grants: async () => (await visitor.get(`/v1/customers/${id}/grants`)).data,
    ledger: async () =>
      (await visitor.get(`/v1/customers/${id}/ledger`)).data.map(({ kind, amount_minor }: Entry) => [
        kind,
        amount_minor,
      ]),
    invoices: async () => (await visitor.get('/v1/invoices')).data,
    /** The one invoice that is of no subscription. */
    receipt: async () => {
      const { data } = await visitor.get('/v1/invoices');
      return data.find((each: { subscription_id: string | null }) => each.subscription_id === null);
    },
    charge: async (stripeInvoiceId: string) => {
      const { data } = await stripe.invoicePayments.list({ invoice: stripeInvoiceId });
      const intent = data[0]?.payment.payment_intent ?? '';
      return typeof intent === 'string' ? intent : intent.id;
    },
  };
}

/** What was told of this customer, by type. */
async function told(customerId: string): Promise<string[]> {
  const rows = await farebox.db.kysely
    .selectFrom('event')
    .select('type')
    .where('customer_id', '=', customerId)
    .where('type', 'in', ['top_up.succeeded', 'top_up.failed', 'credits.granted'])
    .execute();
  return rows.map(({ type }) => type).toSorted();
}

test('credit is bought on Stripe’s page: there once, with its invoice and its receipt, and it pays for usage', async () => {
  const customer = await buyer();
  const opened = await customer.open(2500);
  expect(opened).toMatchObject({
    state: 'open',
    kind: 'checkout',
    amount_minor: 2500,
    currency: 'usd',
    grant_id: null,
  });
  expect(await customer.grants()).toEqual([]);
  expect((await payOnPage(opened.url)).headers.get('location')).toBe(`${farebox.url}/dashboard?top_up=${opened.id}`);
  const paid = await customer.read(opened.id);
  expect(paid).toMatchObject({ state: 'paid', url: null, taken_back_minor: 0 });
  for (let again = 0; again < 3; again += 1) await app.settle();
  const expires_at = new Date(sandbox.clock.now() + 365 * dayMs).toISOString();
  expect(await customer.grants()).toMatchObject([
    { id: paid.grant_id, name: 'Top-up', category: 'paid', amount_minor: 2500, state: 'active', expires_at },
  ]);
  expect(await told(customer.id)).toEqual(['credits.granted', 'top_up.succeeded']);
  const invoice = await customer.receipt();
  expect(invoice).toMatchObject({ status: 'paid', total_minor: 2500 });
  expect((await stripe.invoices.retrieve(paid.stripe_invoice_id)).number).toBe(invoice.number);
  expect(invoice.lines).toMatchObject([{ description: 'Credit for usage', amount_minor: 2500 }]);
  const mails = await farebox.db.kysely.selectFrom('inbox_mail').select('subject').execute();
  expect(mails.filter(({ subject }) => subject.includes('receipt') && subject.includes('$25.00'))).toHaveLength(1);
  await customer.use(8);
  await nextMonth(farebox);
  expect((await customer.invoices())[0]).toMatchObject({ total_minor: 9900 });
  expect(await customer.credits()).toMatchObject({ balance_minor: 2440 });
  const { found } = await app.stripe.reconcile({ repair: false });
  expect(found.filter(({ customer_id }) => customer_id === customer.id)).toEqual([]);
});

test('when no event comes and nobody comes back, the sweep finds the payment; events that come later add nothing', async () => {
  const customer = await buyer();
  sandbox.webhooks.policy = 'hold';
  const opened = await customer.open(1000);
  await payOnPage(opened.url);
  expect(await customer.grants()).toEqual([]);
  await sandbox.clock.advance(5 * 60_000);
  await app.settle();
  expect(await customer.credits()).toMatchObject({ balance_minor: 1000 });
  sandbox.webhooks.policy = 'twice';
  await sandbox.webhooks.release();
  await sandbox.webhooks.settled();
  await app.settle();
  sandbox.webhooks.policy = 'deliver';
  expect(await customer.ledger()).toEqual([['granted', 1000]]);
});

test('the return page, the events and the sweep at once, in several requests each: one grant', async () => {
  const customer = await buyer();
  const opened = await customer.open(700);
  await payOnPage(opened.url);
  await Promise.all([
    ...Array.from({ length: 6 }, () => customer.read(opened.id)),
    app.settle(),
    sandbox.webhooks.settled(),
    app.stripe.reconcile({ repair: true }),
  ]);
  await app.settle();
  expect(await customer.ledger()).toEqual([['granted', 700]]);
});

test('a double click opens one page, another amount closes the older, and a page that was left ends by itself', async () => {
  const customer = await buyer();
  const pages = await Promise.all(Array.from({ length: 8 }, () => customer.open(900)));
  expect(new Set(pages.map(({ url }) => url)).size).toBe(1);
  const [first] = pages;
  const other = await customer.open(1200);
  expect(other.url).not.toBe(first?.url);
  expect(await customer.read(first?.id)).toMatchObject({ state: 'expired', url: null });
  // What was closed takes no money any more.
  await payOnPage(first?.url);
  await app.settle();
  expect(await customer.grants()).toEqual([]);
  await sandbox.clock.advance(61 * 60_000);
  await app.settle();
  expect(await customer.read(other.id)).toMatchObject({ state: 'expired', grant_id: null });
  expect((await customer.visitor.get(customer.path)).data).toHaveLength(2);
  expect(await told(customer.id)).toEqual([]);
});

test('when Stripe’s answer is lost, the same page is opened again, and one payment can be made', async () => {
  const customer = await buyer();
  sandbox.faults.add({ type: 'disconnect', when: 'after', route: 'POST /v1/checkout/sessions', times: 3 });
  const first = await customer.visitor.answer('POST', customer.path, { amount_minor: 600 });
  expect([201, 503]).toContain(first.status);
  sandbox.faults.clear();
  const again = await customer.open(600);
  await payOnPage(again.url);
  expect(await customer.read(again.id)).toMatchObject({ state: 'paid' });
  const { data } = await stripe.checkout.sessions.list({
    customer: (await app.customers.get(customer.id)).stripe_customer_id ?? '',
  });
  expect(data.filter(({ mode }) => mode === 'payment')).toHaveLength(1);
});

test('a card that is refused buys nothing, another one does; a bank that asks first is asked on the page', async () => {
  const customer = await buyer();
  const opened = await customer.open(800);
  await payOnPage(opened.url, '4000000000009995');
  expect(await customer.read(opened.id)).toMatchObject({ state: 'open', url: opened.url });
  const asked = await payOnPage(opened.url, '4000002500003155');
  expect(await customer.read(opened.id)).toMatchObject({ state: 'open' });
  const step = new URL(asked.headers.get('location') ?? '', opened.url);
  await fetch(step, { method: 'POST', body: new URLSearchParams({ action: 'authenticate' }), redirect: 'manual' });
  expect(await customer.read(opened.id)).toMatchObject({ state: 'paid' });
  expect(await customer.ledger()).toEqual([['granted', 800]]);
});

test('what is refunded takes unused credit back, never what was used; seen again it takes nothing more', async () => {
  const customer = await buyer();
  const { stripe_invoice_id } = await customer.buy(500);
  const payment_intent = await customer.charge(stripe_invoice_id);
  await stripe.refunds.create({ payment_intent, amount: 200 });
  for (let again = 0; again < 3; again += 1) await app.settle();
  expect(await customer.ledger()).toEqual([
    ['refunded', -200],
    ['granted', 500],
  ]);
  // Sixty cents of the three dollars that are left pay for usage.
  await customer.use(8);
  await nextMonth(farebox);
  await stripe.refunds.create({ payment_intent });
  await app.settle();
  expect(await customer.credits()).toMatchObject({ balance_minor: 0, available_minor: 0 });
  expect((await customer.ledger()).slice(0, 2)).toEqual([
    ['refunded', -240],
    ['drawn', -60],
  ]);
  expect((await customer.visitor.get(customer.path)).data).toMatchObject([{ state: 'paid', taken_back_minor: 440 }]);
});

test('the seller refunds or credits the invoice of a top-up, and its credit goes', async () => {
  const customer = await buyer();
  await customer.buy(900);
  await app.settle();
  const invoice = await customer.receipt();
  await seller.post(`/v1/invoices/${invoice.id}/refund`, { amount_minor: 300 });
  expect(await customer.credits()).toMatchObject({ balance_minor: 600 });
  await seller.post(`/v1/invoices/${invoice.id}/refund`, { amount_minor: 100, to: 'balance' });
  await app.settle();
  expect(await customer.credits()).toMatchObject({ balance_minor: 500 });
});

test('a disputed payment takes its credit at once; a dispute that is won gives it again', async () => {
  const customer = await buyer();
  await customer.buy(1100, '4000000000000259');
  await app.settle();
  expect(await customer.credits()).toMatchObject({ balance_minor: 0 });
  const [dispute] = (await stripe.disputes.list({ limit: 1 })).data;
  await stripe.disputes.update(dispute?.id ?? '', {
    evidence: { uncategorized_text: 'winning_evidence' },
    submit: true,
  });
  await app.settle();
  expect(await customer.ledger()).toEqual([
    ['reinstated', 1100],
    ['refunded', -1100],
    ['granted', 1100],
  ]);
});

test('bad wishes are refused with the field named and open nothing; another’s top-ups do not exist', async () => {
  const customer = await buyer();
  for (const amount_minor of [0, 499, 100_001, 12.5, '500', null])
    expect(await customer.visitor.answer('POST', customer.path, { amount_minor })).toMatchObject({
      status: 400,
      json: { param: 'amount_minor' },
    });
  expect((await customer.visitor.get(customer.path)).data).toEqual([]);
  const opened = await customer.open(500);
  const stranger = await farebox.signUp();
  for (const [method, path] of [
    ['GET', customer.path],
    ['POST', customer.path],
    ['GET', `${customer.path}/${opened.id}`],
  ] as const)
    expect((await stranger.request(method, path, method === 'POST' ? { amount_minor: 500 } : undefined)).status).toBe(
      404,
    );
  const { customer: own } = await stranger.get('/v1/me');
  expect((await stranger.request('GET', `/v1/customers/${own.id}/top_ups/${opened.id}`)).status).toBe(404);
  const operator = await farebox.operator();
  expect((await operator.request('POST', customer.path, { amount_minor: 500 })).status).toBe(403);
  expect((await operator.get(customer.path)).data).toHaveLength(1);
});

test('who is about to pay for credit is not deleted', async () => {
  const visitor = await farebox.signUp();
  const { customer } = await visitor.get('/v1/me');
  await visitor.post(`/v1/customers/${customer.id}/top_ups`, { amount_minor: 500 });
  expect(await seller.answer('DELETE', `/v1/customers/${customer.id}`)).toMatchObject({
    status: 409,
    json: { code: 'customer_in_use' },
  });
});
