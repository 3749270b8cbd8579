import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { adviceFields } from '../../billing/declines.ts';
import { ApiError, invalid, noSuch } from '../../http/api-error.ts';
import type { BillingDetails, PaymentFailure, PaymentMethodRecord, ThreeDSecureWish } from '../../store/records.ts';
import { type Context, emit } from '../context.ts';
import { authenticationRequired, cardByLiteral, cardByNumber, type TestCard } from './test-cards.ts';

export const no_details: BillingDetails = { address: null, email: null, name: null, phone: null };
const no_address = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null };

/** The billing details of a payment method or a charge. */
export function renderBillingDetails(details: BillingDetails): Wire<Stripe.PaymentMethod.BillingDetails> {
  return { ...details, address: details.address ?? no_address, tax_id: null };
}

/** The card behind a payment method. */
export function cardOf(method: PaymentMethodRecord): TestCard {
  const card = cardByNumber(method.card_number);
  if (card === null) throw new Error(`${method.id} has a card that is no test card.`);
  return card;
}

/** The same number has the same fingerprint everywhere. */
export function fingerprintOf(number: string): string {
  return createHash('sha256').update(`fingerprint:${number}`).digest('base64url').replaceAll(/[-_]/g, 'x').slice(0, 16);
}

/** What is shown of a card wherever one is: on payment methods, charges, attempts. */
export function renderCardFacts(method: PaymentMethodRecord): {
  brand: TestCard['brand'];
  checks: { address_line1_check: string | null; address_postal_code_check: string | null; cvc_check: string | null };
  country: string;
  exp_month: number;
  exp_year: number;
  fingerprint: string;
  funding: TestCard['funding'];
  last4: string;
  regulated_status: 'unregulated';
} {
  const card = cardOf(method);
  const { line1 = null, postal_code = null } = method.billing_details.address ?? {};
  const answer = (check: TestCard['failing_check']): 'fail' | 'pass' =>
    card.failing_check === check ? 'fail' : 'pass';
  return {
    brand: card.brand,
    checks: {
      address_line1_check: line1 === null ? null : answer('address_line1'),
      address_postal_code_check: postal_code === null ? null : answer('address_postal_code'),
      cvc_check: answer('cvc'),
    },
    country: 'US',
    exp_month: method.exp_month,
    exp_year: method.exp_year,
    fingerprint: fingerprintOf(card.number),
    funding: card.funding,
    last4: card.number.slice(-4),
    regulated_status: 'unregulated',
  };
}

/** Renders a payment method. */
export function renderPaymentMethod(method: PaymentMethodRecord): Wire<Stripe.PaymentMethod> {
  const facts = renderCardFacts(method);
  return {
    id: method.id,
    object: 'payment_method',
    allow_redisplay: method.allow_redisplay,
    billing_details: renderBillingDetails(method.billing_details),
    card: {
      ...facts,
      display_brand: facts.brand,
      generated_from: null,
      networks: { available: [facts.brand], preferred: null },
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: method.created,
    customer: method.customer,
    customer_account: null,
    livemode: false,
    metadata: method.metadata,
    type: 'card',
  };
}

/** The 402 of a card that was refused; what was written before it stays, unless said otherwise. */
export function cardError(
  failure: PaymentFailure,
  fields: Record<string, object | string> = {},
  effects: 'kept' | 'undone' = 'kept',
): ApiError {
  return new ApiError(402, 'card_error', failure.message, {
    code: failure.code,
    keeps_effects: effects === 'kept',
    fields: {
      ...adviceFields(failure),
      ...(failure.decline_code === null ? {} : { decline_code: failure.decline_code }),
      ...(JSON.parse(JSON.stringify(fields)) as Record<string, string>),
    },
  });
}

interface NewCard {
  card: TestCard;
  allow_redisplay?: PaymentMethodRecord['allow_redisplay'];
  exp_month?: number | null;
  exp_year?: number | null;
  billing_details?: Partial<BillingDetails>;
  customer?: string | null;
  authenticated?: boolean;
  metadata?: PaymentMethodRecord['metadata'];
}

/** Writes a new payment method. Attaching is said by the caller. */
export function createPaymentMethod(context: Context, facts: NewCard): PaymentMethodRecord {
  const { tx } = context;
  return tx.put('payment_method', {
    id: tx.newId('pm_'),
    created: tx.now,
    allow_redisplay: facts.allow_redisplay ?? 'unspecified',
    billing_details: { ...no_details, ...facts.billing_details },
    card_number: facts.card.number,
    exp_month: facts.exp_month ?? new Date(tx.now_ms).getUTCMonth() + 1,
    exp_year: facts.exp_year ?? new Date(tx.now_ms).getUTCFullYear() + 1,
    customer: facts.customer ?? null,
    metadata: facts.metadata ?? {},
    authenticated: facts.authenticated ?? false,
  });
}

/** A payment method by id; `pm_card_visa` and its like are templates and become a new one. */
export function resolvePaymentMethod(context: Context, id: string, param: string): PaymentMethodRecord {
  const card = cardByLiteral(id);
  if (card !== null) return createPaymentMethod(context, { card });
  const method = context.tx.get('payment_method', id);
  if (method === undefined) throw noSuch('PaymentMethod', id, param);
  return method;
}

/** Gives a payment method to a customer. A card that fails when saved fails here. */
export function attachForCustomer(context: Context, id: string, customer: string, param: string): PaymentMethodRecord {
  const method = resolvePaymentMethod(context, id, param);
  if (method.customer === customer) return method;
  if (method.customer !== null) {
    throw invalid('The payment method you provided has already been attached to a customer.', {
      code: 'payment_method_unexpected_state',
    });
  }
  const card = cardOf(method);
  if (!card.attaches && card.charge !== null) throw cardError(card.charge);
  const attached = context.tx.put('payment_method', { ...method, customer });
  emit(context, 'payment_method.attached', renderPaymentMethod(attached));
  return attached;
}

/**
 * How the card answers now: `null` it pays, a failure, or `'authenticate'` when its holder must act. `wish` is the
 * seller's: some cards ask only then.
 */
export function answerOf(
  method: PaymentMethodRecord,
  off_session: boolean,
  wish: ThreeDSecureWish = 'automatic',
): PaymentFailure | 'authenticate' | null {
  const card = cardOf(method);
  if (card.authentication === 'present') return off_session || method.authenticated ? card.charge : 'authenticate';
  if (card.authentication === 'optional' && wish !== 'automatic' && !off_session && !method.authenticated) {
    return 'authenticate';
  }
  const asks = card.authentication === 'always' || (card.authentication === 'once' && !method.authenticated);
  if (asks && off_session) return authenticationRequired;
  if (asks && !method.authenticated) return 'authenticate';
  return card.charge;
}

/** There is nothing to charge. */
export function noMethod(): Error {
  return invalid(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.',
    { code: 'resource_missing' },
  );
}
