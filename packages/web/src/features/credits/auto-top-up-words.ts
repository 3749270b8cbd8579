import { type Currency, formatMoney, parseMajor, topUpFault } from '@farebox/core';
import { formatMoment } from '../../lib/format.ts';
import type { AutoTopUp, TopUpTerms } from '../../lib/wire-credits.ts';
import type { Tone } from '../../ui/Status.tsx';

/** Automatic top-ups as they are asked for. */
export interface AutoTopUpWish {
  threshold_minor: number;
  amount_minor: number;
  monthly_limit_minor: number;
}

const states: Record<AutoTopUp['state'], { label: string; tone: Tone }> = {
  off: { label: 'Off', tone: 'neutral' },
  on: { label: 'On', tone: 'good' },
  buying: { label: 'Buying', tone: 'brand' },
  waiting: { label: 'Payment failed', tone: 'warn' },
  limit_reached: { label: 'Monthly limit reached', tone: 'warn' },
  paused: { label: 'Paused', tone: 'bad' },
};

const pauses: Record<NonNullable<AutoTopUp['pause_reason']>, string> = {
  declined: 'the card was declined three times',
  authentication_required: 'the bank wants to be asked, which a top-up by hand does',
  no_card: 'there is no card to charge',
  refused: 'the payment was refused',
  payment_returned: 'credit that was bought was refunded or disputed',
};

/** What it does and how it goes: `Below $5.00, $25.00 are bought: $50.00 of at most $100.00 this month.` */
export function autoTopUpWords(found: AutoTopUp): { label: string; tone: Tone; sentence: string } {
  const { currency, state, threshold_minor, amount_minor, monthly_limit_minor } = found;
  const of = (minor: number | null) => formatMoney(minor ?? 0, currency);
  if (state === 'off') return { ...states.off, sentence: 'Credit is bought by hand only.' };
  const rule = `When less than ${of(threshold_minor)} is left, ${of(amount_minor)} is bought with the default card: ${of(found.month_minor)} of at most ${of(monthly_limit_minor)} this month.`;
  return { ...states[state], sentence: `${rule}${nowWords(found)}` };
}

function nowWords({ state, retry_at, pause_reason }: AutoTopUp): string {
  if (state === 'waiting' && retry_at !== null) return ` It is tried again on ${formatMoment(retry_at)}.`;
  if (state === 'paused' && pause_reason !== null) return ` It is paused because ${pauses[pause_reason]}.`;
  return '';
}

/** What a form says. @throws RangeError for an amount that is none, or does not go with the others */
export function autoTopUpWish(form: FormData, terms: TopUpTerms, currency: Currency): AutoTopUpWish {
  const amount = (name: string): number => {
    const value = form.get(name);
    return parseMajor(typeof value === 'string' ? value.trim() : '', currency);
  };
  const wish = {
    threshold_minor: amount('threshold'),
    amount_minor: amount('amount'),
    monthly_limit_minor: amount('limit'),
  };
  const fault = topUpFault(terms, wish.amount_minor, currency);
  if (fault !== null) throw new RangeError(fault);
  if (wish.threshold_minor <= 0) throw new RangeError('Say below how much more is to be bought.');
  if (wish.threshold_minor > wish.amount_minor)
    throw new RangeError('Buy at least as much as is to be left, so that one purchase is enough.');
  if (wish.monthly_limit_minor < wish.amount_minor)
    throw new RangeError('What is bought at once is more than you allow in a month.');
  return wish;
}
