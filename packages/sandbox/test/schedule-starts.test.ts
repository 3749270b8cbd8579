import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, DAY, idOf, monthlyPrice, standing } from './harness.ts';

const START = '2026-11-01T00:00:00Z';
const at = (iso: string): number => Date.parse(iso) / 1_000;

let b: Bench;
let basic: string;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
  basic = (await monthlyPrice(b.stripe, 9_900, 'Basic')).id;
});
afterEach(() => b.close());

async function payer(): Promise<string> {
  const customer = await b.stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  return customer.id;
}

test('a price that is archived before its phase begins is billed as it was promised', async () => {
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer: await payer(),
    start_date: at('2026-11-10T00:00:00Z'),
    phases: [{ items: [{ price: basic }] }],
  });
  await b.stripe.prices.update(basic, { active: false });
  await b.sandbox.clock.advance(10 * DAY);
  const begun = await b.stripe.subscriptionSchedules.retrieve(schedule.id);
  const [invoice] = (await b.stripe.invoices.list({ subscription: idOf(begun.subscription) })).data;
  expect(invoice?.total).toBe(9_900);
});

test('a phase that the rules refuse when it is to begin ends its schedule, and the clock goes on', async () => {
  const clock = await b.stripe.testHelpers.testClocks.create({ frozen_time: at(START) });
  const { id: customer } = await b.stripe.customers.create({
    test_clock: clock.id,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const items = [{ price: basic }];
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer,
    start_date: at('2026-11-10T00:00:00Z'),
    phases: [{ items }],
  });
  // A customer on a clock has three subscriptions at most.
  for (let count = 0; count < 3; count += 1) await b.stripe.subscriptions.create({ customer, items });
  await b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: at('2026-11-11T00:00:00Z') });
  await expect
    .poll(async () => (await b.stripe.testHelpers.testClocks.retrieve(clock.id)).status, { timeout: 10_000 })
    .toBe('ready');
  expect((await b.stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('canceled');
  expect((await b.stripe.subscriptions.list({ customer })).data).toHaveLength(3);
});

test('a customer that is deleted has no schedule left to begin', async () => {
  const customer = await payer();
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer,
    start_date: at('2026-11-10T00:00:00Z'),
    phases: [{ items: [{ price: basic }] }],
  });
  await b.stripe.customers.del(customer);
  expect((await b.stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('canceled');
  await b.sandbox.clock.advance(10 * DAY);
  expect((await b.stripe.subscriptions.list({ status: 'all' })).data).toEqual([]);
});
