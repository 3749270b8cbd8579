import { expect, test, vi } from 'vitest';
import list from '../fixtures/import.config.ts';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10.
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer() {
  const { visitor, customer_id: id } = await buyerOf(farebox);
  const { secret } = await visitor.post('/v1/keys/first');
  return {
    id,
    visitor,
    use: async (cost: number) => expect((await farebox.verify(secret, cost)).valid).toBe(true),
    credits: async () => await visitor.get(`/v1/customers/${id}/credits`),
    ledger: async () => (await visitor.get(`/v1/customers/${id}/ledger`)).data,
    grants: async () => (await visitor.get(`/v1/customers/${id}/grants`)).data,
    grant: async (wish: object) => await seller.post(`/v1/customers/${id}/grants`, { name: 'Credit', ...wish }),
    invoices: async () => (await visitor.get('/v1/invoices')).data,
  };
}

const amounts = (lines: { kind: string; amount_minor: number }[], kind: string) =>
  lines.filter((line) => line.kind === kind).map(({ amount_minor }) => amount_minor);

test('credit pays for usage before the card does: the invoice, the balance and the ledger say so, to the cent', async () => {
  const customer = await buyer();
  const given = await customer.grant({ name: 'Launch credit', amount_minor: 45 });
  expect(given).toMatchObject({ state: 'active', remaining_minor: 45, category: 'promotional', currency: 'usd' });
  await customer.use(8);
  await app.settle();
  expect(await customer.credits()).toMatchObject({
    balance_minor: 45,
    running_minor: 45,
    available_minor: 0,
    grants: 1,
  });
  await nextMonth(farebox);
  const [invoice] = await customer.invoices();
  expect(amounts(invoice.lines, 'overage').toSorted((a, b) => a - b)).toEqual([10, 50]);
  expect(amounts(invoice.lines, 'credit')).toEqual([-45]);
  expect(invoice).toMatchObject({ status: 'paid', total_minor: 9900 + 60 - 45 });
  expect(await customer.credits()).toMatchObject({ balance_minor: 0, running_minor: 0, grants: 0 });
  expect(await customer.grants()).toMatchObject([{ state: 'used_up', remaining_minor: 0 }]);
  expect(
    (await customer.ledger()).map(({ kind, amount_minor }: { kind: string; amount_minor: number }) => [
      kind,
      amount_minor,
    ]),
  ).toEqual([
    ['drawn', -45],
    ['granted', 45],
  ]);
  const [line] = invoice.lines.filter(({ kind }: { kind: string }) => kind === 'credit');
  const explained = await customer.visitor.get(`/v1/invoices/${invoice.id}/lines/${line.id}/explain`);
  expect(explained.amount_minor).toBe(-45);
});

test('more credit than usage: nothing of it is charged and the rest stays; it is drawn once, however often the sync runs', async () => {
  const customer = await buyer();
  await customer.grant({ amount_minor: 1000 });
  await customer.use(8);
  await nextMonth(farebox);
  for (let again = 0; again < 3; again += 1) {
    await app.settle();
    expect((await customer.invoices())[0]).toMatchObject({ total_minor: 9900 });
    expect(await customer.credits()).toMatchObject({ balance_minor: 940 });
  }
});

test('what expires in the period pays nothing of it; the ledger says that it ran out', async () => {
  const customer = await buyer();
  const expires_at = new Date(sandbox.clock.now() + 10 * dayMs).toISOString();
  await customer.grant({ amount_minor: 500, expires_at });
  expect(await customer.credits()).toMatchObject({ expires_next: { at: expires_at, amount_minor: 500 } });
  await customer.use(8);
  await nextMonth(farebox);
  expect((await customer.invoices())[0]).toMatchObject({ total_minor: 9960 });
  expect(await customer.credits()).toMatchObject({ balance_minor: 0, expires_next: null });
  expect((await customer.ledger())[0]).toMatchObject({ kind: 'expired', amount_minor: -500, created_at: expires_at });
});

