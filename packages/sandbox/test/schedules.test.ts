import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing, subscriber } from './harness.ts';

const START = '2026-11-01T00:00:00Z';
const at = (iso: string): number => Date.parse(iso) / 1_000;

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
});
afterEach(() => b.close());

interface Prices {
  basic: string;
  pro: string;
}

async function prices(): Promise<Prices> {
  const [basic, pro] = [await monthlyPrice(b.stripe, 9_900, 'Basic'), await monthlyPrice(b.stripe, 49_900, 'Pro')];
  return { basic: basic.id, pro: pro.id };
}

async function payer(card = 'pm_card_visa'): Promise<string> {
  const customer = await b.stripe.customers.create({ name: 'Ada' });
  const method = await b.stripe.paymentMethods.attach(card, { customer: customer.id });
  await b.stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
  return customer.id;
}

async function lastInvoice(subscription: string): Promise<Stripe.Invoice> {
  const [invoice] = (await b.stripe.invoices.list({ subscription })).data;
  if (invoice === undefined) throw new Error('There is no invoice.');
  return invoice;
}

async function scheduleEvents(): Promise<string[]> {
  const events = await b.stripe.events.list({ limit: 100, types: ['subscription_schedule.*'] });
  return events.data.map((event) => event.type.replace('subscription_schedule.', '')).toReversed();
}

/** A subscription to Pro that will be Basic when its period ends, as a downgrade is planned. */
async function downgrade(): Promise<Prices & { schedule: Stripe.SubscriptionSchedule; subscription: string }> {
  const own = await prices();
  const { subscription } = await subscriber(b.stripe, { price: own.pro });
  const made = await b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const [phase] = made.phases;
  const schedule = await b.stripe.subscriptionSchedules.update(made.id, {
    end_behavior: 'release',
    phases: [
      { items: [{ price: own.pro }], start_date: phase?.start_date ?? 0, end_date: phase?.end_date ?? 0 },
      { items: [{ price: own.basic, quantity: 2 }] },
    ],
  });
  return { ...own, schedule, subscription: subscription.id };
}

