import type { PaymentFailure } from '../../store/records.ts';

/** How a test card behaves. https://docs.stripe.com/testing */
export interface TestCard {
  number: string;
  brand: 'visa' | 'mastercard' | 'amex' | 'discover' | 'diners' | 'jcb' | 'unionpay';
  funding: 'credit' | 'debit' | 'prepaid';
  /** The literal ids that stand for this card. */
  literals: string[];
  /** What happens when it is charged. */
  charge: PaymentFailure | null;
  /** Saving it to a customer fails as charging does. 0341 can be saved and then fails. */
  attaches: boolean;
  /**
   * `present`: only while its holder is there; it is set up for everything else already. `optional`: only where the
   * seller asks for it.
   */
  authentication: 'none' | 'once' | 'always' | 'optional' | 'present';
  /** Every charge is disputed as soon as it is made. */
  dispute: 'fraudulent' | 'inquiry' | 'product_not_received' | null;
  /** What becomes of a refund: it fails after a while, or is pending for a while. */
  refund: 'fails' | 'waits' | null;
  /** Charges pass although this check of the holder's data fails. */
  failing_check: 'address_line1' | 'address_postal_code' | 'cvc' | null;
  risk: 'elevated' | 'highest' | 'normal';
}

function declined(decline_code: string, message = 'Your card was declined.'): PaymentFailure {
  return { code: 'card_declined', decline_code, message };
}

type Given = Partial<Omit<TestCard, 'number' | 'literals'>>;

function card(number: string, literals: string, facts: Given = {}): TestCard {
  return {
    number,
    literals: literals.split(' '),
    brand: 'visa',
    funding: 'credit',
    charge: null,
    attaches: true,
    authentication: 'none',
    dispute: null,
    refund: null,
    failing_check: null,
    risk: 'normal',
    ...facts,
  };
}

const fails = (charge: PaymentFailure): Given => ({ charge, attaches: false });

const insufficient = declined('insufficient_funds', 'Your card has insufficient funds.');
const processing: PaymentFailure = {
  code: 'processing_error',
  decline_code: null,
  message: 'An error occurred while processing your card. Try again in a little bit.',
};
const lost = declined('lost_card');
const stolen = declined('stolen_card');
const expired: PaymentFailure = { code: 'expired_card', decline_code: null, message: 'Your card has expired.' };
const wrong_cvc: PaymentFailure = {
  code: 'incorrect_cvc',
  decline_code: null,
  message: "Your card's security code is incorrect.",
};

/** `pm_card_chargeDeclined…` and `pm_card_visa_chargeDeclined…` are the same card. */
const both = (name: string): string => `pm_card_${name} pm_card_visa_${name}`;

