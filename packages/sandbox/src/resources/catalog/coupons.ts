import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  currencyCode,
  decimal,
  emptyable,
  integer,
  list,
  mergeMetadata,
  metadata,
  oneOf,
  type Param,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { AmountOff, CouponRecord } from '../../store/money-records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { byCurrency } from './currency-options.ts';
import { findProduct } from './products.ts';

/** Whether a coupon can be given now. */
export function isValid(coupon: CouponRecord, now: number): boolean {
  if (coupon.deleted) return false;
  if (coupon.redeem_by !== null && coupon.redeem_by <= now) return false;
  return coupon.max_redemptions === null || coupon.times_redeemed < coupon.max_redemptions;
}

/** Renders a coupon; `applies_to` and `currency_options` come only by expansion. */
export function renderCoupon(tx: Tx, coupon: CouponRecord): Wire<Stripe.Coupon> {
  return {
    id: coupon.id,
    object: 'coupon',
    amount_off: coupon.amount_off,
    created: coupon.created,
    currency: coupon.currency,
    duration: coupon.duration,
    duration_in_months: coupon.duration_in_months,
    livemode: false,
    max_redemptions: coupon.max_redemptions,
    metadata: coupon.metadata,
    name: coupon.name,
    percent_off: coupon.percent_off === null ? null : Number(coupon.percent_off),
    redeem_by: coupon.redeem_by,
    times_redeemed: coupon.times_redeemed,
    valid: isValid(coupon, tx.now),
  };
}

/** What a coupon takes off in each of its currencies. */
export function renderCurrencyOptions(coupon: CouponRecord): Record<string, { amount_off: number }> {
  const own =
    coupon.currency === null || coupon.amount_off === null
      ? []
      : [{ currency: coupon.currency, amount_off: coupon.amount_off }];
  return Object.fromEntries(
    [...own, ...coupon.currency_options].map((each) => [each.currency, { amount_off: each.amount_off }]),
  );
}

/** A coupon that was not deleted. */
export function findCoupon(tx: Tx, id: string, param = 'id'): CouponRecord {
  const coupon = tx.get('coupon', id);
  if (coupon === undefined || coupon.deleted) throw noSuch('coupon', id, param);
  return coupon;
}

/** Replaces a coupon and says so. */
export function updateCoupon(context: Context, old: CouponRecord, change: Partial<CouponRecord>): CouponRecord {
  const { tx } = context;
  const before = renderCoupon(tx, old);
  const coupon = tx.put('coupon', { ...old, ...change });
  emitUpdate(context, 'coupon.updated', before, renderCoupon(tx, coupon));
  return coupon;
}

const percent: Param<string> = {
  read(value, path) {
    const read = decimal().read(value, path);
    const number = Number(read);
    if (!(number > 0) || number > 100 || !/^\d+(\.\d{1,2})?$/.test(read)) {
      throw invalidParam('The percentage must be greater than 0 and at most 100, with at most 2 places.', path);
    }
    return read;
  },
};

const off = shape({ amount_off: integer(1) });

const currencyOptions = byCurrency(off);

/** What is taken off in other currencies, of `{eur: {amount_off: 500}}`. */
function amountsOf(options: Record<string, { amount_off?: number | undefined }> = {}): AmountOff[] {
  return Object.entries(options).map(([currency, { amount_off = 0 }]) => ({ currency, amount_off }));
}

const createTable = {
  id: text(200),
  amount_off: integer(1),
  applies_to: shape({ products: list(text()) }),
  currency: currencyCode(),
  currency_options: currencyOptions,
  duration: oneOf(['forever', 'once', 'repeating']),
  duration_in_months: integer(1, 1_000),
  max_redemptions: integer(1),
  metadata: metadata(),
  name: text(40),
  percent_off: percent,
  redeem_by: integer(),
};

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx } = context;
  const { amount_off, currency, percent_off, duration = 'once' } = params;
  if ((amount_off === undefined) === (percent_off === undefined)) {
    throw invalid(
      amount_off === undefined
        ? 'Must provide percent_off or amount_off.'
        : 'You may only specify one of these parameters: amount_off, percent_off.',
      { before_execution: true },
    );
  }
  if (amount_off !== undefined && currency === undefined) throw missingParam('currency');
  if ((duration === 'repeating') !== (params.duration_in_months !== undefined)) {
    throw duration === 'repeating'
      ? missingParam('duration_in_months')
      : invalidParam('`duration_in_months` may only be set when `duration` is `repeating`.', 'duration_in_months');
  }
  if (params.redeem_by !== undefined && params.redeem_by <= tx.now) {
    throw invalidParam('The `redeem_by` timestamp must be in the future.', 'redeem_by');
  }
  const old = params.id === undefined ? undefined : tx.get('coupon', params.id);
  if (old !== undefined && !old.deleted) throw invalid('Coupon already exists.', { code: 'resource_already_exists' });
  const products = params.applies_to?.products ?? [];
  for (const [index, id] of products.entries()) findProduct(tx, id, `applies_to[products][${index}]`);
  const coupon = tx.put('coupon', {
    id: params.id ?? tx.newId('', 8),
    created: tx.now,
    deleted: false,
    amount_off: amount_off ?? null,
    applies_to: products,
    // A percentage is of any currency.
    currency: amount_off === undefined ? null : (currency ?? null),
    currency_options: amountsOf(params.currency_options),
    duration,
    duration_in_months: params.duration_in_months ?? null,
    max_redemptions: params.max_redemptions ?? null,
    metadata: mergeMetadata({}, params.metadata),
    name: params.name ?? null,
    percent_off: percent_off ?? null,
    redeem_by: params.redeem_by ?? null,
    times_redeemed: 0,
  });
  emit(context, 'coupon.created', renderCoupon(tx, coupon));
  return renderCoupon(tx, coupon);
}

export const couponRoutes = [
  route('POST /v1/coupons', createTable, create),
  route('GET /v1/coupons/{id}', {}, ({ tx }, _params, id) => renderCoupon(tx, findCoupon(tx, id))),
  route(
    'POST /v1/coupons/{id}',
    { currency_options: currencyOptions, metadata: metadata(), name: emptyable(text(40)) },
    (context, params, id) => {
      const old = findCoupon(context.tx, id);
      const more = amountsOf(params.currency_options);
      const kept = old.currency_options.filter((each) => more.every((one) => one.currency !== each.currency));
      const coupon = updateCoupon(context, old, {
        currency_options: [...kept, ...more],
        metadata: mergeMetadata(old.metadata, params.metadata),
        name: params.name === undefined ? old.name : params.name,
      });
      return renderCoupon(context.tx, coupon);
    },
  ),
  route('DELETE /v1/coupons/{id}', {}, (context, _params, id) => {
    const { tx } = context;
    const coupon = findCoupon(tx, id);
    tx.put('coupon', { ...coupon, deleted: true });
    emit(context, 'coupon.deleted', renderCoupon(tx, coupon));
    return { id, object: 'coupon', deleted: true };
  }),
  route('GET /v1/coupons', { ...pageParams, created: range() }, ({ tx }, params) => {
    const wanted = tx.all('coupon').filter((each) => !each.deleted && within(each.created, params.created));
    return page('/v1/coupons', wanted, params, 'coupon', (each) => renderCoupon(tx, each));
  }),
];
