import { missingParam } from '../../contract/contract.ts';
import { noSuch, invalidParam } from '../../http/api-error.ts';
import {
  emptyable,
  inert,
  integer,
  mergeMetadata,
  metadata,
  oneOf,
  type Read,
  shape,
  text,
} from '../../http/params.ts';
import type { BillingDetails, GivenCard, PaymentMethodRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { addressParam } from '../customers/address.ts';
import { cardError, createPaymentMethod, no_details } from './payment-methods.ts';
import { cardByLiteral, cardByNumber, liveCard } from './test-cards.ts';

const cardTable = shape({
  number: text(),
  exp_month: integer(1, 12),
  exp_year: integer(2000, 2100),
  cvc: text(4),
  token: text(),
});

export const detailsParam = shape({
  address: emptyable(addressParam),
  email: emptyable(text()),
  name: emptyable(text()),
  phone: emptyable(text()),
});

export const redisplayParam = oneOf(['always', 'limited', 'unspecified']);

/** What a payment method is made of, given by itself or inside an intent. */
export const givenTable = {
  type: oneOf(['card'], ['link', 'sepa_debit', 'us_bank_account', 'paypal', 'cashapp', 'klarna', 'amazon_pay']),
  card: cardTable,
  billing_details: detailsParam,
  metadata: metadata(),
  allow_redisplay: redisplayParam,
  // Fraud signals; the sandbox has no Radar.
  radar_options: inert('Cards for tests say themselves how risky they are.'),
};

/** Billing details with what was sent in place of what was there. */
export function mergeDetails(
  old: BillingDetails,
  given: Partial<Read<{ [K in 'given']: typeof detailsParam }>['given']>,
): BillingDetails {
  return {
    address: given?.address === undefined ? old.address : given.address,
    email: given?.email === undefined ? old.email : given.email,
    name: given?.name === undefined ? old.name : given.name,
    phone: given?.phone === undefined ? old.phone : given.phone,
  };
}

/** The card of a token: one that was made here, or a literal such as `tok_visa`. A token is good for one use. */
function cardOfToken(context: Context, id: string, path: string): GivenCard {
  const { tx } = context;
  const literal = cardByLiteral(id.replace(/^tok_/, 'pm_card_'));
  if (literal !== null) return { ...blank, number: literal.number };
  const token = tx.get('token', id);
  if (token === undefined) throw noSuch('token', id, path);
  if (token.used) throw usedToken(id, path);
  tx.put('token', { ...token, used: true });
  return token.card;
}

function usedToken(id: string, path: string): Error {
  return noSuch(`token (it was used already)`, id, path);
}

const blank: GivenCard = {
  allow_redisplay: 'unspecified',
  billing_details: no_details,
  exp_month: null,
  exp_year: null,
  metadata: {},
  number: '',
};

/** Checks a card that was sent; `path` is the hash it stands in. */
export function readGiven(context: Context, given: Partial<Read<typeof givenTable>>, path = ''): GivenCard {
  const name = (key: string): string => (path === '' ? key : `${path}[${key}]`);
  if (given.type === undefined) throw missingParam(name('type'));
  const { card } = given;
  if (card === undefined) throw missingParam(name('card'));
  const number_name = path === '' ? 'card[number]' : `${path}[card][number]`;
  const base =
    card.token === undefined
      ? blank
      : cardOfToken(context, card.token, path === '' ? 'card[token]' : `${path}[card][token]`);
  if (card.token === undefined && card.number === undefined) throw missingParam(number_name);
  if (card.cvc !== undefined && !/^\d{3,4}$/.test(card.cvc)) {
    const param = path === '' ? 'card[cvc]' : `${path}[card][cvc]`;
    throw invalidParam("Your card's security code is invalid.", param, 'invalid_cvc');
  }
  const number = card.number ?? base.number;
  if (cardByNumber(number) === null) throw cardError(liveCard);
  return {
    allow_redisplay: given.allow_redisplay ?? 'unspecified',
    billing_details: mergeDetails(base.billing_details, given.billing_details ?? {}),
    exp_month: card.exp_month ?? base.exp_month,
    exp_year: card.exp_year ?? base.exp_year,
    metadata: mergeMetadata({}, given.metadata),
    number,
  };
}

/** A payment method of a card that was sent. */
export function methodOfGiven(context: Context, given: GivenCard): PaymentMethodRecord {
  const card = cardByNumber(given.number);
  if (card === null) throw cardError(liveCard);
  const { number: _number, ...facts } = given;
  return createPaymentMethod(context, { ...facts, card });
}
