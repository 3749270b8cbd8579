import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bench, bench, DAY, HOUR, idOf, monthlyPrice, refusal, standing } from './harness.ts';
import { addsUp } from './totals.ts';

const START = '2026-11-16T00:00:00Z';
const at = (iso: string): number => Date.parse(iso) / 1_000;

let b: Bench;
let stripe: Stripe;
let customer: string;
let basic: string;
beforeEach(async () => {
  b = await bench({ now: standing(START), frozen: true });
  stripe = b.stripe;
  basic = (await monthlyPrice(stripe, 3_000, 'Basic')).id;
  const made = await stripe.customers.create({
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  customer = made.id;
});
afterEach(async () => {
  await addsUp(stripe);
  await b.close();
});

async function invoicesOf(schedule: Stripe.SubscriptionSchedule): Promise<Stripe.Invoice[]> {
  const { data } = await stripe.invoices.list({ subscription: idOf(schedule.subscription) });
  return data.toReversed();
}

function amounts(invoice: Stripe.Invoice | undefined): number[] {
  return (invoice?.lines.data ?? []).map((line) => line.amount);
}

describe('a schedule that begins in the past', () => {
  test('bills what has gone by, by intervals from its start, with the period that begins now', async () => {
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: at('2026-10-01T00:00:00Z'),
      phases: [{ items: [{ price: basic }], duration: { interval: 'month', interval_count: 6 } }],
    });
    expect(schedule).toMatchObject({ status: 'active', current_phase: { start_date: at('2026-10-01T00:00:00Z') } });
    const subscription = await stripe.subscriptions.retrieve(idOf(schedule.subscription));
    expect(subscription).toMatchObject({ start_date: at('2026-10-01T00:00:00Z'), billing_cycle_anchor: at(START) });
    const [first] = await invoicesOf(schedule);
    expect(first?.status).toBe('draft');
    expect(amounts(first)).toEqual([3_000, 1_500, 3_000]);
    await b.sandbox.clock.advance(2 * HOUR);
    expect((await invoicesOf(schedule))[0]).toMatchObject({ status: 'paid', total: 7_500 });
  });

  test('with periods that are counted from its start, the one that runs is billed whole', async () => {
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: at('2026-10-01T00:00:00Z'),
      phases: [
        {
          billing_cycle_anchor: 'phase_start',
          items: [{ price: basic }],
          duration: { interval: 'month', interval_count: 6 },
        },
      ],
    });
    const subscription = await stripe.subscriptions.retrieve(idOf(schedule.subscription));
    expect(subscription.items.data[0]?.current_period_end).toBe(at('2026-12-01T00:00:00Z'));
    expect(amounts((await invoicesOf(schedule))[0])).toEqual([3_000, 3_000]);
    await b.sandbox.clock.advance(16 * DAY);
    const [, second] = await invoicesOf(schedule);
    expect(second).toMatchObject({ billing_reason: 'subscription_cycle', total: 3_000 });
  });

  test('without prorations what has gone by is free; a first phase that is over is refused', async () => {
    const start_date = at('2026-10-01T00:00:00Z');
    const free = await stripe.subscriptionSchedules.create({
      customer,
      start_date,
      phases: [{ items: [{ price: basic }], proration_behavior: 'none', end_date: at('2027-01-01T00:00:00Z') }],
    });
    expect(amounts((await invoicesOf(free))[0])).toEqual([3_000]);
    const over = stripe.subscriptionSchedules.create({
      customer,
      start_date,
      phases: [{ items: [{ price: basic }], end_date: at('2026-11-01T00:00:00Z') }, { items: [{ price: basic }] }],
    });
    expect(await refusal(over)).toMatchObject({ param: 'phases[0][end_date]' });
    expect((await stripe.subscriptionSchedules.list({ customer })).data).toHaveLength(1);
  });

  test('one that has not begun may be moved into the past', async () => {
    const planned = await stripe.subscriptionSchedules.create({
      customer,
      start_date: at('2026-12-01T00:00:00Z'),
      phases: [{ items: [{ price: basic }] }],
    });
    const begun = await stripe.subscriptionSchedules.update(planned.id, {
      phases: [
        { start_date: at('2026-11-01T00:00:00Z'), end_date: at('2027-01-01T00:00:00Z'), items: [{ price: basic }] },
      ],
    });
    expect(begun.status).toBe('active');
    expect(amounts((await invoicesOf(begun))[0])).toEqual([1_500, 3_000]);
  });
});

