import { formatMoney } from '@farebox/core';
import type { SpendCap } from '../../lib/wire-usage.ts';
import type { Tone } from '../../ui/Status.tsx';

/** What the cap does now; of several months the one that has the least left. */
export function capWords({ in_force, months, currency }: SpendCap): { sentence: string; label: string; tone: Tone } {
  if (in_force === null)
    return {
      sentence: 'Usage beyond what the plan includes is billed without a limit.',
      label: 'None',
      tone: 'neutral',
    };
  const amount = formatMoney(in_force.amount_minor, currency);
  const [month] = months.toSorted((a, b) => a.remaining_minor - b.remaining_minor);
  const left = month?.remaining_minor ?? in_force.amount_minor;
  const spent = formatMoney(month?.spent_minor ?? 0, currency);
  if (left === 0)
    return { sentence: `${spent} of ${amount}: what would cost more is refused.`, label: 'Reached', tone: 'bad' };
  const isNear = left * 5 <= in_force.amount_minor;
  const sentence = `${spent} of ${amount} spent on usage, ${formatMoney(left, currency)} left this month.`;
  return { sentence, label: isNear ? 'Nearly reached' : 'On', tone: isNear ? 'warn' : 'good' };
}

/** Whose cap it is, where the other one counts: `The seller's cap of $5.00 is lower and counts.` */
export function otherCapWords(cap: SpendCap, owner: 'customer' | 'seller'): string | null {
  const { in_force, currency } = cap;
  if (in_force === null || in_force.owner === owner) return null;
  const whose = in_force.owner === 'seller' ? 'Your provider’s' : 'The customer’s own';
  return `${whose} cap of ${formatMoney(in_force.amount_minor, currency)} counts.`;
}
