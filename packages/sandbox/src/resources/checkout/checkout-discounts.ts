import { ApiError, invalid } from '../../http/api-error.ts';
import type { CheckoutSessionRecord, PaymentFailure } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { checkOffer, offerOf, type Redeemer, type Wanted } from '../invoices/discounts.ts';
import { couponSplit } from '../invoices/invoice-amounts.ts';
import { priceAmount } from '../../billing/money.ts';
import { codeTyped } from '../catalog/promotion-codes.ts';

/** What the session's lines come to before discounts. */
export function sessionSubtotal(tx: Tx, session: Pick<CheckoutSessionRecord, 'line_items'>): number {
  return session.line_items.reduce((sum, item) => sum + priceAmount(tx.need('price', item.price), item.quantity), 0);
}

/** What the discounts of a session take off each line, as its first invoice will say. */
export function sessionDiscounts(tx: Tx, session: CheckoutSessionRecord): number[] {
  const prices = session.line_items.map((item) => tx.need('price', item.price));
  const left = session.line_items.map((item, index) => {
    const price = prices[index];
    return price === undefined ? 0 : priceAmount(price, item.quantity);
  });
  const off = left.map(() => 0);
  for (const { coupon: id } of session.discounts ?? []) {
    const coupon = tx.need('coupon', id);
    const among = left.map((amount, index) =>
      coupon.applies_to.length === 0 || coupon.applies_to.includes(prices[index]?.product ?? '') ? amount : 0,
    );
    for (const [index, amount] of couponSplit(coupon, session.currency, among).entries()) {
      off[index] = (off[index] ?? 0) + amount;
      left[index] = (left[index] ?? 0) - amount;
    }
  }
  return off;
}

/** What the session costs at its first invoice. */
export function sessionTotal(tx: Tx, session: CheckoutSessionRecord): number {
  // Of a trial nothing is due yet.
  if (session.trial != null) return 0;
  return sessionDiscounts(tx, session).reduce((total, off) => total - off, sessionSubtotal(tx, session));
}

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
  return { customer, currency, amount: sessionSubtotal(tx, session) };
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