describe('a schedule from a subscription', () => {
  test('copies the period that runs, and the subscription names it while it is attached', async () => {
    const { pro } = await prices();
    const { subscription, customer } = await subscriber(b.stripe, { price: pro });
    const schedule = await b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect(schedule).toMatchObject({
      object: 'subscription_schedule',
      status: 'active',
      customer: customer.id,
      subscription: subscription.id,
      end_behavior: 'release',
      current_phase: { start_date: at(START), end_date: at('2026-12-01T00:00:00Z') },
      default_settings: { default_payment_method: idOf(subscription.default_payment_method) },
      phases: [{ items: [{ price: pro, quantity: 1 }], proration_behavior: 'create_prorations', trial_end: null }],
    });
    expect(schedule.id).toMatch(/^sub_sched_/);
    const seen = await b.stripe.subscriptions.retrieve(subscription.id, { expand: ['schedule'] });
    expect(seen.schedule).toMatchObject({ id: schedule.id, object: 'subscription_schedule' });
    const again = b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect((await refusal(again)).message).toBe(
      `You cannot migrate a subscription that is already attached to a schedule: \`${schedule.id}\`.`,
    );
    const mixed = b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id, end_behavior: 'cancel' });
    expect((await refusal(mixed)).param).toBe('end_behavior');
  });

  test('changes the plan when the period ends: the renewal bills the new price whole, and nothing is prorated', async () => {
    const { schedule, subscription, basic } = await downgrade();
    expect(schedule.phases.map((phase) => phase.end_date)).toEqual([
      at('2026-12-01T00:00:00Z'),
      at('2027-01-01T00:00:00Z'),
    ]);
    await b.sandbox.clock.advanceTo(Date.parse('2026-12-01T00:30:00Z'));
    expect(await lastInvoice(subscription)).toMatchObject({ status: 'draft', total: 19_800 });
    await b.sandbox.clock.advance(HOUR);
    const renewal = await lastInvoice(subscription);
    expect(renewal).toMatchObject({ billing_reason: 'subscription_cycle', status: 'paid', total: 19_800 });
    expect(renewal.lines.data).toHaveLength(1);
    const changed = await b.stripe.subscriptions.retrieve(subscription);
    expect(changed).toMatchObject({
      status: 'active',
      schedule: schedule.id,
      billing_cycle_anchor: at(START),
      items: { data: [{ price: { id: basic }, quantity: 2, current_period_start: at('2026-12-01T00:00:00Z') }] },
    });
    const phase = (await b.stripe.subscriptionSchedules.retrieve(schedule.id)).current_phase;
    expect(phase).toEqual({ start_date: at('2026-12-01T00:00:00Z'), end_date: at('2027-01-01T00:00:00Z') });
  });

  test('is released when its last phase is over: the subscription goes on by itself', async () => {
    const { schedule, subscription } = await downgrade();
    await b.sandbox.clock.advanceTo(Date.parse('2027-01-01T02:00:00Z'));
    expect(await b.stripe.subscriptionSchedules.retrieve(schedule.id)).toMatchObject({
      status: 'released',
      current_phase: null,
      released_at: at('2027-01-01T00:00:00Z'),
      released_subscription: subscription,
      subscription: null,
    });
    expect(await b.stripe.subscriptions.retrieve(subscription)).toMatchObject({ status: 'active', schedule: null });
    expect(await lastInvoice(subscription)).toMatchObject({ status: 'paid', total: 19_800 });
    expect(await scheduleEvents()).toEqual(['created', 'updated', 'updated', 'expiring', 'released']);
  });

  test('of a subscription that is to end ends it as it was to', async () => {
    const { pro } = await prices();
    const { subscription } = await subscriber(b.stripe, { price: pro });
    await b.stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    const schedule = await b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect(schedule.end_behavior).toBe('cancel');
    await b.sandbox.clock.advance(31 * DAY);
    expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect((await b.stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('completed');
  });
});

