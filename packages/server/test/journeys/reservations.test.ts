import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { buyerOf } from '../buyer.ts';
import { testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// Five requests are included, the next two cost 25 cents, every further one 10.
const farebox = await testApp({ list: smallList(5), sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

interface Entry {
  kind: string;
  amount_minor: number;
}

async function holder(amount_minor: number, more: object = {}) {
  const visitor = await farebox.signUp();
  const { customer } = await visitor.get('/v1/me');
  const id = String(customer.id);
  const grant = await seller.post(`/v1/customers/${id}/grants`, { name: 'Credit', amount_minor, ...more });
  return {
    id,
    grant,
    visitor,
    reserve: async (amount: number, wish: object = {}) =>
      await seller.answer('POST', '/v1/gate/reserve', { customer_id: id, amount_minor: amount, ...wish }),
    hold: async (amount: number, wish: object = {}) =>
      await seller.post('/v1/gate/reserve', { customer_id: id, amount_minor: amount, ...wish }),
    left: async () => (await visitor.get(`/v1/customers/${id}/credits`)).available_minor,
    ledger: async () =>
      (await visitor.get(`/v1/customers/${id}/ledger?limit=100`)).data.map(({ kind, amount_minor: of }: Entry) => [
        kind,
        of,
      ]),
  };
}

const settle = async (id: string, amount_minor: number) =>
  await seller.answer('POST', `/v1/gate/reservations/${id}/settle`, { amount_minor });

test('what is held is gone at once; what is used less comes back, and settling again changes nothing', async () => {
  const customer = await holder(100);
  const held = await customer.hold(60, { description: 'A run of a model', expires_in_s: 600 });
  expect(held).toMatchObject({ state: 'held', held_minor: 60, settled_minor: null, description: 'A run of a model' });
  expect(await customer.left()).toBe(40);
  expect(await customer.reserve(41)).toMatchObject({
    status: 402,
    json: { code: 'credit_insufficient', param: 'amount_minor', detail: expect.stringContaining('40 are left') },
  });
  for (let again = 0; again < 3; again += 1)
    expect(await settle(held.id, 25)).toMatchObject({
      status: 200,
      json: { state: 'settled', settled_minor: 25, paid_minor: 25, short_minor: 0 },
    });
  expect(await settle(held.id, 26)).toMatchObject({ status: 409, json: { code: 'reservation_settled' } });
  expect(await customer.left()).toBe(75);
  expect(await customer.ledger()).toEqual([
    ['released', 35],
    ['held', -60],
    ['granted', 100],
  ]);
  expect(await seller.get(`/v1/gate/reservations/${held.id}`)).toMatchObject({ state: 'settled', paid_minor: 25 });
});

test('equal, nothing and more: more is paid as far as there is credit, and nobody owes the rest', async () => {
  const customer = await holder(100);
  const [equal, none, more] = [await customer.hold(30), await customer.hold(20), await customer.hold(10)];
  expect(await settle(equal.id, 30)).toMatchObject({ json: { paid_minor: 30, short_minor: 0 } });
  expect(await settle(none.id, 0)).toMatchObject({ json: { state: 'settled', paid_minor: 0, short_minor: 0 } });
  // Ten are held and sixty are left.
  expect(await settle(more.id, 90)).toMatchObject({ json: { settled_minor: 90, paid_minor: 70, short_minor: 20 } });
  expect(await customer.left()).toBe(0);
});

test('what is not settled in time comes back by itself; work that ends later is paid from what is there then', async () => {
  const customer = await holder(100);
  const late = await customer.hold(80, { expires_in_s: 60 });
  await sandbox.clock.advance(59_000);
  await app.settle();
  expect(await customer.left()).toBe(20);
  await sandbox.clock.advance(1_000);
  // Also before the job has looked: whoever asks is not refused for what ran out.
  const next = await customer.hold(90);
  expect(await seller.get(`/v1/gate/reservations/${late.id}`)).toMatchObject({ state: 'expired', paid_minor: null });
  expect(await settle(late.id, 50)).toMatchObject({ json: { state: 'settled', paid_minor: 10, short_minor: 40 } });
  await settle(next.id, 0);
  expect(await customer.left()).toBe(90);
});

test('usage so far is not held twice, credit for one meter is for its work alone, and what ends in between still pays', async () => {
  const { visitor, customer_id } = await buyerOf(farebox);
  const grants = `/v1/customers/${customer_id}/grants`;
  const expires_at = new Date(sandbox.clock.now() + 3_600_000).toISOString();
  await seller.post(grants, { name: 'Short', amount_minor: 40, expires_at });
  await seller.post(grants, { name: 'For requests', amount_minor: 30, meters: ['requests'] });
  const used = { id: 'some', type: 'requests', customer_id, quantity: 6 };
  expect(await seller.post('/v1/usage/events', used)).toMatchObject({ accepted: 1 });
  await app.settle();
  // One request past the five costs 25 cents, which the credit that ends first is promised to.
  const wish = { customer_id, amount_minor: 16 };
  expect(await seller.answer('POST', '/v1/gate/reserve', wish)).toMatchObject({ status: 402 });
  const held = await seller.post('/v1/gate/reserve', { ...wish, meter: 'requests', expires_in_s: 86_400 });
  await sandbox.clock.advance(2 * 3_600_000);
  expect(await settle(held.id, 10)).toMatchObject({ json: { paid_minor: 10, short_minor: 0 } });
  const { data } = await visitor.get(`/v1/customers/${customer_id}/ledger`);
  expect(data.some(({ kind }: Entry) => kind === 'expired')).toBe(true);
});

test('a grant that is taken back leaves to work what it holds; what that does not use is gone with it', async () => {
  const customer = await holder(100);
  const held = await customer.hold(60);
  await seller.post(`/v1/customers/${customer.id}/grants/${customer.grant.id}/void`);
  expect(await settle(held.id, 20)).toMatchObject({ json: { paid_minor: 20 } });
  expect(await customer.left()).toBe(0);
});

test('fifty at once never hold more than there is', async () => {
  const customer = await holder(100);
  const answers = await Promise.all(Array.from({ length: 50 }, () => customer.reserve(7)));
  const held = answers.filter(({ status }) => status === 201);
  expect(held).toHaveLength(14);
  expect(answers.filter(({ status }) => status === 402)).toHaveLength(36);
  expect(await customer.left()).toBe(2);
  // Each is settled by three at once, with the same.
  await Promise.all(held.flatMap(({ json }) => [1, 2, 3].map(async () => await settle(json.id, 5))));
  expect(await customer.left()).toBe(100 - 14 * 5);
});

test('whatever is held, settled and left to run out at the same time, the ledger sums to what is left, never below nothing', async () => {
  const work = fc.record({
    hold: fc.integer({ min: 1, max: 60 }),
    use: fc.nat({ max: 90 }),
    ends: fc.constantFrom('settled', 'left', 'late'),
  });
  const story = fc.array(work, { minLength: 1, maxLength: 8 });
  for (const works of fc.sample(story, { numRuns: 6, seed: 11 })) {
    const customer = await holder(100);
    const held = await Promise.all(
      works.map(async (each) => ({ ...each, answer: await customer.reserve(each.hold, { expires_in_s: 60 }) })),
    );
    const own = held.filter(({ answer }) => answer.status === 201);
    expect(own.reduce((sum, { hold }) => sum + hold, 0)).toBeLessThanOrEqual(100);
    const settled = async (when: string) =>
      await Promise.all(
        own.filter(({ ends }) => ends === when).map(async (each) => (await settle(each.answer.json.id, each.use)).json),
      );
    const first = await settled('settled');
    await sandbox.clock.advance(61_000);
    await app.settle();
    const paid = [...first, ...(await settled('late'))];
    const left = 100 - paid.reduce((sum, each) => sum + each['paid_minor'], 0);
    expect(await customer.left()).toBe(left);
    expect(left).toBeGreaterThanOrEqual(0);
    const entries: [string, number][] = await customer.ledger();
    expect(entries.reduce((sum, [, amount]) => sum + amount, 0)).toBe(left);
  }
});

test('bad wishes are refused with the field named and hold nothing; only the seller holds', async () => {
  const customer = await holder(100);
  for (const [wish, param] of [
    [{ amount_minor: 0 }, 'amount_minor'],
    [{ amount_minor: 1.5 }, 'amount_minor'],
    [{ amount_minor: 1, expires_in_s: 0 }, 'expires_in_s'],
    [{ amount_minor: 1, expires_in_s: 604_801 }, 'expires_in_s'],
    [{ amount_minor: 1, meter: 'nothing' }, 'meter'],
  ] as const)
    expect(await seller.answer('POST', '/v1/gate/reserve', { customer_id: customer.id, ...wish }), param).toMatchObject(
      {
        status: 400,
        json: { param },
      },
    );
  expect(await seller.answer('POST', '/v1/gate/reserve', { customer_id: 'cust_none', amount_minor: 1 })).toMatchObject({
    status: 404,
  });
  expect(await settle('resv_none', 1)).toMatchObject({ status: 404 });
  const own = { customer_id: customer.id, amount_minor: 1 };
  expect((await customer.visitor.request('POST', '/v1/gate/reserve', own)).status).toBe(403);
  expect(await customer.left()).toBe(100);
});

test('a customer’s reservations are listed a page at a time, those that are held alone, and are nobody else’s', async () => {
  const customer = await holder(100);
  const other = await holder(100);
  const path = `/v1/customers/${customer.id}/reservations`;
  const first = await customer.hold(10, { description: 'First' });
  await sandbox.clock.advance(1000);
  const second = await customer.hold(20, { expires_in_s: 60 });
  await sandbox.clock.advance(1000);
  const third = await customer.hold(30);
  await settle(third.id, 5);
  const balance = async () => await customer.visitor.get(`/v1/customers/${customer.id}/credits`);
  expect(await balance()).toMatchObject({ held_minor: 30, available_minor: 100 - 30 - 5 });
  const page = await customer.visitor.get(`${path}?limit=2`);
  expect(page).toMatchObject({ has_more: true, data: [{ id: third.id, state: 'settled' }, { id: second.id }] });
  const rest = await seller.get(`${path}?limit=2&starting_after=${page.next_cursor}`);
  expect(rest).toMatchObject({ has_more: false, data: [{ id: first.id, state: 'held', description: 'First' }] });
  await sandbox.clock.advance(61_000);
  expect((await customer.visitor.get(`${path}?state=held`)).data).toMatchObject([{ id: first.id }]);
  expect((await customer.visitor.get(`${path}?state=expired`)).data).toMatchObject([{ id: second.id }]);
  expect(await balance()).toMatchObject({ held_minor: 10 });
  expect((await other.visitor.answer('GET', path)).status).toBe(404);
  expect((await customer.visitor.answer('GET', `${path}?state=gone`)).status).toBe(400);
});
