import { expect, test, vi } from 'vitest';
import list from '../fixtures/import.config.ts';
import { dayMs, testApp } from '../harness.ts';
import { type Visitor, payOnPage } from '../visitor.ts';

// What went wrong elsewhere, tried here: docs/failures-of-billing.md says what and why.
vi.setConfig({ testTimeout: 600_000 });

/** Holds back answers of the local Stripe that were read already, as a slow network does. */
let slow: { isSlow: (path: string) => boolean; until: Promise<void> } | null = null;
const farebox = await testApp({
  list,
  sandbox: {
    frozen: true,
    onAnswer: async (request) => {
      const { pathname, search } = new URL(request.url);
      if (request.method === 'GET' && slow?.isSlow(pathname + search) === true) await slow.until;
    },
  },
});
const { app, db, sandbox, stripe } = farebox;
const hourMs = 3_600_000;

interface Buyer {
  visitor: Visitor;
  customer_id: string;
  stripe_customer_id: string;
  path: string;
}

async function buyer(plan_id = 'pro', interval = 'month'): Promise<Buyer> {
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id, interval });
  await payOnPage(checkout.url);
  const { subscription } = await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { stripe_customer_id } = await app.customers.get(subscription.customer_id);
  const { customer_id } = subscription;
  return {
    visitor,
    customer_id,
    stripe_customer_id: stripe_customer_id ?? '',
    path: `/v1/subscriptions/${subscription.id}`,
  };
}

async function arrived(): Promise<void> {
  await sandbox.webhooks.settled();
  await app.settle();
}

async function addCard(visitor: Visitor, number: string): Promise<void> {
  const before = (await visitor.get('/v1/payment_methods')).data.map((method: { id: string }) => method.id);
  const setup = await visitor.post('/v1/payment_methods/setup');
  await payOnPage(setup.url, number);
  const { data } = await visitor.get('/v1/payment_methods');
  const added = data.find((method: { id: string }) => !before.includes(method.id));
  await visitor.post(`/v1/payment_methods/${added.id}/default`);
}

test('an invoice that is paid on its page, by its owner and by the clock at once is paid once', async () => {
  const { visitor, stripe_customer_id } = await buyer();
  await addCard(visitor, '4000000000000341');
  await sandbox.clock.advance(31 * dayMs + 2 * hourMs);
  await arrived();
  const [owed] = (await visitor.get('/v1/invoices')).data;
  expect(owed).toMatchObject({ status: 'open', payment_state: 'declined' });
  await addCard(visitor, '4242424242424242');
  await Promise.all([
    ...[1, 2, 3].map(() => payOnPage(owed.hosted_url)),
    ...[1, 2, 3].map(() => visitor.request('POST', `/v1/invoices/${owed.id}/retry`)),
    sandbox.clock.advance(4 * dayMs),
  ]);
  await arrived();
  expect(await visitor.get(`/v1/invoices/${owed.id}`)).toMatchObject({ status: 'paid', amount_paid_minor: 49_900 });
  const charges = await stripe.charges.list({ customer: stripe_customer_id, limit: 100 });
  const paid = charges.data.filter((charge) => charge.paid).map((charge) => charge.amount - charge.amount_refunded);
  expect(paid).toEqual([49_900, 49_900]);
});

interface Line {
  kind: string;
  description: string;
  amount_minor: number;
  period_start_at: string;
  period_end_at: string;
}

/** How many times each instant is charged: plus one from a line's start to its end, minus one where it is given back. */
function coverage(lines: Line[]): number[] {
  const changes = new Map<number, number>();
  for (const { kind, description, amount_minor, period_start_at, period_end_at } of lines) {
    if (kind !== 'base' && kind !== 'proration') continue;
    // What is given back of a minute can be less than half a cent.
    const isCredit = amount_minor < 0 || description.startsWith('Unused');
    for (const [at, sign] of [
      [Date.parse(period_start_at), isCredit ? -1 : 1],
      [Date.parse(period_end_at), isCredit ? 1 : -1],
    ] as const)
      changes.set(at, (changes.get(at) ?? 0) + sign);
  }
  let depth = 0;
  const depths = [...changes].toSorted(([a], [b]) => a - b).map(([, change]) => (depth += change));
  expect(depths.pop()).toBe(0);
  return depths;
}

