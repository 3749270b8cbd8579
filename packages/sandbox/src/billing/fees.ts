import { percentOf } from './shares.ts';

/** What Stripe keeps of a charge by its standard prices for the US: so many per cent and a fixed part. https://stripe.com/pricing */
const CHARGE_PERCENT = '2.9';
const CHARGE_FIXED = 30;
/** What a dispute costs, whoever wins it. */
export const DISPUTE_FEE = 1_500;
/** How long what was charged is pending before it can be paid out. */
export const PENDING_SECONDS = 2 * 86_400;

/** What is kept of a charge. Never more than the charge. */
export function chargeFee(amount: number): number {
  return Math.min(amount, percentOf(amount, CHARGE_PERCENT) + CHARGE_FIXED);
}
