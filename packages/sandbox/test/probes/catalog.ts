import { idOf, monthlyPrice } from '../harness.ts';
import { has, lists, type Probes } from './probe.ts';

const monthly = { currency: 'usd', recurring: { interval: 'month' }, product_data: { name: 'Pro' } } as const;

/** Products, prices, coupons, promotion codes, tax rates. */
export const catalogProbes: Probes = {
  'POST /v1/products': async ({ stripe }) => {
    const product = await stripe.products.create({ name: 'Pro', metadata: { tier: 2 } });
    has(product, { object: 'product', active: true, name: 'Pro', tax_details: null, metadata: { tier: '2' } });
    const priced = await stripe.products.create({
      name: 'Pro',
      default_price_data: { currency: 'usd', unit_amount: 900, recurring: { interval: 'year' } },
      expand: ['default_price'],
    });
    has(priced, { default_price: { unit_amount: 900, recurring: { interval: 'year' }, active: true } });
    has(await stripe.events.list({ limit: 1 }), {
      data: [{ type: 'product.updated', data: { previous_attributes: { default_price: null } } }],
    });
  },
  'GET /v1/products/{id}': async ({ stripe }) => {
    const { id } = await stripe.products.create({ name: 'Pro' });
    has(await stripe.products.retrieve(id), { id, name: 'Pro' });
  },
  'POST /v1/products/{id}': async ({ stripe }) => {
    const { id } = await stripe.products.create({ name: 'Pro', description: 'old' });
    has(await stripe.products.update(id, { name: 'Max', description: '' }), { id, name: 'Max', description: null });
  },
  'DELETE /v1/products/{id}': async ({ stripe }) => {
    const { id } = await stripe.products.create({ name: 'Pro' });
    has(await stripe.products.del(id), { id, object: 'product', deleted: true });
  },
  'GET /v1/products': async ({ stripe }) => {
    const { id } = await stripe.products.create({ name: 'Pro' });
    lists(await stripe.products.list({ active: true, ids: [id] }), id);
  },
  'POST /v1/prices': async ({ stripe }) => {
    const tiers = [
      { up_to: 10, unit_amount: 100 },
      { up_to: 'inf' as const, unit_amount: 50 },
    ];
    const price = await stripe.prices.create({
      ...monthly,
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers,
      expand: ['tiers'],
    });
    has(price, { type: 'recurring', unit_amount: null, tiers_mode: 'graduated' });
    has(price.tiers ?? [], [{ up_to: 10, unit_amount_decimal: '100' }, { up_to: null }]);
  },
  'GET /v1/prices/{id}': async ({ stripe }) => {
    const { id } = await stripe.prices.create({ ...monthly, unit_amount: 500 });
    has(await stripe.prices.retrieve(id), { id, unit_amount: 500, unit_amount_decimal: '500' });
  },
  'POST /v1/prices/{id}': async ({ stripe }) => {
    const { id } = await stripe.prices.create({ ...monthly, unit_amount: 500 });
    has(await stripe.prices.update(id, { nickname: 'Pro monthly' }), { id, nickname: 'Pro monthly' });
  },
  'GET /v1/prices': async ({ stripe }) => {
    const { id } = await stripe.prices.create({ ...monthly, unit_amount: 500, lookup_key: 'pro' });
    lists(await stripe.prices.list({ lookup_keys: ['pro'], type: 'recurring' }), id);
  },
  'POST /v1/coupons': async ({ stripe }) => {
    const coupon = await stripe.coupons.create({ percent_off: 12.5, duration: 'repeating', duration_in_months: 3 });
    has(coupon, { object: 'coupon', percent_off: 12.5, amount_off: null, valid: true, times_redeemed: 0 });
  },
  'GET /v1/coupons/{id}': async ({ stripe }) => {
    const { id } = await stripe.coupons.create({ id: 'LAUNCH', amount_off: 500, currency: 'usd', duration: 'once' });
    has(await stripe.coupons.retrieve(id), { id: 'LAUNCH', amount_off: 500, currency: 'usd', duration: 'once' });
  },
  'POST /v1/coupons/{id}': async ({ stripe }) => {
    const { id } = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    has(await stripe.coupons.update(id, { name: 'Ten' }), { id, name: 'Ten' });
  },
  'DELETE /v1/coupons/{id}': async ({ stripe }) => {
    const { id } = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    has(await stripe.coupons.del(id), { id, object: 'coupon', deleted: true });
  },
  'GET /v1/coupons': async ({ stripe }) => {
    const { id } = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    lists(await stripe.coupons.list(), id);
  },
  'POST /v1/promotion_codes': async ({ stripe }) => {
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'forever' })).id;
    const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon }, code: 'HELLO' });
    has(code, { object: 'promotion_code', active: true, code: 'HELLO', promotion: { type: 'coupon', coupon } });
  },
  'GET /v1/promotion_codes/{id}': async ({ stripe }) => {
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'forever' })).id;
    const { id } = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon } });
    const found = await stripe.promotionCodes.retrieve(id, { expand: ['promotion.coupon'] });
    has(found, { id, promotion: { coupon: { object: 'coupon', percent_off: 10 } } });
  },
  'POST /v1/promotion_codes/{id}': async ({ stripe }) => {
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'forever' })).id;
    const { id } = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon } });
    has(await stripe.promotionCodes.update(id, { active: false }), { id, active: false });
  },
  'GET /v1/promotion_codes': async ({ stripe }) => {
    const coupon = (await stripe.coupons.create({ percent_off: 10, duration: 'forever' })).id;
    const { id, code } = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon } });
    lists(await stripe.promotionCodes.list({ code }), id);
  },
  'GET /v1/plans/{id}': async ({ stripe }) => {
    const { id } = await monthlyPrice(stripe);
    has(await stripe.plans.retrieve(id), {
      id,
      object: 'plan',
      amount: 49_900,
      interval: 'month',
      usage_type: 'licensed',
    });
  },
  'GET /v1/plans': async ({ stripe }) => {
    const { id, product } = await monthlyPrice(stripe);
    await stripe.prices.create({ currency: 'usd', unit_amount: 100, product: idOf(product) });
    lists(await stripe.plans.list({ product: idOf(product), active: true }), id);
  },
  'POST /v1/tax_rates': async ({ stripe }) => {
    const rate = await stripe.taxRates.create({
      display_name: 'VAT',
      inclusive: false,
      percentage: 19.5,
      country: 'DE',
    });
    has(rate, { object: 'tax_rate', percentage: 19.5, inclusive: false, active: true, country: 'DE' });
  },
  'GET /v1/tax_rates/{id}': async ({ stripe }) => {
    const { id } = await stripe.taxRates.create({ display_name: 'VAT', inclusive: true, percentage: 20 });
    has(await stripe.taxRates.retrieve(id), { id, display_name: 'VAT', inclusive: true });
  },
  'POST /v1/tax_rates/{id}': async ({ stripe }) => {
    const { id } = await stripe.taxRates.create({ display_name: 'VAT', inclusive: true, percentage: 20 });
    has(await stripe.taxRates.update(id, { active: false }), { id, active: false });
  },
  'GET /v1/tax_rates': async ({ stripe }) => {
    const { id } = await stripe.taxRates.create({ display_name: 'VAT', inclusive: true, percentage: 20 });
    lists(await stripe.taxRates.list({ inclusive: true }), id);
  },
};
