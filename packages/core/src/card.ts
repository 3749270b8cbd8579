import type { Instant } from './plan.ts';

/** A card is good to the end of its month. */
export interface CardExpiry {
  exp_month: number;
  exp_year: number;
}

/** The first instant at which a card is no longer good, in UTC: what a bank half a world away thinks differs by hours. */
export function cardExpiresAt({ exp_month, exp_year }: CardExpiry): Instant {
  return Date.UTC(exp_year, exp_month, 1);
}

/** `expiring`: it is good now, and not any more when the next payment is due (in a month, where none is known). */
export function cardState(
  expiry: CardExpiry,
  now: Instant,
  next_payment_at: Instant | null = null,
): 'valid' | 'expiring' | 'expired' {
  const end = cardExpiresAt(expiry);
  if (end <= now) return 'expired';
  return end <= (next_payment_at ?? now + 30 * 86_400_000) ? 'expiring' : 'valid';
}
