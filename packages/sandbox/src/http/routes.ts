import { isKnownRoute } from '../contract/contract.ts';
import { accountRoutes } from '../resources/account.ts';
import { alertRoutes } from '../resources/usage/alerts.ts';
import { captureRoutes } from '../resources/payments/captures.ts';
import { cardTokenRoutes } from '../resources/payments/card-tokens.ts';
import { confirmationTokenRoutes } from '../resources/payments/confirmation-tokens.ts';
import { customerSessionRoutes } from '../resources/customers/customer-sessions.ts';
import { chargeRoutes } from '../resources/payments/charges.ts';
import { checkoutSessionRoutes } from '../resources/checkout/checkout-sessions.ts';
import { customerRoutes } from '../resources/customers/customers.ts';
import { creditGrantRoutes } from '../resources/usage/credit-grants.ts';
import { eventDestinationRoutes } from '../resources/events/event-destinations.ts';
import { eventRoutes } from '../resources/events/events.ts';
import { invoiceItemRoutes } from '../resources/invoices/invoice-items.ts';
import { invoicePaymentRoutes } from '../resources/invoices/invoice-payments.ts';
import { invoiceLineRoutes } from '../resources/invoices/invoice-lines.ts';
import { invoicePreviewRoutes } from '../resources/invoices/invoice-preview.ts';
import { invoiceRoutes } from '../resources/invoices/invoices.ts';
import { meterEventRoutes } from '../resources/usage/meter-events.ts';
import { meterRoutes } from '../resources/usage/meters.ts';
import { pausedSubscriptionRoutes } from '../resources/subscriptions/paused-subscriptions.ts';
import { paymentIntentRoutes } from '../resources/payments/payment-intents.ts';
import { accountBalanceRoutes } from '../resources/payments/account-balance.ts';
import { mandateRoutes } from '../resources/payments/mandates.ts';
import { paymentMethodRoutes } from '../resources/payments/payment-method-routes.ts';
import { portalConfigurationRoutes } from '../resources/portal/portal-configurations.ts';
import { portalSessionRoutes } from '../resources/portal/portal-sessions.ts';
import { planRoutes } from '../resources/catalog/plans.ts';
import { earlyFraudWarningRoutes } from '../resources/payments/early-fraud-warnings.ts';
import { priceRoutes } from '../resources/catalog/prices.ts';
import { balanceRoutes } from '../resources/customers/balance.ts';
import { couponRoutes } from '../resources/catalog/coupons.ts';
import { discountRoutes } from '../resources/invoices/discounts.ts';
import { directIntentRoutes } from '../resources/payments/direct-intents.ts';
import { disputeRoutes } from '../resources/payments/disputes.ts';
import { setupAttemptRoutes } from '../resources/payments/setup-attempts.ts';
import { setupIntentRoutes } from '../resources/payments/setup-intent-routes.ts';
import { creditNoteRoutes } from '../resources/invoices/credit-notes.ts';
import { taxIdRoutes } from '../resources/customers/tax-ids.ts';
import { oneOffInvoiceRoutes } from '../resources/invoices/one-off-invoices.ts';
import { promotionCodeRoutes } from '../resources/catalog/promotion-codes.ts';
import { taxRateRoutes } from '../resources/catalog/tax-rates.ts';
import { productCreateRoutes } from '../resources/catalog/product-create.ts';
import { productRoutes } from '../resources/catalog/products.ts';
import { refundRoutes } from '../resources/payments/refunds.ts';
import { scheduleRoutes } from '../resources/schedules/schedules.ts';
import { subscriptionItemRoutes } from '../resources/subscriptions/subscription-items.ts';
import { subscriptionCreateRoutes } from '../resources/subscriptions/subscription-create.ts';
import { subscriptionUpdateRoutes } from '../resources/subscriptions/subscription-update.ts';
import { subscriptionRoutes } from '../resources/subscriptions/subscriptions.ts';
import { testClockRoutes } from '../resources/test-clocks.ts';
import { webhookEndpointRoutes } from '../resources/events/webhook-endpoints.ts';
import { searchRoutes } from '../resources/search/search.ts';
import { unrecognizedUrl, unsupported } from './api-error.ts';
import type { Route } from './route.ts';

/** Every built route; the first that fits a request answers it. */
export const routes: readonly Route[] = [
  // Before the routes that take any id: `/v1/invoices/search` is no invoice called "search".
  ...searchRoutes,
  ...accountBalanceRoutes,
  ...accountRoutes,
  ...alertRoutes,
  ...captureRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...creditGrantRoutes,
  ...eventDestinationRoutes,
  ...eventRoutes,
  ...invoiceItemRoutes,
  ...invoiceLineRoutes,
  ...invoicePaymentRoutes,
  ...oneOffInvoiceRoutes,
  ...invoicePreviewRoutes,
  ...invoiceRoutes,
  ...balanceRoutes,
  ...couponRoutes,
  ...discountRoutes,
  ...promotionCodeRoutes,
  ...taxRateRoutes,
  ...taxIdRoutes,
  ...creditNoteRoutes,
  ...directIntentRoutes,
  ...setupAttemptRoutes,
  ...setupIntentRoutes,
  ...disputeRoutes,
  ...mandateRoutes,
  ...meterEventRoutes,
  ...meterRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalConfigurationRoutes,
  ...portalSessionRoutes,
  ...planRoutes,
  ...earlyFraudWarningRoutes,
  ...priceRoutes,
  ...productCreateRoutes,
  ...productRoutes,
  ...refundRoutes,
  ...scheduleRoutes,
  ...subscriptionItemRoutes,
  ...pausedSubscriptionRoutes,
  ...subscriptionCreateRoutes,
  ...subscriptionUpdateRoutes,
  ...subscriptionRoutes,
  ...testClockRoutes,
  ...cardTokenRoutes,
  ...confirmationTokenRoutes,
  ...customerSessionRoutes,
  ...webhookEndpointRoutes,
];

/** The contract keys of what is built. */
export const builtRoutes: readonly string[] = routes.map((each) => each.key);

function idIn(route: Route, segments: readonly string[]): string | null {
  if (route.segments.length !== segments.length) return null;
  const ids: string[] = [];
  for (const [index, part] of route.segments.entries()) {
    const segment = segments[index] ?? '';
    if (part === '{id}') ids.push(segment);
    else if (part !== segment) return null;
  }
  return ids.includes('') ? null : ids.join('/');
}

/** The built route of a request; refuses what Stripe does not have, and what it has and we have not. */
export function findRoute(method: string, path: string): { route: Route; id: string } {
  let segments: string[];
  try {
    segments = path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    throw unrecognizedUrl(method, path);
  }
  for (const route of routes) {
    if (route.method !== method) continue;
    const id = idIn(route, segments);
    if (id !== null) return { route, id };
  }
  if (isKnownRoute(method, segments)) throw unsupported(`${method} ${path}`);
  throw unrecognizedUrl(method, path);
}
