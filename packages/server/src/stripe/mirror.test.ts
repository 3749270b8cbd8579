import { expect, test } from 'vitest';
import { isBackward } from '../invoices/mirror.ts';

test('a paid invoice stays paid, whatever an older read says', () => {
  for (const to of ['draft', 'open', 'uncollectible']) expect(isBackward('paid', to)).toBe(true);
  for (const [from, to] of [
    ['draft', 'open'],
    ['open', 'paid'],
    ['open', 'void'],
    ['uncollectible', 'paid'],
    ['paid', 'paid'],
  ] as const)
    expect(isBackward(from, to)).toBe(false);
});
