import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { splitDown } from '../src/billing/shares.ts';
import {
  type Bench,
  bench,
  DAY,
  goodCard,
  HOUR,
  idOf,
  monthlyPrice,
  refusal,
  standing,
  submit,
  subscriber,
} from './harness.ts';
import { addsUp } from './totals.ts';

let b: Bench;
beforeEach(async () => {
  b = await bench({ now: standing('2027-01-01T00:00:00Z'), frozen: true });
});
afterEach(async () => {
  await addsUp(b.stripe);
  await b.close();
});

async function payer(stripe: Stripe): Promise<string> {
  const customer = await stripe.customers.create({
    email: 'ada@example.com',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  return customer.id;
}

async function paid(stripe: Stripe, subscription: string): Promise<number[]> {
  const invoices = (await stripe.invoices.list({ subscription, limit: 100 })).data.toReversed();
  return invoices.map((invoice) => invoice.amount_paid);
}

describe('coupons', () => {
  test('take an amount off in each currency they name, and a percentage in any', async () => {
    const { stripe } = b;
    const amount = await stripe.coupons.create({
      amount_off: 500,
      currency: 'USD',
      currency_options: { EUR: { amount_off: 450 } },
      expand: ['currency_options'],
    });
    expect(amount.currency).toBe('usd');
    expect(amount.currency_options).toEqual({ usd: { amount_off: 500 }, eur: { amount_off: 450 } });
    expect((await stripe.coupons.create({ percent_off: 10, currency: 'usd' })).currency).toBeNull();
  });

  test('are created, read, changed, listed and deleted; a deleted one ends no discount', async () => {
    const { stripe } = b;
    const coupon = await stripe.coupons.create({ id: 'SAVE', percent_off: 12.5, duration: 'forever', name: 'Save' });
    expect(coupon).toMatchObject({
      id: 'SAVE',
      percent_off: 12.5,
      duration: 'forever',
      valid: true,
      times_redeemed: 0,
    });
    expect((await stripe.coupons.update('SAVE', { name: 'Saved', metadata: { a: '1' } })).name).toBe('Saved');
    const customer = await payer(stripe);
    const price = await monthlyPrice(stripe, 10_000);
    const created = await stripe.subscriptions.create({
      customer,
      items: [{ price: price.id }],
      discounts: [{ coupon: 'SAVE' }],
    });
    await stripe.coupons.del('SAVE');
    expect((await stripe.coupons.list()).data).toEqual([]);
    expect((await refusal(stripe.coupons.retrieve('SAVE'))).code).toBe('resource_missing');
    await b.sandbox.clock.advance(32 * DAY);
    expect(await paid(stripe, created.id)).toEqual([8_750, 8_750]);
    const types = (await stripe.events.list({ types: ['coupon.*', 'customer.discount.*'] })).data;
    expect(types.map((event) => event.type).toReversed()).toEqual([
      'coupon.created',
      'coupon.updated',
      'coupon.updated',
      'customer.discount.created',
      'coupon.deleted',
    ]);
  });

  test('a discount that is taken off a subscription stays on the draft that has it, and is on no later one', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 10_000);
    await stripe.coupons.create({ id: 'HALF', percent_off: 50, duration: 'forever' });
    const created = await stripe.subscriptions.create({
      customer: await payer(stripe),
      items: [{ price: price.id }],
      discounts: [{ coupon: 'HALF' }],
    });
    await b.sandbox.clock.advance(31 * DAY);
    expect((await stripe.invoices.list({ subscription: created.id, status: 'draft' })).data).toHaveLength(1);
    await stripe.subscriptions.deleteDiscount(created.id);
    await b.sandbox.clock.advance(31 * DAY);
    expect(await paid(stripe, created.id)).toEqual([5_000, 5_000, 10_000]);
  });

  test('once, repeating and forever hold as long as they say', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 10_000);
    const subscribe = async (coupon: Stripe.CouponCreateParams): Promise<string> => {
      const { id } = await stripe.coupons.create(coupon);
      const customer = await payer(stripe);
      const params = { customer, items: [{ price: price.id }], discounts: [{ coupon: id }] };
      return (await stripe.subscriptions.create(params)).id;
    };
    const once = await subscribe({ percent_off: 50, duration: 'once' });
    const repeating = await subscribe({
      amount_off: 1_000,
      currency: 'usd',
      duration: 'repeating',
      duration_in_months: 2,
    });
    const forever = await subscribe({ percent_off: 100, duration: 'forever' });
    expect((await stripe.subscriptions.retrieve(once)).discounts).toEqual([]);
    await b.sandbox.clock.advance(91 * DAY);
    expect(await paid(stripe, once)).toEqual([5_000, 10_000, 10_000, 10_000]);
    expect(await paid(stripe, repeating)).toEqual([9_000, 9_000, 10_000, 10_000]);
    expect(await paid(stripe, forever)).toEqual([0, 0, 0, 0]);
    expect((await stripe.subscriptions.retrieve(repeating)).discounts).toEqual([]);
    const ended = (await stripe.events.list({ type: 'customer.discount.deleted' })).data;
    expect(ended).toHaveLength(2);
  });

  test('an amount is split over the lines rounded down, with the rest on the last', async () => {
    expect(splitDown(500, [1_000, 2_000])).toEqual([166, 334]);
    expect(splitDown(1, [1, 1, 0])).toEqual([0, 1, 0]);
    const { stripe } = b;
    const [one, two] = [await monthlyPrice(stripe, 1_000, 'One'), await monthlyPrice(stripe, 2_000, 'Two')];
    const coupon = await stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'once' });
    const created = await stripe.subscriptions.create({
      customer: await payer(stripe),
      items: [{ price: one.id }, { price: two.id }],
      discounts: [{ coupon: coupon.id }],
      expand: ['latest_invoice.discounts.source.coupon'],
    });
    const invoice = created.latest_invoice as Stripe.Invoice;
    expect(invoice).toMatchObject({ subtotal: 3_000, total: 2_500, amount_paid: 2_500 });
    expect(invoice.lines.data.map((line) => line.discount_amounts?.[0]?.amount)).toEqual([166, 334]);
    expect(invoice.total_discount_amounts).toMatchObject([{ amount: 500 }]);
    expect(invoice.discounts).toMatchObject([{ source: { type: 'coupon', coupon: { id: coupon.id } } }]);
  });

  test('applies_to leaves other products alone', async () => {
    const { stripe } = b;
    const [one, two] = [await monthlyPrice(stripe, 1_000, 'One'), await monthlyPrice(stripe, 2_000, 'Two')];
    const coupon = await stripe.coupons.create({ percent_off: 50, applies_to: { products: [idOf(two.product)] } });
    const created = await stripe.subscriptions.create({
      customer: await payer(stripe),
      items: [{ price: one.id }, { price: two.id }],
      discounts: [{ coupon: coupon.id }],
      expand: ['latest_invoice'],
    });
    const invoice = created.latest_invoice as Stripe.Invoice;
    expect(invoice.lines.data.map((line) => line.discount_amounts)).toMatchObject([[], [{ amount: 1_000 }]]);
    const shown = await stripe.coupons.retrieve(coupon.id, { expand: ['applies_to'] });
    expect(shown.applies_to).toEqual({ products: [idOf(two.product)] });
  });

  test('limits hold: redemptions, the last day, the currency', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 1_000);
    const now = Math.floor(b.sandbox.clock.now() / 1000);
    const few = await stripe.coupons.create({ percent_off: 10, max_redemptions: 2 });
    const short = await stripe.coupons.create({ percent_off: 10, redeem_by: now + 60 });
    const euro = await stripe.coupons.create({ amount_off: 5, currency: 'eur' });
    const subscribe = async (coupon: string): Promise<Stripe.Subscription> => {
      const customer = await payer(stripe);
      return await stripe.subscriptions.create({ customer, items: [{ price: price.id }], discounts: [{ coupon }] });
    };
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => subscribe(few.id)));
    expect(outcomes.filter((each) => each.status === 'fulfilled')).toHaveLength(2);
    expect(await stripe.coupons.retrieve(few.id)).toMatchObject({ times_redeemed: 2, valid: false });
    await b.sandbox.clock.advance(61_000);
    expect((await refusal(subscribe(short.id))).code).toBe('coupon_expired');
    expect((await refusal(subscribe(euro.id))).code).toBe('coupon_currency_mismatch');
    expect((await refusal(subscribe('nope'))).param).toBe('discounts[0][coupon]');
    expect((await stripe.coupons.retrieve(few.id)).times_redeemed).toBe(2);
  });

  test('a discount can be added to a subscription, kept by id, and taken away', async () => {
    const { stripe } = b;
    const { subscription } = await subscriber(stripe);
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const given = await stripe.subscriptions.update(subscription.id, {
      discounts: [{ coupon: coupon.id }],
      expand: ['discounts'],
    });
    const [discount] = given.discounts as Stripe.Discount[];
    expect(discount).toMatchObject({ subscription: subscription.id, end: null, source: { coupon: coupon.id } });
    const kept = await stripe.subscriptions.update(subscription.id, { discounts: [{ discount: discount?.id ?? '' }] });
    expect(kept.discounts).toEqual([discount?.id]);
    expect((await stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(1);
    expect(await stripe.subscriptions.deleteDiscount(subscription.id)).toMatchObject({ deleted: true });
    expect((await stripe.subscriptions.retrieve(subscription.id)).discounts).toEqual([]);
    expect((await refusal(stripe.subscriptions.deleteDiscount(subscription.id))).code).toBe('resource_missing');
    expect((await refusal(stripe.customers.deleteDiscount(idOf(subscription.customer)))).code).toBe('resource_missing');
  });
});

