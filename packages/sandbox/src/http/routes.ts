import { isKnownRoute } from '../contract/contract.ts';
import { accountRoutes } from '../resources/account.ts';
import { alertRoutes } from '../resources/alerts.ts';
import { chargeRoutes } from '../resources/charges.ts';
import { checkoutSessionRoutes } from '../resources/checkout-sessions.ts';
import { customerRoutes } from '../resources/customers.ts';
import { creditGrantRoutes } from '../resources/credit-grants.ts';
import { eventDestinationRoutes } from '../resources/event-destinations.ts';
import { eventRoutes } from '../resources/events.ts';
import { invoiceItemRoutes } from '../resources/invoice-items.ts';
import { invoicePreviewRoutes } from '../resources/invoice-preview.ts';
import { invoiceRoutes } from '../resources/invoices.ts';
import { meterEventRoutes } from '../resources/meter-events.ts';
import { meterRoutes } from '../resources/meters.ts';
import { pausedSubscriptionRoutes } from '../resources/paused-subscriptions.ts';
import { paymentIntentRoutes } from '../resources/payment-intents.ts';
import { paymentMethodRoutes } from '../resources/payment-methods.ts';
import { portalConfigurationRoutes } from '../resources/portal-configurations.ts';
import { portalSessionRoutes } from '../resources/portal-sessions.ts';
import { priceRoutes } from '../resources/prices.ts';
import { balanceRoutes } from '../resources/balance.ts';
import { couponRoutes } from '../resources/coupons.ts';
import { discountRoutes } from '../resources/discounts.ts';
import { directIntentRoutes } from '../resources/direct-intents.ts';
import { disputeRoutes } from '../resources/disputes.ts';
import { setupIntentRoutes } from '../resources/setup-intents.ts';
import { creditNoteRoutes } from '../resources/credit-notes.ts';
import { taxIdRoutes } from '../resources/tax-ids.ts';
import { oneOffInvoiceRoutes } from '../resources/one-off-invoices.ts';
import { promotionCodeRoutes } from '../resources/promotion-codes.ts';
import { taxRateRoutes } from '../resources/tax-rates.ts';
import { productRoutes } from '../resources/products.ts';
import { refundRoutes } from '../resources/refunds.ts';
import { subscriptionItemRoutes } from '../resources/subscription-items.ts';
import { subscriptionRoutes } from '../resources/subscriptions.ts';
import { testClockRoutes } from '../resources/test-clocks.ts';
import { webhookEndpointRoutes } from '../resources/webhook-endpoints.ts';
import { unrecognizedUrl, unsupported } from './api-error.ts';
import type { Route } from './route.ts';

const routes: readonly Route[] = [
  ...accountRoutes,
  ...alertRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...creditGrantRoutes,
  ...eventDestinationRoutes,
  ...eventRoutes,
  ...invoiceItemRoutes,
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
  ...setupIntentRoutes,
  ...disputeRoutes,
  ...meterEventRoutes,
  ...meterRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...portalConfigurationRoutes,
  ...portalSessionRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...refundRoutes,
  ...subscriptionItemRoutes,
  ...pausedSubscriptionRoutes,
  ...subscriptionRoutes,
  ...testClockRoutes,
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
  // `/v1/invoices/search` is a route of its own and no invoice called "search".
  if (!segments.includes('search') || !isKnownRoute(method, segments)) {
    for (const route of routes) {
      if (route.method !== method) continue;
      const id = idIn(route, segments);
      if (id !== null) return { route, id };
    }
  }
  if (isKnownRoute(method, segments)) throw unsupported(`${method} ${path}`);
  throw unrecognizedUrl(method, path);
}
