import type { PaymentMethod } from '../../lib/wire.ts';

/** `Visa •••• 4242` */
export function cardName({ brand, last4, type }: Pick<PaymentMethod, 'brand' | 'last4' | 'type'>): string {
  const kind = brand ?? type;
  const name = kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll('_', ' ');
  return last4 === null ? name : `${name} •••• ${last4}`;
}

/** `Expires 12/2034` */
export function expiryWords({ exp_month, exp_year, state }: PaymentMethod): string {
  if (exp_month === null || exp_year === null) return '';
  return `${state === 'expired' ? 'Expired' : 'Expires'} ${String(exp_month).padStart(2, '0')}/${exp_year}`;
}
