import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainBase, explainOther, explainProration, explainSetupFee, explainUsage } from './explain.ts';
import { roundMinor } from './money.ts';
import { type PricedUsage } from './priced-plan.ts';
import { rateUsage } from './price.ts';
import { remainingPart } from './proration.ts';

const dayMs = 86_400_000;
const july = { start_at: Date.UTC(2026, 6, 1), end_at: Date.UTC(2026, 7, 1) };
const pro = { plan_name: 'Pro', interval: 'month' as const, amount_minor: 9900 };

function usageOf(overage: PricedUsage['overage'], included = 100_000): PricedUsage {
  return { meter_id: 'calls', included, quota: 'soft', interval: 'month', overage };
}

describe('in words', () => {
  test('usage: what was included, and each tier', () => {
    const rated = rateUsage(usageOf({ type: 'per_unit', unit_price_decimal: '0.2' }), 120_000);
    const explained = explainUsage({ unit: 'call', ...rated }, rated.lines[0]!, 4000, 'usd');
    expect(explained.words).toBe('120,000 calls: 100,000 included, 20,000 × $0.002 = $40.00');
  });

  test('packages are paid whole', () => {
    const price = { type: 'package' as const, package_price_decimal: '500', package_size: 10_000 };
    const rated = rateUsage(usageOf(price), 112_500);
    const explained = explainUsage({ unit: 'call', ...rated }, rated.lines[0]!, 1000, 'usd');
    expect(explained.words).toBe('112,500 calls: 100,000 included, 12,500, in 2 × 10,000 at $5.00 = $10.00');
  });

  test('a plan, for one and for several', () => {
    expect(explainBase(pro, 1, 9900, 'usd').words).toBe('Pro: $99.00 a month');
    expect(explainBase(pro, 3, 29_700, 'usd').words).toBe('Pro: 3 × $99.00 a month = $297.00');
  });

  test('a part of a period, charged and given back', () => {
    const at = july.start_at + 12.5 * dayMs;
    const amount = roundMinor(remainingPart(9900, july, at));
    const span = { period: july, at, until: july.end_at };
    expect(explainProration(pro, 1, span, amount, 'usd').words).toBe(
      '18 days 12 hours of 31 days of Pro at $99.00 a month = $59.08',
    );
    expect(explainProration(pro, 1, span, -amount, 'usd').words).toBe(
      '18 days 12 hours of 31 days of Pro at $99.00 a month = -$59.08, given back',
    );
  });
});

const amounts = fc.integer({ min: -10_000_000, max: 10_000_000 });
const decimals = fc.integer({ min: 0, max: 100_000 }).map((value) => (value / 100).toFixed(2));
const sumOf = (parts: readonly { amount_minor: number }[]) => parts.reduce((sum, part) => sum + part.amount_minor, 0);

describe('the parts sum to the line', () => {
  const prices = fc.oneof(
    decimals.map((unit_price_decimal) => ({ type: 'per_unit' as const, unit_price_decimal })),
    fc.record({
      type: fc.constant('package' as const),
      package_price_decimal: decimals,
      package_size: fc.integer({ min: 1, max: 5000 }),
    }),
    fc
      .tuple(
        fc.constantFrom('graduated' as const, 'volume' as const),
        fc.integer({ min: 1, max: 5000 }),
        decimals,
        decimals,
      )
      .map(([type, up_to, first, second]) => ({
        type,
        tiers: [
          { up_to, unit_price_decimal: first },
          { up_to: null, unit_price_decimal: second },
        ],
      })),
  );

  test('of usage: without a rest, whatever the price, and its tiers are all of the period', () => {
    fc.assert(
      fc.property(prices, fc.nat(10_000), fc.nat(30_000), (price, included, quantity) => {
        const rated = rateUsage(usageOf(price, included), quantity);
        for (const line of rated.lines) {
          const { parts } = explainUsage({ unit: 'call', ...rated }, line, line.amount_minor, 'usd');
          expect(sumOf(parts)).toBe(line.amount_minor);
          expect(parts).toHaveLength(2);
          expect(parts[0]?.quantity).toBe(Math.min(quantity, included));
        }
        const units = rated.lines.reduce((sum, line) => sum + line.quantity, 0);
        expect(units + Math.min(quantity, included)).toBe(quantity);
      }),
    );
  });

  test('of a plan and of a part of one: what differs from the rule is a part of its own', () => {
    const instants = fc.integer({ min: july.start_at, max: july.end_at });
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 500 }), instants, instants, (amount, quantity, a, b) => {
        const span = { period: july, at: Math.min(a, b), until: Math.max(a, b) };
        for (const { parts } of [
          explainBase(pro, quantity, amount, 'usd'),
          explainProration(pro, quantity, span, amount, 'usd'),
          explainOther('A fee', amount, 'usd'),
          explainSetupFee(pro, amount, 'usd'),
        ])
          expect(sumOf(parts)).toBe(amount);
      }),
    );
  });

  test('of a proration as Stripe makes it there is no rest', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer({ min: july.start_at, max: july.end_at }), (amount_minor, at) => {
        const price = { ...pro, amount_minor };
        const billed = roundMinor(remainingPart(amount_minor, july, at));
        const span = { period: july, at, until: july.end_at };
        expect(explainProration(price, 1, span, billed, 'usd').parts).toHaveLength(1);
        expect(explainProration(price, 1, span, -billed, 'usd').parts).toHaveLength(1);
      }),
    );
  });
});
