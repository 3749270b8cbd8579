/** The kinds of caller. */
export type Caller = 'anonymous' | 'customer' | 'operator' | 'seller';

const everybody: readonly Caller[] = ['anonymous', 'customer', 'operator', 'seller'];
const known: readonly Caller[] = ['customer', 'operator', 'seller'];
const sellerSide: readonly Caller[] = ['operator', 'seller'];
const people: readonly Caller[] = ['customer', 'operator'];
const customer: readonly Caller[] = ['customer'];
const operator: readonly Caller[] = ['operator'];
const seller: readonly Caller[] = ['seller'];

/**
 * Who may call what. Checked before any route runs; a route that is not in the table is closed to all, so that none ships
 * without an answer to the question. Whose objects a caller gets is decided by the route, from the credential.
 */
export const policy: Readonly<Record<string, readonly Caller[]>> = {
  'GET /v1/me': people,
  'POST /v1/operators/first_run': everybody,

  'GET /v1/plans': everybody,
  'GET /v1/plans/:id': everybody,
  'GET /v1/plans/:id/versions': sellerSide,
  'POST /v1/plans/:id/migrations/preview': sellerSide,
  'POST /v1/plans/:id/migrations': sellerSide,
  'GET /v1/plans/:id/migrations': sellerSide,
  'GET /v1/plans/:id/migrations/:migration_id': sellerSide,
  'GET /v1/plans/:id/migrations/:migration_id/customers': sellerSide,
  'POST /v1/plans/:id/migrations/:migration_id/cancel': sellerSide,
  'POST /v1/plans/:id/migrations/:migration_id/retry': sellerSide,
  'POST /v1/catalog/plan': sellerSide,
  'POST /v1/catalog/rehearse': sellerSide,
  'GET /v1/catalog/export': sellerSide,
  'GET /v1/seller': everybody,
  'GET /v1/features': everybody,
  'GET /v1/meters': everybody,

  'GET /v1/customers': sellerSide,
  'POST /v1/customers': seller,
  'GET /v1/customers/:id': known,
  'PATCH /v1/customers/:id': sellerSide,
  'GET /v1/customers/:id/overrides': sellerSide,
  'PUT /v1/customers/:id/overrides': sellerSide,
  'DELETE /v1/customers/:id/overrides': sellerSide,
  'DELETE /v1/customers/:id': sellerSide,
  'GET /v1/customers/:id/state': known,
  'GET /v1/customers/:id/entitlements': known,
  'POST /v1/entitlements/check': known,

  'GET /v1/customers/:id/spend_cap': known,
  'PUT /v1/customers/:id/spend_cap': known,
  'GET /v1/customers/:id/usage_alerts': known,
  'PUT /v1/customers/:id/usage_alerts': known,

  'POST /v1/customers/:id/grants': sellerSide,
  'GET /v1/customers/:id/grants': known,
  'POST /v1/customers/:id/grants/:grant_id/void': sellerSide,
  'GET /v1/customers/:id/credits': known,
  'GET /v1/customers/:id/ledger': known,
  'GET /v1/customers/:id/auto_top_up': known,
  // Only who pays agrees to be charged.
  'PUT /v1/customers/:id/auto_top_up': customer,
  'DELETE /v1/customers/:id/auto_top_up': known,
  'POST /v1/customers/:id/top_ups': ['customer', 'seller'],
  'GET /v1/customers/:id/top_ups': known,
  'GET /v1/customers/:id/reservations': known,
  'GET /v1/customers/:id/top_ups/:top_up_id': known,

  'POST /v1/checkout_sessions': ['customer', 'seller'],
  'GET /v1/checkout_sessions/:id': known,
  'POST /v1/subscriptions': known,
  'GET /v1/subscriptions': known,
  'GET /v1/subscriptions/:id': known,

  'POST /v1/subscriptions/:id/preview': known,
  'POST /v1/subscriptions/:id/change': known,
  'PATCH /v1/subscriptions/:id/seats': known,
  'POST /v1/subscriptions/:id/add_ons/preview': known,
  'POST /v1/subscriptions/:id/add_ons': known,
  'DELETE /v1/subscriptions/:id/add_ons/:plan_id': known,
  'DELETE /v1/subscriptions/:id/scheduled_change': known,
  'POST /v1/subscriptions/:id/cancel': known,
  'POST /v1/subscriptions/:id/resume': known,
  'POST /v1/subscriptions/:id/pause': known,
  'POST /v1/subscriptions/:id/unpause': known,
  'POST /v1/subscriptions/:id/trial': known,
  'POST /v1/subscriptions/:id/coupons': known,

  'GET /v1/usage': known,
  'GET /v1/usage/summary': known,
  'GET /v1/usage/live': customer,
  'POST /v1/usage/events': seller,
  'GET /v1/usage/events': known,
  'GET /v1/usage/events/:id': known,
  'GET /v1/usage/rejections': known,
  'POST /v1/usage/events/:id/void': sellerSide,
  'POST /v1/usage/corrections': sellerSide,
  'GET /v1/usage/corrections': known,
  'GET /v1/usage/closing_report': sellerSide,
  'GET /v1/usage/export': known,

  'GET /v1/keys': known,
  'POST /v1/keys': ['customer', 'seller'],
  'POST /v1/keys/first': customer,
  'GET /v1/key_pattern': everybody,
  'GET /v1/keys/:id': known,
  'PATCH /v1/keys/:id': known,
  // Who rotates or reveals sees the secret: the seller's people do not.
  'POST /v1/keys/:id/rotate': ['customer', 'seller'],
  'POST /v1/keys/:id/reveal': customer,
  'POST /v1/keys/:id/revoke': known,
  'POST /v1/keys/verify': seller,
  'POST /v1/gate/leases/:id/release': seller,
  'POST /v1/gate/reserve': seller,
  'GET /v1/gate/reservations/:id': seller,
  'POST /v1/gate/reservations/:id/settle': seller,
  'GET /v1/gate/changes': seller,
  'POST /v1/gate/entries': seller,
  'POST /v1/gate/blocks': seller,
  'POST /v1/gate/blocks/return': seller,
  'POST /v1/gate/usage': seller,
  'POST /v1/keys/import': seller,
  'GET /v1/key_import': sellerSide,
  // Who scans for leaks signs what it reports.
  'POST /v1/keys/leaks': everybody,
  // The caller is the seller's proxy with its customer's key: the key is the credential.
  'GET /v1/gate/forward-auth': everybody,
  'POST /v1/gate/forward-auth': everybody,
  'PUT /v1/gate/forward-auth': everybody,
  'PATCH /v1/gate/forward-auth': everybody,
  'DELETE /v1/gate/forward-auth': everybody,
  'OPTIONS /v1/gate/forward-auth': everybody,

  'GET /v1/answers': sellerSide,

  'GET /v1/payment_methods': known,
  'POST /v1/payment_methods/setup': known,
  'POST /v1/payment_methods/:id/default': known,
  'DELETE /v1/payment_methods/:id': known,
  'POST /v1/customers/:id/portal_sessions': known,
  'GET /v1/customers/:id/balance': known,

  'GET /v1/invoices': known,
  'GET /v1/invoices/upcoming': known,
  'POST /v1/invoices/:id/retry': known,
  'POST /v1/invoices/:id/refund': sellerSide,
  'GET /v1/invoices/:id/credit_notes': known,
  'POST /v1/invoices/:id/credit_notes': sellerSide,
  'GET /v1/invoices/:id': known,
  'GET /v1/invoices/:id/pdf': known,
  'GET /v1/invoices/:id/lines/:line_id/explain': known,

  'GET /v1/webhook_endpoints': known,
  'POST /v1/webhook_endpoints': known,
  'GET /v1/webhook_endpoints/:id': known,
  'PATCH /v1/webhook_endpoints/:id': known,
  'DELETE /v1/webhook_endpoints/:id': known,
  'POST /v1/webhook_endpoints/:id/test': known,
  'POST /v1/webhook_endpoints/:id/rotate_secret': known,
  'GET /v1/events': known,
  'GET /v1/events/:id': known,
  'GET /v1/webhook_deliveries': known,
  'POST /v1/webhook_deliveries/:id/retry': known,

  'GET /v1/admin/overview': operator,
  'GET /v1/admin/stripe_events': operator,
  'POST /v1/admin/stripe_events/:id/replay': operator,
  'POST /v1/admin/stripe_events/replay_parked': operator,
  'POST /v1/admin/stripe_events/backfill': operator,
  'GET /v1/admin/stripe_health': operator,
  'GET /v1/admin/charges': operator,
  'GET /v1/admin/plan_proposal': operator,
  'POST /v1/admin/stripe_imports': operator,
  'GET /v1/admin/stripe_imports': operator,
  'GET /v1/admin/stripe_imports/:id': operator,
  'GET /v1/admin/stripe_imports/:id/items': operator,
  'GET /v1/admin/reconciliation': operator,
  'GET /v1/admin/reconciliation/runs': operator,
  'POST /v1/admin/reconciliation/run': operator,
  'GET /v1/analytics/revenue': sellerSide,

  // Stripe signs what it sends.
  'POST /v1/stripe/webhooks': everybody,
  'POST /v1/test/clock/advance': operator,
};