describe('a schedule of its own', () => {
  test('that begins now makes an active subscription whose first invoice is a draft for an hour', async () => {
    const { basic } = await prices();
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      end_behavior: 'cancel',
      metadata: { order: '7' },
      phases: [{ items: [{ price: basic, quantity: 3 }], duration: { interval: 'month', interval_count: 2 } }],
    });
    const id = idOf(schedule.subscription);
    expect(schedule).toMatchObject({ status: 'active', metadata: { order: '7' } });
    const end = at('2027-01-01T00:00:00Z');
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({
      status: 'active',
      schedule: schedule.id,
      cancel_at: end,
    });
    expect(await lastInvoice(id)).toMatchObject({
      status: 'draft',
      billing_reason: 'subscription_create',
      total: 29_700,
    });
    await b.sandbox.clock.advance(HOUR);
    expect(await lastInvoice(id)).toMatchObject({ status: 'paid', amount_paid: 29_700 });
    await b.sandbox.clock.advanceTo(end * 1_000 + HOUR);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({ status: 'canceled', ended_at: end });
    expect(await b.stripe.subscriptionSchedules.retrieve(schedule.id)).toMatchObject({
      status: 'completed',
      completed_at: end,
      canceled_at: null,
    });
    expect((await b.stripe.invoices.list({ subscription: id })).data.map((invoice) => invoice.total)).toEqual([
      29_700, 29_700,
    ]);
    expect(await scheduleEvents()).toEqual(['created', 'updated', 'expiring', 'completed']);
  });

  test('that begins later has no subscription until then', async () => {
    const { basic, pro } = await prices();
    const start = at('2026-11-10T12:00:00Z');
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: start,
      phases: [
        { items: [{ price: basic }], end_date: start + 5 * 86_400 },
        { items: [{ price: pro }], proration_behavior: 'none' },
      ],
    });
    expect(schedule).toMatchObject({ status: 'not_started', subscription: null, current_phase: null });
    expect((await b.stripe.subscriptionSchedules.list({ scheduled: true })).data).toHaveLength(1);
    await b.sandbox.clock.advanceTo(start * 1_000);
    const begun = await b.stripe.subscriptionSchedules.retrieve(schedule.id, { expand: ['subscription'] });
    expect(begun).toMatchObject({ status: 'active', subscription: { status: 'active', start_date: start } });
    expect((await b.stripe.subscriptionSchedules.list({ scheduled: true })).data).toEqual([]);
    await b.sandbox.clock.advance(6 * DAY);
    const subscription = begun.subscription as Stripe.Subscription;
    const changed = await b.stripe.subscriptions.retrieve(subscription.id);
    expect(changed.items.data.map((item) => item.price.id)).toEqual([pro]);
    expect((await b.stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
  });

  test('prorates a phase that begins within a period, by its own behavior', async () => {
    const { basic, pro } = await prices();
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      phases: [
        { items: [{ price: basic }], end_date: at('2026-11-13T00:00:00Z') },
        { items: [{ price: pro }], proration_behavior: 'always_invoice' },
      ],
    });
    await b.sandbox.clock.advanceTo(Date.parse('2026-11-13T00:00:00Z'));
    const invoice = await lastInvoice(idOf(schedule.subscription));
    expect(invoice).toMatchObject({ billing_reason: 'subscription_update', status: 'paid', total: 24_000 });
    expect(invoice.lines.data.map((line) => line.amount)).toEqual([29_940, -5_940]);
  });

  test('starts a trial that is a whole phase, and charges when it is over', async () => {
    const { basic, pro } = await prices();
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      phases: [
        { items: [{ price: pro }], trial: true, duration: { interval: 'week', interval_count: 2 } },
        { items: [{ price: basic }], duration: { interval: 'month' } },
      ],
    });
    const id = idOf(schedule.subscription);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({
      status: 'trialing',
      trial_end: at('2026-11-15T00:00:00Z'),
    });
    await b.sandbox.clock.advance(14 * DAY + HOUR);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({
      status: 'active',
      billing_cycle_anchor: at('2026-11-15T00:00:00Z'),
      items: { data: [{ price: { id: basic } }] },
    });
    expect(await lastInvoice(id)).toMatchObject({ status: 'paid', total: 9_900 });
  });

  test('discounts only the phase that says so, and leaves out a coupon that has gone meanwhile', async () => {
    const { basic } = await prices();
    const half = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    const gone = await b.stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const items = [{ price: basic }];
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      phases: [
        { items, discounts: [{ coupon: half.id }], duration: { interval: 'month' } },
        { items, duration: { interval: 'month' } },
        { items, discounts: [{ coupon: gone.id }], duration: { interval: 'month' } },
      ],
    });
    expect(schedule.phases[0]?.discounts).toEqual([{ coupon: half.id, discount: null, promotion_code: null }]);
    await b.stripe.coupons.del(gone.id);
    await b.sandbox.clock.advance(62 * DAY);
    const totals = (await b.stripe.invoices.list({ subscription: idOf(schedule.subscription) })).data;
    expect(totals.map((invoice) => invoice.total)).toEqual([9_900, 9_900, 4_950]);
    const expired = b.stripe.subscriptionSchedules.update(schedule.id, {
      phases: [{ items, start_date: at('2027-01-01T00:00:00Z'), discounts: [{ coupon: gone.id }] }],
    });
    expect(await refusal(expired)).toMatchObject({ param: 'phases[0][discounts][0][coupon]' });
  });

  test('begins a new cycle with another interval, or with phase_start, and adds its items once', async () => {
    const { basic } = await prices();
    const yearly = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 99_000,
      recurring: { interval: 'year' },
      product_data: { name: 'Yearly' },
    });
    const setup = await b.stripe.prices.create({
      currency: 'usd',
      unit_amount: 5_000,
      product_data: { name: 'Setup' },
    });
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      phases: [
        { items: [{ price: basic }], add_invoice_items: [{ price: setup.id }], duration: { interval: 'month' } },
        { items: [{ price: yearly.id }], add_invoice_items: [{ price: setup.id, quantity: 2 }] },
      ],
    });
    const id = idOf(schedule.subscription);
    await b.sandbox.clock.advance(HOUR);
    expect(await lastInvoice(id)).toMatchObject({ status: 'paid', total: 14_900 });
    await b.sandbox.clock.advance(30 * DAY);
    const invoice = await lastInvoice(id);
    expect(invoice).toMatchObject({ status: 'paid', total: 109_000 });
    const year = { start: at('2026-12-01T00:00:00Z'), end: at('2027-12-01T00:00:00Z') };
    expect(invoice.lines.data.map((line) => line.period.end)).toEqual([at('2027-01-01T00:00:00Z'), year.end]);
    expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({
      billing_cycle_anchor: year.start,
      items: { data: [{ current_period_start: year.start, current_period_end: year.end }] },
    });
  });

  test('whose first invoice is not paid is collected like a renewal, and aborted when nobody pays', async () => {
    const { basic } = await prices();
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer('pm_card_chargeCustomerFail'),
      start_date: 'now',
      phases: [{ items: [{ price: basic }], duration: { interval: 'year' } }],
    });
    const id = idOf(schedule.subscription);
    await b.sandbox.clock.advance(2 * HOUR);
    expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('past_due');
    await b.sandbox.clock.advance(16 * DAY);
    expect((await b.stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    expect((await b.stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('canceled');
    expect((await scheduleEvents()).at(-1)).toBe('aborted');
  });
});

