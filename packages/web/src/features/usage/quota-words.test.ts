import { describe, expect, test } from 'vitest';
import type { MeterSummary } from '../../lib/wire.ts';
import { quotaWords } from './quota-words.ts';

function meter(quantity: number, quota: 'soft' | 'hard' = 'soft'): MeterSummary {
  const included = 100_000;
  const overage = Math.max(0, quantity - included);
  return {
    meter_id: 'requests',
    name: 'API requests',
    unit: 'request',
    quantity,
    included,
    quota,
    remaining: Math.max(0, included - quantity),
    overage,
    minimum_minor: 0,
    shortfall_minor: 0,
    amount_minor: Math.round(overage * 0.12),
    lines: [],
  };
}
const words = (one: MeterSummary) => quotaWords(one, 'usd', '2026-12-01T00:00:00Z');

describe('the quota in words', () => {
  test('within the included amount only the share is told', () => {
    expect(words(meter(41_000))).toEqual({ state: 'within', label: null, sentence: '41% of 100,000 used' });
  });

  test('a handful of requests is not 0 %', () => {
    expect(words(meter(3)).sentence).toBe('Under 1% of 100,000 used');
  });

  test('the share is rounded down, so that almost all is never all', () => {
    expect(words(meter(99_999))).toMatchObject({ state: 'near', sentence: '99% of 100,000 used' });
  });

  test('past a soft quota the overage and its price are told', () => {
    expect(words(meter(115_425))).toEqual({ state: 'over', label: 'Overage', sentence: '15,425 over, $18.51' });
  });

  test('a used-up hard quota says until when calls are refused', () => {
    expect(words(meter(100_000, 'hard'))).toMatchObject({
      state: 'stopped',
      sentence: 'Calls are refused until 1 Dec 2026',
    });
  });
});
