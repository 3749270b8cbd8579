/**
 * What Farebox does when it hears of a type of event. `customer`: reads all of that customer. `catalog`: looks whether what
 * is on sale was edited. `meter`: tells the operator which usage Stripe would not take. `nothing`: known, and kept nowhere.
 */
export type Way = 'customer' | 'catalog' | 'meter' | 'nothing';

const customerTypes: Record<string, readonly string[]> = {
  'checkout.session': ['completed', 'expired', 'async_payment_succeeded', 'async_payment_failed'],
  customer: ['created', 'updated', 'deleted'],
  'customer.subscription': [
    'created',
    'updated',
    'deleted',
    'paused',
    'resumed',
    'trial_will_end',
    'pending_update_applied',
    'pending_update_expired',
  ],
  'customer.discount': ['created', 'updated', 'deleted'],
  'customer.tax_id': ['created', 'updated', 'deleted'],
  subscription_schedule: ['created', 'updated', 'released', 'canceled', 'completed', 'aborted', 'expiring'],
  invoice: [
    'created',
    'updated',
    'deleted',
    'upcoming',
    'finalized',
    'finalization_failed',
    'paid',
    'payment_succeeded',
    'payment_failed',
    'payment_action_required',
    'payment_attempt_required',
    'overdue',
    'overpaid',
    'voided',
    'marked_uncollectible',
    'sent',
    'will_be_due',
  ],
  invoice_payment: ['paid'],
  payment_method: ['attached', 'detached', 'updated', 'automatically_updated'],
  setup_intent: ['succeeded', 'setup_failed'],
  // A declined card at a checkout is told of by its charge alone.
  charge: ['failed', 'refunded'],
  'charge.dispute': ['created', 'updated', 'closed', 'funds_withdrawn', 'funds_reinstated'],
  refund: ['created', 'updated', 'failed'],
  credit_note: ['created', 'updated', 'voided'],
  'billing.alert': ['triggered'],
  'billing.credit_grant': ['created', 'updated'],
  'entitlements.active_entitlement_summary': ['updated'],
};

const catalogTypes: Record<string, readonly string[]> = {
  product: ['created', 'updated', 'deleted'],
  price: ['created', 'updated', 'deleted'],
};

/** Thin: they name the meter, and what happened is read. https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage */
export const thinMeterTypes: readonly string[] = [
  'v1.billing.meter.error_report_triggered',
  'v1.billing.meter.no_meter_found',
];

const meterTypes: readonly string[] = [...thinMeterTypes, 'billing.meter.error_report_triggered'];

/** Families of which nothing is kept: each is followed by an event of the families above. */
const quietFamilies = [
  'payment_intent.',
  'charge.',
  'setup_intent.',
  'invoiceitem.',
  'coupon.',
  'promotion_code.',
  'billing_portal.',
  'billing.meter.',
  'billing.credit_balance_transaction.',
  'customer.source.',
  'payment_link.',
  'payout.',
  'balance.',
  'test_helpers.',
  'test_clock.',
  'source.',
];

const ways = new Map<string, Way>([
  ...typesOf(customerTypes).map((type): [string, Way] => [type, 'customer']),
  ...typesOf(catalogTypes).map((type): [string, Way] => [type, 'catalog']),
  ...meterTypes.map((type): [string, Way] => [type, 'meter']),
]);

/** Every type that makes Farebox look at something. */
export const handledTypes: readonly string[] = [...ways.keys()];

/** Null for a type that nobody has thought about: it is counted and shown, never passed over in silence. */
export function wayOf(type: string): Way | null {
  // Stripe tells thin twins of snapshot events, with `v1.` before their type.
  const plain = type.startsWith('v1.') && !ways.has(type) ? type.slice(3) : type;
  return ways.get(plain) ?? (quietFamilies.some((family) => plain.startsWith(family)) ? 'nothing' : null);
}

function typesOf(table: Record<string, readonly string[]>): string[] {
  return Object.entries(table).flatMap(([object, verbs]) => verbs.map((verb) => `${object}.${verb}`));
}
