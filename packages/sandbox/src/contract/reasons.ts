/**
 * Why something of Stripe's is not here. One table for routes, one for parameters, one for fields of answers: the refusals of
 * parameters, the control room and COVERAGE.md tell the same.
 */

const CARDS = 'Cards are the only way to pay.';
const CONNECT = 'It needs Connect, and one sandbox is one account.';
const FILES = 'Files are not kept.';
const OLD_SOURCES = 'Sources are an older way to pay.';
const TRIALS = 'A trial is given to a subscription: `trial_period_days` or `trial_end`.';
const TAX = 'No tax is computed from places; tax rates do it.';
const SCHEDULED_TAX = 'A schedule leaves its subscription’s way of finding taxes alone.';
const SHIPPING = 'Nothing is sent by post: there are no shipping rates.';
const TRIAL_OFFERS = 'Trial offers are not built; a trial is a `trial_end` or `trial_period_days`.';
const PREBILLING = 'Billing ahead of time is not built.';
const BRAND = 'Pages have one look, but for the name.';
const LOCAL_MONEY = 'Every payment is in the currency it was asked in.';

/** Why families of routes are not built; the first that fits a path tells. */
const route_reasons: readonly [RegExp, string][] = [
  [
    /^\/v1\/(issuing|treasury|financial_connections|forwarding|crypto)\b/,
    'Moving and holding money for others is another business.',
  ],
  [
    /^\/v1\/(accounts|account_|application_fees|transfers|payouts|topups|linked_accounts|country_specs|balance)/,
    'Connect and payouts: no money arrives, so none is paid out.',
  ],
  [/^\/v1\/terminal\b/, 'Card readers.'],
  [
    /^\/v1\/(identity|radar|reviews|reporting|sigma|climate|apps|entitlements)\b/,
    'A product of its own beside billing.',
  ],
  [
    /^\/v1\/(sources|tokens|external_accounts|ephemeral_keys|mandates|payment_records|confirmation_tokens)\b/,
    'For other ways to pay than cards, or for mobile apps.',
  ],
  [
    /^\/v1\/customers\/\{id\}\/(sources|bank_accounts|cards|cash_balance|funding_instructions|cash_balance_transactions)/,
    'Older or other ways to pay than cards.',
  ],
  [
    /^\/v1\/test_helpers\/(issuing|treasury|terminal|customers|refunds|confirmation_tokens)/,
    'Helpers for what is not built.',
  ],
  [/^\/v2\/core\/(accounts|account_|batch_jobs|claimable|vault)/, 'Connect.'],
  [
    /^\/v2\/(money_management|payments|tax|test_helpers|commerce|iam|reporting|extend|network|orchestrated)/,
    'A product of its own beside billing.',
  ],
  [/^\/v1\/(tax|tax_codes)\b/, TAX],
  [/^\/v1\/shipping_rates\b/, SHIPPING],
  [/^\/v1\/(files|file_links)\b/, FILES],
  [/^\/v1\/plans\b/, 'Plans are an older form of prices: they are read as plans, made and changed as prices.'],
  [/^\/v1\/payment_links\b/, 'A link is a checkout session that a shop makes itself.'],
  [/^\/v1\/quotes\b/, 'Offers are written by hand before anything is billed.'],
  [/^\/v1\/(payment_method_configurations|payment_method_domains|apple_pay)\b/, CARDS],
  [/^\/v1\/product_catalog\b/, TRIAL_OFFERS],
  [/^\/v1\/billing\/feedback_options\b/, 'Reasons for leaving are the five of the API.'],
  [/^\/v1\/products\/\{id\}\/features\b/, 'A product of its own beside billing.'],
  [/^\/(v1\/three_d_secure|oauth)\b/, 'For platforms that do their payments elsewhere.'],
  [/\/amount_details_line_items$/, 'For other ways to pay, or for the prices of card networks.'],
  [/^\/v1\/exchange_rates\b/, LOCAL_MONEY],
  [/^\/v1\/invoice_rendering_templates\b/, BRAND],
  [/\/payment_attempt_records|\/payment_method_balance/, 'Payments made elsewhere.'],
  [/\/(increment_authorization|verify_microdeposits|apply_customer_balance)$/, CARDS],
  [/^POST \/v1\/charges/, 'Charges come of intents; a charge without one is an older way to pay.'],
];