describe('prices that a phase describes', () => {
  test('are written inactive, billed, and kept when the schedule is changed', async () => {
    const product = (await stripe.products.create({ name: 'Custom' })).id;
    const recurring = { interval: 'month' as const };
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: 'now',
      phases: [
        {
          items: [{ price_data: { currency: 'usd', product, recurring, unit_amount: 1_200 }, quantity: 2 }],
          add_invoice_items: [{ price_data: { currency: 'usd', product, unit_amount: 500 }, period: whole }],
          duration: { interval: 'month', interval_count: 2 },
        },
        { items: [{ price: basic }] },
      ],
    });
    const [phase] = schedule.phases;
    const price = idOf(phase?.items[0]?.price ?? null);
    expect(await stripe.prices.retrieve(price)).toMatchObject({ active: false, unit_amount: 1_200, product });
    const added = (await invoicesOf(schedule))[0];
    expect(amounts(added).toSorted((x, y) => x - y)).toEqual([500, 2_400]);
    const once = idOf(phase?.add_invoice_items[0]?.price ?? null);
    const changed = await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        {
          items: [{ price, quantity: 3 }],
          add_invoice_items: [{ price: once, period: whole }],
          start_date: phase?.start_date ?? 0,
          end_date: phase?.end_date ?? 0,
        },
      ],
    });
    expect(changed.phases).toMatchObject([{ items: [{ price, quantity: 3 }] }]);
    const foreign = await refusal(
      stripe.subscriptionSchedules.create({ customer, start_date: 'now', phases: [{ items: [{ price }] }] }),
    );
    expect(foreign).toMatchObject({ param: 'phases[0][items][0][price]' });
    await b.sandbox.clock.advance(31 * DAY);
    const all = await invoicesOf(schedule);
    expect(all.at(-1)).toMatchObject({ billing_reason: 'subscription_cycle' });
    expect(amounts(all.at(-1))).toContain(3_600);
  });

  const whole = { start: { type: 'phase_start' as const }, end: { type: 'phase_end' as const } };
});

