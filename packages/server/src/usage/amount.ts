import { addDecimal } from '@farebox/core';

/** An exact amount: a whole number as a number as long as that is exact, everything else as a decimal string. */
export type Amount = number | string;

export function amountOf(decimal: string): Amount {
  return wholeOf(decimal) ?? decimal;
}

/** Whole numbers, which most are, cost next to nothing. */
export function plus(total: Amount, decimal: string): Amount {
  const whole = wholeOf(decimal);
  if (typeof total === 'number' && whole !== null && Number.isSafeInteger(total + whole)) return total + whole;
  return addDecimal(String(total), decimal);
}

/** Null for what a number does not hold exactly. Of fifteen digits and some behind the point, a number holds a whole one. */
function wholeOf(decimal: string): number | null {
  const number = Number(decimal);
  return Number.isSafeInteger(number) && !decimal.includes('.') ? number : null;
}

export function greater(most: Amount, decimal: string): Amount {
  const difference = addDecimal(decimal, negated(String(most)));
  return difference.startsWith('-') ? most : amountOf(decimal);
}

function negated(decimal: string): string {
  return decimal.startsWith('-') ? decimal.slice(1) : `-${decimal}`;
}