/** Why parameters of built routes are refused: fits the route and the path of names, `POST /v1/x a.b`. */
const param_reasons: readonly [RegExp, string][] = [
  [/\b(customer_account)$/, 'Customers that are accounts of API v2 need Connect.'],
  [
    /\b(on_behalf_of|transfer_data|application_fee_(amount|percent)|reverse_transfer|refund_application_fee|connect)$|\b(issuer|liability|owner)\.account$|automatic_tax\.liability$|invoice_data\.issuer$|^GET \/v1\/balance_transactions payout$/,
    CONNECT,
  ],
  [/^POST \/v1\/tokens (account|person|pii)$/, CONNECT],
  [/^POST \/v1\/tokens |\bcvc_(token|update)$/, CARDS],
  [/ payment_method_options\.card\.restrictions$/, 'Every card for tests is taken.'],
  [
    / payment_method_(data|options)(\.card\b|$)/,
    'Of what a card can be asked for, its bank knows 3-D Secure, later capture and several captures.',
  ],
  [/ payment_method_(data|options)\.(?!billing_details)/, CARDS],
  [/\bpayment_method_configuration$/, CARDS],
  [/\bcard\.networks$/, 'Cards for tests are of one network.'],
  [/^POST \/v1\/payment_methods(\/\{id\})? (?!billing_details)/, CARDS],
  [/\bbilling_details\.tax_id$/, 'Tax ids belong to customers.'],
  [/ (source|default_source|cash_balance|origin)$/, OLD_SOURCES],
  [/\b(account_tax_ids)$/, 'Only invoices made by hand and subscriptions name the tax ids of the seller.'],
  [
    /^POST \/v1\/subscription_schedules.* (phases\[\]|default_settings)\.automatic_tax|schedule_details.*automatic_tax/,
    SCHEDULED_TAX,
  ],
  [/\b(tax_details|customer_details\.tax)$/, TAX],
  [/\b(shipping_cost|shipping_options|shipping_details)$|customer_details\.shipping$| permissions$/, SHIPPING],
  [/\bcurrent_trial$/, TRIAL_OFFERS],
  [/\bbilling_schedules$/, PREBILLING],
  [/\bbranding_settings\.|\brendering(_options)?$/, BRAND],
  [/\b(cancellation_reason\.feedback_options)$/, 'Reasons for leaving are the five of the API.'],
  [
    / evidence\.(appeal|cancellation_policy|customer_(communication|signature)|duplicate_charge_documentation|receipt|refund_policy|s\w+_documentation|uncategorized_file)$/,
    FILES,
  ],
  [
    / (evidence\.enhanced_evidence|intended_submission_method)$/,
    'Disputes are decided by the words that the test evidence has.',
  ],
  [/ (amount_details|payment_details|hooks)$/, 'For other ways to pay, or for the prices of card networks.'],
  [/ (amazon_eventbridge|azure_event_grid)$/, 'Destinations are webhook endpoints.'],
  [/ amount_to_confirm$/, 'An intent is confirmed whole.'],
  [/ (attach_to_self|flow_directions)$/, 'Money flows from customers to the seller.'],
  [/\bcustom_unit_amount$/, 'Prices are set by the seller.'],
  [/ payment_settings\.payment_method_options\.(?!card$)/, CARDS],
  [/\b(tax_behavior|tax_code)$/, TAX],
  [/ invoicing_rules$/, PREBILLING],
  [/\bbilling_mode\.flexible$/, 'What is only previewed has the discounts of its prorations included.'],
  [/^POST \/v1\/refunds customer$/, OLD_SOURCES],
  [/ recurring\.trial_period_days$/, TRIALS],
  [/^POST \/v1\/promotion_codes\b.* restrictions\b/, 'A code has its minimum in one currency, for good.'],
];

