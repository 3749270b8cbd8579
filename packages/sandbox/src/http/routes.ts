import { isKnownRoute } from '../contract/contract.ts';
import { accountRoutes } from '../resources/account.ts';
import { chargeRoutes } from '../resources/charges.ts';
import { checkoutSessionRoutes } from '../resources/checkout-sessions.ts';
import { customerRoutes } from '../resources/customers.ts';
import { eventRoutes } from '../resources/events.ts';
import { invoiceItemRoutes } from '../resources/invoice-items.ts';
import { invoiceRoutes } from '../resources/invoices.ts';
import { paymentIntentRoutes } from '../resources/payment-intents.ts';
import { paymentMethodRoutes } from '../resources/payment-methods.ts';
import { priceRoutes } from '../resources/prices.ts';
import { productRoutes } from '../resources/products.ts';
import { refundRoutes } from '../resources/refunds.ts';
import { subscriptionRoutes } from '../resources/subscriptions.ts';
import { webhookEndpointRoutes } from '../resources/webhook-endpoints.ts';
import { unrecognizedUrl, unsupported } from './api-error.ts';
import type { Route } from './route.ts';

const routes: readonly Route[] = [
  ...accountRoutes,
  ...chargeRoutes,
  ...checkoutSessionRoutes,
  ...customerRoutes,
  ...eventRoutes,
  ...invoiceItemRoutes,
  ...invoiceRoutes,
  ...paymentIntentRoutes,
  ...paymentMethodRoutes,
  ...priceRoutes,
  ...productRoutes,
  ...refundRoutes,
  ...subscriptionRoutes,
  ...webhookEndpointRoutes,
];

/** The contract keys of what is built. */
export const builtRoutes: readonly string[] = routes.map((each) => each.key);

function idIn(route: Route, segments: readonly string[]): string | null {
  if (route.segments.length !== segments.length) return null;
  let id = '';
  for (const [index, part] of route.segments.entries()) {
    const segment = segments[index] ?? '';
    if (part === '{id}') id = segment;
    else if (part !== segment) return null;
  }
  return route.segments.includes('{id}') && id === '' ? null : id;
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
