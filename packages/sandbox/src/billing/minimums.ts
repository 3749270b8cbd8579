import { CARRIES_SMALL_AMOUNTS } from './open-points.ts';

/** The least that a card can be charged, in minor units. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts */
const minimums: Readonly<Record<string, number>> = {
  aed: 200,
  aud: 50,
  bgn: 100,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1_500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  inr: 50,
  jpy: 50,
  mxn: 1_000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1_000,
  usd: 50,
};

/** What of an amount due is too small to be charged, and is carried to the customer's balance instead. */
export function carriedOf(due: number, currency: string): number {
  return CARRIES_SMALL_AMOUNTS && due < (minimums[currency] ?? 0) ? due : 0;
}