/** Why fields of answers are never anything but null, or never there: fits the object and the name, `charge review`. */
const field_reasons: readonly [RegExp, string][] = [
  [/ customer_account$/, 'Customers that are accounts of API v2 need Connect.'],
  [/^account /, 'The account is the seller of tests: nobody asks who stands behind it.'],
  [
    / (application|application_fee|application_fee_amount|application_fee_percent|on_behalf_of|transfer|transfer_data|transfer_group|source_transfer|transfer_reversal|source_transfer_reversal|connect_reserved|managed_payments|account|context)$/,
    CONNECT,
  ],
  [/^balance (instant_available|issuing|refund_and_dispute_prefunding)$/, 'No money arrives, so none is paid out.'],
  [/ (default_source|sources|cash_balance|invoice_credit_balance)$|^(charge|payment_intent) source$/, OLD_SOURCES],
  [/^card /, 'The card of a token is shown without its address and its bank.'],
  [/^(token|refund) (bank_account|next_action|client_ip|instructions_email|pending_reason)$/, CARDS],
  [/^(payment_method|mandate) (?!customer$)/, CARDS],
  [/ (payment_method_configuration_details)$/, CARDS],
  [/ (presentment_details|currency_conversion|exchange_rate)$/, LOCAL_MONEY],
  [
    / (review|level3|radar_options|authorization_code|processing|hooks|payment_details|payment_record|network_reason_code)$/,
    'For other ways to pay, fraud teams, or the prices of card networks.',
  ],
  [/ (attach_to_self|flow_directions|single_use_mandate)$/, 'Money flows from customers to the seller.'],
  [/ intended_submission_method$/, 'Disputes are decided by the words that the test evidence has.'],
  [/ (shipping_cost|shipping_options)$/, SHIPPING],
  [
    / (permissions|origin_context|integration_identifier|wallet_options)$/,
    'Links, wallets and Stripe.js are not offered.',
  ],
  [/ current_trial$/, TRIAL_OFFERS],
  [/ (billed_until|frozen_fields)$/, PREBILLING],
  [/ transform_usage$/, 'Plans are an older form of prices; every price is answered as a plan too.'],
  [/ custom_unit_amount$/, 'Prices are set by the seller.'],
  [/^customer discount$/, 'No parameter of this API version gives a customer a discount.'],
  [/ (tax|tax_details|flat_amount|jurisdiction_level|effective_percentage)$/, TAX],
  [/ branding_settings$/, BRAND],
  [/ payment_link$/, 'A link is a checkout session that a shop makes itself.'],
  [/^v2\.core\.event_destination (amazon|azure)/, 'Destinations are webhook endpoints.'],
  [/^v2\.core\.event changes$/, 'A thin event says what happened, not what changed.'],
  [/^payment_intent statement_descriptor$/, 'Of cards, statements take a suffix only.'],
  [/^refund (customer|payment_method|description)$/, 'A refund goes back to where its payment came from.'],
  [/^invoice receipt_number$/, 'Receipts are numbered by their charge.'],
  [/^invoiceitem (invoicing_rules|parent)$/, PREBILLING],
  [/^plan trial_period_days$/, TRIALS],
  [/^confirmation_token mandate_data$/, 'A mandate is given with the intent.'],
  [/^charge failure_balance_transaction$/, 'A charge that fails moves no money.'],
  [/^item discounts$/, 'The discounts of a checkout are those of its session.'],
  [/^customer_balance_transaction checkout_session$/, 'A checkout moves the balance by its invoice alone.'],
];

function find(reasons: readonly [RegExp, string][], text: string): string | null {
  return reasons.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

/** Why a route that Stripe has is not built; `null` when nobody has said. */
export function routeReason(route: string): string | null {
  return find(route_reasons, route.slice(route.indexOf(' ') + 1)) ?? find(route_reasons, route);
}

/** Why a parameter of a built route is refused; `null` when nobody has said. */
export function paramReason(route: string, path: string): string | null {
  return find(param_reasons, `${route} ${path}`);
}

/** Why a field of an object is never set; `null` when nobody has said. */
export function fieldReason(object: string, name: string): string | null {
  return find(field_reasons, `${object} ${name}`);
}
