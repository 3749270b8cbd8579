import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { missingParam } from '../../contract/contract.ts';
import { invalid, invalidParam, noSuch } from '../../http/api-error.ts';
import { page, pageParams, range, within } from '../../http/lists.ts';
import {
  currencyCode,
  flag,
  integer,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { PromotionCodeRecord } from '../../store/money-records.ts';
import type { Tx } from '../../store/store.ts';
import { type Context, emit, emitUpdate } from '../context.ts';
import { findCoupon, isValid } from './coupons.ts';
import { findCustomer } from '../customers/customers.ts';

/** Whether a code can be used now by somebody; `active` as Stripe answers it. */
export function isActive(tx: Tx, code: PromotionCodeRecord): boolean {
  if (!code.active || (code.expires_at !== null && code.expires_at <= tx.now)) return false;
  if (code.max_redemptions !== null && code.times_redeemed >= code.max_redemptions) return false;
  return isValid(tx.need('coupon', code.coupon), tx.now);
}

/** Renders a promotion code. */
export function renderPromotionCode(tx: Tx, code: PromotionCodeRecord): Wire<Stripe.PromotionCode> {
  return {
    id: code.id,
    object: 'promotion_code',
    active: isActive(tx, code),
    code: code.code,
    created: code.created,
    customer: code.customer,
    customer_account: null,
    expires_at: code.expires_at,
    livemode: false,
    max_redemptions: code.max_redemptions,
    metadata: code.metadata,
    promotion: { type: 'coupon', coupon: code.coupon },
    restrictions: {
      first_time_transaction: code.first_time_transaction,
      minimum_amount: code.minimum_amount,
      minimum_amount_currency: code.minimum_amount_currency,
    },
    times_redeemed: code.times_redeemed,
  };
}

/** The active code that a customer typed, whatever its case. */
export function codeTyped(tx: Tx, typed: string): PromotionCodeRecord | null {
  const wanted = typed.trim().toLowerCase();
  return tx.all('promotion_code').find((each) => each.code.toLowerCase() === wanted && isActive(tx, each)) ?? null;
}

/** Replaces a code and says so. */
export function updatePromotionCode(
  context: Context,
  old: PromotionCodeRecord,
  change: Partial<PromotionCodeRecord>,
): PromotionCodeRecord {
  const { tx } = context;
  const before = renderPromotionCode(tx, old);
  const code = tx.put('promotion_code', { ...old, ...change });
  emitUpdate(context, 'promotion_code.updated', before, renderPromotionCode(tx, code));
  return code;
}

const restrictionTable = {
  first_time_transaction: flag(),
  minimum_amount: integer(1),
  minimum_amount_currency: currencyCode(),
};

const createTable = {
  active: flag(),
  code: text(500),
  customer: text(),
  expires_at: integer(),
  max_redemptions: integer(1),
  metadata: metadata(),
  promotion: shape({ coupon: text(), type: oneOf(['coupon']) }),
  restrictions: shape(restrictionTable),
};

function create(context: Context, params: Read<typeof createTable>): object {
  const { tx } = context;
  const { promotion } = params;
  const restrictions: Partial<Read<typeof restrictionTable>> = params.restrictions ?? {};
  if (promotion?.coupon === undefined) throw missingParam('promotion[coupon]');
  const coupon = findCoupon(tx, promotion.coupon, 'promotion[coupon]');
  const code = params.code ?? tx.newId('', 8).toUpperCase();
  if (!/^[A-Za-z0-9-]+$/.test(code)) {
    throw invalidParam('Promotion codes may only contain letters, digits and dashes.', 'code');
  }
  if (params.active !== false && codeTyped(tx, code) !== null) {
    throw invalid(`An active promotion code with \`code: ${code}\` already exists.`, { param: 'code' });
  }
  if ((restrictions.minimum_amount === undefined) !== (restrictions.minimum_amount_currency === undefined)) {
    throw invalidParam('`minimum_amount` and `minimum_amount_currency` must be given together.', 'restrictions');
  }
  if (params.expires_at !== undefined && params.expires_at <= tx.now) {
    throw invalidParam('The `expires_at` timestamp must be in the future.', 'expires_at');
  }
  if (params.expires_at !== undefined && coupon.redeem_by !== null && params.expires_at > coupon.redeem_by) {
    throw invalidParam("The promotion code cannot expire after its coupon's `redeem_by`.", 'expires_at');
  }
  const record = tx.put('promotion_code', {
    id: tx.newId('promo_'),
    created: tx.now,
    active: params.active ?? true,
    code,
    coupon: coupon.id,
    customer: params.customer === undefined ? null : findCustomer(tx, params.customer, 'customer').id,
    expires_at: params.expires_at ?? null,
    max_redemptions: params.max_redemptions ?? null,
    metadata: mergeMetadata({}, params.metadata),
    first_time_transaction: restrictions.first_time_transaction ?? false,
    minimum_amount: restrictions.minimum_amount ?? null,
    minimum_amount_currency: restrictions.minimum_amount_currency ?? null,
    times_redeemed: 0,
  });
  emit(context, 'promotion_code.created', renderPromotionCode(tx, record));
  return renderPromotionCode(tx, record);
}

function find(tx: Tx, id: string): PromotionCodeRecord {
  const code = tx.get('promotion_code', id);
  if (code === undefined) throw noSuch('promotion code', id);
  return code;
}

export const promotionCodeRoutes = [
  route('POST /v1/promotion_codes', createTable, create),
  route('GET /v1/promotion_codes/{id}', {}, ({ tx }, _params, id) => renderPromotionCode(tx, find(tx, id))),
  route('POST /v1/promotion_codes/{id}', { active: flag(), metadata: metadata() }, (context, params, id) => {
    const { tx } = context;
    const old = find(tx, id);
    if (params.active === true && !isActive(tx, old)) {
      const other = codeTyped(tx, old.code);
      if (other !== null && other.id !== id) {
        throw invalid(`An active promotion code with \`code: ${old.code}\` already exists.`, { param: 'active' });
      }
      if (!isActive(tx, { ...old, active: true })) {
        throw invalid('This promotion code cannot be made active again: it has expired or was used up.', {
          param: 'active',
        });
      }
    }
    const code = updatePromotionCode(context, old, {
      active: params.active ?? old.active,
      metadata: mergeMetadata(old.metadata, params.metadata),
    });
    return renderPromotionCode(tx, code);
  }),
  route(
    'GET /v1/promotion_codes',
    { ...pageParams, active: flag(), code: text(), coupon: text(), created: range(), customer: text() },
    ({ tx }, params) => {
      const wanted = tx.all('promotion_code').filter((each) => {
        if (params.active !== undefined && isActive(tx, each) !== params.active) return false;
        if (params.code !== undefined && each.code.toLowerCase() !== params.code.toLowerCase()) return false;
        if (params.coupon !== undefined && each.coupon !== params.coupon) return false;
        if (params.customer !== undefined && each.customer !== params.customer) return false;
        return within(each.created, params.created);
      });
      return page('/v1/promotion_codes', wanted, params, 'promotion code', (each) => renderPromotionCode(tx, each));
    },
  ),
];