const cards: readonly TestCard[] = [
  card('4242424242424242', 'pm_card_visa pm_card_us'),
  card('4000056655665556', 'pm_card_visa_debit', { funding: 'debit' }),
  card('5555555555554444', 'pm_card_mastercard', { brand: 'mastercard' }),
  card('5200828282828210', 'pm_card_mastercard_debit', { brand: 'mastercard', funding: 'debit' }),
  card('5105105105105100', 'pm_card_mastercard_prepaid', { brand: 'mastercard', funding: 'prepaid' }),
  card('378282246310005', 'pm_card_amex', { brand: 'amex' }),
  card('6011111111111117', 'pm_card_discover', { brand: 'discover' }),
  card('3056930009020004', 'pm_card_diners', { brand: 'diners' }),
  card('3566002020360505', 'pm_card_jcb', { brand: 'jcb' }),
  card('6200000000000005', 'pm_card_unionpay', { brand: 'unionpay' }),
  card('4000000000000341', both('chargeCustomerFail'), { charge: declined('generic_decline') }),
  card('4000000000000002', both('chargeDeclined'), fails(declined('generic_decline'))),
  card('4000000000009995', both('chargeDeclinedInsufficientFunds'), fails(insufficient)),
  card('4000000000009987', both('chargeDeclinedLostCard'), fails(lost)),
  card('4000000000009979', both('chargeDeclinedStolenCard'), fails(stolen)),
  card('4000000000000069', both('chargeDeclinedExpiredCard'), fails(expired)),
  card('4000000000000127', both('chargeDeclinedIncorrectCvc'), fails(wrong_cvc)),
  card('4000000000000119', both('chargeDeclinedProcessingError'), fails(processing)),
  card('4000000000006975', both('chargeDeclinedVelocityLimitExceeded'), fails(declined('card_velocity_exceeded'))),
  card('4000002500003155', 'pm_card_authenticationRequiredOnSetup', { authentication: 'once' }),
  card('4000002760003184', 'pm_card_authenticationRequired', { authentication: 'always' }),
  card('4000000000003220', 'pm_card_threeDSecure2Required', { authentication: 'once' }),
  card('4000000000003063', 'pm_card_threeDSecureRequired', { authentication: 'once' }),
  card('4000003800000446', 'pm_card_authenticationRequiredSetupForOffSession', { authentication: 'present' }),
  card('4000000000003055', 'pm_card_threeDSecureOptional', { authentication: 'optional' }),
  // The look-up for 3-D Secure fails, and without it there is no charge.
  card('4000008400001280', 'pm_card_threeDSecureRequiredProcessingError', { charge: declined('generic_decline') }),
  card('4000008260003178', 'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds', {
    authentication: 'always',
    charge: insufficient,
  }),
  card('4000008400001629', 'pm_card_threeDSecureRequiredChargeDeclined', {
    authentication: 'always',
    charge: declined('generic_decline'),
  }),
  card('4000000000000259', 'pm_card_createDispute', { dispute: 'fraudulent' }),
  card('4000000000002685', 'pm_card_createDisputeProductNotReceived', { dispute: 'product_not_received' }),
  card('4000000000001976', 'pm_card_createDisputeInquiry', { dispute: 'inquiry' }),
  card('4100000000000019', 'pm_card_radarBlock', { charge: declined('fraudulent'), risk: 'highest' }),
  card('4000000000004954', 'pm_card_riskLevelHighest', { charge: declined('fraudulent'), risk: 'highest' }),
  card('4000000000009235', 'pm_card_riskLevelElevated', { risk: 'elevated' }),
  card('4000000000000101', 'pm_card_cvcCheckFail', { failing_check: 'cvc' }),
  card('4000000000000036', 'pm_card_avsZipFail', { failing_check: 'address_postal_code' }),
  card('4000000000000028', 'pm_card_avsLine1Fail', { failing_check: 'address_line1' }),
  card('4000000000007726', 'pm_card_pendingRefund', { refund: 'waits' }),
  card('4000000000005126', 'pm_card_refundFail', { refund: 'fails' }),
];

/** Declines after which Stripe keeps the retry on the invoice but does not run it until there is another card. */
export const hardDeclines: ReadonlySet<string> = new Set(['authentication_required', 'lost_card', 'stolen_card']);

/** The refusal of an off-session charge of a card that asks for its holder. */
export const authenticationRequired: PaymentFailure = {
  code: 'authentication_required',
  decline_code: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
};

/** The refusal after a failed authentication. */
export const authenticationFailed: PaymentFailure = {
  code: 'payment_intent_authentication_failure',
  decline_code: null,
  message: 'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
};

/** The refusal of a number that is no test card. */
export const liveCard: PaymentFailure = {
  code: 'card_declined',
  decline_code: 'test_mode_live_card',
  message: 'Your card was declined. Your request was in test mode, but used a non test card.',
};

/** Whether the bank asks the holder by itself. */
export function asksHolder(card: TestCard): boolean {
  return card.authentication !== 'none' && card.authentication !== 'optional';
}

/** The card of a number, spaces allowed. */
export function cardByNumber(number: string): TestCard | null {
  const digits = number.replaceAll(/[\s-]/g, '');
  return cards.find((each) => each.number === digits) ?? null;
}

/** The card a literal such as `pm_card_visa` stands for. */
export function cardByLiteral(literal: string): TestCard | null {
  return cards.find((each) => each.literals.includes(literal)) ?? null;
}