test('a phase may send its invoices, and the next one charge them again', async () => {
  const { basic, pro } = await prices();
  const customer = await payer();
  const items = [{ price: basic }];
  const open_end = b.stripe.subscriptionSchedules.create({
    customer,
    start_date: 'now',
    phases: [{ items, collection_method: 'send_invoice' }],
  });
  expect((await refusal(open_end)).param).toBe('phases[0][invoice_settings][days_until_due]');
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer,
    start_date: 'now',
    phases: [
      {
        items,
        collection_method: 'send_invoice',
        invoice_settings: { days_until_due: 10 },
        duration: { interval: 'month' },
      },
      { items: [{ price: pro }] },
    ],
  });
  const id = idOf(schedule.subscription);
  await b.sandbox.clock.advance(2 * HOUR);
  const sent = await lastInvoice(id);
  expect(sent).toMatchObject({
    collection_method: 'send_invoice',
    status: 'open',
    due_date: at(START) + 3_600 + 864_000,
  });
  await b.stripe.invoices.pay(sent.id);
  await b.sandbox.clock.advance(30 * DAY);
  expect(await b.stripe.subscriptions.retrieve(id)).toMatchObject({
    collection_method: 'charge_automatically',
    days_until_due: null,
  });
  expect(await lastInvoice(id)).toMatchObject({ status: 'paid', total: 49_900 });
});

test('a discount of an item holds in the phase that names it', async () => {
  const { basic, pro } = await prices();
  const { id: coupon } = await b.stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const both = [{ price: basic, discounts: [{ coupon }] }, { price: pro }];
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer: await payer(),
    start_date: 'now',
    phases: [
      { items: both, duration: { interval: 'month' } },
      { items: both, duration: { interval: 'month' } },
      { items: [{ price: basic }, { price: pro }] },
    ],
  });
  const id = idOf(schedule.subscription);
  await b.sandbox.clock.advance(62 * DAY);
  const totals = (await b.stripe.invoices.list({ subscription: id })).data.map((invoice) => invoice.total);
  expect(totals).toEqual([59_800, 54_850, 54_850]);
  expect((await b.stripe.coupons.retrieve(coupon)).times_redeemed).toBe(1);
});