describe('thresholds, invoices and the billing mode of a schedule', () => {
  test('a phase bills usage when its threshold is reached, the next one does not', async () => {
    const meter = await stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    });
    const metered = await stripe.prices.create({
      currency: 'usd',
      product_data: { name: 'Calls' },
      recurring: { interval: 'month', meter: meter.id, usage_type: 'metered' },
      unit_amount: 10,
    });
    const items = [{ price: metered.id }];
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: 'now',
      phases: [
        {
          items: [{ price: metered.id, billing_thresholds: { usage_gte: 1_000 } }],
          billing_thresholds: { amount_gte: 5_000 },
          duration: { interval: 'month', interval_count: 1 },
        },
        { items, duration: { interval: 'month', interval_count: 1 } },
      ],
    });
    expect(schedule.phases).toMatchObject([
      { billing_thresholds: { amount_gte: 5_000 }, items: [{ billing_thresholds: { usage_gte: 1_000 } }] },
      { billing_thresholds: null, items: [{ billing_thresholds: null }] },
    ]);
    const use = async (value: number): Promise<void> => {
      const payload = { stripe_customer_id: customer, value: String(value) };
      await stripe.billing.meterEvents.create({ event_name: 'calls', payload });
      await b.sandbox.clock.advance(2_000);
    };
    await use(600);
    expect((await invoicesOf(schedule)).map((each) => each.billing_reason)).toContain('subscription_threshold');
    await b.sandbox.clock.advance(31 * DAY);
    const before = (await invoicesOf(schedule)).length;
    await use(2_000);
    expect(await invoicesOf(schedule)).toHaveLength(before);
    expect(await stripe.subscriptions.retrieve(idOf(schedule.subscription))).toMatchObject({
      billing_thresholds: null,
    });
  });

  test('what stands on invoices is said for all phases or for one', async () => {
    const tax_id = await stripe.taxIds.create({ type: 'eu_vat', value: 'DE123456789', owner: { type: 'self' } });
    const settings = { footer: 'Thanks', account_tax_ids: [tax_id.id] };
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: 'now',
      default_settings: { invoice_settings: settings },
      phases: [
        { items: [{ price: basic }], duration: { interval: 'month', interval_count: 1 } },
        {
          items: [{ price: basic }],
          invoice_settings: { footer: 'Goodbye', custom_fields: [{ name: 'PO', value: '7' }] },
        },
      ],
    });
    expect(schedule.default_settings.invoice_settings).toMatchObject(settings);
    expect((await invoicesOf(schedule))[0]).toMatchObject(settings);
    await b.sandbox.clock.advance(31 * DAY);
    expect((await invoicesOf(schedule)).at(-1)).toMatchObject({
      footer: 'Goodbye',
      custom_fields: [{ name: 'PO', value: '7' }],
    });
  });

  test('one in classic billing begins a classic subscription, and a new interval begins its periods anew', async () => {
    const yearly = await stripe.prices.create({
      currency: 'usd',
      product_data: { name: 'Year' },
      recurring: { interval: 'year' },
      unit_amount: 30_000,
    });
    const schedule = await stripe.subscriptionSchedules.create({
      billing_mode: { type: 'classic' },
      customer,
      start_date: at('2026-11-20T00:00:00Z'),
      phases: [
        { items: [{ price: basic }], end_date: at('2026-12-05T00:00:00Z') },
        { items: [{ price: yearly.id }], proration_behavior: 'always_invoice' },
      ],
    });
    expect(schedule.billing_mode.type).toBe('classic');
    await b.sandbox.clock.advance(20 * DAY);
    const begun = await stripe.subscriptionSchedules.retrieve(schedule.id);
    const subscription = await stripe.subscriptions.retrieve(idOf(begun.subscription));
    expect(subscription).toMatchObject({
      billing_mode: { type: 'classic' },
      billing_cycle_anchor: at('2026-12-05T00:00:00Z'),
    });
    const credit = (await invoicesOf(begun)).at(-1);
    expect(amounts(credit).toSorted((x, y) => x - y)).toEqual([-1_500, 30_000]);
    const mixed = stripe.subscriptionSchedules.create({
      billing_mode: { type: 'classic' },
      customer,
      start_date: 'now',
      phases: [{ items: [{ price: basic }, { price: yearly.id }] }],
    });
    expect((await refusal(mixed)).message).toMatch(/mismatch in interval/);
  });

  test('what needs Connect or automatic tax is refused with the reason', async () => {
    const items = [{ price: basic }];
    const wrong: [Partial<Stripe.SubscriptionScheduleCreateParams.Phase>, string][] = [
      [{ automatic_tax: { enabled: true } }, 'phases[0][automatic_tax]'],
      [{ on_behalf_of: 'acct_x' }, 'phases[0][on_behalf_of]'],
      [
        { invoice_settings: { issuer: { type: 'account', account: 'acct_x' } } },
        'phases[0][invoice_settings][issuer][account]',
      ],
      [{ invoice_settings: { account_tax_ids: ['txi_none'] } }, 'phases[0][invoice_settings][account_tax_ids][0]'],
    ];
    for (const [more, param] of wrong) {
      const refused = stripe.subscriptionSchedules.create({
        customer,
        start_date: 'now',
        phases: [{ items, ...more }],
      });
      expect(await refusal(refused)).toMatchObject({ statusCode: 400, param });
    }
  });
});
