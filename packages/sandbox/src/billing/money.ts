import { decimalOf, type Fraction, fractionOf, round } from './exact.ts';

/** Stripe's zero-decimal and three-decimal currencies. https://docs.stripe.com/currencies */
const exponents: Record<string, number> = {
  ...Object.fromEntries(
    'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ').map((code) => [code, 0]),
  ),
  ...Object.fromEntries('bhd jod kwd omr tnd'.split(' ').map((code) => [code, 3])),
};

/** `unit × quantity` in minor units: exact, rounded once. */
export function amountOf(unit_amount_decimal: string, quantity: number | string): number {
  const unit = fractionOf(unit_amount_decimal);
  const times = fractionOf(String(quantity));
  return round({ n: unit.n * times.n, d: unit.d * times.d });
}

/** `amount / quantity` as a decimal of at most twelve places. */
export function unitOf(amount: number, quantity: number): string {
  if (quantity === 0) return '0';
  return decimalOf({ n: quantity < 0 ? -BigInt(amount) : BigInt(amount), d: BigInt(Math.abs(quantity)) });
}

interface PricedBy {
  tiers: { up_to: number | null; unit_amount_decimal: string | null; flat_amount_decimal: string | null }[] | null;
  tiers_mode: 'graduated' | 'volume' | null;
  transform_quantity?: { divide_by: number; round: 'down' | 'up' } | null;
  unit_amount_decimal: string | null;
}

/** How many packages a quantity makes. */
function packaged(price: PricedBy, quantity: number): number {
  const { divide_by, round: rounding } = price.transform_quantity ?? { divide_by: 1, round: 'up' };
  return rounding === 'up' ? Math.ceil(quantity / divide_by) : Math.floor(quantity / divide_by);
}

/** What a quantity costs under a price: per unit, by packages, or by tiers whose `up_to` is inclusive. */
export function priceAmount(price: PricedBy, quantity: number): number {
  // Nothing costs nothing, whatever flat amount the first tier has.
  if (quantity === 0) return 0;
  if (price.tiers === null) return amountOf(price.unit_amount_decimal ?? '0', packaged(price, quantity));
  const total: Fraction = { n: 0n, d: 10n ** 12n };
  const add = (decimal: string | null, times: number): void => {
    if (decimal === null) return;
    const { n, d } = fractionOf(decimal);
    total.n += (n * BigInt(times) * total.d) / d;
  };
  let below = 0;
  for (const tier of price.tiers) {
    const reaches = tier.up_to === null || quantity <= tier.up_to;
    if (price.tiers_mode === 'volume') {
      if (!reaches) continue;
      add(tier.unit_amount_decimal, quantity);
      add(tier.flat_amount_decimal, 1);
      break;
    }
    const here = (reaches ? quantity : (tier.up_to ?? quantity)) - below;
    add(tier.unit_amount_decimal, here);
    if (here > 0) add(tier.flat_amount_decimal, 1);
    if (reaches) break;
    below = tier.up_to ?? below;
  }
  return round(total);
}

/** Whether an amount is a whole number of minor units; if so, that number. */
export function wholeAmount(decimal: string | null): number | null {
  if (decimal === null) return null;
  const { n, d } = fractionOf(decimal);
  return n % d === 0n ? Number(n / d) : null;
}

/** For people: `$1,234.50`. Exact: the digits are moved, never divided. */
export function formatAmount(amount: number, currency: string): string {
  const exponent = exponents[currency] ?? 2;
  const digits = Math.abs(amount)
    .toString()
    .padStart(exponent + 1, '0');
  const whole = exponent === 0 ? digits : digits.slice(0, -exponent);
  const places = exponent === 0 ? '' : `.${digits.slice(-exponent)}`;
  return withSymbol(amount < 0, whole, places, currency);
}

/** For people, where a unit may cost parts of a minor unit: `$0.0008`. */
export function formatUnitAmount(decimal: string, currency: string): string {
  const whole_amount = wholeAmount(decimal);
  if (whole_amount !== null) return formatAmount(whole_amount, currency);
  const [units = '0', parts = ''] = decimal.replace('-', '').split('.');
  const exponent = exponents[currency] ?? 2;
  const digits = units.padStart(exponent + 1, '0');
  const whole = exponent === 0 ? digits : digits.slice(0, -exponent);
  const minor = exponent === 0 ? '' : digits.slice(-exponent);
  return withSymbol(decimal.startsWith('-'), whole, `.${minor}${parts}`, currency);
}

function withSymbol(negative: boolean, whole: string, places: string, currency: string): string {
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const symbol = { usd: '$', eur: '€', gbp: '£', jpy: '¥' }[currency];
  const text = symbol === undefined ? `${grouped}${places} ${currency.toUpperCase()}` : `${symbol}${grouped}${places}`;
  return negative ? `-${text}` : text;
}