describe('an update', () => {
  test('must repeat the phase that runs, with its exact beginning', async () => {
    const { schedule, pro } = await downgrade();
    const update = (phases: Stripe.SubscriptionScheduleUpdateParams.Phase[]) =>
      refusal(b.stripe.subscriptionSchedules.update(schedule.id, { phases }));
    expect((await update([{ items: [{ price: pro }] }])).message).toBe(
      'The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.',
    );
    await b.sandbox.clock.advance(DAY);
    expect((await update([{ items: [{ price: pro }], start_date: 'now' }])).message).toBe(
      'You can not modify the start date of the current phase.',
    );
    const over = { items: [{ price: pro }], start_date: at(START), end_date: at(START) + 60 };
    expect(await update([over])).toMatchObject({ param: 'phases' });
    expect((await b.stripe.subscriptionSchedules.retrieve(schedule.id)).phases).toEqual(schedule.phases);
  });

  test('of the phase that runs changes the subscription at once, prorated as the request says', async () => {
    const { schedule, subscription, pro, basic } = await downgrade();
    await b.sandbox.clock.advanceTo(Date.parse('2026-11-16T00:00:00Z'));
    const updated = await b.stripe.subscriptionSchedules.update(schedule.id, {
      proration_behavior: 'always_invoice',
      phases: [
        { items: [{ price: pro, quantity: 2 }], start_date: at(START), end_date: at('2026-12-01T00:00:00Z') },
        { items: [{ price: basic }] },
      ],
    });
    expect(updated.phases[0]?.items).toMatchObject([{ price: pro, quantity: 2 }]);
    expect(await lastInvoice(subscription)).toMatchObject({ status: 'paid', total: 24_950 });
  });

  test('that ends the phase now begins the next one', async () => {
    const { schedule, subscription, pro, basic } = await downgrade();
    await b.sandbox.clock.advanceTo(Date.parse('2026-11-16T00:00:00Z'));
    const updated = await b.stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { items: [{ price: pro }], start_date: at(START), end_date: 'now' },
        { items: [{ price: basic }], proration_behavior: 'none' },
      ],
    });
    expect(updated.current_phase?.start_date).toBe(at('2026-11-16T00:00:00Z'));
    const { items } = await b.stripe.subscriptions.retrieve(subscription);
    expect(items.data.map((item) => item.price.id)).toEqual([basic]);
  });

  test('of one that has not begun moves all of it', async () => {
    const { basic, pro } = await prices();
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: at('2027-01-01T00:00:00Z'),
      phases: [{ items: [{ price: basic }] }],
    });
    const moved = await b.stripe.subscriptionSchedules.update(schedule.id, {
      phases: [{ items: [{ price: pro }], start_date: 'now', duration: { interval: 'month' } }],
    });
    expect(moved).toMatchObject({ status: 'active', current_phase: { start_date: at(START) } });
    await b.sandbox.clock.advanceTo(Date.parse('2027-01-02T00:00:00Z'));
    expect((await b.stripe.subscriptions.list({ customer: idOf(moved.customer) })).data).toHaveLength(1);
  });
});

