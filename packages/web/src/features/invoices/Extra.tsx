import { formatMoney } from '@farebox/core';

/** A line that is there only when it is not nothing. */
export function Extra({ label, amount, currency }: { label: string; amount: number; currency: string }) {
  if (amount === 0) return null;
  return (
    <li>
      <span>{label}</span>
      <span>{formatMoney(amount, currency)}</span>
    </li>
  );
}
