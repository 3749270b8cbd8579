import { expect, test, vi } from 'vitest';
import { buyerOf } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';
import { startReceiver } from '../receiver.ts';
import { smallList } from '../small-list.ts';

vi.setConfig({ testTimeout: 240_000 });

// A hundred requests are included, the next two cost 25 cents, every further one 10.
const list = smallList(100);
const farebox = await testApp({ list, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer() {
  const { visitor, customer_id } = await buyerOf(farebox);
  let sent = 0;
  const send = async (quantity: number) =>
    await seller.post('/v1/usage/events', { id: `e${(sent += 1)}`, type: 'requests', customer_id, quantity });
  return {
    customer_id,
    visitor,
    send,
    use: async (quantity: number) => {
      await send(quantity);
      await app.settle();
    },
    /** What was told by mail, in the order of the titles. */
    async mails() {
      const rows = await farebox.db.kysely
        .selectFrom('notice')
        .select(['data', 'state'])
        .where('customer_id', '=', customer_id)
        .where('kind', '=', 'usage_alert')
        .execute();
      return rows.map(({ data, state }) => `${JSON.parse(JSON.stringify(data)).title}, ${state}`).toSorted();
    },
    /** What was told to programs, in the order of the names: several may be told at one instant. */
    async events(): Promise<string[]> {
      const { data } = await visitor.get('/v1/events?limit=100');
      const types: string[] = data.map(({ type }: { type: string }) => type);
      return types
        .filter((type) => /^(usage\.(threshold|anomaly)|quota|spend_cap|credits\.(low|dep))/.test(type))
        .toSorted();
    },
  };
}

test('of a quota it is told at four fifths and when it is used up, once each in a period, by mail and by webhook', async () => {
  const receiver = await startReceiver();
  const customer = await buyer();
  await customer.visitor.post('/v1/webhook_endpoints', {
    url: `${receiver.url}/hooks`,
    event_types: ['usage.threshold_reached', 'quota.exceeded'],
  });
  await customer.use(79);
  expect(await customer.events()).toEqual([]);
  await customer.use(1);
  await customer.use(1);
  expect(await customer.events()).toEqual(['usage.threshold_reached']);
  await customer.use(30);
  for (let again = 0; again < 3; again += 1) await customer.use(10);
  expect(await customer.events()).toEqual(['quota.exceeded', 'usage.threshold_reached']);
  expect(await customer.mails()).toEqual([
    'API requests: 80% of the included amount is used, sent',
    'API requests: the included amount is used up, sent',
  ]);
  const bodies = receiver.received.map(({ body }) => JSON.parse(body));
  const told = bodies.map(({ type, data }) => [type, data.object.used, data.object.limit]);
  expect(told.toSorted((a, b) => a[1] - b[1])).toEqual([
    ['usage.threshold_reached', 80, 100],
    ['quota.exceeded', 111, 100],
  ]);
  await sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
  await customer.use(85);
  expect(await customer.events()).toEqual([
    'quota.exceeded',
    'quota.reset',
    'usage.threshold_reached',
    'usage.threshold_reached',
  ]);
  await receiver.close();
});

test('who was far from it when they were looked at is looked at again once they may not be, or were told otherwise', async () => {
  const customer = await buyer();
  await customer.use(10);
  await customer.send(10);
  await customer.send(60);
  await expect.poll(customer.events, { timeout: 60_000 }).toEqual(['usage.threshold_reached']);
  const other = await buyer();
  await other.use(10);
  await seller.answer('PUT', `/v1/customers/${other.customer_id}/usage_alerts`, { percents: [5] });
  await expect.poll(other.events, { timeout: 60_000 }).toEqual(['usage.threshold_reached']);
});

test('that a quota begins anew is told once, without a mail, to who was warned in a period before and to nobody else', async () => {
  const [warned, careful] = [await buyer(), await buyer()];
  await warned.use(100);
  await careful.use(79);
  const month = async () => {
    await sandbox.clock.advance(31 * dayMs + 2 * 3_600_000);
    await app.settle();
    await Promise.all(Array.from({ length: 4 }, () => app.alerting.lookAtAll()));
    await app.settle();
  };
  await month();
  const { data } = await warned.visitor.get('/v1/events?type=quota.reset');
  const { data: subscriptions } = await warned.visitor.get('/v1/subscriptions');
  expect(data).toHaveLength(1);
  expect(data[0].data.object).toMatchObject({
    object: 'usage_alert',
    meter_id: 'requests',
    period_start_at: subscriptions[0].current_period_start_at,
    used: 0,
    limit: 100,
    title: 'API requests: a new period has begun',
  });
  expect(await careful.events()).toEqual([]);
  await month();
  expect(await warned.events()).toEqual(['quota.exceeded', 'quota.reset']);
  expect(await warned.mails()).toEqual(['API requests: the included amount is used up, sent']);
  await warned.use(80);
  await month();
  expect(await warned.events()).toEqual(['quota.exceeded', 'quota.reset', 'quota.reset', 'usage.threshold_reached']);
});

test('a plan and each customer say at which parts they are told, each once; what is no such list is refused', async () => {
  const customer = await buyer();
  const path = `/v1/customers/${customer.customer_id}/usage_alerts`;
  expect(await customer.visitor.get(path)).toMatchObject({ percents: null, in_force: [80] });
  for (const percents of [[80, 50], [100], [0], 'all', undefined]) {
    const { status, json } = await customer.visitor.answer('PUT', path, { percents });
    expect([status, json['param']]).toEqual([400, expect.stringMatching(/^percents/)]);
  }
  const set = await customer.visitor.answer('PUT', path, { percents: [25, 50] });
  expect(set).toMatchObject({ status: 200, json: { percents: [25, 50], in_force: [25, 50] } });
  expect((await customer.visitor.answer('PUT', path, { percents: [25, 50] })).json['code']).toBe('no_change');
  for (const quantity of [24, 1, 5, 30, 30]) await customer.use(quantity);
  expect(await customer.mails()).toEqual([
    'API requests: 25% of the included amount is used, sent',
    'API requests: 50% of the included amount is used, sent',
  ]);
  const back = await seller.answer('PUT', path, { percents: null });
  expect(back.json).toMatchObject({ percents: null, in_force: [80] });
  await customer.use(0);
  expect(await customer.events()).toEqual(Array.from({ length: 3 }, () => 'usage.threshold_reached'));
  const stranger = await farebox.signUp();
  expect((await stranger.answer('PUT', path, { percents: [1] })).status).toBe(404);
});

test('of a spend cap and of credit, before they are used up and when they are; a higher cap is told of anew', async () => {
  const customer = await buyer();
  await customer.visitor.answer('PUT', `/v1/customers/${customer.customer_id}/spend_cap`, { amount_minor: 100 });
  await seller.post(`/v1/customers/${customer.customer_id}/grants`, { name: 'Credit', amount_minor: 100 });
  // Eighty cents: two at 25 and three at 10.
  await customer.use(105);
  expect(await customer.events()).toEqual(['credits.low', 'quota.exceeded', 'spend_cap.warning']);
  await customer.use(2);
  await customer.use(50);
  const all = ['credits.depleted', 'credits.low', 'quota.exceeded', 'spend_cap.reached', 'spend_cap.warning'];
  expect(await customer.events()).toEqual(all);
  await customer.visitor.answer('PUT', `/v1/customers/${customer.customer_id}/spend_cap`, { amount_minor: 700 });
  await customer.use(0);
  expect(await customer.events()).toEqual([...all, 'spend_cap.warning']);
});

test('a day far above the week before is told to the customer and to the seller, once', async () => {
  const customer = await buyer();
  for (let day = 0; day < 5; day += 1) {
    await customer.use(2);
    await sandbox.clock.advance(dayMs);
  }
  await customer.use(75);
  expect(await customer.events()).toEqual(['usage.threshold_reached']);
  await customer.use(200);
  await customer.use(200);
  expect(await customer.events()).toEqual(['quota.exceeded', 'usage.anomaly', 'usage.threshold_reached']);
  const { rows } = await farebox.db.pool.query<{ recipient: string; about: string; title: string }>(
    `select recipient, data->>'about' as about, data->>'title' as title from notice
     where kind = 'usage_alert' and customer_id is null`,
  );
  const title = 'API requests: much more usage than usual';
  expect(rows).toEqual([{ recipient: list.seller.support_email, about: 'Grace Hopper', title }]);
});

test('looked at by two processes at once, it is told once; the hourly look tells what nobody’s usage told', async () => {
  const customer = await buyer();
  const { customer_id } = customer;
  await seller.post('/v1/usage/events', { id: 'all', type: 'requests', customer_id, quantity: 90 });
  await Promise.all(Array.from({ length: 4 }, () => app.alerting.lookAtAll()));
  await app.settle();
  expect(await customer.events()).toEqual(['usage.threshold_reached']);
  expect(await customer.mails()).toHaveLength(1);
});