describe('while a subscription is managed', () => {
  test('its end and its pauses belong to the schedule', async () => {
    const { schedule, subscription } = await downgrade();
    const message = `The subscription is managed by the subscription schedule \`${schedule.id}\`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.`;
    for (const wish of [{ cancel_at_period_end: true }, { cancel_at: at('2027-01-01T00:00:00Z') }]) {
      expect((await refusal(b.stripe.subscriptions.update(subscription, wish))).message).toBe(message);
    }
    const paused = b.stripe.subscriptions.pause(subscription, { type: 'subscription' });
    expect((await refusal(paused)).message).toContain(schedule.id);
    await b.stripe.subscriptionSchedules.release(schedule.id);
    expect(await b.stripe.subscriptions.update(subscription, { cancel_at_period_end: true })).toMatchObject({
      schedule: null,
      cancel_at_period_end: true,
    });
  });

  test('a direct change of its items is the running phase from then on, and later phases stay', async () => {
    const { schedule, subscription, basic } = await downgrade();
    const { items } = await b.stripe.subscriptions.retrieve(subscription);
    await b.stripe.subscriptions.update(subscription, { items: [{ id: items.data[0]?.id ?? '', quantity: 5 }] });
    const phases = (await b.stripe.subscriptionSchedules.retrieve(schedule.id)).phases;
    expect(phases.map((phase) => phase.items[0]?.quantity)).toEqual([5, 2]);
    await b.sandbox.clock.advance(30 * DAY);
    expect(await b.stripe.subscriptions.retrieve(subscription)).toMatchObject({
      items: { data: [{ price: { id: basic }, quantity: 2 }] },
    });
  });

  test('canceling it cancels its schedule, and canceling the schedule gives back and bills what is open', async () => {
    const one = await downgrade();
    await b.stripe.subscriptions.cancel(one.subscription);
    expect((await b.stripe.subscriptionSchedules.retrieve(one.schedule.id)).status).toBe('canceled');
    const two = await downgrade();
    await b.sandbox.clock.advanceTo(Date.parse('2026-11-16T00:00:00Z'));
    const canceled = await b.stripe.subscriptionSchedules.cancel(two.schedule.id);
    expect(canceled).toMatchObject({
      status: 'canceled',
      canceled_at: at('2026-11-16T00:00:00Z'),
      current_phase: null,
    });
    expect((await b.stripe.subscriptions.retrieve(two.subscription)).status).toBe('canceled');
    expect(await lastInvoice(two.subscription)).toMatchObject({ total: -24_950 });
    const again = b.stripe.subscriptionSchedules.cancel(two.schedule.id);
    expect((await refusal(again)).message).toBe(
      'You cannot cancel a subscription schedule that is currently in the `canceled` status. It must be in `not_started`, `active` status to be canceled.',
    );
  });
});

test('a planned cancellation is dropped by a release, unless it is kept', async () => {
  const { basic } = await prices();
  for (const preserve_cancel_date of [false, true]) {
    const schedule = await b.stripe.subscriptionSchedules.create({
      customer: await payer(),
      start_date: 'now',
      end_behavior: 'cancel',
      phases: [{ items: [{ price: basic }], duration: { interval: 'month' } }],
    });
    await b.stripe.subscriptionSchedules.release(schedule.id, { preserve_cancel_date });
    const released = await b.stripe.subscriptions.retrieve(idOf(schedule.subscription));
    expect(released.cancel_at).toBe(preserve_cancel_date ? at('2026-12-01T00:00:00Z') : null);
  }
  await b.sandbox.clock.advance(30 * DAY);
  expect((await b.stripe.subscriptions.list({ status: 'canceled' })).data).toHaveLength(1);
});

