import type { Plan } from '@farebox/core';
import { expect, test, vi } from 'vitest';
import { buyerOf, nextMonth } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { smallList } from '../small-list.ts';
import { payOnPage } from '../visitor.ts';

vi.setConfig({ testTimeout: 240_000 });

const small = smallList(5);
const [starter] = small.plans;
if (starter === undefined) throw new Error('the example list has plans');

/** Ten dollars a month each, and once twenty-five, however many. */
const maps: Plan = {
  ...starter,
  id: 'maps',
  name: 'Maps',
  group: null,
  prices: [{ amount_minor: 1000, currency: 'usd', interval: 'month', setup_fee_minor: 2500 }],
  seats: { minimum: 1, maximum: 10 },
  usage: [],
  limits: [],
  features: {},
};
const farebox = await testApp({ list: { ...small, plans: [...small.plans, maps] }, sandbox: { frozen: true } });
const { app, sandbox } = farebox;

async function subscriber() {
  const { visitor } = await buyerOf(farebox);
  const { data } = await visitor.get('/v1/subscriptions');
  const newest = async () => (await visitor.get('/v1/invoices')).data[0];
  // Of two invoices of one second neither is the newer one.
  await sandbox.clock.advance(dayMs);
  return { visitor, newest, path: `/v1/subscriptions/${data[0].id}` };
}

type Line = { id: string; kind: string; amount_minor: number; description: string };
const feesOf = ({ lines }: { lines: Line[] }) =>
  lines.filter(({ kind }) => kind === 'other').map(({ amount_minor }) => amount_minor);

test('the fee is previewed to the cent, charged once with the add-on, and explains itself', async () => {
  const { visitor, newest, path } = await subscriber();
  await sandbox.clock.advance(10 * dayMs);
  const preview = await visitor.post(`${path}/add_ons/preview`, { plan_id: 'maps', quantity: 2 });
  expect(preview).toMatchObject({ effect: 'now', setup_fee_minor: 2500, recurring_minor: 9900 + 2000 });
  expect(preview.invoice.subtotal_minor).toBe(preview.proration.net_minor + 2500);
  const { proration_at } = preview;
  await visitor.post(`${path}/add_ons`, { plan_id: 'maps', quantity: 2, proration_at });
  const invoice = await newest();
  expect(invoice).toMatchObject({ status: 'paid', total_minor: preview.invoice.total_minor });
  expect(feesOf(invoice)).toEqual([2500]);
  const line = invoice.lines.find(({ kind }: Line) => kind === 'other');
  expect(await visitor.get(`/v1/invoices/${invoice.id}/lines/${line.id}/explain`)).toMatchObject({
    words: 'Setup fee of Maps, once: $25.00',
    parts: [{ label: 'Setup fee of Maps', amount_minor: 2500 }],
  });
  expect((await app.stripe.reconcile({ repair: false })).found).toEqual([]);
});

test('more of it costs no fee again, nor do a renewal and another plan under it', async () => {
  const { visitor, newest, path } = await subscriber();
  await visitor.post(`${path}/add_ons`, { plan_id: 'maps' });
  expect(feesOf(await newest())).toEqual([2500]);
  const more = await visitor.post(`${path}/add_ons/preview`, { plan_id: 'maps', quantity: 3 });
  expect(more).toMatchObject({ setup_fee_minor: 0, invoice: { subtotal_minor: more.proration.net_minor } });
  await sandbox.clock.advance(dayMs);
  await visitor.post(`${path}/add_ons`, { plan_id: 'maps', quantity: 3 });
  expect(feesOf(await newest())).toEqual([]);
  await nextMonth(farebox);
  expect(feesOf(await newest())).toEqual([]);
  const up = await visitor.post(`${path}/preview`, { plan_id: 'pro' });
  expect(up).toMatchObject({ setup_fee_minor: 0 });
  await visitor.post(`${path}/change`, { plan_id: 'pro' });
  expect(feesOf(await newest())).toEqual([]);
});

test('one that begins with the next period brings its fee with that invoice, and none where it was taken back', async () => {
  const [kept, undone] = [await subscriber(), await subscriber()];
  for (const { visitor, path } of [kept, undone]) {
    const wish = { plan_id: 'maps', when: 'period_end' };
    const preview = await visitor.post(`${path}/add_ons/preview`, wish);
    expect(preview).toMatchObject({ effect: 'period_end', invoice: null, setup_fee_minor: 2500 });
    await visitor.post(`${path}/add_ons`, wish);
  }
  expect((await undone.visitor.answer('DELETE', `${undone.path}/scheduled_change`)).status).toBe(200);
  await nextMonth(farebox);
  expect(feesOf(await kept.newest())).toEqual([2500]);
  expect(await kept.visitor.get(kept.path)).toMatchObject({ add_ons: [{ plan_id: 'maps', quantity: 1 }] });
  expect(feesOf(await undone.newest())).toEqual([]);
  await nextMonth(farebox);
  expect(feesOf(await kept.newest())).toEqual([]);
});

test('bought with a plan it is paid in the checkout, or with the subscription that begins without one', async () => {
  const wish = { plan_id: 'starter', add_ons: [{ plan_id: 'maps', quantity: 2 }] };
  const visitor = await farebox.signUp();
  const checkout = await visitor.post('/v1/checkout_sessions', wish);
  await payOnPage(checkout.url);
  await visitor.get(`/v1/checkout_sessions/${checkout.id}`);
  const { data } = await visitor.get('/v1/invoices');
  expect(data).toMatchObject([{ status: 'paid', total_minor: 9900 + 2000 + 2500 }]);
  const invoiced = await farebox.signUp();
  const { customer } = await invoiced.get('/v1/me');
  const begun = { ...wish, customer_id: customer.id, collection: 'invoice' };
  await farebox.seller.post('/v1/subscriptions', begun);
  await app.settle();
  expect((await invoiced.get('/v1/invoices')).data).toMatchObject([{ total_minor: 9900 + 2000 + 2500 }]);
});

test('a refused card adds nothing and charges no fee; tried again it is charged once', async () => {
  const { visitor, newest, path } = await subscriber();
  sandbox.faults.add({ type: 'decline', decline_code: 'insufficient_funds', route: 'POST /v1/subscriptions' });
  expect((await visitor.answer('POST', `${path}/add_ons`, { plan_id: 'maps' })).status).toBe(402);
  expect(await visitor.get(path)).toMatchObject({ add_ons: [] });
  await sandbox.clock.advance(dayMs);
  await visitor.post(`${path}/add_ons`, { plan_id: 'maps' });
  expect(feesOf(await newest())).toEqual([2500]);
  await nextMonth(farebox);
  expect(feesOf(await newest())).toEqual([]);
});
