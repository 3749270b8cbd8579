import type { PaymentFailure } from '../../store/records.ts';

/** How a test card behaves. https://docs.stripe.com/testing */
export interface TestCard {
  number: string;
  brand: 'visa' | 'mastercard' | 'amex' | 'discover';
  /** The literal ids that stand for this card. */
  literals: string[];
  /** What happens when it is charged. */
  charge: PaymentFailure | null;
  /** Saving it to a customer fails as charging does. 0341 can be saved and then fails. */
  attaches: boolean;
  /** `present`: only while its holder is there; it is set up for everything else already. */
  authentication: 'none' | 'once' | 'always' | 'present';
  /** Every charge is disputed as soon as it is made. */
  disputed: boolean;
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
    charge: null,
    attaches: true,
    authentication: 'none',
    disputed: false,
    ...facts,
  };
}

const fails = (charge: PaymentFailure): Given => ({ charge, attaches: false });

const cards: readonly TestCard[] = [
  card('4242424242424242', 'pm_card_visa'),
  card('4000056655665556', 'pm_card_visa_debit'),
  card('5555555555554444', 'pm_card_mastercard', { brand: 'mastercard' }),
  card('378282246310005', 'pm_card_amex', { brand: 'amex' }),
  card('6011111111111117', 'pm_card_discover', { brand: 'discover' }),
  card('4000000000000341', 'pm_card_chargeCustomerFail', { charge: declined('generic_decline') }),
  card('4000000000000002', 'pm_card_chargeDeclined pm_card_visa_chargeDeclined', fails(declined('generic_decline'))),
  card(
    '4000000000009995',
    'pm_card_chargeDeclinedInsufficientFunds pm_card_visa_chargeDeclinedInsufficientFunds',
    fails(declined('insufficient_funds', 'Your card has insufficient funds.')),
  ),
  card('4000000000009987', 'pm_card_visa_chargeDeclinedLostCard', fails(declined('lost_card'))),
  card('4000000000009979', 'pm_card_visa_chargeDeclinedStolenCard', fails(declined('stolen_card'))),
  card(
    '4000000000000069',
    'pm_card_chargeDeclinedExpiredCard pm_card_visa_chargeDeclinedExpiredCard',
    fails({ code: 'expired_card', decline_code: null, message: 'Your card has expired.' }),
  ),
  card(
    '4000000000000127',
    'pm_card_chargeDeclinedIncorrectCvc pm_card_visa_chargeDeclinedIncorrectCvc',
    fails({ code: 'incorrect_cvc', decline_code: null, message: "Your card's security code is incorrect." }),
  ),
  card(
    '4000000000000119',
    'pm_card_chargeDeclinedProcessingError pm_card_visa_chargeDeclinedProcessingError',
    fails({
      code: 'processing_error',
      decline_code: null,
      message: 'An error occurred while processing your card. Try again in a little bit.',
    }),
  ),
  card('4000002500003155', 'pm_card_authenticationRequiredOnSetup', { authentication: 'once' }),
  card('4000002760003184', 'pm_card_authenticationRequired', { authentication: 'always' }),
  card('4000000000003220', 'pm_card_threeDSecure2Required', { authentication: 'once' }),
  card('4000003800000446', 'pm_card_authenticationRequiredSetupForOffSession', { authentication: 'present' }),
  card('4000000000003055', 'pm_card_threeDSecureOptional'),
  card('4000008400001280', 'pm_card_threeDSecureRequiredProcessingError', { charge: declined('generic_decline') }),
  card('4000000000000259', 'pm_card_createDispute', { disputed: true }),
  card('4100000000000019', 'pm_card_radarBlock', { charge: declined('fraudulent') }),
  card('4000008260003178', 'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds', {
    authentication: 'always',
    charge: declined('insufficient_funds', 'Your card has insufficient funds.'),
  }),
  card('4000008400001629', 'pm_card_threeDSecureRequiredChargeDeclined', {
    authentication: 'always',
    charge: declined('generic_decline'),
  }),
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

/** The card of a number, spaces allowed. */
export function cardByNumber(number: string): TestCard | null {
  const digits = number.replaceAll(/[\s-]/g, '');
  return cards.find((each) => each.number === digits) ?? null;
}

/** The card a literal such as `pm_card_visa` stands for. */
export function cardByLiteral(literal: string): TestCard | null {
  return cards.find((each) => each.literals.includes(literal)) ?? null;
}
