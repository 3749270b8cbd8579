import { renderBalanceTransaction } from '../resources/customers/balance.ts';
import { renderCoupon } from '../resources/catalog/coupons.ts';
import { renderPlan, renderPrice } from '../resources/catalog/prices.ts';
import { renderProduct } from '../resources/catalog/products.ts';
import { renderPromotionCode } from '../resources/catalog/promotion-codes.ts';
import { renderSession } from '../resources/checkout/checkout-render.ts';
import { renderAnyCustomer } from '../resources/customers/customer-record.ts';
import { renderTaxId } from '../resources/customers/tax-ids.ts';
import { renderCreditNote } from '../resources/invoices/credit-notes.ts';
import { renderDiscount } from '../resources/invoices/discounts.ts';
import { renderInvoice } from '../resources/invoices/invoice-render.ts';
import { renderAccountTransaction } from '../resources/payments/account-balance.ts';
import { renderCharge } from '../resources/payments/charges.ts';
import { renderDispute } from '../resources/payments/disputes.ts';
import { renderMandate } from '../resources/payments/mandates.ts';
import { renderPaymentIntent } from '../resources/payments/payment-intents.ts';
import { renderPaymentMethod } from '../resources/payments/payment-methods.ts';
import { renderRefund } from '../resources/payments/refunds.ts';
import { renderSetupAttempt } from '../resources/payments/setup-attempts.ts';
import { renderSetupIntent } from '../resources/payments/setup-intents.ts';
import { renderConfiguration } from '../resources/portal/portal-configurations.ts';
import { renderSchedule } from '../resources/schedules/schedule-render.ts';
import { renderSubscription } from '../resources/subscriptions/subscription-render.ts';
import { renderTestClock } from '../resources/test-clocks.ts';
import { renderCreditGrant } from '../resources/usage/credit-grants.ts';
import { renderCreditTransaction } from '../resources/usage/credit-ledger.ts';
import { renderMeter } from '../resources/usage/meter-render.ts';
import type { Kind, Records } from '../store/records.ts';
import type { Tx } from '../store/store.ts';

/** Where one kind of object is found by its id, and how it is shown. */
type Loader = (tx: Tx, id: string, account_name: string) => object | null;

function of<K extends Kind>(kind: K, render: (tx: Tx, record: Records[K], account_name: string) => object): Loader {
  return (tx, id, account_name) => {
    const record = tx.get(kind, id);
    return record === undefined ? null : render(tx, record, account_name);
  };
}

/** The objects that an id can be replaced by, under their `object`. */
const loaders: Readonly<Record<string, Loader>> = {
  balance_transaction: of('account_transaction', renderAccountTransaction),
  'billing.credit_balance_transaction': of('credit_transaction', renderCreditTransaction),
  'billing.credit_grant': of('credit_grant', renderCreditGrant),
  'billing.meter': of('meter', (_tx, meter) => renderMeter(meter)),
  'billing_portal.configuration': of('portal_configuration', (_tx, each) => renderConfiguration(each)),
  charge: of('charge', renderCharge),
  'checkout.session': of('checkout_session', renderSession),
  coupon: of('coupon', renderCoupon),
  credit_note: of('credit_note', renderCreditNote),
  customer: of('customer', (_tx, customer) => renderAnyCustomer(customer)),
  customer_balance_transaction: of('balance_transaction', (_tx, each) => renderBalanceTransaction(each)),
  discount: of('discount', (_tx, discount) => renderDiscount(discount)),
  dispute: of('dispute', renderDispute),
  invoice: of('invoice', renderInvoice),
  mandate: of('mandate', (_tx, mandate) => renderMandate(mandate)),
  payment_intent: of('payment_intent', renderPaymentIntent),
  payment_method: of('payment_method', (_tx, method) => renderPaymentMethod(method)),
  plan: of('price', (_tx, price) => renderPlan(price)),
  price: of('price', (_tx, price) => renderPrice(price)),
  product: of('product', (_tx, product) => renderProduct(product)),
  promotion_code: of('promotion_code', renderPromotionCode),
  refund: of('refund', (_tx, refund) => renderRefund(refund)),
  setup_attempt: of('setup_attempt', renderSetupAttempt),
  setup_intent: of('setup_intent', renderSetupIntent),
  subscription: of('subscription', renderSubscription),
  subscription_schedule: of('subscription_schedule', renderSchedule),
  tax_id: of('tax_id', (_tx, tax_id) => renderTaxId(tax_id)),
  'test_helpers.test_clock': of('test_clock', (_tx, clock) => renderTestClock(clock)),
};

/** Whether one of these objects could be shown in the place of its id. */
export function canLoad(objects: readonly string[]): boolean {
  return objects.some((object) => loaders[object] !== undefined);
}

/** The object of an id, one of these; `null` when it is gone. */
export function load(tx: Tx, account_name: string, objects: readonly string[], id: string): object | null {
  for (const object of objects) {
    const found = loaders[object]?.(tx, id, account_name) ?? null;
    if (found !== null) return found;
  }
  return null;
}