describe('promotion codes', () => {
  test('are unique among the active ones whatever their case, and found by it', async () => {
    const { stripe } = b;
    const coupon = await stripe.coupons.create({ percent_off: 10 });
    const promotion = { type: 'coupon', coupon: coupon.id } as const;
    const code = await stripe.promotionCodes.create({ promotion, code: 'Fall20' });
    expect(code.promotion).toEqual({ type: 'coupon', coupon: coupon.id });
    expect((await refusal(stripe.promotionCodes.create({ promotion, code: 'FALL20' }))).param).toBe('code');
    expect((await stripe.promotionCodes.list({ code: 'fall20' })).data.map((each) => each.id)).toEqual([code.id]);
    await stripe.promotionCodes.update(code.id, { active: false });
    const second = await stripe.promotionCodes.create({ promotion, code: 'FALL20' });
    expect(second.active).toBe(true);
    expect((await refusal(stripe.promotionCodes.update(code.id, { active: true }))).param).toBe('active');
  });

  test('restrictions: the customer, the first purchase, the minimum', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 1_000);
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const promotion = { type: 'coupon', coupon: coupon.id } as const;
    const [ada, bob] = [await payer(stripe), await payer(stripe)];
    const own = await stripe.promotionCodes.create({ promotion, customer: ada });
    const first = await stripe.promotionCodes.create({ promotion, restrictions: { first_time_transaction: true } });
    const large = await stripe.promotionCodes.create({
      promotion,
      restrictions: { minimum_amount: 1_001, minimum_amount_currency: 'usd' },
    });
    const subscribe = async (customer: string, code: Stripe.PromotionCode): Promise<Stripe.Subscription> =>
      await stripe.subscriptions.create({
        customer,
        items: [{ price: price.id }],
        discounts: [{ promotion_code: code.id }],
        expand: ['discounts'],
      });
    expect((await refusal(subscribe(bob, own))).message).toContain('this customer');
    expect((await refusal(subscribe(ada, large))).message).toContain('minimum amount');
    const created = await subscribe(ada, first);
    expect(created.discounts).toMatchObject([{ promotion_code: first.id }]);
    expect((await refusal(subscribe(ada, first))).message).toContain('prior transactions');
    expect((await stripe.promotionCodes.retrieve(first.id)).times_redeemed).toBe(1);
  });

  test('are typed on the checkout page, and may run out while it is open', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 1_000);
    const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'forever' });
    const promotion = { type: 'coupon', coupon: coupon.id } as const;
    const code = await stripe.promotionCodes.create({ promotion, code: 'SPRING', max_redemptions: 1 });
    const open = async (): Promise<Stripe.Checkout.Session> =>
      await stripe.checkout.sessions.create({
        mode: 'subscription',
        line_items: [{ price: price.id, quantity: 1 }],
        success_url: 'http://shop.test/done',
        allow_promotion_codes: true,
      });
    const [one, two] = [await open(), await open()];
    expect(await (await fetch(one.url ?? '')).text()).toContain('Promotion code');
    const wrong = await submit(one.url ?? '', { action: 'code', code: 'nope' });
    expect(await wrong.text()).toContain('This code is invalid.');
    for (const session of [one, two]) {
      expect((await submit(session.url ?? '', { action: 'code', code: ' spring ' })).status).toBe(303);
    }
    expect(await (await fetch(one.url ?? '')).text()).toContain('$8.00');
    expect((await submit(one.url ?? '', goodCard)).status).toBe(303);
    const done = await stripe.checkout.sessions.retrieve(one.id, { expand: ['invoice', 'line_items'] });
    expect(done).toMatchObject({
      amount_subtotal: 1_000,
      amount_total: 800,
      total_details: { amount_discount: 200 },
      discounts: [{ promotion_code: code.id }],
      invoice: { total: 800, amount_paid: 800 },
    });
    expect(done.line_items?.data).toMatchObject([{ amount_discount: 200, amount_total: 800 }]);
    expect(await (await submit(two.url ?? '', goodCard)).text()).toContain('no longer active');
    expect((await stripe.checkout.sessions.retrieve(two.id)).amount_total).toBe(1_000);
  });

  test('a session can be opened with a coupon, not with both', async () => {
    const { stripe } = b;
    const price = await monthlyPrice(stripe, 1_000);
    const coupon = await stripe.coupons.create({ amount_off: 300, currency: 'usd', duration: 'once' });
    const params: Stripe.Checkout.SessionCreateParams = {
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: 'http://shop.test/done',
      discounts: [{ coupon: coupon.id }],
    };
    const both = await refusal(stripe.checkout.sessions.create({ ...params, allow_promotion_codes: true }));
    expect(both.message).toContain('only specify one');
    const session = await stripe.checkout.sessions.create(params);
    expect(session.amount_total).toBe(700);
    await submit(session.url ?? '', goodCard);
    await b.sandbox.clock.advance(31 * DAY + 2 * HOUR);
    const subscription = idOf((await stripe.checkout.sessions.retrieve(session.id)).subscription);
    expect(await paid(stripe, subscription)).toEqual([700, 1_000]);
  });
});
