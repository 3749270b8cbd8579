import { type Currency, parseMajor } from '@farebox/core';
import type { CreditGrant } from '../../lib/wire-credits.ts';

/** Credit as it is asked for. */
export interface GrantWish {
  name: string;
  amount_minor: number;
  category: CreditGrant['category'];
  expires_at?: string;
}

/** What a form says. @throws RangeError for an amount that is none */
export function grantWish(form: FormData, category: CreditGrant['category'], currency: Currency): GrantWish {
  const text = (name: string): string => {
    const value = form.get(name);
    return typeof value === 'string' ? value.trim() : '';
  };
  const amount_minor = parseMajor(text('amount'), currency);
  if (amount_minor <= 0) throw new RangeError('Write an amount above nothing.');
  const until = text('until');
  return { name: text('name'), amount_minor, category, ...(until === '' ? {} : { expires_at: `${until}T00:00:00Z` }) };
}
