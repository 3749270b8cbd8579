import type { Currency } from './plan.ts';

/**
 * Stripe's table, not ISO 4217's: https://docs.stripe.com/currencies. Where they differ (ISK and UGX are written with two
 * decimals although neither has a minor unit; MGA with none), Stripe's is the one that charges the card.
 */
const twoDecimals =
  'usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk ' +
  'dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr ' +
  'lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar ' +
  'sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd xcg yer zar zmw';
const zeroDecimals = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf';
const threeDecimals = 'bhd jod kwd omr tnd';

/** Minor units that a charge must be a multiple of, where that is not 1. */
const steps: Record<Currency, number> = { isk: 100, ugx: 100, bhd: 10, jod: 10, kwd: 10, omr: 10, tnd: 10 };

const exponents = new Map<Currency, number>([
  ...twoDecimals.split(' ').map((currency) => [currency, 2] as const),
  ...zeroDecimals.split(' ').map((currency) => [currency, 0] as const),
  ...threeDecimals.split(' ').map((currency) => [currency, 3] as const),
]);

/** Every currency Stripe charges in, lower case, in alphabetical order. */
export const currencies: readonly Currency[] = [...exponents.keys()].sort();

/**
 * Digits after the point in the currency's minor unit, as Stripe counts them: usd 2, jpy 0, kwd 3.
 * Throws `RangeError` for a currency that is not in Stripe's table or not lower case.
 */
export function currencyExponent(currency: Currency): number {
  const exponent = exponents.get(currency);
  if (exponent === undefined)
    throw new RangeError(`"${currency}" is not a currency Stripe charges in (lower case: usd).`);
  return exponent;
}

/**
 * The smallest step of a charge, in minor units: 1 for most; 100 for ISK and UGX, which Stripe writes with two decimals
 * that must be zero; 10 for three-decimal currencies, whose last digit must be zero. Throws `RangeError` as `currencyExponent`.
 */
export function currencyStep(currency: Currency): number {
  currencyExponent(currency);
  return steps[currency] ?? 1;
}
