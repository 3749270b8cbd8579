import type Stripe from 'stripe';
import type { Wire } from '../../contract/wire.ts';
import { invalidParam, noSuch } from '../../http/api-error.ts';
import { currencyCode, shape, text } from '../../http/params.ts';
import { route } from '../../http/route.ts';
import type { TokenRecord } from '../../store/records.ts';
import type { Context } from '../context.ts';
import { readGiven } from './given-cards.ts';
import { fingerprintOf } from './payment-methods.ts';
import { cardByNumber } from './test-cards.ts';

const cardTokenTable = shape({
  number: text(),
  exp_month: text(),
  exp_year: text(),
  cvc: text(4),
  name: text(),
  address_city: text(),
  address_country: text(),
  address_line1: text(),
  address_line2: text(),
  address_state: text(),
  address_zip: text(),
  currency: currencyCode(),
});

type CardToken = ReturnType<typeof cardTokenTable.read>;

function renderToken(token: TokenRecord): Wire<Stripe.Token> {
  const { card } = token;
  const test_card = cardByNumber(card.number);
  const address = card.billing_details.address;
  return {
    id: token.id,
    object: 'token',
    card: {
      id: token.card_id,
      object: 'card',
      address_city: address?.city ?? null,
      address_country: address?.country ?? null,
      address_line1: address?.line1 ?? null,
      address_line1_check: address?.line1 == null ? null : 'unchecked',
      address_line2: address?.line2 ?? null,
      address_state: address?.state ?? null,
      address_zip: address?.postal_code ?? null,
      address_zip_check: address?.postal_code == null ? null : 'unchecked',
      brand: test_card?.brand ?? 'unknown',
      country: 'US',
      cvc_check: 'unchecked',
      dynamic_last4: null,
      exp_month: card.exp_month ?? 12,
      exp_year: card.exp_year ?? 2_034,
      fingerprint: fingerprintOf(card.number),
      funding: test_card?.funding ?? 'unknown',
      last4: card.number.slice(-4),
      metadata: {},
      name: card.billing_details.name,
      regulated_status: 'unregulated',
      tokenization_method: null,
    },
    client_ip: null,
    created: token.created,
    livemode: false,
    type: 'card',
    used: token.used,
  };
}

function tokenOf(context: Context, given: CardToken): TokenRecord {
  const { tx } = context;
  const month = given.exp_month === undefined ? undefined : Number(given.exp_month);
  const year = given.exp_year === undefined ? undefined : (Number(given.exp_year) % 100) + 2_000;
  if (month === undefined || !Number.isInteger(month) || month < 1 || month > 12) {
    throw invalidParam("Your card's expiration month is invalid.", 'card[exp_month]', 'invalid_expiry_month');
  }
  if (year === undefined || !Number.isInteger(year)) {
    throw invalidParam("Your card's expiration year is invalid.", 'card[exp_year]', 'invalid_expiry_year');
  }
  const card = readGiven(context, {
    type: 'card',
    card: {
      number: given.number,
      exp_month: month,
      exp_year: year,
      cvc: given.cvc,
      token: undefined,
    },
    billing_details: {
      address: {
        city: given.address_city ?? null,
        country: given.address_country ?? null,
        line1: given.address_line1 ?? null,
        line2: given.address_line2 ?? null,
        postal_code: given.address_zip ?? null,
        state: given.address_state ?? null,
      },
      email: null,
      name: given.name ?? null,
      phone: null,
    },
  });
  return tx.put('token', { id: tx.newId('tok_'), created: tx.wall, card, card_id: tx.newId('card_'), used: false });
}

export const cardTokenRoutes = [
  route('POST /v1/tokens', { card: cardTokenTable }, (context, params) => {
    if (params.card === undefined) throw invalidParam('The sandbox makes tokens of cards only.', 'card', 'unsupported');
    return renderToken(tokenOf(context, params.card));
  }),
  route('GET /v1/tokens/{id}', {}, ({ tx }, _params, id) => {
    const token = tx.get('token', id);
    if (token === undefined) throw noSuch('token', id);
    return renderToken(token);
  }),
];
