import { currencyStep } from './currency.ts';
import { type Fields, join } from './fields.ts';
import { parseMajor } from './money.ts';
import type { Currency } from './plan.ts';
import type { TopUpTerms } from './top-up.ts';

/** Reads what credit customers may buy. Null where they buy none. The currency is null when it is not known. */
export function readTopUps(fields: Fields, currency: Currency | null, value: unknown): TopUpTerms | null {
  if (value === undefined) return null;
  const given = fields.object(value, 'top_ups', ['packs'], ['minimum', 'maximum', 'expires_after_days']);
  const amountAt = (text: unknown, path: string): number => {
    const amount = fields.amount(text, path, (digits) => (currency === null ? 1 : parseMajor(digits, currency)), 1);
    if (amount <= 0) fields.fault(path, 'must be above nothing');
    else if (currency !== null && amount % currencyStep(currency) !== 0)
      fields.fault(path, `Stripe charges ${currency} in steps of ${currencyStep(currency)} minor units`);
    return amount;
  };
  const packs = fields
    .list(given['packs'], 'top_ups.packs')
    .map((pack, index) => amountAt(pack, `top_ups.packs[${index}]`));
  if (packs.length === 0) fields.fault('top_ups.packs', 'must be a list with an amount in it');
  if (packs.length > 6) fields.fault('top_ups.packs', 'must be at most 6');
  for (const [index, pack] of packs.entries())
    if (pack <= (packs[index - 1] ?? 0)) fields.fault(`top_ups.packs[${index}]`, 'must be more than the one before');
  const bound = (name: 'minimum' | 'maximum', unsaid: number) =>
    given[name] === undefined ? unsaid : amountAt(given[name], join('top_ups', name));
  const terms = {
    packs_minor: packs,
    minimum_minor: bound('minimum', packs[0] ?? 1),
    maximum_minor: bound('maximum', packs.at(-1) ?? 1),
  };
  if (terms.minimum_minor > (packs[0] ?? 1)) fields.fault('top_ups.minimum', 'must be at most the smallest pack');
  if (terms.maximum_minor < (packs.at(-1) ?? 1)) fields.fault('top_ups.maximum', 'must be at least the largest pack');
  const days = given['expires_after_days'];
  const path = 'top_ups.expires_after_days';
  const expires_after_days = days === undefined ? null : fields.integer(days, path, 1);
  if (expires_after_days !== null && expires_after_days > 3_650) fields.fault(path, 'must be at most 3650');
  return { ...terms, expires_after_days };
}