test('a pause is planned with its end, and tells how it went', async () => {
  const { basic } = await prices();
  const { subscription } = await subscriber(b.stripe, { price: basic });
  const made = await b.stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const schedule = await b.stripe.subscriptionSchedules.update(made.id, {
    phases: [{ items: [{ price: basic }], start_date: at(START), duration: { interval: 'year' } }],
    pause_schedules: [
      {
        pause: { pause_at: { type: 'timestamp', timestamp: at('2026-11-16T00:00:00Z') } },
        resume: { resume_at: { type: 'duration', duration: { interval: 'week', interval_count: 2 } } },
      },
    ],
  });
  expect(schedule.pause_schedules).toMatchObject([
    {
      pause: { status: { type: 'scheduled' }, settings: { invoicing_behavior: 'pending_invoice_item' } },
      resume: { resume_at: at('2026-11-30T00:00:00Z'), status: { type: 'scheduled' } },
    },
  ]);
  await b.sandbox.clock.advanceTo(Date.parse('2026-11-17T00:00:00Z'));
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('paused');
  await b.sandbox.clock.advanceTo(Date.parse('2026-12-01T00:00:00Z'));
  expect((await b.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  const [pause] = (await b.stripe.subscriptionSchedules.retrieve(schedule.id)).pause_schedules;
  expect([pause?.pause.status.type, pause?.resume?.status.type]).toEqual(['succeeded', 'succeeded']);
});

test('on a test clock its phases come with the time of the clock', async () => {
  const { basic, pro } = await prices();
  const clock = await b.stripe.testHelpers.testClocks.create({ frozen_time: at('2030-01-01T00:00:00Z') });
  const customer = await b.stripe.customers.create({
    test_clock: clock.id,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const schedule = await b.stripe.subscriptionSchedules.create({
    customer: customer.id,
    start_date: at('2030-01-10T00:00:00Z'),
    phases: [{ items: [{ price: basic }], duration: { interval: 'week' } }, { items: [{ price: pro }] }],
  });
  expect(schedule).toMatchObject({ created: at('2030-01-01T00:00:00Z'), test_clock: clock.id });
  expect((await b.stripe.subscriptionSchedules.list()).data).toEqual([]);
  await b.stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: at('2030-01-20T00:00:00Z') });
  await expect
    .poll(async () => (await b.stripe.testHelpers.testClocks.retrieve(clock.id)).status, { timeout: 10_000 })
    .toBe('ready');
  const begun = await b.stripe.subscriptionSchedules.retrieve(schedule.id);
  expect(begun.current_phase?.start_date).toBe(at('2030-01-17T00:00:00Z'));
  const { items } = await b.stripe.subscriptions.retrieve(idOf(begun.subscription));
  expect(items.data.map((item) => item.price.id)).toEqual([pro]);
});

test('bad phases are refused by name and change nothing', async () => {
  const { basic, pro } = await prices();
  const euro = await b.stripe.prices.create({
    currency: 'eur',
    unit_amount: 1,
    recurring: { interval: 'month' },
    product_data: { name: 'Euro' },
  });
  const customer = await payer();
  const other = await payer();
  const [method] = (await b.stripe.paymentMethods.list({ customer: other })).data;
  const items = [{ price: basic }];
  const start = at('2027-01-01T00:00:00Z');
  const wrong: [Stripe.SubscriptionScheduleCreateParams, string][] = [
    [{ customer, start_date: 'now' }, 'phases'],
    [{ start_date: 'now', phases: [{ items }] }, 'customer'],
    [{ customer, phases: [{ items }] }, 'start_date'],
    [{ customer, start_date: 'now', phases: [{ items: [{ price: 'price_x' }] }] }, 'phases[0][items][0][price]'],
    [{ customer, start_date: 'now', phases: [{ items: [...items, ...items] }] }, 'phases[0][items]'],
    [{ customer, start_date: 'now', phases: [{ items }, { items: [{ price: euro.id }] }] }, 'phases[1][items]'],
    [{ customer, start_date: start, phases: [{ items, end_date: start }] }, 'phases[0][end_date]'],
    [
      { customer, start_date: 'now', phases: [{ items, trial: true, billing_cycle_anchor: 'phase_start' }] },
      'phases[0][billing_cycle_anchor]',
    ],
    [
      { customer, start_date: 'now', phases: [{ items, default_payment_method: method?.id ?? '' }] },
      'phases[0][default_payment_method]',
    ],
    [
      { customer, start_date: 'now', phases: Array.from({ length: 11 }, () => ({ items: [{ price: pro }] })) },
      'phases',
    ],
  ];
  for (const [params, param] of wrong) {
    expect(await refusal(b.stripe.subscriptionSchedules.create(params))).toMatchObject({ statusCode: 400, param });
  }
  expect((await b.stripe.subscriptionSchedules.list()).data).toEqual([]);
  expect((await b.stripe.subscriptions.list()).data).toEqual([]);
  const iterations = { customer, start_date: 'now' as const, phases: [{ items, iterations: 1 }] };
  expect((await refusal(b.stripe.subscriptionSchedules.create(iterations))).message).toBe(
    'Received unknown parameter: phases[0][iterations]',
  );
});
