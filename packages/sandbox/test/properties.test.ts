import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApiError } from '../src/http/api-error.ts';
import { parseForm } from '../src/http/form.ts';
import { amountOf } from '../src/billing/money.ts';
import { boundary } from '../src/time/calendar.ts';

const interval = fc.record({
  interval: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
  interval_count: fc.integer({ min: 1, max: 12 }),
});
const anchor = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2090, 0, 1) / 1000 });

test('periods are contiguous, in order, and keep the time of day', () => {
  fc.assert(
    fc.property(anchor, interval, fc.integer({ min: 0, max: 60 }), (start, every, n) => {
      const from = boundary(start, every, n);
      const to = boundary(start, every, n + 1);
      expect(to).toBeGreaterThan(from);
      expect((to - start) % 86_400).toBe(0);
      const days = new Date(start * 1000).getUTCDate() - new Date(from * 1000).getUTCDate();
      if (every.interval === 'month' || every.interval === 'year') expect(days).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('any form is read or refused, never anything else', () => {
  const name = fc.stringMatching(/^[a-c[\]0-2%+]{0,12}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
      const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
      try {
        parseForm(text);
      } catch (cause) {
        expect(cause).toBeInstanceOf(ApiError);
      }
    }),
  );
});

test('values come out of a form as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 8 }), (values) => {
      const text = values.map((value, index) => `items[${index}][name]=${encodeURIComponent(value)}`).join('&');
      expect(JSON.parse(JSON.stringify(parseForm(text)))).toEqual({ items: values.map((each) => ({ name: each })) });
    }),
  );
});

test('an amount is off by less than half a minor unit', () => {
  const decimal = fc.tuple(fc.integer({ min: 0, max: 9_999 }), fc.integer({ min: 0, max: 999_999 }));
  fc.assert(
    fc.property(decimal, fc.integer({ min: 0, max: 1_000_000 }), ([whole, places], quantity) => {
      const unit = `${whole}.${String(places).padStart(6, '0')}`;
      const exact = BigInt(whole * 1_000_000 + places) * BigInt(quantity);
      const off = BigInt(amountOf(unit, quantity)) * 2_000_000n - exact * 2n;
      expect(off <= 1_000_000n && off > -1_000_000n).toBe(true);
    }),
  );
});