test('a plan changed around its renewal, also while the renewal is a draft, is charged for no day twice and for every day', async () => {
  const wishes = [{ plan_id: 'starter', interval: 'year' }, { plan_id: 'enterprise' }];
  const offsets = [-2 * hourMs, -60_000, 30 * 60_000, 61 * 60_000, 2 * hourMs];
  const buyers: Buyer[] = [];
  for (let made = 0; made < wishes.length * offsets.length; made += 1) buyers.push(await buyer('starter'));
  const [first] = buyers;
  const boundary = Date.parse((await first?.visitor.get(first.path))?.['current_period_end_at']);
  for (const [index, offset] of offsets.entries()) {
    await sandbox.clock.advance(boundary + offset - sandbox.clock.now());
    await arrived();
    for (const [kind, wish] of wishes.entries()) {
      const each = buyers[index * wishes.length + kind];
      await each?.visitor.post(`${each.path}/change`, wish);
    }
  }
  await sandbox.clock.advance(3 * hourMs);
  await arrived();
  for (const { visitor } of buyers) {
    const { data } = await visitor.get('/v1/invoices');
    expect(data.every((invoice: { status: string }) => invoice.status === 'paid')).toBe(true);
    const depths = coverage(data.flatMap((invoice: { lines: [] }) => invoice.lines));
    expect(new Set(depths)).toEqual(new Set([1]));
  }
});

test('what cannot be written down first is not charged: a database that takes no writes costs nobody anything', async () => {
  const { visitor, stripe_customer_id, path } = await buyer('starter');
  const before = await stripe.charges.list({ customer: stripe_customer_id });
  await db.pool.query(`
    create function refuse_writes() returns trigger language plpgsql as $$
    begin raise exception 'cannot execute INSERT in a read-only transaction' using errcode = '25006'; end $$;
    create trigger refuse_writes before insert on stripe_intent for each row execute function refuse_writes()`);
  for (let tries = 0; tries < 5; tries += 1)
    expect((await visitor.request('POST', `${path}/change`, { plan_id: 'pro' })).status).toBeGreaterThanOrEqual(500);
  expect((await stripe.charges.list({ customer: stripe_customer_id })).data).toHaveLength(before.data.length);
  await db.pool.query('drop trigger refuse_writes on stripe_intent; drop function refuse_writes()');
  await visitor.post(`${path}/change`, { plan_id: 'pro' });
  expect((await stripe.charges.list({ customer: stripe_customer_id })).data).toHaveLength(before.data.length + 1);
});

test('an answer of Stripe that took long does not write over what was read meanwhile', async () => {
  const { visitor, customer_id, stripe_customer_id, path } = await buyer('starter');
  await arrived();
  sandbox.webhooks.policy = 'drop';
  const gate = Promise.withResolvers<void>();
  let held = 0;
  slow = {
    isSlow: (address) => {
      const isIt = address.startsWith('/v1/subscriptions') && address.includes(stripe_customer_id) && held === 0;
      if (isIt) held += 1;
      return isIt;
    },
    until: gate.promise,
  };
  const sync = () => app.queue.enqueue(db.kysely, { name: 'stripe.sync', data: { customer_id } });
  await sync();
  await expect.poll(() => held).toBe(1);
  // What the slow answer says was true until now.
  const [subscription] = (await stripe.subscriptions.list({ customer: stripe_customer_id })).data;
  await stripe.subscriptions.cancel(subscription?.id ?? '');
  await sync();
  gate.resolve();
  await app.queue.idle();
  slow = null;
  sandbox.webhooks.policy = 'deliver';
  expect(await visitor.get(path)).toMatchObject({ status: 'canceled' });
});