test('that a grant ended with something left is told once by however many workers, after what it still pays is paid', async () => {
  const customer = await buyer();
  const expired = async () => (await customer.visitor.get('/v1/events?type=credits.expired')).data;
  const { current_period_end_at } = (await customer.visitor.get('/v1/subscriptions')).data[0];
  const after = (ms: number) => new Date(Date.parse(current_period_end_at) + ms).toISOString();
  const early = await customer.grant({ name: 'Early', amount_minor: 500, expires_at: after(-20 * dayMs) });
  const late = await customer.grant({ name: 'Late', amount_minor: 100, expires_at: after(60_000) });
  const used = await customer.grant({ name: 'Used', amount_minor: 5, priority: 1, expires_at: after(60_000) });
  const voided = await customer.grant({ name: 'Voided', amount_minor: 5, expires_at: after(-20 * dayMs) });
  await seller.post(`/v1/customers/${customer.id}/grants/${voided.id}/void`);
  const held = await seller.post('/v1/gate/reserve', {
    customer_id: customer.id,
    amount_minor: 7,
    expires_in_s: 604_800,
  });
  await customer.use(8);
  await app.settle();
  expect(await expired()).toEqual([]);
  await sandbox.clock.advance(Date.parse(early.expires_at) - sandbox.clock.now());
  await Promise.all(Array.from({ length: 4 }, () => app.crediting.tellExpired()));
  await app.settle();
  expect(await expired()).toMatchObject([
    {
      data: {
        object: { id: early.id, state: 'expired', remaining_minor: 0, expired_minor: 500 },
        previous_attributes: { state: 'active', remaining_minor: 500, expired_minor: 0 },
      },
    },
  ]);
  await seller.post(`/v1/gate/reservations/${held.id}/settle`, { amount_minor: 2 });
  await sandbox.clock.advance(Date.parse(late.expires_at) - sandbox.clock.now());
  await Promise.all([...Array.from({ length: 4 }, () => app.crediting.tellExpired()), nextMonth(farebox)]);
  for (let again = 0; again < 3; again += 1) await app.settle();
  const told = (await expired()).map(({ data }: { data: { object: object } }) => data.object);
  expect(told).toMatchObject([{ id: late.id, expired_minor: 105 - 2 - 60 }, { id: early.id }]);
  expect(await customer.grants()).toContainEqual(expect.objectContaining({ id: used.id, state: 'used_up' }));
});

test('one that begins later does not count before; voiding takes back what is left, once', async () => {
  const customer = await buyer();
  const effective_at = new Date(sandbox.clock.now() + 90 * dayMs).toISOString();
  const later = await customer.grant({ amount_minor: 700, effective_at });
  expect(later.state).toBe('scheduled');
  expect(await customer.credits()).toMatchObject({ balance_minor: 0 });
  const path = `/v1/customers/${customer.id}/grants/${later.id}/void`;
  expect((await customer.visitor.request('POST', path)).status).toBe(403);
  await sandbox.clock.advance(1000);
  expect(await seller.post(path)).toMatchObject({ state: 'voided', remaining_minor: 0 });
  expect(await seller.answer('POST', path)).toMatchObject({ status: 409, json: { code: 'no_change' } });
  expect((await customer.ledger())[0]).toMatchObject({ kind: 'voided', amount_minor: -700 });
});

test('bad wishes are refused with the field named, and change nothing; another’s credit does not exist', async () => {
  const customer = await buyer();
  const path = `/v1/customers/${customer.id}/grants`;
  const past = new Date(sandbox.clock.now() - dayMs).toISOString();
  for (const [wish, param] of [
    [{ name: 'x', amount_minor: 0 }, 'amount_minor'],
    [{ name: 'x', amount_minor: 1.5 }, 'amount_minor'],
    [{ name: '', amount_minor: 5 }, 'name'],
    [{ name: 'x', amount_minor: 5, expires_at: past }, 'expires_at'],
    [{ name: 'x', amount_minor: 5, meters: ['nothing'] }, 'meters'],
    [{ name: 'x', amount_minor: 5, priority: 101 }, 'priority'],
  ] as const)
    expect(await seller.answer('POST', path, wish), param).toMatchObject({ status: 400, json: { param } });
  expect(await customer.grants()).toEqual([]);
  const stranger = await farebox.signUp();
  for (const part of ['grants', 'credits', 'ledger'])
    expect((await stranger.request('GET', `/v1/customers/${customer.id}/${part}`)).status, part).toBe(404);
});

test('two periods that close at once do not take the same cent', async () => {
  const customer = await buyer();
  await customer.grant({ amount_minor: 70 });
  await customer.use(8);
  await sandbox.clock.advance(31 * dayMs);
  await Promise.all([app.settle(), app.settle(), sandbox.clock.advance(3 * 3_600_000)]);
  await app.settle();
  const rows = await farebox.db.pool.query<{ drawn: string }>(
    `select coalesce(-sum(amount_minor), 0)::text as drawn from credit_entry where customer_id = $1 and kind = 'drawn'`,
    [customer.id],
  );
  expect(rows.rows[0]?.drawn).toBe('60');
  expect((await customer.grants())[0]).toMatchObject({ remaining_minor: 10 });
});

test('what happened in one millisecond is told in the order it happened, page by page', async () => {
  const customer = await buyer();
  const names = Array.from({ length: 12 }, (_, index) => `Credit ${index}`);
  for (const name of names) await customer.grant({ name, amount_minor: 5 });
  const read: string[] = [];
  let after = '';
  for (let page = 0; page < 5; page += 1) {
    const { data, next_cursor } = await customer.visitor.get(`/v1/customers/${customer.id}/ledger?limit=3${after}`);
    read.push(...data.map(({ grant_name }: { grant_name: string }) => grant_name));
    if (next_cursor === null) break;
    after = `&starting_after=${next_cursor}`;
  }
  expect(read).toEqual(names.toReversed());
  const times = new Set((await customer.ledger()).map(({ created_at }: { created_at: string }) => created_at));
  expect(times.size).toBe(1);
});
