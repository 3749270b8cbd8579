/** Codes of refusals Farebox promises. Stable: callers match on them. `http/answer.ts` knows each one's status. */
export type ProblemCode =
  | 'invalid_request'
  | 'invalid_json'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'already_subscribed'
  | 'checkout_in_progress'
  | 'subscription_required'
  | 'plan_not_found'
  | 'price_not_found'
  | 'plan_not_pushed'
  | 'key_limit_reached'
  | 'key_revoked'
  | 'leak_report_replayed'
  | 'webhook_endpoint_limit_reached'
  | 'webhook_endpoint_disabled'
  | 'ambiguous_key'
  | 'ambiguous_subscription'
  | 'invalid_signature'
  | 'first_run_token_invalid'
  | 'reset_link_invalid'
  | 'portal_link_invalid'
  | 'too_many_requests'
  | 'request_in_progress'
  | 'idempotency_key_reused'
  | 'subscription_ended'
  | 'subscription_incomplete'
  | 'subscription_paused'
  | 'subscription_not_paused'
  | 'payment_past_due'
  | 'payment_failed'
  | 'no_change'
  | 'nothing_scheduled'
  | 'migration_running'
  | 'change_scheduled'
  | 'add_on_not_available'
  | 'cancellation_scheduled'
  | 'not_canceling'
  | 'downgrade_at_period_end'
  | 'currency_mismatch'
  | 'trial_invalid'
  | 'coupon_invalid'
  | 'invoice_not_open'
  | 'invoice_not_paid'
  | 'amount_too_large'
  | 'no_upcoming_invoice'
  | 'payment_method_in_use'
  | 'customer_in_use'
  | 'payment_method_required'
  | 'top_ups_off'
  | 'credit_insufficient'
  | 'reservation_settled'
  | 'import_running'
  | 'stripe_refused'
  | 'stripe_unavailable'
  | 'database_unavailable'
  | 'gate_unavailable'
  | 'upstream_unavailable'
  | 'upstream_timeout'
  | 'clock_not_movable'
  | 'internal_error';

/** A refusal we promise. `message` is for the caller; `detail` is for the log and never leaves the server. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  /** The field at fault, as a path. */
  readonly param: string | undefined;
  /** All faults of the input, when there are several. */
  readonly errors: readonly { param: string; detail: string }[];
  readonly detail: unknown;

  constructor(
    code: ProblemCode,
    message: string,
    options: { param?: string; errors?: readonly { param: string; detail: string }[]; detail?: unknown } = {},
  ) {
    super(message);
    this.code = code;
    this.param = options.param;
    this.errors = options.errors ?? [];
    this.detail = options.detail;
  }
}
