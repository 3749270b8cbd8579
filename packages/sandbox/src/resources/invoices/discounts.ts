import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { ApiError, invalid, noSuch } from '../../http/api-error.ts';
import { emptyable, list, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { CouponRecord, DiscountRecord, PromotionCodeRecord } from '../../store/money-records.ts';
import type { InvoiceRecord, Seconds, SubscriptionRecord } from '../../store/records.ts';
import type { Tx } from '../../store/store.ts';
import { boundary } from '../../time/calendar.ts';
import { type Context, emit, schedule } from '../context.ts';
import { isValid, updateCoupon } from '../catalog/coupons.ts';
import { findCustomer } from '../customers/customers.ts';
import { isActive, updatePromotionCode } from '../catalog/promotion-codes.ts';
import { updateSubscription } from '../subscriptions/subscription-end.ts';

/** Renders a discount. */
export function renderDiscount(discount: DiscountRecord): Wire<Stripe.Discount> {
  return {
    id: discount.id,
    object: 'discount',
    checkout_session: discount.checkout_session,
    customer: discount.customer,
    customer_account: null,
    end: discount.end,
    invoice: discount.invoice,
    invoice_item: discount.invoice_item,
    promotion_code: discount.promotion_code,
    source: { type: 'coupon', coupon: discount.coupon },
    start: discount.start,
    subscription: discount.subscription,
    subscription_item: discount.subscription_item,
  };
}

/** `discounts[]`: each entry names a coupon, a promotion code or a discount that is there already. */
export const discountsParam = emptyable(list(shape({ coupon: text(), discount: text(), promotion_code: text() }), 20));

/** One entry of `discounts[]`. */
export interface Wanted {
  coupon?: string | undefined;
  discount?: string | undefined;
  promotion_code?: string | undefined;
}

/** A coupon, and the code by which it is redeemed. */
export interface Offer {
  coupon: CouponRecord;
  code: PromotionCodeRecord | null;
}

/** Who redeems, and what they buy. */
export interface Redeemer {
  /** `null` while nobody knows the customer. */
  customer: string | null;
  currency: string;
  /** What is bought before discounts; `null` where no minimum can be checked. */
  amount: number | null;
}

function refused(message: string, param: string, code = 'coupon_expired'): ApiError {
  return invalid(message, { code, param });
}

/** Whether this customer has paid before. */
function hasPaid(tx: Tx, customer: string): boolean {
  return (
    tx.all('charge').some((each) => each.customer === customer && each.status === 'succeeded') ||
    tx.all('invoice').some((each) => each.customer === customer && each.status === 'paid')
  );
}

function checkCode(tx: Tx, code: PromotionCodeRecord, redeemer: Redeemer, param: string): void {
  const restricted = (message: string): ApiError => refused(message, param, 'promotion_code_restrictions_not_met');
  if (!isActive(tx, code)) throw refused('This promotion code is no longer active.', param, 'promotion_code_inactive');
  if (code.customer !== null && code.customer !== redeemer.customer) {
    throw restricted('This promotion code cannot be redeemed by this customer.');
  }
  if (code.first_time_transaction && redeemer.customer !== null && hasPaid(tx, redeemer.customer)) {
    throw restricted('This promotion code cannot be redeemed because the associated customer has prior transactions.');
  }
  const { minimum_amount, minimum_amount_currency } = code;
  if (minimum_amount === null || redeemer.amount === null) return;
  if (minimum_amount_currency !== redeemer.currency || redeemer.amount < minimum_amount) {
    throw restricted('This promotion code cannot be redeemed because the minimum amount is not reached.');
  }
}

/** Whether a coupon and its code may be redeemed now; refuses in Stripe's envelope. */
export function checkOffer(tx: Tx, offer: Offer, redeemer: Redeemer, param: string): Offer {
  const { coupon, code } = offer;
  if (code !== null) checkCode(tx, code, redeemer, param);
  if (!isValid(coupon, tx.now)) throw refused(`Coupon expired: ${coupon.id}`, param);
  const currencies = [coupon.currency, ...coupon.currency_options.map((each) => each.currency)];
  if (coupon.amount_off !== null && !currencies.includes(redeemer.currency)) {
    throw refused(
      `The coupon ${coupon.id} takes off an amount in ${coupon.currency} and cannot be used in ${redeemer.currency}.`,
      param,
      'coupon_currency_mismatch',
    );
  }
  return offer;
}

/** The coupon and code an entry names, redeemable by this customer. */
export function offerOf(tx: Tx, wanted: Wanted, redeemer: Redeemer, path: string): Offer {
  if (wanted.promotion_code !== undefined) {
    const param = `${path}[promotion_code]`;
    const code = tx.get('promotion_code', wanted.promotion_code);
    if (code === undefined) throw noSuch('promotion code', wanted.promotion_code, param);
    return checkOffer(tx, { coupon: tx.need('coupon', code.coupon), code }, redeemer, param);
  }
  const param = `${path}[coupon]`;
  const coupon = tx.get('coupon', wanted.coupon ?? '');
  if (coupon === undefined || coupon.deleted) throw noSuch('coupon', wanted.coupon ?? '', param);
  return checkOffer(tx, { coupon, code: null }, redeemer, param);
}

/** What a discount belongs to. */
export type Owner = Pick<DiscountRecord, 'customer'> &
  Partial<Pick<DiscountRecord, 'checkout_session' | 'invoice' | 'invoice_item' | 'subscription' | 'subscription_item'>>;

/** Redeems an offer: counts it, in this transaction, and writes the discount. */
function redeem(context: Context, offer: Offer, owner: Owner): DiscountRecord {
  const { tx } = context;
  const coupon = tx.need('coupon', offer.coupon.id);
  updateCoupon(context, coupon, { times_redeemed: coupon.times_redeemed + 1 });
  if (offer.code !== null) {
    const code = tx.need('promotion_code', offer.code.id);
    updatePromotionCode(context, code, { times_redeemed: code.times_redeemed + 1 });
  }
  const months = { interval: 'month', interval_count: coupon.duration_in_months ?? 1 } as const;
  const discount = tx.put('discount', {
    id: tx.newId('di_'),
    checkout_session: null,
    coupon: coupon.id,
    end: coupon.duration === 'repeating' ? boundary(tx.now, months, 1) : null,
    invoice: null,
    invoice_item: null,
    promotion_code: offer.code?.id ?? null,
    start: tx.now,
    subscription: null,
    subscription_item: null,
    ...owner,
  });
  if (discount.end !== null && (discount.subscription ?? discount.subscription_item) !== null) {
    schedule(context, discount.end, 'end_discount', discount.id);
  }
  emit(context, 'customer.discount.created', renderDiscount(discount));
  return discount;
}

function checkNamed(wanted: Wanted, path: string): void {
  const given = [wanted.coupon, wanted.promotion_code, wanted.discount].filter((id) => id !== undefined);
  if (given.length === 1) return;
  throw invalid('Each discount must name exactly one of: coupon, discount, promotion_code.', { param: path });
}

/** Refuses what could not be redeemed now; nothing is. */
export function checkOffers(tx: Tx, wanted: readonly Wanted[], redeemer: Redeemer, path: string): void {
  for (const [index, each] of wanted.entries()) {
    const param = `${path}[discounts][${index}]`;
    checkNamed(each, param);
    if (each.discount === undefined) offerOf(tx, each, redeemer, param);
    else if (tx.get('discount', each.discount) === undefined) {
      throw noSuch('discount', each.discount, `${param}[discount]`);
    }
  }
}

/** Whether an entry can be redeemed now, or is a discount that the owner has. */
export function isRedeemable(tx: Tx, wanted: Wanted, redeemer: Redeemer, has: readonly string[]): boolean {
  if (wanted.discount !== undefined) return has.includes(wanted.discount);
  try {
    offerOf(tx, wanted, redeemer, '');
    return true;
  } catch (cause) {
    if (cause instanceof ApiError) return false;
    throw cause;
  }
}

/** Redeems every entry for an owner; what an owner has already is kept and not counted again. */
export function redeemAll(
  context: Context,
  wanted: readonly Wanted[],
  owner: Owner,
  facts: Omit<Redeemer, 'customer'> & { has: readonly string[] },
): string[] {
  const { tx } = context;
  return wanted.map((each, index) => {
    const path = `discounts[${index}]`;
    checkNamed(each, path);
    if (each.discount !== undefined) {
      if (!facts.has.includes(each.discount)) throw noSuch('discount', each.discount, `${path}[discount]`);
      return each.discount;
    }
    const kept = facts.has.find((id) => {
      const discount = tx.need('discount', id);
      return each.promotion_code === undefined
        ? discount.promotion_code === null && discount.coupon === each.coupon
        : discount.promotion_code === each.promotion_code;
    });
    if (kept !== undefined) return kept;
    return redeem(context, offerOf(tx, each, { ...facts, customer: owner.customer }, path), owner).id;
  });
}

/** Says that discounts are over, and since when. The records stay: invoices name them. */
export function endDiscounts(context: Context, ids: readonly string[]): void {
  const { tx } = context;
  for (const id of ids) {
    const old = tx.need('discount', id);
    const discount = tx.put('discount', { ...old, end: Math.min(old.end ?? tx.now, tx.now) });
    emit(context, 'customer.discount.deleted', renderDiscount(discount));
  }
}

/** The discounts that still hold at a time. */
export function activeAt(tx: Tx, ids: readonly string[] | undefined, at: Seconds): string[] {
  return (ids ?? []).filter((id) => {
    const { end } = tx.need('discount', id);
    return end === null || end > at;
  });
}

/**
 * The discounts a draft is final with: its own, also those that were taken off its subscription meanwhile, but for a coupon
 * that holds once and that another invoice used up first.
 */
export function unspent(tx: Tx, draft: InvoiceRecord): string[] {
  return (draft.discounts ?? []).filter((id) => {
    const { end, coupon } = tx.need('discount', id);
    if (end === null || end > tx.now || tx.need('coupon', coupon).duration !== 'once') return true;
    return !tx.all('invoice').some((other) => {
      if (other.id === draft.id || other.status === 'draft') return false;
      return [other.discounts, ...other.lines.map((line) => line.discounts)].some((named) => named?.includes(id));
    });
  });
}

/** A subscription without some of the discounts that it or its items have. */
function without(subscription: SubscriptionRecord, gone: readonly string[]): SubscriptionRecord {
  const left = (ids: readonly string[] | undefined): string[] => (ids ?? []).filter((id) => !gone.includes(id));
  return {
    ...subscription,
    discounts: left(subscription.discounts),
    items: subscription.items.map((item) =>
      item.discounts === undefined ? item : { ...item, discounts: left(item.discounts) },
    ),
  };
}

/** All discounts of a subscription: its own, then those of its items. */
function allOf(subscription: SubscriptionRecord): string[] {
  return [...(subscription.discounts ?? []), ...subscription.items.flatMap((item) => item.discounts ?? [])];
}

/** A discount for some months has come to its end. */
export function endDiscount(context: Context, id: string): void {
  const { tx } = context;
  const discount = tx.get('discount', id);
  const item = discount?.subscription_item ?? null;
  const subscription =
    item === null
      ? tx.get('subscription', discount?.subscription ?? '')
      : tx.all('subscription').find((each) => each.items.some((one) => one.id === item));
  if (discount === undefined || subscription === undefined || !allOf(subscription).includes(id)) return;
  endDiscounts(context, [id]);
  updateSubscription(context, subscription, without(subscription, [id]));
}

/** A finalized invoice uses up the coupons that hold once; they leave the subscription and its items. */
export function consumeOnce(context: Context, invoice: InvoiceRecord): void {
  const { tx } = context;
  const subscription = invoice.subscription === null ? undefined : tx.get('subscription', invoice.subscription);
  if (subscription === undefined) return;
  const on_invoice = [...(invoice.discounts ?? []), ...invoice.lines.flatMap((line) => line.discounts ?? [])];
  const used = allOf(subscription).filter((id) => {
    const discount = tx.need('discount', id);
    return tx.need('coupon', discount.coupon).duration === 'once' && on_invoice.includes(id);
  });
  if (used.length === 0) return;
  endDiscounts(context, used);
  const left = without(subscription, used);
  // What is only being created has no change to tell of, and what is being changed is told as a whole.
  if (subscription.status === 'incomplete' || context.changing.has(subscription.id)) tx.put('subscription', left);
  else updateSubscription(context, subscription, left);
}

export const discountRoutes = [
  route('DELETE /v1/customers/{id}/discount', {}, ({ tx }, _params, id) => {
    // No parameter of this API version gives a customer a discount of their own, so there is none to delete.
    findCustomer(tx, id);
    throw invalid('No active discount for customer: '.concat(id), { code: 'resource_missing' });
  }),
  route('DELETE /v1/subscriptions/{id}/discount', {}, (context, _params, id) => {
    const { tx } = context;
    const subscription = tx.get('subscription', id);
    if (subscription === undefined) throw noSuch('subscription', id);
    const [first] = subscription.discounts ?? [];
    if (first === undefined) throw invalid(`No active discount for subscription: ${id}`, { code: 'resource_missing' });
    endDiscounts(context, subscription.discounts ?? []);
    updateSubscription(context, subscription, { discounts: [] });
    // What is gone has no end to come.
    const { end: _, ...gone } = renderDiscount(tx.need('discount', first));
    return { ...gone, deleted: true };
  }),
];
