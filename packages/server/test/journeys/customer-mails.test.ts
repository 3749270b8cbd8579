import { expect, test, vi } from 'vitest';
import list from '../fixtures/import.config.ts';
import { buyerOf } from '../buyer.ts';
import { dayMs, testApp } from '../harness.ts';

vi.setConfig({ testTimeout: 240_000 });

const plans = list.plans.map((plan) => (plan.id === 'pro' ? { ...plan, trial: { days: 14, card: true } } : plan));
const farebox = await testApp({ list: { ...list, plans }, sandbox: { frozen: true } });
const { app, sandbox, seller } = farebox;

async function buyer(plan_id = 'starter') {
  const { visitor, customer_id } = await buyerOf(farebox, plan_id);
  return {
    visitor,
    customer_id,
    subscription: async () => (await visitor.get('/v1/subscriptions')).data[0],
    /** What was mailed of these kinds, each with what it says of `what`, in the order of the kinds: the clock may stand. */
    async mails(what: string, ...kinds: string[]): Promise<string[][]> {
      for (let again = 0; again < 3; again += 1) await app.settle();
      const { rows } = await farebox.db.pool.query<{ kind: string; said: string }>(
        `select kind, data->>$3 as said from notice
         where customer_id = $1 and kind = any($2) and state = 'sent' order by kind, said`,
        [customer_id, kinds, what],
      );
      return rows.map(({ kind, said }) => [kind, said]);
    },
  };
}

async function pass(days: number): Promise<void> {
  await sandbox.clock.advance(days * dayMs);
  await app.settle();
}

test('that a trial is over and the plan goes on is told once; nothing of it where the trial was cancelled', async () => {
  const [staying, leaving] = [await buyer('pro'), await buyer('pro')];
  await leaving.visitor.post(`/v1/subscriptions/${(await leaving.subscription()).id}/cancel`, { reason: 'other' });
  expect(await staying.mails('price', 'trial_ended')).toEqual([]);
  await pass(15);
  expect(await staying.mails('price', 'trial_ended')).toEqual([['trial_ended', '$499.00 a month']]);
  expect(await leaving.mails('plan_name', 'trial_ended', 'subscription_ended')).toEqual([
    ['subscription_ended', 'Pro'],
  ]);
});

test('who subscribes again is told so once, and not when a pause ends; who is new is welcomed', async () => {
  const customer = await buyer();
  const of = ['welcome', 'subscription_confirmed'] as const;
  await customer.visitor.post(`/v1/subscriptions/${(await customer.subscription()).id}/pause`);
  await pass(1);
  await customer.visitor.post(`/v1/subscriptions/${(await customer.subscription()).id}/unpause`);
  expect(await customer.mails('plan_name', ...of)).toEqual([['welcome', 'Starter']]);
  await seller.post(`/v1/subscriptions/${(await customer.subscription()).id}/cancel`, { at: 'now' });
  await app.settle();
  await customer.visitor.post('/v1/subscriptions', { plan_id: 'starter' });
  expect(await customer.mails('plan_name', ...of)).toEqual([
    ['subscription_confirmed', 'Starter'],
    ['welcome', 'Starter'],
  ]);
});

test('a key that a member made is told at once and a week before it ends, once each; the first key and the seller’s are not', async () => {
  const customer = await buyer();
  const expires_at = new Date(sandbox.clock.now() + 10 * dayMs).toISOString();
  await customer.visitor.post('/v1/keys', { name: 'CI', expires_at });
  await seller.post('/v1/keys', { name: 'Made by the seller', customer_id: customer.customer_id });
  expect(await customer.mails('key_name', 'key_created', 'key_expiring')).toEqual([['key_created', 'CI']]);
  await pass(4);
  expect(await customer.mails('key_name', 'key_created', 'key_expiring')).toEqual([
    ['key_created', 'CI'],
    ['key_expiring', 'CI'],
  ]);
  expect(await customer.mails('stops_at', 'key_expiring')).toEqual([['key_expiring', expires_at]]);
});

test('each part of a payment that goes back to the card is told with its amount, and what goes to the balance is not', async () => {
  const customer = await buyer();
  const [{ id }] = (await customer.visitor.get('/v1/invoices')).data;
  for (const [amount_minor, to] of [
    [900, 'card'],
    [400, 'balance'],
    [100, 'card'],
  ])
    await seller.post(`/v1/invoices/${id}/refund`, { amount_minor, to });
  expect(await customer.mails('amount', 'refund_issued')).toEqual([
    ['refund_issued', '$1.00'],
    ['refund_issued', '$9.00'],
  ]);
});