test('an event whose handling fails stays undone and is tried again; its repetitions add nothing', async () => {
  sandbox.webhooks.policy = 'twice';
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', { plan_id: 'starter' });
  const fault = sandbox.faults.add({ type: 'server_error', route: 'GET /v1/subscriptions', times: null });
  await payOnPage(checkout.url);
  await sandbox.webhooks.settled();
  const open = async () =>
    await db.kysely.selectFrom('stripe_event').select(['id', 'reason']).where('state', '=', 'received').execute();
  await expect.poll(async () => (await open()).some(({ reason }) => reason !== null), { timeout: 30_000 }).toBe(true);
  sandbox.faults.clear(fault.id);
  sandbox.webhooks.policy = 'deliver';
  // The sweep looks again at what lies here for a minute; the circuit to Stripe has closed by then.
  await expect
    .poll(
      async () => {
        await sandbox.clock.advance(2 * 60_000);
        await app.settle();
        return (await open()).length;
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(0);
  const events = await db.kysely.selectFrom('stripe_event').select(['state', 'attempts']).execute();
  expect(new Set(events.map(({ state }) => state)).has('parked')).toBe(false);
  expect((await visitor.get('/v1/subscriptions')).data).toMatchObject([{ status: 'active' }]);
  expect((await visitor.get('/v1/keys')).data).toHaveLength(1);
});

test('a dispute that is closed before it was opened, and a payment that ends before it began, come out as at Stripe', async () => {
  const { visitor, stripe_customer_id } = await buyer('starter');
  await arrived();
  sandbox.webhooks.policy = 'hold';
  await addCard(visitor, '4000000000000259');
  await visitor.post(`${(await only(visitor)).path}/change`, { plan_id: 'pro' });
  const [dispute] = (await stripe.disputes.list({ limit: 1 })).data;
  await stripe.disputes.update(dispute?.id ?? '', {
    evidence: { uncategorized_text: 'winning_evidence' },
    submit: true,
  });
  const events = (await stripe.events.list({ limit: 100 })).data.filter(
    ({ created }) => created === Math.floor(sandbox.clock.now() / 1000),
  );
  expect(events.length).toBeGreaterThan(10);
  sandbox.webhooks.policy = 'deliver';
  await sandbox.webhooks.release({ reversed: true });
  await arrived();
  const here = await db.kysely
    .selectFrom('stripe_charge')
    .selectAll()
    .where('stripe_charge.id', '=', chargeOf(dispute))
    .execute();
  const there = await stripe.disputes.retrieve(dispute?.id ?? '');
  expect(there.status).toBe('won');
  expect(here).toMatchObject([{ dispute_status: 'won' }]);
  const invoices = await stripe.invoices.list({ customer: stripe_customer_id });
  const local = (await visitor.get('/v1/invoices')).data;
  expect(local.map((invoice: { status: string }) => invoice.status)).toEqual(invoices.data.map(({ status }) => status));
});

function chargeOf(dispute: { charge: string | { id: string } } | undefined): string {
  const charge = dispute?.charge ?? '';
  return typeof charge === 'string' ? charge : charge.id;
}

async function only(visitor: Visitor): Promise<{ path: string }> {
  const [subscription] = (await visitor.get('/v1/subscriptions')).data;
  return { path: `/v1/subscriptions/${subscription.id}` };
}

test('usage that many workers bill at once stands on one invoice, once', async () => {
  const { visitor, stripe_customer_id, path } = await buyer('pro', 'year');
  const { secret } = await visitor.post('/v1/keys/first');
  for (let call = 0; call < 8; call += 1) await farebox.verify(secret);
  await sandbox.clock.advance(1000);
  await visitor.post(`${path}/cancel`, { at: 'now' });
  const [report] = await db.kysely
    .selectFrom('usage_report')
    .select('id')
    .where('amount_minor', '>', 0)
    .orderBy('created_at', 'desc')
    .execute();
  await db.kysely
    .updateTable('usage_report')
    .set({ state: 'pending' })
    .where('id', '=', report?.id ?? '')
    .execute();
  for (let worker = 0; worker < 8; worker += 1)
    await app.queue.enqueue(db.kysely, { name: 'usage.report', data: { report_id: report?.id ?? '' } });
  await arrived();
  const invoices = await stripe.invoices.list({ customer: stripe_customer_id, limit: 100 });
  expect(invoices.data.map(({ total, status }) => [total, status])).toEqual([
    [60, 'paid'],
    [499_000, 'paid'],
  ]);
});

test('two refunds of the same amount at one instant are two', async () => {
  const { visitor } = await buyer();
  await arrived();
  const [{ id }] = (await visitor.get('/v1/invoices')).data;
  for (const refunded_minor of [500, 1000]) {
    await farebox.seller.post(`/v1/invoices/${id}/refund`, { amount_minor: 500 });
    expect((await visitor.get(`/v1/invoices/${id}`)).credited_minor).toBe(refunded_minor);
  }
});
