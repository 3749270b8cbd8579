import { ApiError, invalid } from '../../http/api-error.ts';
import type { CheckoutSessionRecord, PaymentFailure } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { checkOffer, offerOf, type Redeemer, type Wanted } from '../invoices/discounts.ts';
import { codeTyped } from '../catalog/promotion-codes.ts';
import { sumsOf } from './checkout-sums.ts';

/** The discounts a session is opened with. They are redeemed when it is paid. */
export function discountsFor(
  tx: Tx,
  params: {
    allow_promotion_codes?: boolean | undefined;
    customer?: string | undefined;
    discounts?: Wanted[] | null | undefined;
  },
  amount: number,
  currency: string,
): NonNullable<CheckoutSessionRecord['discounts']> {
  const wanted: Wanted[] = params.discounts ?? [];
  if (wanted.length > 0 && params.allow_promotion_codes !== undefined) {
    throw invalid('You may only specify one of these parameters: allow_promotion_codes, discounts.', {
      param: 'discounts',
    });
  }
  if (wanted.length > 1)
    throw invalid('You may only apply one discount to a Checkout Session.', { param: 'discounts' });
  return wanted.map((each, index) => {
    const redeemer = { customer: params.customer ?? null, currency, amount };
    const offer = offerOf(tx, each, redeemer, `discounts[${index}]`);
    return { coupon: offer.coupon.id, promotion_code: offer.code?.id ?? null };
  });
}

/** An entry of a session as the subscription it becomes redeems it. */
export function wantedOf(entry: { coupon: string; promotion_code: string | null }): Wanted {
  return entry.promotion_code === null ? { coupon: entry.coupon } : { promotion_code: entry.promotion_code };
}

function redeemerOf(tx: Tx, session: CheckoutSessionRecord): Redeemer {
  const { customer, currency } = session;
  return { customer, currency, amount: sumsOf(tx, { ...session, discounts: [], trial: null }).subtotal };
}

function failureOf(cause: unknown): PaymentFailure {
  if (!(cause instanceof ApiError)) throw cause;
  const { code } = cause.body;
  return { code: typeof code === 'string' ? code : 'coupon_expired', decline_code: null, message: cause.message };
}

/** Why a discount of the session can no longer be redeemed; it may have run out while the page was open. */
export function offerFault(tx: Tx, session: CheckoutSessionRecord): PaymentFailure | null {
  try {
    for (const each of session.discounts ?? []) offerOf(tx, wantedOf(each), redeemerOf(tx, session), 'discounts');
    return null;
  } catch (cause) {
    return failureOf(cause);
  }
}

/** Puts a typed promotion code on the session; empty takes it off. */
export function applyCode(tx: Tx, session: CheckoutSessionRecord, typed: string): PaymentFailure | null {
  if (typed.trim() === '') {
    tx.put('checkout_session', { ...session, discounts: [], last_failure: null });
    return null;
  }
  const code = codeTyped(tx, typed);
  const unknown = { code: 'promotion_code_invalid', decline_code: null, message: 'This code is invalid.' };
  if (code === null) return unknown;
  try {
    const { coupon } = checkOffer(
      tx,
      { coupon: tx.need('coupon', code.coupon), code },
      redeemerOf(tx, session),
      'code',
    );
    const discounts = [{ coupon: coupon.id, promotion_code: code.id }];
    tx.put('checkout_session', { ...session, discounts, last_failure: null });
    return null;
  } catch (cause) {
    return failureOf(cause);
  }
}
