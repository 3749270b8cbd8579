/** What a refusal tells the seller beyond its code. https://docs.stripe.com/declines/codes */
export interface Advice {
  advice_code: 'confirm_card_data' | 'do_not_try_again' | 'try_again_later' | null;
  network_decline_code: string | null;
}

const none: Advice = { advice_code: null, network_decline_code: null };

/** ISO 8583 response codes, as card networks send them; Stripe's test mode answers with these. */
const by_code: Record<string, Advice> = {
  authentication_required: { advice_code: null, network_decline_code: null },
  card_velocity_exceeded: { advice_code: 'try_again_later', network_decline_code: '65' },
  expired_card: { advice_code: 'confirm_card_data', network_decline_code: '54' },
  fraudulent: { advice_code: 'do_not_try_again', network_decline_code: null },
  generic_decline: { advice_code: 'try_again_later', network_decline_code: '01' },
  incorrect_cvc: { advice_code: 'confirm_card_data', network_decline_code: 'N7' },
  insufficient_funds: { advice_code: 'try_again_later', network_decline_code: '51' },
  lost_card: { advice_code: 'do_not_try_again', network_decline_code: '41' },
  processing_error: { advice_code: 'try_again_later', network_decline_code: '96' },
  stolen_card: { advice_code: 'do_not_try_again', network_decline_code: '43' },
};

/** The advice that goes with a refusal. */
export function adviceOf(failure: { code: string; decline_code: string | null }): Advice {
  return by_code[failure.decline_code ?? failure.code] ?? none;
}

/** The parts of {@link adviceOf} that are there, as errors carry them. */
export function adviceFields(failure: { code: string; decline_code: string | null }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(adviceOf(failure)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
